#include "cli/print_probe.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "probe/drivers.h"

#include <stdio.h>
#include <string.h>

#define DAY     86400
#define INDENT  15 /* of what is told, behind its word */
#define COLUMNS 80

int pga_probe_status(const struct pga_probe *probe)
{
	if (probe->answer != PGA_PROBE_TLS && probe->answer != PGA_PROBE_NO_TLS &&
	    probe->answer != PGA_PROBE_NO_HANDSHAKE && probe->answer != PGA_PROBE_INJECTED)
		return PGA_EXIT_FAILED;
	return probe->verified ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
}

/* Words behind each other, in lines that begin at a column; the first is there already. A word of a
 * stranger's that is longer than a line stays one. */
static void print_wrapped(size_t indent, const char *text)
{
	size_t column = indent;
	bool first = true;

	while (*text != '\0') {
		const size_t length = strcspn(text, " ");

		if (!first && column + 1 + length > COLUMNS) {
			(void)printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			(void)putchar(' ');
			column++;
		}
		pga_print(stdout, "%.*s", (int)length, text);
		column += length;
		first = false;
		text += length;
		text += strspn(text, " ");
	}
	(void)putchar('\n');
}

/* Whether memory ran out for some line: what was printed is not all of it then. */
static bool incomplete;

static void tell(const char *word, const struct pga_text *text)
{
	incomplete = incomplete || text->failed;
	(void)printf("  %-*s", INDENT - 2, word);
	print_wrapped(INDENT, pga_text_string(text));
}

static void tell_coloured(enum pga_colour colour, const char *word, const struct pga_text *text)
{
	incomplete = incomplete || text->failed;
	(void)printf("  %s%-*s%s", pga_colour(stdout, colour), INDENT - 2, word,
		     pga_colour(stdout, PGA_PLAIN));
	print_wrapped(INDENT, pga_text_string(text));
}

static void add_span(struct pga_text *text, time_t seconds)
{
	const long days = (long)(seconds / DAY);
	const long hours = (long)(seconds / 3600);

	if (seconds < 0)
		pga_text_add(text, "over");
	else if (days > 1)
		pga_text_addf(text, "%ld days left", days);
	else
		pga_text_addf(text, "%ld hour%s left", hours, hours == 1 ? "" : "s");
}

static enum pga_colour colour_of(char letter)
{
	return letter == 'A' ? PGA_GREEN : letter <= 'C' && letter >= 'B' ? PGA_YELLOW : PGA_RED;
}

static void print_heading(const struct pga_probe_target *target, const struct pga_probe *probe,
			  const struct pga_grade *grade)
{
	const bool bare = strchr(target->host, ':') == NULL;

	if (target->service != NULL)
		pga_print(stdout, "%sservice %s%s: ", pga_colour(stdout, PGA_BOLD), target->service,
			  pga_colour(stdout, PGA_PLAIN));
	pga_print(stdout, bare ? "%s:%u" : "[%s]:%u", target->host, target->port);
	if (probe->address[0] != '\0' && strcmp(probe->address, target->host) != 0)
		pga_print(stdout, " (%s)", probe->address);
	if (grade->letter == '-')
		(void)puts(": no answer");
	else
		(void)printf(": grade %s%c%s\n", pga_colour(stdout, colour_of(grade->letter)),
			     grade->letter, pga_colour(stdout, PGA_PLAIN));
}

static void print_verdict(const struct pga_probe *probe)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (probe->why != NULL) {
		pga_text_add(&text, probe->why);
		tell_coloured(PGA_RED, probe->answer == PGA_PROBE_TLS ? "not verified" : "failed",
			      &text);
		pga_text_free(&text);
		if (probe->hint != NULL) {
			pga_text_add(&text, probe->hint);
			tell("to mend it", &text);
		}
	} else if (probe->verified) {
		const struct pga_probe_certificate *root = &probe->chain[probe->length - 1];

		if (root->anchor != NULL)
			pga_text_addf(&text, "by the anchor %s, which is valid for %s",
				      root->anchor->name,
				      strcmp(root->anchor->hosts, "*") == 0 ? "every host"
									    : root->anchor->hosts);
		else
			pga_text_add(&text, "by a root that libpq trusts; it is no anchor's");
		tell_coloured(PGA_GREEN, "verified", &text);
	}
	pga_text_free(&text);
}

static void print_session(const struct pga_probe *probe)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s, %s", probe->protocol, probe->cipher);
	if (probe->group != NULL)
		pga_text_addf(&text, ", %s", probe->group);
	tell("TLS", &text);
	pga_text_free(&text);
}

static const char *named(const struct pga_probe_certificate *item)
{
	return item->certificate.subject[0] != '\0' ? item->certificate.subject : "(no subject)";
}

