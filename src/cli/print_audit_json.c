#include "cli/print_audit.h"

#include "report/json.h"

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *sessions_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->session_count; i++) {
		const struct pga_audit_session *item = &audit->sessions[i];
		json_t *object = json_object();

		pga_json_set(object, "pid", json_integer(item->pid));
		pga_json_set(object, "kind", text_or_null(item->kind));
		pga_json_set(object, "user", text_or_null(item->user));
		pga_json_set(object, "dbname", text_or_null(item->database));
		pga_json_set(object, "application", text_or_null(item->application));
		pga_json_set(object, "address", text_or_null(item->address));
		pga_json_set(object, "since", text_or_null(item->since));
		pga_json_set(object, "own", json_boolean(item->own));
		pga_json_set(object, "tls", item->seen ? json_boolean(item->tls) : json_null());
		pga_json_set(object, "gss", item->seen ? json_boolean(item->gss) : json_null());
		pga_json_set(object, "protocol", text_or_null(item->protocol));
		pga_json_set(object, "cipher", text_or_null(item->cipher));
		pga_json_set(object, "client", text_or_null(item->client));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *rules_of(const struct pga_audit *audit)
{
	json_t *list;

	if (!audit->rules_seen)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < audit->rule_count; i++) {
		const struct pga_audit_rule *item = &audit->rules[i];
		json_t *object = json_object();

		pga_json_set(object, "file", text_or_null(item->file));
		pga_json_set(object, "line", json_integer(item->line));
		pga_json_set(object, "type", text_or_null(item->type));
		pga_json_set(object, "databases", text_or_null(item->databases));
		pga_json_set(object, "users", text_or_null(item->users));
		pga_json_set(object, "address", text_or_null(item->address));
		pga_json_set(object, "method", text_or_null(item->method));
		pga_json_set(object, "options", text_or_null(item->options));
		pga_json_set(object, "error", text_or_null(item->error));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *settings_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->setting_count; i++) {
		const struct pga_audit_setting *item = &audit->settings[i];
		json_t *object = json_object();

		pga_json_set(object, "name", pga_json_text(item->name));
		pga_json_set(object, "value", pga_json_text(item->value));
		pga_json_set(object, "source", text_or_null(item->source));
		pga_json_set(object, "file", text_or_null(item->file));
		pga_json_set(object, "pending_restart", json_boolean(item->pending));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *outward_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->outward_count; i++) {
		const struct pga_audit_outward *item = &audit->outward[i];
		json_t *object = json_object();

		pga_json_set(object, "way", json_string(pga_audit_way_word(item->way)));
		pga_json_set(object, "name", text_or_null(item->name));
		pga_json_set(object, "dbname", text_or_null(item->database));
		pga_json_set(object, "user", text_or_null(item->user));
		pga_json_set(object, "settings", text_or_null(item->shown));
		pga_json_set(object, "enabled", json_boolean(item->enabled));
		pga_json_set(object, "allowed",
			     item->judged ? json_boolean(item->allowed) : json_null());
		pga_json_set(object, "reasons", pga_json_lines(item->why));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *chain_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->chain_length; i++) {
		const struct pga_audit_certificate *item = &audit->chain[i];
		json_t *object = json_object();

		pga_json_set(object, "subject", text_or_null(item->subject));
		pga_json_set(object, "issuer", text_or_null(item->issuer));
		pga_json_set(object, "names", text_or_null(item->names));
		pga_json_set(object, "valid_from", text_or_null(item->from));
		pga_json_set(object, "valid_to", text_or_null(item->to));
		pga_json_set(object, "key", text_or_null(item->key));
		pga_json_set(object, "signature", text_or_null(item->signature));
		pga_json_set(object, "pin", text_or_null(item->pin));
		pga_json_set(object, "weak", text_or_null(item->weak));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *refused_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->refused_count; i++) {
		const struct pga_audit_refused *item = &audit->refused[i];
		json_t *object = json_object();

		pga_json_set(object, "file", text_or_null(item->file));
		pga_json_set(object, "line", json_integer(item->line));
		pga_json_set(object, "name", text_or_null(item->name));
		pga_json_set(object, "error", text_or_null(item->why));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *callers_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->caller_count; i++) {
		const struct pga_audit_caller *item = &audit->callers[i];
		json_t *object = json_object();

		pga_json_set(object, "services", text_or_null(item->services));
		pga_json_set(object, "host", text_or_null(item->host));
		pga_json_set(object, "verified", json_boolean(item->verified));
		pga_json_set(object, "anchor", text_or_null(item->anchor));
		pga_json_set(object, "why", text_or_null(item->why));
		pga_json_add(list, object);
	}
	return list;
}

