#include "audit/pgbouncer.h"

#include "audit/collect.h"
#include "base/file.h"
#include "audit/judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void pga_pgbouncer_find(struct pga_audit *audit, enum pga_finding_id id, enum pga_severity severity,
			const struct pga_pgbouncer_place *place, const char *what)
{
	pga_findings_add(&audit->findings, id, severity, PGA_AUDIT_POOLER, "%s:%ld: %s",
			 place->file, place->line, what);
	pga_findings_object(&audit->findings, "%s:%ld", place->file, place->line);
}

const char *pga_pgbouncer_value(const struct pga_pgbouncer *ini, enum pga_pgbouncer_key key)
{
	if (ini->set[key].value != NULL)
		return ini->set[key].value;
	switch (key) {
	case PGA_PGBOUNCER_AUTH_TYPE:
		return "md5";
	case PGA_PGBOUNCER_CLIENT_SSLMODE:
		return "disable";
	case PGA_PGBOUNCER_SERVER_SSLMODE:
		/* From 1.20 on; before, it was disable. */
		return "prefer";
	default:
		return "";
	}
}

bool pga_pgbouncer_is(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key,
		      const char *value)
{
	return strcasecmp(pga_pgbouncer_value(judging->ini, key), value) == 0;
}

bool pga_pgbouncer_is_set(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key)
{
	return pga_pgbouncer_value(judging->ini, key)[0] != '\0';
}

/* Where a setting stands, or would have to. */
static struct pga_pgbouncer_place place_of(const struct pga_pgbouncer *ini,
					   enum pga_pgbouncer_key key)
{
	if (ini->set[key].value != NULL)
		return ini->set[key].at;
	if (ini->section.line > 0)
		return ini->section;
	return (struct pga_pgbouncer_place){ini->files[0], 1};
}

void pga_pgbouncer_find_setting(const struct pga_pgbouncer_judging *judging, enum pga_finding_id id,
				enum pga_severity severity, enum pga_pgbouncer_key key,
				const char *better, const char *what)
{
	struct pga_findings *findings = &judging->audit->findings;
	const char *name = pga_pgbouncer_keys[key];
	const struct pga_pgbouncer_place place = place_of(judging->ini, key);

	pga_pgbouncer_find(judging->audit, id, severity, &place, what);
	if (judging->ini->set[key].value != NULL)
		pga_findings_detail(findings, "%s = %s", name, judging->ini->set[key].value);
	else if (key == PGA_PGBOUNCER_SERVER_SSLMODE)
		pga_findings_detail(findings,
				    "%s is left out: prefer; before pgbouncer 1.20, disable", name);
	else
		pga_findings_detail(findings, "%s is left out: %s", name,
				    pga_pgbouncer_value(judging->ini, key));
	if (better != NULL)
		pga_findings_hint(findings, "%s = %s", name, better);
}

static int open_file(const char *path, struct pga_text *bytes, struct pga_error *error)
{
	return pga_file_read(path, bytes, NULL, error);
}

/* ---- what was seen, for whoever reports it ---- */

static void set_nothing(struct pga_audit *audit)
{
	char **const texts[] = {&audit->host,     &audit->address, &audit->port, &audit->database,
				&audit->user,     &audit->cluster, &audit->data, &audit->hba_file,
				&audit->protocol, &audit->cipher,  &audit->root, &audit->root_pin,
				&audit->anchor};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = pga_audit_copy(audit, "");
	audit->release = pga_audit_copy(audit, "pgbouncer");
}

static void show_settings(struct pga_audit *audit, const struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		const bool set = ini->set[i].value != NULL;
		const char *value = pga_pgbouncer_value(ini, (enum pga_pgbouncer_key)i);
		struct pga_audit_setting *setting;

		if (!set && value[0] == '\0')
			continue;
		setting =
		    pga_audit_grow(audit, &audit->settings, &audit->setting_count, sizeof *setting);
		if (setting == NULL)
			return;
		setting->name = pga_audit_copy(audit, pga_pgbouncer_keys[i]);
		setting->value = pga_audit_copy(audit, value);
		setting->source = pga_audit_copy(audit, set ? "configuration file" : "default");
		setting->file = pga_audit_copy(audit, set ? ini->set[i].at.file : "");
		setting->line = set ? ini->set[i].at.line : 0;
	}
}

static void tell_missed(struct pga_audit *audit, const struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < ini->missed_count; i++) {
		struct pga_text what = PGA_TEXT_EMPTY;

		pga_text_addf(&what, "%s, which is included", ini->missed[i].path);
		pga_audit_not_seen(audit, pga_text_string(&what), ini->missed[i].why, "");
		audit->failed = audit->failed || what.failed;
		pga_text_free(&what);
	}
}

/* ---- the files ---- */

/* Of a file without continued lines, as pgbouncer reads it. */
#define HBA_VERSION 13

static void read_rules(struct pga_pgbouncer_judging *judging)
{
	const char *path = pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_AUTH_HBA_FILE);
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (strcasecmp(pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_AUTH_TYPE), "hba") != 0)
		return;
	if (pga_file_read(path, &bytes, NULL, &error) != 0 ||
	    pga_hba_read(&judging->rules, path, pga_text_string(&bytes), bytes.length, HBA_VERSION,
			 &error) != 0)
		pga_audit_not_seen(judging->audit, "the rules of auth_hba_file", error.message, "");
	else
		judging->has_rules = true;
	pga_text_wipe(&bytes);
}

static void judge(struct pga_audit *audit, const struct pga_pgbouncer *ini,
		  const struct pga_policy *policy)
{
	struct pga_pgbouncer_judging judging = {.audit = audit, .ini = ini, .policy = policy};

	set_nothing(audit);
	audit->connected = true;
	show_settings(audit, ini);
	tell_missed(audit, ini);
	read_rules(&judging);
	pga_pgbouncer_judge(&judging);
	pga_hba_free(&judging.rules);
}

/* Reports name it by a path that means the same everywhere. */
static char *whole_path(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : strdup(path);
}

struct pga_audit *pga_audit_pgbouncer(const char *path, const struct pga_policy *policy)
{
	struct pga_audit *audit = pga_audit_new(path);
	char *whole = whole_path(path);
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_pgbouncer ini;
	struct pga_error error;

	if (audit == NULL || whole == NULL) {
		free(whole);
		pga_audit_free(audit);
		return NULL;
	}
	audit->pooler = true;
	audit->now = time(NULL);
	if (open_file(path, &bytes, &error) != 0) {
		pga_findings_add(&audit->findings, PGA_NOT_AUDITED, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SERVER, "%s could not be audited", path);
		pga_findings_object(&audit->findings, "%s", path);
		pga_findings_detail(&audit->findings, "%s", error.message);
	} else {
		pga_pgbouncer_read(&ini, whole, pga_text_string(&bytes), bytes.length, open_file);
		/* For want of memory, what it names may be without a name. */
		audit->failed = ini.failed;
		if (!audit->failed)
			judge(audit, &ini, policy);
		if (!audit->failed)
			pga_audit_judge_unseen(audit);
		pga_pgbouncer_free(&ini);
	}
	pga_text_wipe(&bytes);
	free(whole);
	return audit;
}
