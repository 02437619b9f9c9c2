/* A limit for a command that looks at the machine: a home on a server that is gone would have it
 * wait for ever. */
#ifndef PGA_CLI_TIME_LIMIT_H
#define PGA_CLI_TIME_LIMIT_H

/* From here on the program ends by itself, with PGA_EXIT_FAILED and this message, when so many
 * seconds are over. Where that cannot be had, there is no limit. */
void pga_time_limit(unsigned seconds, const char *message);

#endif
