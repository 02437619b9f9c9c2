/* PostgreSQL's releases, as far as somebody has to know that one is too old. */
#ifndef PGA_BASE_PG_RELEASES_H
#define PGA_BASE_PG_RELEASES_H

#include <stddef.h>

#define PGA_PG_MAJORS 6

struct pga_pg_mended {
	const char *day;
	int releases[PGA_PG_MAJORS]; /* the first of each major version that has it, 150020 for
					15.20; 0 behind the last */
	const char *what;
};

/* What was mended, the newest first: the first row has the last releases. From the release notes
 * and https://www.postgresql.org/support/security/; in words, what is libpq's, or its client
 * programs'. */
extern const struct pga_pg_mended pga_pg_mended[];
extern const size_t pga_pg_mended_count;

/* The release of this major version in that row; 0: it has none. */
int pga_pg_release_of(size_t row, int major);

/* The oldest major version that still gets any, by the newest row. */
int pga_pg_oldest_major(void);

#endif
