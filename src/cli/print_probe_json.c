#include "cli/print_probe.h"

#include "probe/drivers.h"
#include "report/json.h"

#include <string.h>

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *said(enum pga_probe_said said)
{
	return said == PGA_PROBE_NOT_SAID ? json_null() : json_boolean(said == PGA_PROBE_YES);
}

static json_t *chain_as_json(const struct pga_probe *probe)
{
	json_t *chain = json_array();

	for (size_t i = 0; i < probe->length; i++) {
		const struct pga_probe_certificate *item = &probe->chain[i];

		pga_json_add(
		    chain,
		    json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:s, s:b, s:b, s:o}", "subject",
			      pga_json_text(item->certificate.subject), "issuer",
			      pga_json_text(item->certificate.issuer), "pin", item->certificate.pin,
			      "key", pga_json_text(item->key), "signature",
			      pga_json_text(item->signature), "not_before",
			      item->certificate.not_before, "not_after",
			      item->certificate.not_after, "sent", item->sent, "root",
			      item->is_root, "anchor",
			      text_or_null(item->anchor != NULL ? item->anchor->name : NULL)));
	}
	return chain;
}

static json_t *startup_as_json(const struct pga_probe_startup *startup)
{
	if (!startup->asked)
		return json_null();
	return json_pack("{s:s, s:s, s:b, s:o}", "method", pga_probe_auth_word(startup->auth),
			 "asked_with", startup->own_user ? "service" : "made-up",
			 "channel_binding_offered", startup->plus, "sqlstate",
			 text_or_null(startup->sqlstate));
}

static json_t *drivers_as_json(const struct pga_probe *probe, const struct pga_probe_target *target)
{
	const unsigned traits = pga_probe_traits(probe, target);
	json_t *drivers = json_array();

	for (const struct pga_driver *driver = pga_drivers; driver->name != NULL; driver++) {
		json_t *reasons = json_array();

		for (unsigned trait = 0; trait < PGA_TRAIT_COUNT; trait++)
			if ((driver->refuses & traits & 1U << trait) != 0)
				pga_json_add(reasons,
					     pga_json_text(pga_trait_words((enum pga_trait)trait)));
		pga_json_add(drivers,
			     json_pack("{s:s, s:o, s:o, s:s}", "driver", driver->name, "connects",
				       (driver->refuses & traits) != 0   ? json_false()
				       : (driver->unknown & traits) != 0 ? json_null()
									 : json_true(),
				       "reasons", reasons, "known", driver->known));
	}
	return drivers;
}

static json_t *grade_as_json(const struct pga_grade *grade, json_t **reasons)
{
	const char letter[2] = {grade->letter, '\0'};

	*reasons = json_array();
	for (size_t i = 0; i < grade->count; i++) {
		const char best[2] = {grade->reasons[i].grade, '\0'};

		pga_json_add(*reasons,
			     json_pack("{s:s, s:s, s:o}", "id", grade->reasons[i].id, "grade", best,
				       "message", pga_json_text(grade->reasons[i].text)));
	}
	return grade->letter == '-' ? json_null() : json_string(letter);
}

/* NULL where the binding is not offered, or nothing is known. */
static json_t *binding(const struct pga_probe *probe)
{
	if (probe->length == 0 || !probe->tls_startup.plus)
		return json_null();
	return json_boolean(probe->no_digest == NULL);
}

static void add_tls(json_t *report, const struct pga_probe *probe)
{
	pga_json_set(report, "protocol", text_or_null(probe->protocol));
	pga_json_set(report, "cipher", text_or_null(probe->cipher));
	pga_json_set(report, "key_exchange", text_or_null(probe->group));
	pga_json_set(report, "names", text_or_null(probe->names));
	pga_json_set(report, "chain", chain_as_json(probe));
	pga_json_set(report, "not_after",
		     probe->length > 0
			 ? json_string(probe->chain[probe->first_to_end].certificate.not_after)
			 : json_null());
	pga_json_set(report, "days_left",
		     probe->length > 0 ? json_integer((probe->earliest - probe->now) / 86400)
				       : json_null());
	pga_json_set(report, "crl",
		     probe->length > 0 ? json_string(pga_probe_crl_word(probe->crl)) : json_null());
	pga_json_set(report, "wants_client_certificate",
		     probe->length > 0 ? json_boolean(probe->wants_certificate) : json_null());
}

json_t *pga_probe_as_json(const struct pga_probe_target *target, const struct pga_probe *probe,
			  const struct pga_grade *grade)
{
	json_t *reasons;
	json_t *letter = grade_as_json(grade, &reasons);
	json_t *report =
	    json_pack("{s:o, s:o, s:I, s:o, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o}", "service",
		      text_or_null(target->service), "host", pga_json_text(target->host), "port",
		      (json_int_t)target->port, "address", text_or_null(probe->address), "answer",
		      pga_probe_answer_word(probe->answer), "verified", probe->verified,
		      "verified_by_libpq", probe->verified_by_libpq, "fault",
		      pga_probe_fault_word(probe->fault), "problem", text_or_null(probe->why),
		      "hint", text_or_null(probe->hint), "grade", letter, "reasons", reasons);

	if (report == NULL)
		return NULL;
	add_tls(report, probe);
	pga_json_set(report, "login", startup_as_json(&probe->tls_startup));
	pga_json_set(report, "channel_binding_works", binding(probe));
	pga_json_set(report, "plain_text", said(probe->plain));
	pga_json_set(report, "plain_text_login", startup_as_json(&probe->plain_startup));
	pga_json_set(report, "gss_encryption", said(probe->gss));
	pga_json_set(report, "direct_tls", said(probe->direct));
	pga_json_set(report, "other_certificate_without_name", said(probe->other_unnamed));
	pga_json_set(report, "certificate_without_name", text_or_null(probe->unnamed));
	pga_json_set(report, "drivers", drivers_as_json(probe, target));
	pga_json_set(report, "seconds",
		     json_pack("{s:f, s:f, s:f, s:f}", "resolve", probe->resolved, "connect",
			       probe->connected, "handshake", probe->shaken, "all", probe->all));
	return report;
}
