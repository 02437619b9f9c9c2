#include "audit/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_A_BYTE 8

struct range {
	int family;
	unsigned char bytes[sizeof(struct in6_addr)];
	int bits;
};

static int whole(int family)
{
	return BITS_A_BYTE *
	       (int)(family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
}

static bool read_bytes(const char *text, struct range *range)
{
	range->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(range->family, text, range->bytes) == 1;
}

int pga_audit_mask_bits(const char *mask)
{
	struct range range;
	int bits = 0;

	if (!read_bytes(mask, &range))
		return -1;
	while (bits < whole(range.family) &&
	       (range.bytes[bits / BITS_A_BYTE] & (0x80U >> (bits % BITS_A_BYTE))) != 0)
		bits++;
	for (int i = bits; i < whole(range.family); i++)
		if ((range.bytes[i / BITS_A_BYTE] & (0x80U >> (i % BITS_A_BYTE))) != 0)
			return -1;
	return bits;
}

/* "10.0.0.0/8" */
static bool read_range(const char *text, struct range *range)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	char *end;
	long bits;

	if (slash == NULL || slash - text >= (long)sizeof address)
		return false;
	(void)snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
	bits = strtol(slash + 1, &end, 10);
	if (!read_bytes(address, range) || *end != '\0' || bits < 0 || bits > whole(range->family))
		return false;
	range->bits = (int)bits;
	return true;
}

static bool contains(const struct range *outer, const struct range *inner)
{
	if (outer->family != inner->family || outer->bits > inner->bits)
		return false;
	for (int i = 0; i < outer->bits; i++)
		if (((outer->bytes[i / BITS_A_BYTE] ^ inner->bytes[i / BITS_A_BYTE]) &
		     (0x80U >> (i % BITS_A_BYTE))) != 0)
			return false;
	return true;
}

bool pga_audit_address_covers(const char *earlier, const char *later)
{
	struct range outer;
	struct range inner;

	if (strcmp(earlier, later) == 0 || strcmp(earlier, "all") == 0)
		return true;
	return read_range(earlier, &outer) && read_range(later, &inner) && contains(&outer, &inner);
}

bool pga_audit_address_is_own(const char *address)
{
	/* 127.0.0.1/0 is everybody. */
	return strcmp(address, "samehost") == 0 || strcmp(address, "localhost") == 0 ||
	       pga_audit_address_covers("127.0.0.0/8", address) ||
	       pga_audit_address_covers("::1/128", address);
}

bool pga_audit_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}
