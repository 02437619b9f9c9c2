/* The running programs that have a libpq: which, and whether the gate is in them. The user's own,
 * and for root those of every user. */
#ifndef PGA_DIAGNOSE_PROCESSES_H
#define PGA_DIAGNOSE_PROCESSES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A libpq in a process, as it is mapped. */
struct pga_mapped_libpq {
	char *path;
	char version[16]; /* "15" of libpq.so.5.15; "" where the file's name does not tell */
	bool hides_tls;   /* OpenSSL is linked into it, or it has none: where the gate is, it does
			     not connect by TCP, since no session of it could be looked at */
	bool deleted;     /* the file has been replaced or removed since, by an upgrade say */
};

struct pga_process {
	pid_t pid;
	char *user; /* whose it is: a name, or a number that has none */
	char *name; /* as ps(1) shows it */
	char *gate; /* the module, the libpganchor.so that it is linked with, or else the drop-in;
		       NULL where there is none */
	bool gate_deleted;
	struct pga_mapped_libpq *libpqs;
	size_t libpq_count;
	bool module_missing; /* its root directory has no module, so that ld.so starts programs
				there without it */
	bool secure;         /* it was started with more power than its caller's, such as
				set-user-ID: ld.so takes no LD_PRELOAD from anybody there */
	char *file;          /* the program's own, or that of the library in which is what follows
			      */
	const char *inside;  /* what is linked into it, which no gate sees: "libpq", the name of a
			       driver, or "own protocol"; NULL where there is none that is known */
	bool own_libpq;      /* the first of these */
};

struct pga_processes {
	struct pga_process *list; /* by number; those that have a libpq, the gate or a driver */
	size_t count;
	size_t unreadable; /* whose maps the kernel does not show: set-user-ID programs and those
			      that forbid it */
	bool of_all;       /* users */
};

/* Looks at every process of this user, or of all for root, but ourselves. Returns -1 where /proc
 * cannot be read, and for want of memory; processes is to be freed all the same. */
int pga_processes_look(struct pga_processes *processes, struct pga_error *error);

void pga_processes_free(struct pga_processes *processes);

#endif
