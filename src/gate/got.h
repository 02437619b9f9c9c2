/* GOT entries that were bound past the gate. */
#ifndef PGA_GATE_GOT_H
#define PGA_GATE_GOT_H

/* Looks at what was loaded since the last time, and binds its GOT entries of libpq's functions to
 * the gate where they were bound past it (RTLD_DEEPBIND). Costs next to nothing where nothing was
 * loaded. */
void gate_rebind_new(void);

/* From here on also binds the dynamic linker's functions in what was loaded, where they were bound
 * past the gate: something is opened with RTLD_DEEPBIND. */
typedef void *gate_stand_in(const char *name);
void gate_rebind_deep(gate_stand_in *stand_in);

/* The same as a program starts, where a libpq stands before the gate in the order of symbols. Looks
 * at no more than what stands before the gate, and finds none as a rule. */
void gate_rebind_at_start(void);

/* The same for all objects of the namespace that this handle is in, if it is not the program's own.
 * Their libc is another one: stand_in tells what to put in the place of its functions of that name,
 * NULL for nothing. */
void gate_rebind_space(void *handle, gate_stand_in *stand_in);

/* An address in libc: of a function that nobody stands before. */
const void *gate_libc_address(void);

#endif
