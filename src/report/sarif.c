#include "report/sarif.h"

#include "base/text.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA                                                                \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/" \
	"sarif-schema-2.1.0.json"

/* SARIF's own words (3.27.10). */
static const char *level_of(enum pga_severity severity)
{
	static const char *const words[] = {[PGA_SEVERITY_OK] = "none",
					    [PGA_SEVERITY_NOTE] = "note",
					    [PGA_SEVERITY_WARNING] = "warning",
					    [PGA_SEVERITY_ERROR] = "error"};

	return words[severity];
}

static json_t *run_of(const json_t *log)
{
	return json_array_get(json_object_get(log, "runs"), 0);
}

/* A message object (3.11). */
static json_t *message_of(const char *text)
{
	json_t *message = json_object();

	pga_json_set(message, "text", pga_json_text(text));
	return message;
}

/* The text that was built, or NULL for want of memory. Frees it. */
static json_t *json_of(struct pga_text *text)
{
	json_t *string = text->failed ? NULL : pga_json_text(pga_text_string(text));

	pga_text_free(text);
	return string;
}

json_t *pga_sarif_begin(const char *version)
{
	json_t *log = json_object();
	json_t *driver = json_object();
	json_t *tool = json_object();
	json_t *invocation = json_object();
	json_t *invocations = json_array();
	json_t *run = json_object();
	json_t *runs = json_array();

	pga_json_set(driver, "name", json_string("pganchor"));
	pga_json_set(driver, "semanticVersion", pga_json_text(version));
	pga_json_set(driver, "rules", json_array());
	pga_json_set(tool, "driver", driver);
	pga_json_set(invocation, "executionSuccessful", json_true());
	pga_json_set(invocation, "toolExecutionNotifications", json_array());
	pga_json_add(invocations, invocation);
	pga_json_set(run, "tool", tool);
	pga_json_set(run, "columnKind", json_string("unicodeCodePoints"));
	pga_json_set(run, "invocations", invocations);
	pga_json_set(run, "results", json_array());
	pga_json_add(runs, run);
	pga_json_set(log, "$schema", json_string(SCHEMA));
	pga_json_set(log, "version", json_string("2.1.0"));
	pga_json_set(log, "runs", runs);
	return log;
}

/* ---- rules ---- */

static json_t *tags_of(const char *tags)
{
	json_t *array = json_array();

	pga_json_add(array, json_string("security"));
	while (tags != NULL && *tags != '\0') {
		const size_t length = strcspn(tags, ",");
		struct pga_text tag = PGA_TEXT_EMPTY;

		pga_text_add_bytes(&tag, tags, length);
		pga_json_add(array, json_of(&tag));
		tags += length;
		tags += strspn(tags, ", ");
	}
	return array;
}

static json_t *new_rule(const struct pga_sarif_result *result)
{
	json_t *rule = json_object();
	json_t *properties = json_object();

	pga_json_set(rule, "id", pga_json_text(result->rule));
	pga_json_set(rule, "shortDescription",
		     message_of(result->rule_text != NULL ? result->rule_text : result->rule));
	pga_json_set(properties, "tags", tags_of(result->tags));
	pga_json_set(rule, "properties", properties);
	return rule;
}

/* Where the rule stands among those of the run; it is added where it does not. */
static size_t rule_index(const json_t *run, const struct pga_sarif_result *result)
{
	const json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
	json_t *rules = json_object_get(driver, "rules");
	const size_t count = json_array_size(rules);

	for (size_t i = 0; i < count; i++) {
		const json_t *id = json_object_get(json_array_get(rules, i), "id");

		if (json_is_string(id) && strcmp(json_string_value(id), result->rule) == 0)
			return i;
	}
	pga_json_add(rules, new_rule(result));
	return count;
}

/* ---- results ---- */

/* "file:" and the path, whose bytes that a URI does not have as they are are percent-encoded (RFC
 * 8089, 3986). */
