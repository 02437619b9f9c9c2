#include "policy/hostlist.h"

#include <stdlib.h>
#include <string.h>

static struct pga_part whole(const char *list)
{
	return (struct pga_part){list != NULL ? list : "", list != NULL ? strlen(list) : 0};
}

/* The next element; an empty one, and false, behind the last. */
static bool next_element(struct pga_part *list, struct pga_part *element)
{
	const char *comma;

	*element = (struct pga_part){"", 0};
	if (list->bytes == NULL)
		return false;
	comma = memchr(list->bytes, ',', list->length);
	*element = (struct pga_part){list->bytes,
				     comma != NULL ? (size_t)(comma - list->bytes) : list->length};
	if (comma != NULL)
		*list = (struct pga_part){comma + 1, list->length - element->length - 1};
	else
		list->bytes = NULL;
	return true;
}

struct pga_hostlist pga_hostlist_begin(const char *host, const char *hostaddr, const char *port)
{
	return (struct pga_hostlist){.hosts = whole(host),
				     .addresses = whole(hostaddr),
				     .ports = whole(port),
				     .by_address = hostaddr != NULL && hostaddr[0] != '\0',
				     .one_port = port == NULL || strchr(port, ',') == NULL};
}

bool pga_hostlist_next(struct pga_hostlist *list, struct pga_host_part *host)
{
	const bool named = next_element(&list->hosts, &host->name);
	const bool addressed = next_element(&list->addresses, &host->address);

	if (list->one_port)
		host->port = list->ports;
	else
		(void)next_element(&list->ports, &host->port);
	host->local =
	    host->address.length == 0 &&
	    (host->name.length == 0 || host->name.bytes[0] == '/' || host->name.bytes[0] == '@');
	return list->by_address ? addressed : named;
}

struct pga_part pga_host_part_label(const struct pga_host_part *host)
{
	return host->name.length > 0 ? host->name : host->address;
}

static bool copy(const struct pga_host_part *part, struct pga_host *host)
{
	host->name = strndup(part->name.bytes, part->name.length);
	host->address = strndup(part->address.bytes, part->address.length);
	host->port = strndup(part->port.bytes, part->port.length);
	host->local = part->local;
	return host->name != NULL && host->address != NULL && host->port != NULL;
}

int pga_hosts_split(const char *host, const char *hostaddr, const char *port,
		    struct pga_hosts *hosts, struct pga_error *error)
{
	struct pga_hostlist list = pga_hostlist_begin(host, hostaddr, port);
	struct pga_host_part part;
	size_t count = 0;

	while (pga_hostlist_next(&list, &part))
		count++;
	*hosts = (struct pga_hosts){.items = calloc(count, sizeof *hosts->items)};
	if (hosts->items == NULL)
		return pga_fail_memory(error);
	list = pga_hostlist_begin(host, hostaddr, port);
	while (pga_hostlist_next(&list, &part))
		if (!copy(&part, &hosts->items[hosts->count++])) {
			pga_hosts_free(hosts);
			return pga_fail_memory(error);
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
