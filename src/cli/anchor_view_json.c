#include "cli/anchor_view.h"

#include "report/json.h"

#include <stdlib.h>
#include <string.h>

json_t *pga_hosts_as_json(const char *patterns)
{
	static const char between[] = " \t,";
	json_t *array = json_array();

	for (const char *at = patterns + strspn(patterns, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t length = strcspn(at, between);
		char *pattern = strndup(at, length);

		pga_json_add(array, pattern != NULL ? pga_json_text(pattern) : NULL);
		free(pattern);
		at += length;
	}
	return array;
}

json_t *pga_uses_as_json(const struct pga_use *const *uses, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		pga_json_add(array, json_pack("{s:o, s:s, s:o, s:I, s:o}", "service",
					      pga_json_text(uses[i]->entry->name), "scope",
					      pga_service_place_name(uses[i]->file->place), "file",
					      pga_json_text(uses[i]->file->path), "line",
					      (json_int_t)uses[i]->entry->line, "roots",
					      uses[i]->roots != NULL ? pga_json_text(uses[i]->roots)
								     : json_null()));
	return array;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *files_as_json(const struct pga_anchor_facts *facts,
			     const struct pga_anchor_view *view)
{
	json_t *array = json_array();

	if (facts->own == PGA_OWN_RIGHT)
		pga_json_add(array, pga_json_text(facts->path));
	if (facts->in_root_crt)
		pga_json_add(array, pga_json_text(view->root_crt));
	return array;
}

/* Files that should have the root. */
static json_t *missing_as_json(const struct pga_anchor_facts *facts,
			       const struct pga_anchor_view *view)
{
	json_t *array = json_array();

	if (facts->own != PGA_OWN_RIGHT)
		pga_json_add(array, pga_json_text(facts->path));
	if (!facts->pin->scoped && !facts->pin->system && !facts->in_root_crt)
		pga_json_add(array, pga_json_text(view->root_crt));
	return array;
}

json_t *pga_anchor_as_json(const struct pga_anchor_facts *facts, const struct pga_anchor_view *view)
{
	const struct pga_pin *pin = facts->pin;
	const struct pga_source_record none = {.kind = NULL};
	const struct pga_source_record *record = facts->record != NULL ? facts->record : &none;
	json_t *anchor = json_pack(
	    "{s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "anchor",
	    pga_json_text(pin->name), "pin", pin->pin, "system", (int)pin->system, "subject",
	    text_or_null(facts->subject), "not_before", text_or_null(facts->certificate.not_before),
	    "not_after", text_or_null(facts->not_after), "days_left",
	    facts->has_days ? json_integer(facts->days) : json_null(), "expired",
	    facts->has_days ? json_boolean(facts->days < 0) : json_null(), "hosts",
	    pga_hosts_as_json(pin->hosts), "scope",
	    pin->scoped || pin->system ? "scoped" : "root.crt");

	pga_json_set(anchor, "source", text_or_null(pga_anchor_location(facts)));
	pga_json_set(anchor, "kind", text_or_null(pga_anchor_kind(facts)));
	pga_json_set(anchor, "pinned", text_or_null(pin->pinned));
	pga_json_set(anchor, "checked", text_or_null(record->checked));
	pga_json_set(anchor, "changed", text_or_null(record->changed));
	pga_json_set(anchor, "conf", text_or_null(pin->path));
	pga_json_set(anchor, "files", files_as_json(facts, view));
	pga_json_set(anchor, "missing", missing_as_json(facts, view));
	pga_json_set(anchor, "services", pga_uses_as_json(facts->uses, facts->use_count));
	return anchor;
}
