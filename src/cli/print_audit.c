#include "cli/print_audit.h"

#include "base/printable.h"
#include "base/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pga_print_audit_line(FILE *out, const char *format, ...)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) >= 0)
		pga_text_add_printable(&text, line, "");
	va_end(arguments);
	(void)fprintf(out, "%s\n", pga_text_string(&text));
	pga_text_free(&text);
	free(line);
}

void pga_audit_count(struct pga_audit_counts *counts, const struct pga_audit *audit)
{
	counts->servers++;
	counts->not_audited += !audit->connected;
	for (size_t i = 0; i < audit->findings.count; i++)
		counts->findings[audit->findings.list[i].severity]++;
}

static void print_head(const struct pga_audit *audit)
{
	size_t clients = 0;
	size_t encrypted = 0;
	size_t unseen = 0;

	if (!audit->connected) {
		pga_print_audit_line(stdout, "%s", audit->service);
		return;
	}
	if (audit->pooler) {
		pga_print_audit_line(stdout, "%s: pgbouncer, %zu database%s", audit->service,
				     audit->outward_count, audit->outward_count == 1 ? "" : "s");
		return;
	}
	for (size_t i = 0; i < audit->session_count; i++) {
		clients += audit->sessions[i].address[0] != '\0';
		encrypted += audit->sessions[i].tls;
		unseen += !audit->sessions[i].seen;
	}
	pga_print_audit_line(stdout, "%s: PostgreSQL %s%s%s%s, %s port %s, as %s%s", audit->service,
			     audit->release, audit->standby ? ", a standby" : "",
			     audit->cluster[0] != '\0' ? ", " : "", audit->cluster, audit->host,
			     audit->port, audit->user, audit->superuser ? " (superuser)" : "");
	if (audit->protocol[0] != '\0')
		pga_print_audit_line(stdout, "  %s, %s, root %s%s%s%s", audit->protocol,
				     audit->cipher, audit->root,
				     audit->anchor[0] != '\0' ? " (anchor " : "", audit->anchor,
				     audit->anchor[0] != '\0' ? ")" : "");
	(void)printf("  %zu session%s over the network, %zu of them by TLS", clients,
		     clients == 1 ? "" : "s", encrypted);
	if (unseen > 0)
		(void)printf("; %zu more of which that is not seen", unseen);
	(void)putchar('\n');
}

/* ERROR MESSAGE, and below it, indented, what is known of it and what mends it. */
static void print_finding(const struct pga_finding *finding)
{
	static const enum pga_colour colours[] = {[PGA_SEVERITY_OK] = PGA_GREEN,
						  [PGA_SEVERITY_NOTE] = PGA_PLAIN,
						  [PGA_SEVERITY_WARNING] = PGA_YELLOW,
						  [PGA_SEVERITY_ERROR] = PGA_RED};
	const enum pga_colour colour = colours[finding->severity];
	const char *cis = pga_audit_cis(finding->id);

	(void)printf("    %s%-7s%s  ", pga_colour(stdout, colour),
		     pga_severity_word(finding->severity), pga_colour(stdout, PGA_PLAIN));
	pga_print_audit_line(stdout, "%s", finding->message);
	if (finding->detail != NULL)
		pga_print_audit_line(stdout, "             %s", finding->detail);
	if (finding->hint != NULL)
		pga_print_audit_line(stdout, "             -> %s", finding->hint);
	if (cis[0] != '\0')
		pga_print_audit_line(stdout, "             %s, %s", pga_finding_word(finding->id),
				     cis);
}

static const struct {
	const char *subject;
	const char *heading;
} sections[] = {
    {PGA_AUDIT_SERVER, "the server"},    {PGA_AUDIT_SETTINGS, "settings"},
    {PGA_AUDIT_CERT, "certificate"},     {PGA_AUDIT_RULES, "pg_hba.conf"},
    {PGA_AUDIT_SESSIONS, "sessions"},    {PGA_AUDIT_OUTWARD, "what the server connects to"},
    {PGA_AUDIT_POOLER, "pgbouncer.ini"}, {PGA_AUDIT_UNSEEN, "what was not seen"},
};

/* The worst first. */
static void print_section(const struct pga_findings *findings, const char *subject,
			  const char *heading)
{
	bool begun = false;

	for (int severity = PGA_SEVERITY_ERROR; severity >= PGA_SEVERITY_OK; severity--)
		for (size_t i = 0; i < findings->count; i++) {
			const struct pga_finding *finding = &findings->list[i];

			if ((int)finding->severity != severity ||
			    strcmp(finding->subject, subject) != 0)
				continue;
			if (!begun)
				(void)printf("  %s\n", heading);
			begun = true;
			print_finding(finding);
		}
}

void pga_print_audit(const struct pga_audit *audit)
{
	print_head(audit);
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		print_section(&audit->findings, sections[i].subject, sections[i].heading);
	if (!audit->connected || pga_findings_worst(&audit->findings) > PGA_SEVERITY_NOTE)
		return;
	if (audit->unseen_count == 0)
		(void)puts("  nothing is weak");
	else
		(void)printf("  nothing that was seen is weak; %zu thing%s not seen\n",
			     audit->unseen_count, audit->unseen_count == 1 ? " was" : "s were");
}

void pga_print_audit_counts(const struct pga_audit_counts *counts)
{
	if (counts->servers < 2)
		return;
	(void)printf("\n%zu servers: %zu errors, %zu warnings, %zu notes", counts->servers,
		     counts->findings[PGA_SEVERITY_ERROR], counts->findings[PGA_SEVERITY_WARNING],
		     counts->findings[PGA_SEVERITY_NOTE]);
	if (counts->not_audited > 0)
		(void)printf("; %zu could not be audited", counts->not_audited);
	(void)putchar('\n');
}
