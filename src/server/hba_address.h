/* Which clients the address of a rule is for. */
#ifndef PGA_SERVER_HBA_ADDRESS_H
#define PGA_SERVER_HBA_ADDRESS_H

#include "server/hba_file.h"

#include <stdbool.h>
#include <stddef.h>

/* An address, with the bits of it that count. */
struct pga_hba_range {
	int family; /* AF_INET, AF_INET6 */
	size_t length;
	unsigned char address[16];
	unsigned char mask[16];
};

/* The range of a rule that names one in numbers; false: another kind of rule, or one that the
 * server refuses. */
bool pga_hba_range_of(const struct pga_hba_line *line, struct pga_hba_range *range);

/* The same of an address alone, all bits of which count. */
bool pga_hba_range_read(const char *address, struct pga_hba_range *range);

/* Whether the one address is in a range. */
bool pga_hba_range_has(const struct pga_hba_range *range, const struct pga_hba_range *one);

/* Whether all addresses of the range are of the loopback. */
bool pga_hba_range_is_loopback(const struct pga_hba_range *range);

/* The addresses of this machine, each with the mask of its network. The caller frees them; NULL
 * with *count 0 where they cannot be told. */
struct pga_hba_range *pga_hba_own_ranges(size_t *count);

#endif