/* As a tree, from the server's own certificate to what has signed all of it. */
static void print_chain(const struct pga_probe *probe)
{
	for (size_t i = 0; i < probe->length; i++) {
		const struct pga_probe_certificate *item = &probe->chain[i];
		const size_t indent = INDENT + (i > 0 ? 3 * i : 0);
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_addf(&text, "%s (%s, ", named(item), item->key);
		add_span(&text, item->not_after - probe->now);
		pga_text_add(&text, item->sent ? ")" : "; not sent)");
		if (item->anchor != NULL)
			pga_text_addf(&text, " = anchor %s%s", item->anchor->name,
				      item->anchor->system ? " of the system" : "");
		else if (item->is_root)
			pga_text_add(&text, " = a root, not pinned");
		(void)printf("  %-*s%*s%s", INDENT - 2, i == 0 ? "chain" : "",
			     i > 0 ? (int)(3 * (i - 1)) : 0, "", i > 0 ? "`- " : "");
		print_wrapped(indent, pga_text_string(&text));
		incomplete = incomplete || text.failed;
		pga_text_free(&text);
	}
}

static void print_names(const struct pga_probe *probe)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (probe->names[0] != '\0')
		pga_text_add_shortened(&text, probe->names, 400);
	else
		pga_text_add(&text, "none but the common name of the subject");
	tell("names", &text);
	pga_text_free(&text);
}

static void print_end(const struct pga_probe *probe)
{
	const struct pga_probe_certificate *item = &probe->chain[probe->first_to_end];
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s, ", item->certificate.not_after);
	add_span(&text, item->not_after - probe->now);
	pga_text_addf(&text, ": %s",
		      probe->first_to_end == 0 ? "the certificate"
		      : item->is_root          ? "the root"
					       : "the intermediate");
	tell("first end", &text);
	pga_text_free(&text);
}

static void print_crl(const struct pga_probe *probe)
{
	static const char *const words[] = {
	    [PGA_PROBE_CRL_NOT_ASKED] = "libpq asks for none with these settings",
	    [PGA_PROBE_CRL_GOOD] = "none of the chain is revoked",
	    [PGA_PROBE_CRL_REVOKED] = "revoked",
	    [PGA_PROBE_CRL_MISSING] = "one is missing, so that libpq refuses the chain",
	    [PGA_PROBE_CRL_NOT_IN_DATE] = "one is out of its time, so that libpq refuses the chain",
	};
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, words[probe->crl]);
	tell("CRL", &text);
	pga_text_free(&text);
}

static void add_auth(struct pga_text *text, const struct pga_probe_startup *startup)
{
	static const char *const words[] = {
	    [PGA_ASKS_UNKNOWN] = "it did not answer",
	    [PGA_ASKS_TRUST] = "asks for nothing: lets anybody in (trust)",
	    [PGA_ASKS_CLEARTEXT] = "asks for the password itself (password, LDAP, PAM)",
	    [PGA_ASKS_MD5] = "md5",
	    [PGA_ASKS_SCRAM] = "scram-sha-256",
	    [PGA_ASKS_GSS] = "gss",
	    [PGA_ASKS_SSPI] = "sspi",
	    [PGA_ASKS_BEARER] = "oauth",
	    [PGA_ASKS_CERTIFICATE] = "asks for a client's certificate",
	    [PGA_ASKS_NO_ENTRY] = "no entry of pg_hba.conf lets it in",
	    [PGA_ASKS_REFUSED] = "refused",
	    [PGA_ASKS_NOT_UNDERSTOOD] = "what it asks for is not known here",
	};

	pga_text_add(text, words[startup->auth]);
	if (startup->auth == PGA_ASKS_REFUSED)
		pga_text_addf(text, " with SQLSTATE %s", startup->sqlstate);
}

static void print_plain(const struct pga_probe *probe)
{
	static const char asked[] = "asked with a made-up user and database";
	struct pga_text text = PGA_TEXT_EMPTY;

	switch (probe->plain) {
	case PGA_PROBE_YES:
		pga_text_add(&text, "taken: ");
		add_auth(&text, &probe->plain_startup);
		pga_text_addf(&text, " (%s)", asked);
		break;
	case PGA_PROBE_NO:
		pga_text_add(&text, "refused: ");
		add_auth(&text, &probe->plain_startup);
		pga_text_addf(&text, " (%s; others may have other entries)", asked);
		break;
	case PGA_PROBE_NOT_SAID:
		pga_text_add(&text, "could not be told");
		break;
	}
	if (probe->plain == PGA_PROBE_YES)
		tell_coloured(PGA_YELLOW, "plain text", &text);
	else
		tell("plain text", &text);
	pga_text_free(&text);
}

