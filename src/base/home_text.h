/* The user's home as people write it. */
#ifndef PGA_BASE_HOME_TEXT_H
#define PGA_BASE_HOME_TEXT_H

#include "base/text.h"

/* Adds the message with ~ for the user's home wherever a word of it begins with that, so that a
 * shell would find the same file: not behind a quote, a = or a colon, where none looks for it. As
 * it is for root, who may be there by way of somebody else's shell, and where HOME is not what the
 * user's entry of passwd(5) says. */
void pga_text_add_home_short(struct pga_text *text, const char *message);

#endif
