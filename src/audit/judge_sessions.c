/* Sessions that are weak. */
#include "audit/address.h"
#include "audit/ciphers.h"
#include "audit/collect.h"
#include "audit/judge.h"

#include <stdlib.h>
#include <string.h>

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
	const bool weak = pga_audit_is_weak_cipher(session->cipher, session->bits);

	if (old) {
		pga_findings_add(findings, PGA_SESSION_TLS_OLD, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SESSIONS, "%s speaks %s", name, session->protocol);
		pga_findings_object(findings, "%ld", session->pid);
		pga_findings_detail(findings, "%s, since %s, process %ld", session->cipher,
				    session->since, session->pid);
		pga_findings_hint(findings, "ALTER SYSTEM SET ssl_min_protocol_version = "
					    "'TLSv1.2', once the client can");
	}
	if (weak) {
		pga_findings_add(findings, PGA_SESSION_CIPHER_WEAK, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SESSIONS, "%s has the weak cipher %s", name,
				 session->cipher);
		pga_findings_object(findings, "%ld", session->pid);
		pga_findings_detail(findings, "%ld bits, since %s, process %ld", session->bits,
				    session->since, session->pid);
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
