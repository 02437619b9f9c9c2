#include "base/acting.h"

#include <errno.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <unistd.h>

bool pga_user_is_unmapped(uid_t user)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long first;
	unsigned long count;
	bool mapped = map == NULL;

	while (map != NULL && !mapped && fscanf(map, "%lu %*u %lu", &first, &count) == 2)
		mapped = user >= first && user - first < count;
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
