/* Where pganchor's own files are. Where libpq's are is libpq's to say: see policy/libpq.h. */
#ifndef PGA_BASE_PLACES_H
#define PGA_BASE_PLACES_H

/* The user's home folder, $HOME or else the password file's, as libpq 15 and later find it
 * (pqGetHomeDirectory). The caller frees it; NULL when there is none. */
char *pga_home(void);

/* $XDG_CONFIG_HOME/pganchor/NAME, or ~/.config/pganchor/NAME (the XDG base directory specification:
 * a relative XDG_CONFIG_HOME does not count). The caller frees it; NULL when there is no home or no
 * memory. */
char *pga_user_config(const char *name);

#endif
