#include "base/acting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

bool pga_user_is_unmapped(uid_t user)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	char line[128];
	bool mapped = map == NULL;

	/* The first id here, that outside, and how many there are. */
	while (!mapped && fgets(line, sizeof line, map) != NULL) {
		char *at = line;
		const unsigned long first = strtoul(at, &at, 10);
		const unsigned long outside = strtoul(at, &at, 10);
		const unsigned long count = strtoul(at, &at, 10);

		(void)outside;
		mapped = user - first < count; /* what is below the first is far above */
	}
	if (map != NULL)
		(void)fclose(map);
	return !mapped;
}

uid_t pga_acting_user(uid_t owner)
{
	return geteuid() == 0 && !pga_user_is_unmapped(owner) ? owner : geteuid();
}

int pga_act_as(uid_t owner, gid_t group)
{
	if (pga_acting_user(owner) == geteuid())
		return 0;
	(void)setfsgid(group);
	(void)setfsuid(owner);
	/* Neither says whether it has worked; with an id that cannot be, both tell what is. */
	if ((uid_t)setfsuid((uid_t)-1) == owner && (gid_t)setfsgid((gid_t)-1) == group)
		return 0;
	pga_act_as_self();
	errno = EPERM;
	return -1;
}

void pga_act_as_self(void)
{
	const int why = errno;

	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	errno = why;
}
