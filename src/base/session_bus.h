/* The bus of the desktop's session. */
#ifndef PGA_BASE_SESSION_BUS_H
#define PGA_BASE_SESSION_BUS_H

#include <stdbool.h>

/* Whether there is one already, as D-Bus's own libraries find it: by DBUS_SESSION_BUS_ADDRESS, or
 * at $XDG_RUNTIME_DIR/bus. Nothing is started, and nobody is asked. */
bool pga_has_session_bus(void);

#endif
