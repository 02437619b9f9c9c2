/* The wrappers of preload.c for POWER, where no compiler makes a jump of a call into another
 * object: it cannot know that nobody needs the TOC pointer any more. Here whoever called has kept
 * its own, as for each call that leaves its object (64-bit ELF V2 ABI, 2.2.1 and 2.3.6).
 *
 * Each asks preload.c's function, with the caller's return address behind the three arguments that
 * a wrapper has at the most, and returns what is found, or jumps to the function that it is told.
 */
#ifndef PGA_GATE_PRELOAD_PPC64_H
#define PGA_GATE_PRELOAD_PPC64_H

#if !defined(_CALL_ELF) || _CALL_ELF != 2
#error "the calling convention of this machine is not known here"
#endif

/* In registers 3 and 4. */
struct gate_answer {
	void *found;
	void *jump; /* NULL: none */
};

/* ask_NAME of preload.c, with the arguments where the wrapper has them. */
#define GATE_ASKED_FOR(name, member, asked, ...)                                          \
	struct gate_answer gate_asked_##name(__VA_ARGS__);                                \
	__attribute__((used, visibility("hidden"))) struct gate_answer gate_asked_##name( \
	    __VA_ARGS__)                                                                  \
	{                                                                                 \
		struct gate_answer answer = {asked, NULL};                                \
                                                                                          \
		if (answer.found == LIBCS_OWN)                                            \
			memcpy(&answer.jump, &gate_loader()->member, sizeof answer.jump); \
		return answer;                                                            \
	}

#define GATE_WRAPPER(name)                                       \
	__asm__(".text\n"                                        \
		".globl " #name ", gate_" #name "\n"             \
		".hidden gate_" #name "\n"                       \
		".type " #name ", @function\n"                   \
		".type gate_" #name ", @function\n"              \
		".p2align 4\n" #name ":\n"                       \
		"gate_" #name ":\n"                              \
		".cfi_startproc\n"                               \
		"0:	addis 2, 12, .TOC.-0b@ha\n"                  \
		"	addi 2, 2, .TOC.-0b@l\n"                       \
		".localentry " #name ", .-" #name "\n"           \
		".localentry gate_" #name ", .-gate_" #name "\n" \
		"	mflr 6\n"                                      \
		"	std 6, 16(1)\n"                                \
		".cfi_offset lr, 16\n"                           \
		"	stdu 1, -128(1)\n"                             \
		".cfi_def_cfa_offset 128\n"                      \
		"	std 3, 96(1)\n"                                \
		"	std 4, 104(1)\n"                               \
		"	std 5, 112(1)\n"                               \
		"	bl gate_asked_" #name "\n"               \
		"	nop\n"                                         \
		"	cmpdi 4, 0\n"                                  \
		"	mr 12, 4\n"                                    \
		"	ld 0, 144(1)\n"                                \
		"	mtlr 0\n"                                      \
		"	beq 1f\n"                                      \
		"	ld 3, 96(1)\n"                                 \
		"	ld 4, 104(1)\n"                                \
		"	ld 5, 112(1)\n"                                \
		"	mtctr 12\n"                                    \
		"	addi 1, 1, 128\n"                              \
		"	bctr\n"                                        \
		"1:	addi 1, 1, 128\n"                            \
		"	blr\n"                                         \
		".cfi_endproc\n"                                 \
		".size " #name ", .-" #name "\n"                 \
		".size gate_" #name ", .-gate_" #name "\n");

GATE_ASKED_FOR(dlopen, open, ask_dlopen(caller, file, mode), const char *file, int mode,
	       void *unused __attribute__((unused)), const void *caller)
GATE_ASKED_FOR(dlmopen, mopen, ask_dlmopen(caller, nsid, file, mode), Lmid_t nsid, const char *file,
	       int mode, const void *caller)
GATE_ASKED_FOR(dlsym, sym, ask_dlsym(caller, handle, name, NULL), void *handle, const char *name,
	       void *unused __attribute__((unused)), const void *caller)
GATE_ASKED_FOR(dlvsym, vsym, ask_dlsym(caller, handle, name, version), void *handle,
	       const char *name, const char *version, const void *caller)

GATE_WRAPPER(dlopen)
GATE_WRAPPER(dlmopen)
GATE_WRAPPER(dlsym)
GATE_WRAPPER(dlvsym)

#endif