static json_t *unseen_of(const struct pga_audit *audit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->unseen_count; i++) {
		json_t *object = json_object();

		pga_json_set(object, "what", text_or_null(audit->unseen[i].what));
		pga_json_set(object, "why", text_or_null(audit->unseen[i].why));
		pga_json_set(object, "right", text_or_null(audit->unseen[i].right));
		pga_json_add(list, object);
	}
	return list;
}

/* The findings as everywhere, each with the items of the CIS benchmark. */
static json_t *findings_of(const struct pga_audit *audit)
{
	json_t *list = pga_json_findings(&audit->findings);

	for (size_t i = 0; i < json_array_size(list); i++)
		pga_json_set(json_array_get(list, i), "cis",
			     text_or_null(pga_audit_cis(audit->findings.list[i].id)));
	return list;
}

json_t *pga_audit_as_json(const struct pga_audit *audit)
{
	json_t *object = json_object();

	pga_json_set(object, "service",
		     audit->pooler ? json_null() : pga_json_text(audit->service));
	if (audit->pooler)
		pga_json_set(object, "pgbouncer", pga_json_text(audit->service));
	pga_json_set(object, "audited", json_boolean(audit->connected));
	pga_json_set(object, "findings", findings_of(audit));
	if (!audit->connected)
		return object;
	if (audit->pooler) {
		pga_json_set(object, "settings", settings_of(audit));
		pga_json_set(object, "connections", outward_of(audit));
		pga_json_set(object, "unseen", unseen_of(audit));
		return object;
	}
	pga_json_set(object, "host", text_or_null(audit->host));
	pga_json_set(object, "port", text_or_null(audit->port));
	pga_json_set(object, "address", text_or_null(audit->address));
	pga_json_set(object, "dbname", text_or_null(audit->database));
	pga_json_set(object, "user", text_or_null(audit->user));
	pga_json_set(object, "superuser", json_boolean(audit->superuser));
	pga_json_set(object, "standby", json_boolean(audit->standby));
	pga_json_set(object, "version", json_integer(audit->version));
	pga_json_set(object, "release", text_or_null(audit->release));
	pga_json_set(object, "cluster", text_or_null(audit->cluster));
	pga_json_set(object, "data_directory", text_or_null(audit->data));
	pga_json_set(object, "hba_file", text_or_null(audit->hba_file));
	pga_json_set(object, "protocol", text_or_null(audit->protocol));
	pga_json_set(object, "cipher", text_or_null(audit->cipher));
	pga_json_set(object, "root", text_or_null(audit->root));
	pga_json_set(object, "root_pin", text_or_null(audit->root_pin));
	pga_json_set(object, "anchor", text_or_null(audit->anchor));
	pga_json_set(object, "chain", chain_of(audit));
	pga_json_set(object, "callers", callers_of(audit));
	pga_json_set(object, "settings", settings_of(audit));
	pga_json_set(object, "refused_settings", refused_of(audit));
	pga_json_set(object, "rules", rules_of(audit));
	pga_json_set(object, "sessions", sessions_of(audit));
	pga_json_set(object, "connections", outward_of(audit));
	pga_json_set(object, "unseen", unseen_of(audit));
	return object;
}
