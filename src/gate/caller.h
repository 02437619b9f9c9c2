/* The libpq that a caller means. */
#ifndef PGA_GATE_CALLER_H
#define PGA_GATE_CALLER_H

#include "gate/libpq.h"

#include <stdbool.h>

/* The libpq that the object with this code address in it uses; or else the process's first. NULL
 * where there is none, or it lacks a function. *internal, if not NULL: the caller is that libpq
 * itself. */
struct gate_libpq *gate_libpq_of(const void *caller, bool *internal);

/* The same among the libpqs that are known already, for a caller in a signal handler: asks the
 * loader for nothing and allocates nothing. Whatever a program has got from a libpq was got through
 * the gate, and so that libpq is known. */
struct gate_libpq *gate_libpq_known_of(const void *caller, bool *internal);

/* For the API, whose caller need not use libpq itself: the process's libpq; libpq.so.5 is loaded
 * where there is none. */
struct gate_libpq *gate_libpq_any(void);

#endif
