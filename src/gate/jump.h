/* A call of libc's function in the return statement of a function that is to be no more by then:
 * GATE_JUMP(function, argument, …), of integers and pointers, three at most. */
#ifndef PGA_GATE_JUMP_H
#define PGA_GATE_JUMP_H

#if defined(__powerpc64__)
#include <stdint.h>

/* GCC makes no jump of a call through a pointer here: it may lead to an object with another TOC,
 * and who called the function would find that in r2. But dlopen() and its like are called by other
 * objects alone, whose PLT stubs keep their own r2 and load it again. A call of a function that is
 * defined here can be a jump, and that one jumps on. */
__attribute__((noipa, optimize("O2", "omit-frame-pointer", "no-stack-protector"),
	       no_instrument_function)) static void *
gate_jump(uintptr_t a, uintptr_t b, uintptr_t c, void (*function)(void))
{
	register uintptr_t first __asm__("r3") = a;
	register uintptr_t second __asm__("r4") = b;
	register uintptr_t third __asm__("r5") = c;
	register void (*entry)(void) __asm__("r12") = function;

	__asm__ volatile("mtctr %0\n\tbctr"
			 :
			 : "r"(entry), "r"(first), "r"(second), "r"(third)
			 : "ctr", "memory");
	__builtin_unreachable();
}
#define GATE_JUMP(function, ...) GATE_JUMP_WITH(function, __VA_ARGS__, 0, 0)
#define GATE_JUMP_WITH(function, a, b, c, ...) \
	gate_jump((uintptr_t)(a), (uintptr_t)(b), (uintptr_t)(c), (void (*)(void))(function))
#else
#define GATE_JUMP(function, ...) (function)(__VA_ARGS__)
#endif

#endif
