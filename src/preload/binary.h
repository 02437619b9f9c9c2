/* What the file of a program says of itself, without running it: for whom it is, and whether it
 * brings a way to PostgreSQL of its own. */
#ifndef PGA_PRELOAD_BINARY_H
#define PGA_PRELOAD_BINARY_H

#include <stdbool.h>

struct pga_binary {
	bool other_machine; /* for another processor, or another size of pointers, than this tool */
	bool is_32_bit;     /* of these, one for 32-bit x86 where this tool is x86-64 */
	bool is_static;     /* no ld.so starts it, and so nothing is preloaded */
	bool is_loader;     /* it may be an ld.so itself: it needs none, and has a library's name */
	bool has_libpq;     /* libpq is linked into it */
	bool exports_libpq; /* and may be called by others, as a libpq of another name */
	bool calls_tls;     /* it calls SSL_write of another library, which is where the gate looks
			       at a session of a libpq */
	bool wants_asan;    /* it needs ASan's library, which refuses to be second */
	char *interpreter;  /* the ld.so that starts it; NULL where there is none */
	const char *driver; /* a driver without libpq that is linked into it, NULL where none of
			       those is that are known: a constant */
};

/* Reads the file of a program or a library. Returns false where it cannot be read, or is neither;
 * binary is to be freed all the same. */
bool pga_binary_read(const char *path, struct pga_binary *binary);

/* The ld.so of this very program; NULL where it is linked statically. */
const char *pga_own_interpreter(void);

void pga_binary_free(struct pga_binary *binary);

#endif
