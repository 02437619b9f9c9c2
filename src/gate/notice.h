/* What a function tells that has no object to tell it by. */
#ifndef PGA_GATE_NOTICE_H
#define PGA_GATE_NOTICE_H

/* Tells the message on standard error, as a line, if that leads to somebody who reads it now: a
 * terminal, a pipe, the journal. Waits for nobody, and raises no signal. */
void gate_notice(const char *message);

#endif
