#include "diagnose/variables.h"

#include <stdbool.h>
#include <string.h>

static enum pga_variable_effect sslmode(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return strcmp(value, "verify-full") == 0 ? PGA_VARIABLE_FINE : PGA_VARIABLE_WEAKENS;
}

/* conninfo_add_defaults() of libpq looks at the first character alone. */
static enum pga_variable_effect require_ssl(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return value[0] == '1' ? PGA_VARIABLE_WEAKENS : PGA_VARIABLE_FINE;
}

static enum pga_variable_effect gss(const char *value, const struct pga_policy *policy)
{
	return strcmp(value, "disable") == 0 || policy->gss_encryption == PGA_ALLOW
		   ? PGA_VARIABLE_FINE
		   : PGA_VARIABLE_WEAKENS;
}

static enum pga_variable_effect protocol(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return strcmp(value, "TLSv1") == 0 || strcmp(value, "TLSv1.1") == 0 ? PGA_VARIABLE_WEAKENS
									    : PGA_VARIABLE_FINE;
}

static enum pga_variable_effect binding(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return strcmp(value, "disable") == 0 ? PGA_VARIABLE_WEAKENS : PGA_VARIABLE_FINE;
}

static enum pga_variable_effect roots(const char *value, const struct pga_policy *policy)
{
	return strcmp(value, "system") == 0 && policy->public_ca == PGA_REFUSE
		   ? PGA_VARIABLE_WEAKENS
		   : PGA_VARIABLE_CHANGES;
}

static enum pga_variable_effect oauth_debug(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return strstr(value, "UNSAFE") != NULL ? PGA_VARIABLE_WEAKENS : PGA_VARIABLE_FINE;
}

static enum pga_variable_effect negotiation(const char *value, const struct pga_policy *policy)
{
	(void)policy;
	return strcmp(value, "direct") == 0 ? PGA_VARIABLE_CHANGES : PGA_VARIABLE_FINE;
}

static enum pga_variable_effect weakens(const char *value, const struct pga_policy *policy)
{
	(void)value;
	(void)policy;
	return PGA_VARIABLE_WEAKENS;
}

static enum pga_variable_effect password(const char *value, const struct pga_policy *policy)
{
	(void)value;
	(void)policy;
	return PGA_VARIABLE_PASSWORD;
}

static enum pga_variable_effect changes(const char *value, const struct pga_policy *policy)
{
	(void)value;
	(void)policy;
	return PGA_VARIABLE_CHANGES;
}

const struct pga_variable pga_variables[] = {
    {"PGSSLMODE", "verify-full",
     "every connection that does not say sslmode itself takes a server that is not, or not fully, "
     "verified",
     sslmode},
    {"PGREQUIRESSL", "0", "it stands for sslmode=require, which takes any certificate",
     require_ssl},
    {"PGGSSENCMODE", "disable", "GSSAPI encryption would take the place of verified TLS", gss},
    {"PGSSLROOTCERT", "",
     "libpq takes the roots that it trusts from there, and root.crt does not count", roots},
    {"PGSSLMINPROTOCOLVERSION", "TLSv1.2", "versions of TLS before 1.2 are broken", protocol},
    {"PGSSLMAXPROTOCOLVERSION", "", "versions of TLS before 1.2 are broken", protocol},
    {"PGCHANNELBINDING", "prefer",
     "nothing then shows that the server which checks the password is the one that TLS ends at",
     binding},
    {"PGOAUTHDEBUG", "", "libpq prints the secrets of OAuth, and sends them over plain HTTP",
     oauth_debug},
    {"PGOAUTHCAFILE", "", "whoever has a key to that file can stand in for the provider of tokens",
     weakens},
    {"SSLKEYLOGFILE", "", "who can read that file can decrypt what goes over the network", weakens},
    {"PGPASSWORD", "",
     "what is in the environment is handed to every program that is started, and to whichever "
     "server a connection is made to",
     password},
    {"PGSERVICEFILE", "", "services are looked up there, and ~/.pg_service.conf does not count",
     changes},
    {"PGSYSCONFDIR", "", "libpq looks there for the machine's pg_service.conf", changes},
    {"PGPASSFILE", "", "passwords are looked up there, and ~/.pgpass does not count", changes},
    {"PGSSLNEGOTIATION", "", "servers before PostgreSQL 17 do not understand such a handshake",
     negotiation},
    {NULL, NULL, NULL, NULL},
};

const struct pga_variable *pga_variable_named(const char *name)
{
	for (const struct pga_variable *one = pga_variables; one->name != NULL; one++)
		if (strcmp(one->name, name) == 0)
			return one;
	return NULL;
}

static bool is_of_a_name(char byte)
{
	return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z');
}

static size_t skip_blanks(const char *line, size_t length, size_t at)
{
	while (at < length && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return at;
}

static bool begins(const char *line, size_t length, size_t at, const char *word)
{
	return length - at >= strlen(word) && memcmp(line + at, word, strlen(word)) == 0;
}

/* Behind the name: where its value begins; 0 where it is given none. set: fish's command stands
 * before it. */
static size_t value_of(const char *line, size_t length, size_t at, bool set)
{
	const size_t behind = skip_blanks(line, length, at);

	if (at < length && line[at] == '=')
		return at + 1;
	if (behind == at)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		static const char *const words[] = {"DEFAULT=", "OVERRIDE="};

		if (begins(line, length, behind, words[i]))
			return behind + strlen(words[i]);
	}
	return set && behind < length ? behind : 0;
}

/* 0 outside of the line. */
static char byte_at(const char *line, size_t length, size_t at)
{
	if (at >= length)
		return '\0';
	return line[at];
}

static char quote_or_none(char byte)
{
	if (byte == '"' || byte == '\'')
		return byte;
	return '\0';
}

/* The end of a value, and its start moved behind a quote; outer: the quote before the name, in
 * which a value ends at a blank, too. */
static void find_end(const char *line, size_t length, char outer, struct pga_assignment *found)
{
	const char first = byte_at(line, length, found->start);
	const char ends[] = {first, '\0'};
	const bool quoted = quote_or_none(first) != '\0' && first != outer;

	if (quoted)
		found->start++;
	found->end = found->start;
	while (found->end < length &&
	       strchr(quoted ? ends : " \t\r;&|)\"'", line[found->end]) == NULL)
		found->end++;
}

static bool has_word_set(const char *line, size_t end)
{
	const size_t at = skip_blanks(line, end, 0);

	return begins(line, end, at, "set ");
}

static bool is_expanded(const char *line, const struct pga_assignment *found)
{
	for (size_t i = found->start; i < found->end; i++)
		if (line[i] == '$' || line[i] == '`')
			return true;
	return false;
}

bool pga_assignment_find(const char *line, size_t length, const char *name, size_t from,
			 struct pga_assignment *found)
{
	const size_t size = strlen(name);

	for (size_t at = from; at + size < length; at++) {
		const char before = byte_at(line, length, at - 1);
		const char outer = quote_or_none(before);

		if (memcmp(line + at, name, size) != 0 || is_of_a_name(before) || before == '$' ||
		    before == '{' || before == '-')
			continue;
		found->start = value_of(line, length, at + size, has_word_set(line, at));
		if (found->start == 0)
			continue;
		find_end(line, length, outer, found);
		if (!is_expanded(line, found))
			return true;
	}
	return false;
}
