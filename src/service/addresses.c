#include "service/addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct addrinfo *pga_addresses_find(const char *host, bool numeric)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
					.ai_flags = numeric ? AI_NUMERICHOST : 0};
	struct addrinfo *found = NULL;

	return getaddrinfo(host, NULL, &wanted, &found) == 0 ? found : NULL;
}

static bool is_same_address(const struct addrinfo *one, const struct addrinfo *other)
{
	const struct sockaddr_in *left = (const void *)one->ai_addr;
	const struct sockaddr_in *right = (const void *)other->ai_addr;
	const struct sockaddr_in6 *left6 = (const void *)one->ai_addr;
	const struct sockaddr_in6 *right6 = (const void *)other->ai_addr;

	if (one->ai_family != other->ai_family)
		return false;
	return one->ai_family == AF_INET
		   ? left->sin_addr.s_addr == right->sin_addr.s_addr
		   : memcmp(&left6->sin6_addr, &right6->sin6_addr, sizeof left6->sin6_addr) == 0;
}

bool pga_addresses_meet(const struct addrinfo *some, const struct addrinfo *others)
{
	for (const struct addrinfo *one = some; one != NULL; one = one->ai_next)
		for (const struct addrinfo *other = others; other != NULL; other = other->ai_next)
			if (is_same_address(one, other))
				return true;
	return false;
}

bool pga_address_leads(const char *name, const struct addrinfo *addresses)
{
	struct addrinfo *found = pga_addresses_find(name, false);
	const bool leads = pga_addresses_meet(found, addresses);

	if (found != NULL)
		freeaddrinfo(found);
	return leads;
}

static bool is_loopback(const struct addrinfo *address)
{
	const struct sockaddr_in *in = (const void *)address->ai_addr;
	const struct sockaddr_in6 *in6 = (const void *)address->ai_addr;

	return address->ai_family == AF_INET ? ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
					     : IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

bool pga_addresses_are_loopback(const struct addrinfo *addresses)
{
	for (; addresses != NULL; addresses = addresses->ai_next)
		if (!is_loopback(addresses))
			return false;
	return true;
}

char *pga_address_number(const struct addrinfo *addresses)
{
	const struct addrinfo *best = addresses;
	char number[NI_MAXHOST];

	for (const struct addrinfo *one = addresses; one != NULL; one = one->ai_next)
		if (one->ai_family == AF_INET && best->ai_family != AF_INET)
			best = one;
	if (best == NULL || getnameinfo(best->ai_addr, best->ai_addrlen, number, sizeof number,
					NULL, 0, NI_NUMERICHOST) != 0)
		return NULL;
	return strdup(number);
}
