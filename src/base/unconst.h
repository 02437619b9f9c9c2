/* For interfaces of others that have no const where they do not write. */
#ifndef PGA_BASE_UNCONST_H
#define PGA_BASE_UNCONST_H

/* The same pointer. */
static inline void *pga_unconst(const void *pointer)
{
	const union {
		const void *given;
		void *taken;
	} same = {.given = pointer};

	return same.taken;
}

#endif