static json_t *uri_of(const char *path)
{
	struct pga_text uri = PGA_TEXT_EMPTY;

	pga_text_add(&uri, "file://");
	for (; *path != '\0'; path++) {
		const unsigned char byte = (unsigned char)*path;

		if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		    (byte >= '0' && byte <= '9') || strchr("/-._~", byte) != NULL)
			pga_text_add_bytes(&uri, path, 1);
		else
			pga_text_addf(&uri, "%%%02X", byte);
	}
	return json_of(&uri);
}

static json_t *physical_location(const struct pga_sarif_result *result)
{
	json_t *physical = json_object();
	json_t *artifact = json_object();

	pga_json_set(artifact, "uri", uri_of(result->file));
	pga_json_set(physical, "artifactLocation", artifact);
	if (result->line > 0) {
		json_t *region = json_object();

		pga_json_set(region, "startLine", json_integer(result->line));
		if (result->text != NULL)
			pga_json_set(region, "snippet", message_of(result->text));
		pga_json_set(physical, "region", region);
	}
	return physical;
}

static json_t *logical_locations(const char *server)
{
	json_t *array = json_array();
	json_t *logical = json_object();

	pga_json_set(logical, "name", pga_json_text(server));
	pga_json_set(logical, "kind", json_string("server"));
	pga_json_add(array, logical);
	return array;
}

/* An array of the one place that there is, or of none. */
static json_t *locations_of(const struct pga_sarif_result *result)
{
	json_t *locations = json_array();
	json_t *location = json_object();

	if (result->file != NULL)
		pga_json_set(location, "physicalLocation", physical_location(result));
	if (result->server != NULL)
		pga_json_set(location, "logicalLocations", logical_locations(result->server));
	if (json_object_size(location) > 0)
		pga_json_add(locations, location);
	else
		json_decref(location);
	return locations;
}

/* "MESSAGE: DETAIL. HINT" */
static json_t *words_of(const struct pga_sarif_result *result)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	json_t *message = json_object();

	pga_text_add(&words, result->message);
	if (result->detail != NULL)
		pga_text_addf(&words, ": %s", result->detail);
	if (result->hint != NULL)
		pga_text_addf(&words, "\n%s", result->hint);
	pga_json_set(message, "text", json_of(&words));
	return message;
}

static json_t *fingerprint_of(const struct pga_sarif_result *result)
{
	struct pga_text print = PGA_TEXT_EMPTY;
	const char *same = result->same != NULL   ? result->same
			   : result->text != NULL ? result->text
						  : result->message;
	json_t *prints = json_object();

	pga_text_addf(&print, "%s|%s|%s|%s", result->rule,
		      result->server != NULL ? result->server : "",
		      result->file != NULL ? result->file : "", same);
	pga_json_set(prints, "pganchor/v1", json_of(&print));
	return prints;
}

void pga_sarif_add(json_t *log, const struct pga_sarif_result *result)
{
	json_t *run = run_of(log);
	json_t *added = json_object();

	pga_json_set(added, "ruleId", pga_json_text(result->rule));
	pga_json_set(added, "ruleIndex", json_integer((json_int_t)rule_index(run, result)));
	pga_json_set(added, "level", json_string(level_of(result->severity)));
	if (result->severity == PGA_SEVERITY_OK)
		pga_json_set(added, "kind", json_string("pass"));
	pga_json_set(added, "message", words_of(result));
	pga_json_set(added, "locations", locations_of(result));
	pga_json_set(added, "partialFingerprints", fingerprint_of(result));
	pga_json_add(json_object_get(run, "results"), added);
}

void pga_sarif_not_seen(json_t *log, enum pga_severity severity, const char *server,
			const char *message)
{
	json_t *invocation = json_array_get(json_object_get(run_of(log), "invocations"), 0);
	json_t *notification = json_object();
	struct pga_text words = PGA_TEXT_EMPTY;
	json_t *said = json_object();

	pga_text_addf(&words, "%s: %s", server, message);
	pga_json_set(said, "text", json_of(&words));
	pga_json_set(notification, "level", json_string(level_of(severity)));
	pga_json_set(notification, "message", said);
	pga_json_add(json_object_get(invocation, "toolExecutionNotifications"), notification);
	if (severity == PGA_SEVERITY_ERROR)
		pga_json_set(invocation, "executionSuccessful", json_false());
}
