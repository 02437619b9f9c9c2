/* chroot(2). */
#ifndef PGA_GATE_CHROOT_H
#define PGA_GATE_CHROOT_H

/* Reads what is in force, in a process with a libpq, and calls next: libc's own, or what stands
 * before that. NULL: there is none, which is the error ENOSYS. */
int gate_chroot(const char *path, int (*next)(const char *path));

#endif
