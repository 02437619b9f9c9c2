#include "audit/there.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The options that came after libpq 10, the oldest that this is built with; each with the release
 * that brought it, and what is taken where it is left out. None but those that policy/verdict.c
 * judges by their names makes a connection weaker: a libpq that does not know them has the others
 * judged. */
static const struct newer {
	char keyword[25];
	char usual[9];
	int version;
} newer[] = {
    {"gssencmode", "prefer", 120000},
    {"tcp_user_timeout", "", 120000},
    {"channel_binding", "prefer", 130000},
    {"ssl_max_protocol_version", "", 130000},
    {"ssl_min_protocol_version", "TLSv1.2", 130000},
    {"sslpassword", "", 130000},
    {"sslcrldir", "", 140000},
    {"sslsni", "1", 140000},
    {"gssdelegation", "0", 160000},
    {"load_balance_hosts", "disable", 160000},
    {"require_auth", "", 160000},
    {"sslcertmode", "allow", 160000},
    {"sslnegotiation", "postgres", 170000},
    {"max_protocol_version", "", 180000},
    {"min_protocol_version", "", 180000},
    {"oauth_client_id", "", 180000},
    {"oauth_client_secret", "", 180000},
    {"oauth_issuer", "", 180000},
    {"oauth_scope", "", 180000},
    {"scram_client_key", "", 180000},
    {"scram_server_key", "", 180000},
    {"sslkeylogfile", "", 180000},
    {"oauth_ca_file", "", 190000},
    {"servicefile", "", 190000},
};

#define NEWER (sizeof newer / sizeof newer[0])

static const struct newer *newer_option(const char *keyword, size_t length)
{
	for (size_t i = 0; i < NEWER; i++)
		if (strlen(newer[i].keyword) == length &&
		    memcmp(newer[i].keyword, keyword, length) == 0)
			return &newer[i];
	return NULL;
}

static PQconninfoOption *find(PQconninfoOption *options, const char *keyword)
{
	while (options->keyword != NULL && strcmp(options->keyword, keyword) != 0)
		options++;
	return options;
}

/* The end of the list, which has room. */
static int append(PQconninfoOption *end, const char *keyword, const char *usual)
{
	end->keyword = strdup(keyword);
	if (end->keyword == NULL)
		return -1;
	end->compiled = usual[0] != '\0' ? strdup(usual) : NULL;
	return usual[0] != '\0' && end->compiled == NULL ? -1 : 0;
}

static int copy_one(PQconninfoOption *end, const PQconninfoOption *option)
{
	if (append(end, option->keyword, option->compiled != NULL ? option->compiled : "") != 0)
		return -1;
	end->dispchar = option->dispchar;
	end->val = option->val != NULL ? strdup(option->val) : NULL;
	return option->val != NULL && end->val == NULL ? -1 : 0;
}

/* This machine's options, with those that a server of the version has besides, and room for all
 * others. */
static PQconninfoOption *with_newer(const PQconninfoOption *here, int version)
{
	PQconninfoOption *options;
	size_t count = 0;
	int result = 0;

	while (here[count].keyword != NULL)
		count++;
	options = calloc(count + NEWER + 1, sizeof *options);
	if (options == NULL)
		return NULL;
	for (size_t i = 0; result == 0 && i < count; i++)
		result = copy_one(&options[i], &here[i]);
	for (size_t i = 0; result == 0 && i < NEWER; i++) {
		PQconninfoOption *end = find(options, newer[i].keyword);

		if (end->keyword == NULL && newer[i].version <= version)
			result = append(end, newer[i].keyword, newer[i].usual);
	}
	if (result == 0)
		return options;
	pga_there_free(options);
	return NULL;
}

void pga_there_free(PQconninfoOption *options)
{
	for (PQconninfoOption *one = options; one != NULL && one->keyword != NULL; one++) {
		free(one->keyword);
		free(one->compiled);
		free(one->val);
	}
	free(options);
}

int pga_there_set(PQconninfoOption *options, const char *keyword, const char *value)
{
	PQconninfoOption *option = find(options, keyword);
	char *copy;

	if (option->keyword == NULL) {
		const struct newer *found = newer_option(keyword, strlen(keyword));

		if (found == NULL)
			return 1;
		if (append(option, found->keyword, found->usual) != 0)
			return -1;
	}
	copy = strdup(value);
	if (copy == NULL)
		return -1;
	free(option->val);
	option->val = copy;
	return 0;
}

static bool is_said(PQconninfoOption *options, const char *keyword, const char *value)
{
	const PQconninfoOption *option = find(options, keyword);

	return option->keyword != NULL && option->val != NULL && strcmp(option->val, value) == 0;
}

/* From 16 on, which has sslcertmode, the system's roots are verified by verify-full
 * (conninfo_add_defaults()). */
int pga_there_complete(PQconninfoOption *options)
{
	const bool full = is_said(options, "sslrootcert", "system") &&
			  find(options, "sslcertmode")->keyword != NULL;

	for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
		const char *usual = option->compiled;

		if (full && strcmp(option->keyword, "sslmode") == 0)
			usual = "verify-full";
		if (option->val != NULL || usual == NULL)
			continue;
		option->val = strdup(usual);
		if (option->val == NULL)
			return -1;
	}
	return 0;
}

