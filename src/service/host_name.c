#include "service/host_name.h"

#include "base/text.h"
#include "policy/secrets.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest name and the longest label of one (RFC 1035). */
#define LONGEST_NAME  253
#define LONGEST_LABEL 63

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* With a zone behind it or without: fe80::1%eth0. */
static bool is_ipv6(const char *name)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr bytes;
	size_t length = strcspn(name, "%");

	if (length >= sizeof address || (name[length] == '%' && name[length + 1] == '\0'))
		return false;
	memcpy(address, name, length);
	address[length] = '\0';
	return inet_pton(AF_INET6, address, &bytes) == 1;
}

/* What is shown of a name may have a password masked: people put whole URLs there. */
static int fail_url(const char *shown, struct pga_error *error)
{
	return pga_fail(error, "write the host's name alone, and port, dbname and user as settings",
			"host %s: a URL, not the name of a host", shown);
}

/* One with a colon that is no IPv6 address. */
static int fail_colon(const char *name, const char *shown, struct pga_error *error)
{
	const char *colon = strchr(name, ':');
	char hint[128];

	/* The name is part of a command that is shown. */
	if (!is_number(colon + 1) || strlen(name) > sizeof hint / 2 ||
	    strspn(name, plain) != (size_t)(colon - name))
		return pga_fail(error, "write the name, or the address, alone",
				"host %s: neither a name nor an IPv6 address", shown);
	(void)snprintf(hint, sizeof hint, "the port is a setting of its own: --host %.*s --port %s",
		       (int)(colon - name), name, colon + 1);
	return pga_fail(error, hint, "host %s: with a port behind the name", shown);
}

static int check_labels(const char *name, const char *shown, struct pga_error *error)
{
	for (const char *at = name; *at != '\0';) {
		size_t length = strcspn(at, ".");

		if (length == 0)
			return pga_fail(error, "write the name without it",
					"host %s: a dot with nothing before it", shown);
		if (length > LONGEST_LABEL)
			return pga_fail(error, "is it the right name?",
					"host %s: more than %d characters between two dots", shown,
					LONGEST_LABEL);
		at += length + (at[length] == '.');
	}
	if (strlen(name) > LONGEST_NAME)
		return pga_fail(error, "is it the right name?",
				"host %s: longer than the %d characters that a name may have",
				shown, LONGEST_NAME);
	return 0;
}

/* What stands in no host's name, and what is meant by it most often. */
static int check_characters(const char *name, const char *shown, struct pga_error *error)
{
	const char *at = name;

	/* Bytes of other alphabets are the resolver's to judge. */
	while (*at != '\0' && ((unsigned char)*at >= 0x80 || strchr(plain, *at) != NULL))
		at++;
	if (*at == '\0')
		return 0;
	if (*at <= ' ' || *at == 0x7F)
		return pga_fail(error,
				"leave it out; a service file has no comments behind a value, and "
				"a list has commas alone between its hosts",
				"host \"%s\": holds a blank", shown);
	if (*at == '@')
		return pga_fail(error, "the user is a setting of its own: --user",
				"host %s: with a user before the name", shown);
	if (*at == '"' || *at == '\'')
		return pga_fail(error, "leave the quotes out: a service file has none",
				"host %s: the quotes would be part of the name", shown);
	return pga_fail(error, "write the name, or the address, alone",
			"host %s: a name cannot hold \"%c\"", shown, *at);
}

static int check_one(const char *name, const char *shown, struct pga_error *error)
{
	if (name[0] == '\0' || name[0] == '/' || name[0] == '@' || is_ipv6(name))
		return 0;
	if (strstr(name, "://") != NULL)
		return fail_url(shown, error);
	if (strchr(name, '[') != NULL || strchr(name, ']') != NULL)
		return pga_fail(error,
				"write an IPv6 address without them, such as ::1, and the port as "
				"a setting of its own",
				"host %s: brackets are for URLs", shown);
	if (strchr(name, '/') != NULL)
		return pga_fail(error,
				"write the name alone; a socket's directory starts with a slash",
				"host %s: a name cannot hold \"/\"", shown);
	if (strchr(name, ':') != NULL && name[strcspn(name, " \t\"'@")] == '\0')
		return fail_colon(name, shown, error);
	if (check_characters(name, shown, error) != 0)
		return -1;
	return check_labels(name, shown, error);
}

/* Says why it is none, without a password that may be in it. */
static int fail_masked(const char *name, struct pga_error *error)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add_masked(&shown, name);
	if (shown.failed)
		(void)pga_fail_memory(error);
	else
		(void)check_one(name, pga_text_string(&shown), error);
	pga_text_free(&shown);
	return 1;
}

int pga_hosts_check(const char *list, struct pga_error *error)
{
	while (list != NULL) {
		size_t length = strcspn(list, ",");
		char *name = strndup(list, length);
		int result;

		if (name == NULL)
			return pga_fail_memory(error);
		result = check_one(name, name, error) == 0 ? 0 : fail_masked(name, error);
		free(name);
		if (result != 0)
			return result;
		list = list[length] == ',' ? list + length + 1 : NULL;
	}
	return 0;
}