static void print_login(const struct pga_probe *probe)
{
	const struct pga_probe_startup *startup = &probe->tls_startup;
	struct pga_text text = PGA_TEXT_EMPTY;

	add_auth(&text, startup);
	if (startup->auth == PGA_ASKS_SCRAM) {
		if (!startup->plus)
			pga_text_add(&text, ", channel binding is not offered");
		else if (probe->no_digest != NULL)
			pga_text_addf(&text,
				      ", and libpq fails at it: channel binding has no digest for "
				      "a certificate that is signed by %s",
				      probe->no_digest);
		else
			pga_text_add(&text, ", channel binding is offered and works");
	}
	pga_text_add(&text, startup->own_user ? " (asked with the service's user and database)"
					      : " (asked with a made-up user and database)");
	if (startup->auth == PGA_ASKS_TRUST)
		tell_coloured(PGA_RED, "login", &text);
	else
		tell("login", &text);
	pga_text_free(&text);
}

static void print_others(const struct pga_probe *probe)
{
	static const char *const words[] = {
	    [PGA_PROBE_NOT_SAID] = "could not be told",
	    [PGA_PROBE_NO] = "no",
	    [PGA_PROBE_YES] = "yes",
	};
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s%s", words[probe->direct],
		      probe->was_direct ? ", and no other way" : "");
	tell("direct TLS", &text);
	pga_text_free(&text);
	pga_text_add(&text, words[probe->gss]);
	tell("GSSAPI", &text);
	pga_text_free(&text);
	if (probe->other_unnamed != PGA_PROBE_YES)
		return;
	if (probe->unnamed != NULL)
		pga_text_addf(&text, "who names no host (SNI) is shown another certificate, of %s",
			      probe->unnamed);
	else
		pga_text_add(&text, "who names no host (SNI) is shown no certificate");
	tell("SNI", &text);
	pga_text_free(&text);
}

static void add_traits(struct pga_text *text, const char *before, unsigned traits)
{
	for (unsigned trait = 0; trait < PGA_TRAIT_COUNT; trait++)
		if ((traits & 1U << trait) != 0) {
			pga_text_addf(text, "%s%s", before, pga_trait_words((enum pga_trait)trait));
			before = "; ";
		}
}

static void print_drivers(const struct pga_probe *probe, const struct pga_probe_target *target)
{
	const unsigned traits = pga_probe_traits(probe, target);
	struct pga_text good = PGA_TEXT_EMPTY;

	for (const struct pga_driver *driver = pga_drivers; driver->name != NULL; driver++)
		if (((driver->refuses | driver->unknown) & traits) == 0)
			pga_text_addf(&good, "%s%s", good.length > 0 ? ", " : "", driver->name);
	if (good.length == 0)
		pga_text_add(&good, "none");
	if ((traits & PGA_TRAITS_OF_ALL) != 0)
		add_traits(&good, ": ", traits & PGA_TRAITS_OF_ALL);
	else if (probe->length > 0 && !probe->chain[probe->length - 1].is_root)
		pga_text_add(&good, " (by its root, once it is trusted)");
	tell("drivers", &good);
	pga_text_free(&good);
	if ((traits & PGA_TRAITS_OF_ALL) != 0)
		return;
	for (const struct pga_driver *driver = pga_drivers; driver->name != NULL; driver++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		add_traits(&text, "", driver->refuses & traits);
		if (text.length > 0) {
			(void)printf("%*s", INDENT, "");
			pga_print(stdout, "not %s: ", driver->name);
			print_wrapped(INDENT + 6 + strlen(driver->name), pga_text_string(&text));
		}
		incomplete = incomplete || text.failed;
		pga_text_free(&text);
	}
}

static void print_reasons(const struct pga_grade *grade)
{
	for (size_t i = 0; i < grade->count; i++) {
		const struct pga_grade_reason *reason = &grade->reasons[i];
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_addf(&text, "%s (%s)", reason->text, reason->id);
		(void)printf("  %-*s%s%c%s  ", INDENT - 2, i == 0 ? "grade" : "",
			     pga_colour(stdout, colour_of(reason->grade)), reason->grade,
			     pga_colour(stdout, PGA_PLAIN));
		print_wrapped(INDENT + 3, pga_text_string(&text));
		incomplete = incomplete || text.failed;
		pga_text_free(&text);
	}
}

int pga_print_probe(const struct pga_probe_target *target, const struct pga_probe *probe,
		    const struct pga_grade *grade, struct pga_error *error)
{
	incomplete = false;
	print_heading(target, probe, grade);
	print_verdict(probe);
	if (probe->length > 0) {
		print_session(probe);
		print_chain(probe);
		print_names(probe);
		print_end(probe);
		print_crl(probe);
		print_login(probe);
	}
	if (probe->answer == PGA_PROBE_TLS || probe->answer == PGA_PROBE_NO_TLS)
		print_plain(probe);
	if (probe->length > 0) {
		print_others(probe);
		print_drivers(probe, target);
	}
	print_reasons(grade);
	return incomplete ? pga_fail_memory(error) : 0;
}
