#include "policy/hostlist.h"

#include <stdlib.h>
#include <string.h>

/* A copy of the element at this place; the only one of a port's list is everybody's. */
static char *element(const char *list, size_t place, bool one_for_all)
{
	if (list == NULL)
		return strdup("");
	if (one_for_all && strchr(list, ',') == NULL)
		place = 0;
	while (place > 0) {
		list += strcspn(list, ",");
		if (*list == '\0')
			return strdup("");
		list++;
		place--;
	}
	return strndup(list, strcspn(list, ","));
}

int pga_hosts_split(const char *host, const char *hostaddr, const char *port,
		    struct pga_hosts *hosts, struct pga_error *error)
{
	const char *longest = hostaddr != NULL && hostaddr[0] != '\0' ? hostaddr : host;
	size_t count = 1;

	for (const char *at = longest; at != NULL && (at = strchr(at, ',')) != NULL; at++)
		count++;
	*hosts = (struct pga_hosts){.items = calloc(count, sizeof *hosts->items)};
	if (hosts->items == NULL)
		return pga_fail_memory(error);
	hosts->count = count;
	for (size_t i = 0; i < count; i++) {
		struct pga_host *item = &hosts->items[i];

		item->name = element(host, i, false);
		item->address = element(hostaddr, i, false);
		item->port = element(port, i, true);
		if (item->name == NULL || item->address == NULL || item->port == NULL) {
			pga_hosts_free(hosts);
			return pga_fail_memory(error);
		}
		item->local =
		    item->address[0] == '\0' &&
		    (item->name[0] == '\0' || item->name[0] == '/' || item->name[0] == '@');
	}
	return 0;
}

const char *pga_host_label(const struct pga_host *host)
{
	return host->name[0] != '\0' ? host->name : host->address;
}

void pga_hosts_free(struct pga_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++) {
		free(hosts->items[i].name);
		free(hosts->items[i].address);
		free(hosts->items[i].port);
	}
	free(hosts->items);
	memset(hosts, 0, sizeof *hosts);
}
