/* The connection options of every libpq that has been looked at, 10 to 19. One that is not among
 * them may weaken a connection in a way that no rule knows. */
#ifndef PGA_POLICY_OPTIONS_H
#define PGA_POLICY_OPTIONS_H

#include <stdbool.h>

bool pga_option_is_reviewed(const char *keyword);

#endif
