/* For LD_PRELOAD: the host localhost has two addresses, first one where nobody listens. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	lookup *next;
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo *last;
	int result;

	memcpy(&next, &symbol, sizeof next);
	if (name == NULL || strcmp(name, "localhost") != 0)
		return next(name, service, hints, found);
	result = next("127.0.0.9", service, hints, found);
	if (result != 0)
		return result;
	for (last = *found; last->ai_next != NULL; last = last->ai_next)
		;
	return next("127.0.0.1", service, hints, &last->ai_next);
}
