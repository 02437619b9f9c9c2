/* The clients that connect to a pgbouncer, and how they log in. */
#include "audit/pgbouncer.h"

#include <string.h>
#include <strings.h>

static bool is_of_this_machine(const char *address, size_t length)
{
	return (length == 9 && strncasecmp(address, "localhost", length) == 0) ||
	       (length == 3 && memcmp(address, "::1", length) == 0) ||
	       (length > 4 && memcmp(address, "127.", 4) == 0);
}

/* With nothing said, it listens at its Unix-domain socket alone. */
bool pga_pgbouncer_listens_to_others(const struct pga_pgbouncer_judging *judging)
{
	const char *at = pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_LISTEN_ADDR);

	while (*(at += strspn(at, ", \t")) != '\0') {
		const size_t length = strcspn(at, ", \t");

		if (!is_of_this_machine(at, length))
			return true;
		at += length;
	}
	return false;
}

bool pga_pgbouncer_lets_plain_in(const struct pga_pgbouncer_judging *judging)
{
	if (!judging->remote ||
	    pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "require") ||
	    pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-ca") ||
	    pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-full"))
		return false;
	return !judging->has_rules || pga_pgbouncer_rules_let_plain_in(judging);
}

static void judge_login(const struct pga_pgbouncer_judging *judging)
{
	const enum pga_severity told = judging->plain ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING;

	if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "any") ||
	    pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "trust"))
		pga_pgbouncer_find_setting(judging, PGA_POOLER_TRUST, PGA_SEVERITY_ERROR,
					   PGA_PGBOUNCER_AUTH_TYPE, "scram-sha-256",
					   "anybody who reaches pgbouncer is whoever they say");
	else if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "plain"))
		pga_pgbouncer_find_setting(judging, PGA_POOLER_WEAK_PASSWORD, told,
					   PGA_PGBOUNCER_AUTH_TYPE, "scram-sha-256",
					   "the client sends the password itself");
	else if (judging->plain && (pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "pam") ||
				    pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "ldap")))
		pga_pgbouncer_find_setting(
		    judging, PGA_POOLER_WEAK_PASSWORD, told, PGA_PGBOUNCER_AUTH_TYPE, NULL,
		    "the client sends the password itself, also without encryption");
	else if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "md5"))
		pga_pgbouncer_find_setting(
		    judging, PGA_POOLER_WEAK_PASSWORD, PGA_SEVERITY_WARNING,
		    PGA_PGBOUNCER_AUTH_TYPE, "scram-sha-256",
		    "passwords that are not stored as SCRAM go by MD5, which can be guessed from "
		    "what is heard");
	else if (pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "hba"))
		pga_pgbouncer_judge_rules(judging);
}

void pga_pgbouncer_judge_clients(const struct pga_pgbouncer_judging *judging)
{
	if (!judging->remote)
		return;
	if (judging->plain)
		pga_pgbouncer_find_setting(
		    judging, PGA_POOLER_WITHOUT_TLS, PGA_SEVERITY_ERROR,
		    PGA_PGBOUNCER_CLIENT_SSLMODE, "require",
		    pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable")
			? "no client has TLS"
			: "clients get in without TLS");
	judge_login(judging);
}