/* ---- a string that this machine's libpq refuses ---- */

/* Where settings of newer libpqs are taken out of a string: what is left, and they. */
struct taking_out {
	struct pga_text left;
	PQconninfoOption *options; /* which they are set in; NULL: not yet */
	bool failed;
};

/* The value of one setting alone, as libpq reads it: in the place of an option that it knows.
 * Returns whether it could be read. */
static bool take_out(struct taking_out *taking, const struct newer *option, const char *prefix,
		     const char *from, const char *end)
{
	struct pga_text alone = PGA_TEXT_EMPTY;
	PQconninfoOption *read = NULL;
	const char *value = NULL;

	pga_text_addf(&alone, "%sapplication_name", prefix);
	pga_text_add_bytes(&alone, from, (size_t)(end - from));
	if (!alone.failed)
		read = PQconninfoParse(pga_text_string(&alone), NULL);
	if (read != NULL)
		value = find(read, "application_name")->val;
	if (value != NULL && taking->options != NULL &&
	    pga_there_set(taking->options, option->keyword, value) != 0)
		taking->failed = true;
	taking->failed = taking->failed || alone.failed;
	pga_text_free(&alone);
	PQconninfoFree(read);
	return value != NULL;
}

static const char *end_of_blanks(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* As libpq's conninfo_parse() finds it. */
static const char *end_of_value(const char *at)
{
	const bool quoted = *at == '\'';

	for (at += quoted; *at != '\0'; at++) {
		if (quoted ? *at == '\'' : isspace((unsigned char)*at) != 0)
			return at + 1;
		if (*at == '\\' && at[1] != '\0')
			at++;
	}
	return at;
}

static void take_out_of_words(struct taking_out *taking, const char *at)
{
	while (*(at = end_of_blanks(at)) != '\0') {
		const size_t length = strcspn(at, "= \t\n\v\f\r");
		const char *equals = end_of_blanks(at + length);
		const struct newer *option = newer_option(at, length);
		const char *end = *equals == '=' ? end_of_value(end_of_blanks(equals + 1)) : equals;

		if (option == NULL || *equals != '=' ||
		    !take_out(taking, option, "", at + length, end)) {
			pga_text_add_bytes(&taking->left, at, (size_t)(end - at));
			pga_text_add(&taking->left, " ");
		}
		at = end;
	}
}

/* Where the settings of a URI begin: a "?" can be in a password, too
 * (conninfo_uri_parse_options()).
 */
static const char *query_of(const char *uri)
{
	const char *at = strstr(uri, "://") + strlen("://");
	const char *user = at + strcspn(at, "@/");

	return strchr(*user == '@' ? user : at, '?');
}

static void take_out_of_uri(struct taking_out *taking, const char *uri)
{
	const char *at = query_of(uri);
	const char *sign = "?";

	if (at == NULL) {
		pga_text_add(&taking->left, uri);
		return;
	}
	pga_text_add_bytes(&taking->left, uri, (size_t)(at - uri));
	while (*at != '\0') {
		const char *end = at + 1 + strcspn(at + 1, "&");
		const size_t length = strcspn(++at, "=&");
		const struct newer *option = newer_option(at, length);

		if (option == NULL || at[length] != '=' ||
		    !take_out(taking, option, "postgresql://?", at + length, end)) {
			pga_text_add(&taking->left, sign);
			pga_text_add_bytes(&taking->left, at, (size_t)(end - at));
			sign = "&";
		}
		at = end;
	}
}

static void take_out_all(struct taking_out *taking, const char *conninfo)
{
	pga_text_free(&taking->left);
	if (strncmp(conninfo, "postgresql://", strlen("postgresql://")) == 0 ||
	    strncmp(conninfo, "postgres://", strlen("postgres://")) == 0)
		take_out_of_uri(taking, conninfo);
	else
		take_out_of_words(taking, conninfo);
	taking->failed = taking->failed || taking->left.failed;
}

/* What is left is read first: it says which options there are. */
static PQconninfoOption *parse_without_newer(const char *conninfo, int version, char **said)
{
	struct taking_out taking = {.options = NULL};
	PQconninfoOption *here = NULL;

	take_out_all(&taking, conninfo);
	if (!taking.failed)
		here = PQconninfoParse(pga_text_string(&taking.left), said);
	if (here != NULL)
		taking.options = with_newer(here, version);
	if (taking.options != NULL)
		take_out_all(&taking, conninfo);
	PQconninfoFree(here);
	pga_text_free(&taking.left);
	if (!taking.failed)
		return taking.options;
	pga_there_free(taking.options);
	return NULL;
}

PQconninfoOption *pga_there_parse(const char *conninfo, int version, char **said)
{
	PQconninfoOption *here = PQconninfoParse(conninfo, said);
	PQconninfoOption *options;

	if (here == NULL) {
		PQfreemem(*said);
		*said = NULL;
		return parse_without_newer(conninfo, version, said);
	}
	options = with_newer(here, version);
	PQconninfoFree(here);
	return options;
}
