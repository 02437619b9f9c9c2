/* PQconnectPoll(), in the state CONNECTION_NEEDED, reads a host's port, then its address, makes a
 * socket, reads keepalives, and connects. With a port that is no number, libpq has checked all of
 * the options by then; with addresses that are none, it has read every port, has looked up no name,
 * and makes no socket. */
#include "service/ask.h"

#include "base/text.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "policy/hostlist.h"
#include "service/settings.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PROBE PGA_PROBE

/* libpq's words quote what they are about, and that can be a password. Returns -1 for want of
 * memory. */
static int say_masked(const char *line, const char *given, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	int result = 0;

	pga_text_add_masked_message(&words, line, given);
	if (words.failed)
		result = pga_fail_memory(error);
	else
		(void)pga_fail(error, NULL, "%s", pga_text_string(&words));
	pga_text_free(&words);
	return result;
}

/* What libpq says where it found no memory: then it has not looked at the settings. */
static const char no_memory[] = "out of memory";

/* How many of libpq's lines are about the probe; the first that is not is what it refuses. Returns
 * -1 for want of memory. */
static int read_words(const char *said, const char *given, size_t *probes, struct pga_error *error)
{
	const char *at;
	size_t length;
	bool other = false;
	int result = 0;

	for (*probes = 0; !other && pga_next_line(&said, &at, &length);) {
		char *line = strndup(at, length);

		if (line == NULL || strncmp(line, no_memory, strlen(no_memory)) == 0) {
			free(line);
			return pga_fail_memory(error);
		}
		other = strstr(line, PROBE) == NULL;
		if (other)
			result = say_masked(line, given, error);
		free(line);
		(*probes)++;
	}
	if (other)
		*probes = 0;
	return result;
}

/* Both are of one libpq, whose options are in one order. */
static bool are_same(const struct pga_effective *one, const struct pga_effective *other)
{
	for (size_t i = 0; one->options[i].keyword != NULL; i++) {
		const char *value = one->options[i].val;
		const char *again = other->options[i].val;

		if ((value == NULL) != (again == NULL) ||
		    (value != NULL && strcmp(value, again) != 0))
			return false;
	}
	return true;
}

/* Where PQconninfo() finds no memory for a value, it leaves the value out without a word, and one
 * without a host is a socket. So it is asked twice. */
static int read_settings(PGconn *conn, struct pga_effective *effective, struct pga_error *error)
{
	struct pga_effective again = {0};
	int result = -1;

	if (pga_effective_of(&pga_linked_libpq, conn, effective) == 0 &&
	    pga_effective_of(&pga_linked_libpq, conn, &again) == 0 && are_same(effective, &again))
		result = 0;
	pga_effective_free(&pga_linked_libpq, &again);
	if (result != 0)
		pga_effective_free(&pga_linked_libpq, effective);
	return result == 0 ? 0 : pga_fail_memory(error);
}

/* Takes the settings of a probe that libpq refused this many times, and finishes it. */
static int take(PGconn *conn, const char *given, size_t times, struct pga_effective *effective,
		struct pga_error *error)
{
	size_t probes;
	int result;

	memset(effective, 0, sizeof *effective);
	if (conn == NULL)
		return pga_fail_memory(error);
	(void)pga_fail(error, NULL, "libpq does not say why it refuses");
	if (read_words(pga_linked_libpq.PQerrorMessage(conn), given, &probes, error) != 0)
		result = -1;
	else if (probes < times)
		result = 1;
	else
		result = read_settings(conn, effective, error);
	pga_linked_libpq.PQfinish(conn);
	return result;
}

/* What is no address, for each host. */
static char *probes_for(const struct pga_hosts *hosts)
{
	struct pga_text list = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < hosts->count; i++)
		pga_text_addf(&list, "%s" PROBE, i > 0 ? "," : "");
	return pga_text_take(&list);
}

/* The question that libpq asks the C library about a hostaddr, and its words. */
static int check_addresses(const struct pga_hosts *hosts, struct pga_error *error)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

	for (size_t i = 0; i < hosts->count; i++) {
		const char *address = hosts->items[i].address;
		struct addrinfo *found = NULL;
		int failure;

		if (address[0] == '\0')
			continue;
		failure = getaddrinfo(address, NULL, &hints, &found);
		if (failure != 0) {
			(void)pga_fail(error, NULL, "could not parse network address \"%s\": %s",
				       address, gai_strerror(failure));
			return 1;
		}
		freeaddrinfo(found);
	}
	return 0;
}

/* The value of one array's setting for the other's: libpq frees both, and has them in one order. */
static void swap(const struct pga_effective *a, const struct pga_effective *b, const char *keyword)
{
	const PQconninfoOption *one = pga_option_find(a->options, keyword);
	char **mine;
	char **theirs;
	char *value;

	if (one == NULL)
		return;
	mine = &a->options[one - a->options].val;
	theirs = &b->options[one - a->options].val;
	value = *mine;
	*mine = *theirs;
	*theirs = value;
}

/* libpq reads these when the socket is there, the first when it waits for it, and the others for
 * one that is no Unix-domain socket. */
static int check_numbers(const struct pga_effective *effective, const struct pga_hosts *hosts,
			 struct pga_error *error)
{
	static const char *const numbers[] = {
	    "connect_timeout",     "keepalives",       "keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	};
	bool remote = false;

	for (size_t i = 0; i < hosts->count; i++)
		remote = remote || !hosts->items[i].local;
	for (size_t i = 0; i < (remote ? sizeof numbers / sizeof numbers[0] : 1); i++) {
		const char *value = pga_effective_value(effective, numbers[i]);

		if (value != NULL && value[0] != '\0' &&
		    pga_number_check(numbers[i], value, error) != 0)
			return 1;
	}
	return 0;
}

/* The second question, with what is no address for each host. */
static int go_on(const struct pga_parameters *parameters, const struct pga_effective *first,
		 struct pga_effective *effective, struct pga_error *error)
{
	struct pga_hosts hosts;
	char *probes;
	int result = -1;

	if (pga_hosts_split(pga_effective_value(first, "host"),
			    pga_effective_value(first, "hostaddr"), NULL, &hosts, error) != 0)
		return -1;
	probes = probes_for(&hosts);
	if (probes == NULL) {
		(void)pga_fail_memory(error);
	} else {
		const char *const added[PGA_ADDED][2] = {{"hostaddr", probes}, {NULL, NULL}};

		result = take(pga_effective_begin(&pga_linked_libpq, parameters, added),
			      pga_effective_given(parameters), hosts.count, effective, error);
	}
	if (result == 0) {
		swap(first, effective, "hostaddr");
		result = check_addresses(&hosts, error);
		if (result == 0)
			result = check_numbers(effective, &hosts, error);
		if (result != 0)
			pga_effective_free(&pga_linked_libpq, effective);
	}
	free(probes);
	pga_hosts_free(&hosts);
	return result;
}

int pga_ask(const struct pga_parameters *parameters, struct pga_effective *effective,
	    struct pga_error *error)
{
	/* libpq looks for the password file when it has no password (connectOptions2()). */
	static const char *const added[PGA_ADDED][2] = {{"port", PROBE}, {"password", "-"}};
	struct pga_effective first;
	int result = take(pga_effective_begin(&pga_linked_libpq, parameters, added),
			  pga_effective_given(parameters), 1, &first, error);

	if (result != 0)
		return result;
	result = go_on(parameters, &first, effective, error);
	pga_effective_free(&pga_linked_libpq, &first);
	return result;
}
