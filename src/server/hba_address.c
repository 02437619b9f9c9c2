#include "server/hba_address.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool take(const struct sockaddr *address, unsigned char bytes[16], int *family,
		 size_t *length)
{
	*family = address->sa_family;
	if (address->sa_family == AF_INET) {
		*length = 4;
		memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
		return true;
	}
	*length = 16;
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	return true;
}

/* As the server reads numbers: 127.1 is one, too. */
static bool read_number(const char *word, unsigned char bytes[16], int *family, size_t *length)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *found = NULL;
	bool result;

	if (getaddrinfo(word, NULL, &hints, &found) != 0)
		return false;
	result = take(found->ai_addr, bytes, family, length);
	freeaddrinfo(found);
	return result;
}

bool pga_hba_range_read(const char *address, struct pga_hba_range *range)
{
	memset(range, 0, sizeof *range);
	memset(range->mask, 0xff, sizeof range->mask);
	return read_number(address, range->address, &range->family, &range->length);
}

static bool set_bits(struct pga_hba_range *range, const char *word)
{
	char *end = NULL;
	const long bits = strtol(word, &end, 10);

	if (end == word || *end != '\0' || bits < 0 || bits > (long)range->length * 8)
		return false;
	for (size_t i = 0; i < sizeof range->mask; i++) {
		const long left = bits - (long)i * 8;

		range->mask[i] = (unsigned char)(left >= 8  ? 0xff
						 : left > 0 ? 0xff << (8 - left)
							    : 0);
	}
	return true;
}

bool pga_hba_range_of(const struct pga_hba_line *line, struct pga_hba_range *range)
{
	const char *value = line->address != NULL ? line->address->value : "";
	const size_t length = strcspn(value, "/");
	char number[128];
	size_t mask_length;
	int family;

	if (length >= sizeof number)
		return false;
	memcpy(number, value, length);
	number[length] = '\0';
	if (!pga_hba_range_read(number, range))
		return false;
	if (value[length] == '/')
		return set_bits(range, value + length + 1);
	return line->mask != NULL &&
	       read_number(line->mask->value, range->mask, &family, &mask_length) &&
	       family == range->family;
}

bool pga_hba_range_has(const struct pga_hba_range *range, const struct pga_hba_range *one)
{
	if (range->family != one->family)
		return false;
	for (size_t i = 0; i < range->length; i++)
		if (((range->address[i] ^ one->address[i]) & range->mask[i]) != 0)
			return false;
	return true;
}

bool pga_hba_range_is_loopback(const struct pga_hba_range *range)
{
	if (range->family == AF_INET)
		return range->address[0] == 127 && range->mask[0] == 0xff;
	for (size_t i = 0; i < sizeof range->mask; i++)
		if (range->mask[i] != 0xff)
			return false;
	return memcmp(range->address, &in6addr_loopback, sizeof range->address) == 0;
}

struct pga_hba_range *pga_hba_own_ranges(size_t *count)
{
	struct pga_hba_range *ranges = NULL;
	struct ifaddrs *all = NULL;
	size_t most = 0;

	*count = 0;
	if (getifaddrs(&all) != 0)
		return NULL;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next)
		most++;
	ranges = calloc(most + 1, sizeof *ranges);
	for (const struct ifaddrs *one = all; ranges != NULL && one != NULL; one = one->ifa_next) {
		struct pga_hba_range *range = &ranges[*count];
		size_t length;
		int family;

		if (one->ifa_addr != NULL && one->ifa_netmask != NULL &&
		    take(one->ifa_addr, range->address, &range->family, &range->length) &&
		    take(one->ifa_netmask, range->mask, &family, &length) &&
		    family == range->family)
			(*count)++;
	}
	freeifaddrs(all);
	return ranges;
}
