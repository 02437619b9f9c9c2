/* Where pganchor's own files are. Where libpq's are is libpq's to say: see policy/libpq.h. */
#ifndef PGA_BASE_PLACES_H
#define PGA_BASE_PLACES_H

/* The user's home folder, $HOME or else the password file's, as libpq 15 and later find it
 * (pqGetHomeDirectory). The caller frees it; NULL with errno ENOENT
 * when there is none, with another errno when it could not be found out. */
char *pga_home(void);

/* $XDG_CONFIG_HOME/pganchor/NAME, or ~/.config/pganchor/NAME (the XDG base directory specification:
 * a relative XDG_CONFIG_HOME does not count). The caller frees it; NULL as pga_home() is. */
char *pga_user_config(const char *name);

#endif
