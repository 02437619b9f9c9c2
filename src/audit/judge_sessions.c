/* Sessions and outward connections that are weak. */
#include "audit/collect.h"
#include "audit/judge.h"

#include <stdlib.h>
#include <string.h>

bool pga_audit_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}

static bool is_sender(const struct pga_audit_session *session)
{
	return strcmp(session->kind, "walsender") == 0;
}

/* "app@shop from 10.0.0.7 (psql)" */
static char *name_of(struct pga_audit *audit, const struct pga_audit_session *session)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	char *copy;

	pga_text_add(&name, session->user);
	if (session->database[0] != '\0')
		pga_text_addf(&name, "@%s", session->database);
	pga_text_addf(&name, " from %s", session->address);
	if (session->application[0] != '\0')
		pga_text_addf(&name, " (%s)", session->application);
	copy = pga_audit_copy(audit, pga_text_string(&name));
	audit->failed = audit->failed || name.failed;
	pga_text_free(&name);
	return copy;
}

static void add_plain(struct pga_audit *audit, const struct pga_audit_session *session,
		      const char *name)
{
	struct pga_findings *findings = &audit->findings;
	const bool own = pga_audit_is_loopback(session->address);
	const bool sender = is_sender(session);

	pga_findings_add(findings, sender ? PGA_STANDBY_WITHOUT_TLS : PGA_SESSION_WITHOUT_TLS,
			 own ? PGA_SEVERITY_WARNING : PGA_SEVERITY_ERROR, PGA_AUDIT_SESSIONS,
			 sender ? "%s is sent the write-ahead log without encryption"
				: "%s is not encrypted",
			 name);
	pga_findings_object(findings, "%ld", session->pid);
	pga_findings_detail(findings, "since %s, process %ld%s", session->since, session->pid,
			    own ? "; it does not leave the server's machine" : "");
	pga_findings_hint(
	    findings, "%s",
	    sender ? "give its primary_conninfo, or its subscription's connection, "
		     "sslmode=verify-full; ended as it is, it comes back as it is, or, once "
		     "TLS is required, stays away"
		   : "give it sslmode=verify-full (pganchor service harden), and require TLS: then "
		     "nobody comes in so");
}

static void add_weak(struct pga_audit *audit, const struct pga_audit_session *session,
		     const char *name)
{
	struct pga_findings *findings = &audit->findings;
	const bool old = strcmp(session->protocol, "TLSv1") == 0 ||
			 strcmp(session->protocol, "TLSv1.1") == 0 ||
			 strncmp(session->protocol, "SSL", 3) == 0;
	const bool weak = session->bits > 0 && session->bits < 128;

	if (old) {
		pga_findings_add(findings, PGA_SESSION_TLS_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SESSIONS, "%s speaks %s", name, session->protocol);
		pga_findings_object(findings, "%ld", session->pid);
		pga_findings_hint(findings, "ALTER SYSTEM SET ssl_min_protocol_version = "
					    "'TLSv1.2', once the client can");
	}
	if (weak) {
		pga_findings_add(findings, PGA_SESSION_CIPHER_WEAK, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SESSIONS, "%s has a cipher of %ld bits", name,
				 session->bits);
		pga_findings_object(findings, "%ld", session->pid);
		pga_findings_detail(findings, "%s", session->cipher);
	}
}

void pga_audit_judge_sessions(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->session_count; i++) {
		const struct pga_audit_session *session = &audit->sessions[i];
		char *name;

		if (!session->seen || session->address[0] == '\0')
			continue;
		name = name_of(audit, session);
		if (name != NULL && session->tls)
			add_weak(audit, session, name);
		else if (name != NULL && !session->gss)
			add_plain(audit, session, name);
		free(name);
	}
}

/* The reasons in a line. */
static char *in_a_line(struct pga_audit *audit, const char *lines)
{
	char *line = pga_audit_copy(audit, lines);

	for (char *at = line; at != NULL && *at != '\0'; at++)
		if (*at == '\n')
			*at = ';';
	return line;
}

static enum pga_finding_id id_of(enum pga_audit_way way)
{
	return way == PGA_AUDIT_RECEIVER       ? PGA_RECEIVER_WEAK
	       : way == PGA_AUDIT_SUBSCRIPTION ? PGA_SUBSCRIPTION_WEAK
					       : PGA_FOREIGN_SERVER_WEAK;
}

static void add_message(struct pga_audit *audit, const struct pga_audit_outward *outward)
{
	struct pga_findings *findings = &audit->findings;
	const enum pga_finding_id id =
	    outward->judged ? id_of(outward->way) : PGA_OUTWARD_NOT_JUDGED;
	const enum pga_severity severity = !outward->judged   ? PGA_SEVERITY_WARNING
					   : outward->enabled ? PGA_SEVERITY_ERROR
							      : PGA_SEVERITY_WARNING;
	const char *what = outward->judged ? "is weaker than verify-full" : "could not be judged";

	switch (outward->way) {
	case PGA_AUDIT_RECEIVER:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "the connection of this standby to its primary %s", what);
		break;
	case PGA_AUDIT_SUBSCRIPTION:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "subscription %s of database %s %s%s", outward->name,
				 outward->database, what, outward->enabled ? "" : " (disabled)");
		break;
	case PGA_AUDIT_MAPPING:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "foreign server %s of database %s, for %s, %s", outward->name,
				 outward->database, outward->user, what);
		break;
	case PGA_AUDIT_FOREIGN:
		pga_findings_add(findings, id, severity, PGA_AUDIT_OUTWARD,
				 "foreign server %s of database %s %s", outward->name,
				 outward->database, what);
		break;
	case PGA_AUDIT_POOLED:
		/* It is judged with its file. */
		break;
	}
}

static void add_hint(struct pga_findings *findings, const struct pga_audit_outward *outward)
{
	static const char mends[] = "sslmode=verify-full, and sslrootcert with the root that its "
				    "server's certificate ends in";

	if (outward->way == PGA_AUDIT_RECEIVER)
		pga_findings_hint(findings, "ALTER SYSTEM SET primary_conninfo, with %s", mends);
	else if (outward->way == PGA_AUDIT_SUBSCRIPTION)
		pga_findings_hint(findings, "ALTER SUBSCRIPTION \"%s\" CONNECTION, with %s",
				  outward->name, mends);
	else
		pga_findings_hint(findings, "ALTER SERVER \"%s\" OPTIONS, with %s", outward->name,
				  mends);
}

void pga_audit_judge_outward(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->outward_count; i++) {
		const struct pga_audit_outward *outward = &audit->outward[i];
		char *why;

		if (outward->judged && outward->allowed)
			continue;
		why = in_a_line(audit, outward->why);
		add_message(audit, outward);
		pga_findings_object(&audit->findings, "%s", outward->name);
		pga_findings_detail(&audit->findings, "%s", why != NULL ? why : "");
		if (outward->judged)
			add_hint(&audit->findings, outward);
		free(why);
	}
}
