/* What the gate has to know of a processor's ABI. configure includes this file alone to see whether
 * the gate can be built: on a machine without a row here it would let pass what it cannot rebind.
 *
 * A row is the types of relocation that make the dynamic linker write the address of a function,
 * and nothing else, into a word of the object: for a call through the PLT, for a call or a pointer
 * through the GOT, for a pointer in data. Not here are ABIs whose PLT is code that the loader
 * writes (sparc, powerpc with bss-plt), or whose function pointers lead to descriptors (hppa, ia64,
 * powerpc64 before ELFv2, FDPIC). */
#ifndef PGA_GATE_MACHINE_H
#define PGA_GATE_MACHINE_H

#include <elf.h>
#include <stdbool.h>

/* clang-format off: a table */
#if defined(__x86_64__) && defined(__LP64__)
#define GATE_RELOCATIONS R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_64
#elif defined(__x86_64__) /* x32 */
#define GATE_RELOCATIONS R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_32
#elif defined(__i386__)
#define GATE_RELOCATIONS R_386_JMP_SLOT, R_386_GLOB_DAT, R_386_32
#elif defined(__aarch64__) && defined(__LP64__)
#define GATE_RELOCATIONS R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT, R_AARCH64_ABS64
#elif defined(__arm__) && defined(__ARM_EABI__) && !defined(__FDPIC__)
#define GATE_RELOCATIONS R_ARM_JUMP_SLOT, R_ARM_GLOB_DAT, R_ARM_ABS32
#elif defined(__mips__) && (_MIPS_SIM == _ABIO32 || _MIPS_SIM == _ABI64)
#define GATE_RELOCATIONS R_MIPS_JUMP_SLOT, R_MIPS_GLOB_DAT, R_MIPS_REL32
#elif defined(__powerpc64__) && defined(_CALL_ELF) && _CALL_ELF == 2
#define GATE_RELOCATIONS R_PPC64_JMP_SLOT, R_PPC64_GLOB_DAT, R_PPC64_ADDR64
#elif defined(__s390x__)
#define GATE_RELOCATIONS R_390_JMP_SLOT, R_390_GLOB_DAT, R_390_64
#elif defined(__riscv) && defined(__LP64__) /* the GOT has pointers as data has */
#define GATE_RELOCATIONS R_RISCV_JUMP_SLOT, R_RISCV_64
#elif defined(__loongarch_lp64)
#define GATE_RELOCATIONS R_LARCH_JUMP_SLOT, R_LARCH_64
#else
#error "the gate does not know the relocations of this machine"
#endif
/* clang-format on */

/* Whether glibc leaves the addresses in a dynamic section as they are in the file. On other
 * machines it adds the load address to them in place. */
#if defined(__mips__) || defined(__riscv)
#define GATE_DYNAMIC_AS_IN_FILE true
#else
#define GATE_DYNAMIC_AS_IN_FILE false
#endif

/* The parts of r_info. MIPS's n64 ABI has three types and the symbol in an order of its own, of
 * which the first type is the one above. */
#if defined(__mips64) && defined(__MIPSEL__)
#define GATE_RELOCATION_TYPE(info)   ((info) >> 56)
#define GATE_RELOCATION_SYMBOL(info) ((info)&0xffffffff)
#elif defined(__mips64)
#define GATE_RELOCATION_TYPE(info)   ((info)&0xff)
#define GATE_RELOCATION_SYMBOL(info) ((info) >> 32)
#elif defined(__LP64__)
#define GATE_RELOCATION_TYPE(info)   ELF64_R_TYPE(info)
#define GATE_RELOCATION_SYMBOL(info) ELF64_R_SYM(info)
#else
#define GATE_RELOCATION_TYPE(info)   ELF32_R_TYPE(info)
#define GATE_RELOCATION_SYMBOL(info) ELF32_R_SYM(info)
#endif

#endif
