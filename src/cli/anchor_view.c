#include "cli/anchor_view.h"

#include "anchor/root_crt_path.h"
#include "anchor/known_roots.h"
#include "anchor/removal.h"
#include "base/ini.h"
#include "base/memory_file.h"
#include "cli/print_unpinned.h"

#include <openssl/asn1.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a section of the user's anchors.conf says for the reader. */
struct pga_said {
	char *subject;
	char *not_after;
};

/* As "pganchor service" does: entries are looked at as they are in their files. */
static int hide(struct pga_anchor_view *view, struct pga_error *error)
{
	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, error) != 0)
		return -1;
	return pga_hide_environment(&view->hidden) == 0 ? 0 : pga_fail_memory(error);
}

int pga_anchor_view_load(struct pga_anchor_view *view, struct pga_error *error)
{
	memset(view, 0, sizeof *view);
	if (hide(view, error) != 0 || pga_policy_load(&view->policy, error) != 0 ||
	    pga_pins_load(&view->pins, NULL, error) != 0 ||
	    pga_source_records_load(&view->records[0], false, error) != 0 ||
	    pga_source_records_load(&view->records[1], true, error) != 0 ||
	    pga_service_file_read(&view->user, PGA_SERVICE_USER, error) != 0 ||
	    pga_service_file_read(&view->system, PGA_SERVICE_SYSTEM, error) != 0)
		return -1;
	view->root_crt = pga_root_crt_path(error);
	if (view->root_crt == NULL)
		return -1;
	return pga_uses_find(&view->uses, &view->user, &view->system, &view->policy, &view->pins,
			     view->root_crt, error);
}

void pga_anchor_view_free(struct pga_anchor_view *view)
{
	for (size_t i = 0; view->said != NULL && i < view->pins.count; i++) {
		free(view->said[i].subject);
		free(view->said[i].not_after);
	}
	free(view->said);
	if (view->uses.index != NULL)
		pga_uses_free(&view->uses);
	pga_service_file_free(&view->user);
	pga_service_file_free(&view->system);
	pga_source_records_free(&view->records[0]);
	pga_source_records_free(&view->records[1]);
	pga_pins_free(&view->pins);
	pga_policy_free(&view->policy);
	pga_restore_environment(&view->hidden);
	free(view->root_crt);
	memset(view, 0, sizeof *view);
}

const struct pga_pin *pga_anchor_view_find(const struct pga_anchor_view *view, const char *name,
					   bool system, struct pga_error *error)
{
	const struct pga_pin *pin = system ? NULL : pga_pins_named(&view->pins, name);

	for (size_t i = 0; system && pin == NULL && i < view->pins.system_count; i++)
		if (strcmp(view->pins.pins[i].name, name) == 0)
			pin = &view->pins.pins[i];
	if (pin == NULL)
		(void)pga_fail_no_anchor(&view->pins, name, system, error);
	return pin;
}

/* The sections of the user's file are the user's pins, in the same order. */
static int read_said(struct pga_anchor_view *view, struct pga_error *error)
{
	const struct pga_text *content = &view->pins.file.content;
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(content), content->length, PGA_INI_CONF);
	struct pga_said *said = NULL;
	size_t next = view->pins.system_count;
	struct pga_ini_line line;

	view->said = calloc(view->pins.count + 1, sizeof *view->said);
	if (view->said == NULL)
		return pga_fail_memory(error);
	while (pga_ini_next(&reader, &line)) {
		char **value = NULL;

		if (line.kind == PGA_INI_SECTION)
			said = next < view->pins.count ? &view->said[next++] : NULL;
		if (said != NULL && line.kind == PGA_INI_SETTING)
			value = pga_ini_equals(line.name, "subject")     ? &said->subject
				: pga_ini_equals(line.name, "not-after") ? &said->not_after
									 : NULL;
		if (value == NULL || *value != NULL)
			continue;
		*value = pga_ini_copy(line.value);
		if (*value == NULL)
			return pga_fail_memory(error);
	}
	return 0;
}

