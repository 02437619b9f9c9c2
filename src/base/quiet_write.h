/* write(2) in a process that is somebody else's. */
#ifndef PGA_BASE_QUIET_WRITE_H
#define PGA_BASE_QUIET_WRITE_H

#include <stddef.h>
#include <sys/types.h>

/* write(2), once; and no signal of it reaches the process: where the reader of a pipe goes in just
 * this moment (SIGPIPE), a terminal stops those in the background that write (SIGTTOU), or the file
 * would become larger than the process may make one (SIGXFSZ). */
ssize_t pga_write_quietly(int descriptor, const void *bytes, size_t length);

#endif
