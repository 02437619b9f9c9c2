/* What a process shows of itself in /proc and in its memory, to another of the same user's: for the
 * watcher, while the process waits in a system call. Processes are named by a thread's number. */
#ifndef PGA_PRELOAD_WATCHED_H
#define PGA_PRELOAD_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum pga_shown {
	PGA_SHOWN,
	PGA_NOT_THERE, /* it has no such memory: the kernel fails the call itself */
	PGA_NOT_SHOWN, /* the kernel does not let us look: the program has forbidden it
			  (PR_SET_DUMPABLE), or may not be read, or the machine forbids it to all
			  but a parent (kernel.yama.ptrace_scope) */
};

/* Copies from its memory. */
enum pga_shown pga_watched_read(pid_t thread, uint64_t address, void *copy, size_t length);

/* What of libpq and the gate it has mapped, as code. */
struct pga_watched_code {
	bool shown;
	bool gate;
	bool libpq;
};
struct pga_watched_code pga_watched_code(pid_t thread);

/* Whether this descriptor of it is known to be a Unix-domain socket. */
bool pga_watched_is_unix(pid_t thread, int descriptor);

/* Whether this descriptor of the process is known to be a socket for datagrams. */
bool pga_watched_is_datagram(pid_t thread, int descriptor);

/* What ps(1) calls it, and its number as a process. */
struct pga_watched_name {
	char name[64];
	pid_t process;
};
struct pga_watched_name pga_watched_name(pid_t thread);

/* Writes to its standard error, without waiting, where somebody reads that: a terminal, a pipe, or
 * the journal that this process was started with. */
void pga_watched_tell(const struct pga_watched_name *name, const char *text);

#endif