/* Of an anchor without its file. */
static int take_what_is_said(struct pga_anchor_facts *facts, struct pga_anchor_view *view,
			     struct pga_error *error)
{
	const struct pga_said *said;

	if (view->said == NULL && read_said(view, error) != 0)
		return -1;
	said = &view->said[facts->pin - view->pins.pins];
	facts->subject = strdup(said->subject != NULL ? said->subject : "");
	if (facts->subject == NULL)
		return pga_fail_memory(error);
	if (said->not_after != NULL && strlen(said->not_after) < sizeof facts->not_after)
		memcpy(facts->not_after, said->not_after, strlen(said->not_after) + 1);
	return 0;
}

static void count_days(struct pga_anchor_facts *facts, const ASN1_TIME *not_after)
{
	int days;
	int seconds;

	facts->has_days = ASN1_TIME_diff(&days, &seconds, NULL, not_after) == 1;
	if (facts->has_days)
		facts->days = seconds < 0 || days < 0 ? days - 1 : days;
}

static void count_said_days(struct pga_anchor_facts *facts)
{
	char digits[PGA_CERTIFICATE_DATE];
	ASN1_TIME *date = ASN1_TIME_new();
	size_t length = 0;

	/* "2026-11-22T06:00:00Z" is "20261122060000Z" there. */
	for (const char *at = facts->not_after; *at != '\0'; at++)
		if ((*at >= '0' && *at <= '9') || *at == 'Z')
			digits[length++] = *at;
	digits[length] = '\0';
	if (date != NULL && length == 15 && ASN1_TIME_set_string(date, digits) == 1)
		count_days(facts, date);
	ASN1_TIME_free(date);
}

int pga_anchor_facts_read(struct pga_anchor_facts *facts, struct pga_anchor_view *view,
			  const struct pga_pin *pin, struct pga_error *error)
{
	memset(facts, 0, sizeof *facts);
	facts->pin = pin;
	facts->record = pga_source_records_of(&view->records[pin->system], pin->name);
	facts->path = pga_pin_own_file(pin);
	if (facts->path == NULL)
		return pga_fail_memory(error);
	errno = 0;
	facts->has_certificate = pga_known_root_read(pin, NULL, &facts->certificate);
	/* A file that there is no memory to read is not one that is missing. */
	if (!facts->has_certificate && errno == ENOMEM)
		return pga_fail_memory(error);
	if (!facts->has_certificate)
		facts->own = access(facts->path, F_OK) != 0 && errno == ENOENT ? PGA_OWN_MISSING
									       : PGA_OWN_OTHER;
	facts->in_root_crt = pga_uses_is_in_root_crt(&view->uses, pin->pin);
	if (facts->has_certificate) {
		facts->subject = strdup(facts->certificate.subject);
		memcpy(facts->not_after, facts->certificate.not_after, sizeof facts->not_after);
		count_days(facts, X509_get0_notAfter(facts->certificate.x509));
		if (facts->subject == NULL)
			return pga_fail_memory(error);
	} else if (take_what_is_said(facts, view, error) != 0) {
		return -1;
	} else {
		count_said_days(facts);
	}
	facts->uses = pga_uses_of(&view->uses, pin, &facts->use_count, error);
	return facts->uses != NULL ? 0 : -1;
}

void pga_anchor_facts_free(struct pga_anchor_facts *facts)
{
	free(facts->path);
	free(facts->subject);
	free((void *)facts->uses);
	pga_certificate_free(&facts->certificate);
	memset(facts, 0, sizeof *facts);
}

const char *pga_anchor_kind(const struct pga_anchor_facts *facts)
{
	return facts->record != NULL && facts->record->kind != NULL ? facts->record->kind : "";
}

const char *pga_anchor_location(const struct pga_anchor_facts *facts)
{
	return facts->record != NULL && facts->record->location != NULL ? facts->record->location
									: facts->pin->source;
}
