/* bootstrap has the anchors refreshed from then on. */
#ifndef PGA_CLI_BOOTSTRAP_TIMER_H
#define PGA_CLI_BOOTSTRAP_TIMER_H

#include <stdbool.h>

/* Enables the timer where a systemd of the user's runs and it is not enabled, and says so unless
 * quiet. That it cannot is warned of. */
void pga_bootstrap_timer(bool dry_run, bool quiet);

#endif
