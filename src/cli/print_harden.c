#include "cli/print_harden.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "policy/secrets.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

/* So many names are told of a certificate that has more. */
#define MOST_TOLD 4

/* ---- Text ---- */

static void warn_of_memory(void)
{
	pga_print_warning("out of memory: a line of what changes is not shown");
}

static void print_setting(FILE *stream, char sign, const char *keyword, const char *value)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	if (value == NULL)
		return;
	pga_text_add_masked(&shown, value);
	if (shown.failed)
		warn_of_memory();
	else
		pga_print(stream, "    %c %s=%s\n", sign, keyword, pga_text_string(&shown));
	pga_text_free(&shown);
}

static void print_lines(FILE *stream, const char *indent, const char *lines)
{
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length))
		pga_print(stream, "%s%.*s\n", indent, (int)length, line);
}

static void print_proof(FILE *stream, const struct pga_hardening *item)
{
	const bool several = item->hosts - item->sockets > 1;

	pga_print(stream, "      libpq verifies its server%s with these settings",
		  several ? "s" : "");
	if (item->anchor != NULL)
		pga_print(stream, ": anchor %s has signed %s", item->anchor,
			  several ? "them" : "it");
	pga_print(stream, "\n");
	if (item->sockets > 0)
		pga_print(stream, "      on a socket of this machine nothing is verified\n");
}

static void print_ready(FILE *stream, const struct pga_hardening *item, const char *path,
			enum pga_harden_step step)
{
	static const char *const words[] = {
	    [PGA_HARDEN_ASKED] = "would be hardened",
	    [PGA_HARDEN_WOULD] = "would be hardened",
	    [PGA_HARDEN_DONE] = "hardened",
	    [PGA_HARDEN_NOTHING] = "could be hardened",
	};

	pga_print(stream, "service %s in %s, line %zu: %s\n", item->name, path, item->line,
		  words[step]);
	for (size_t i = 0; i < item->change_count; i++) {
		const struct pga_harden_change *change = &item->changes[i];

		print_setting(stream, '-', change->keyword, change->before);
		print_setting(stream, '+', change->keyword, change->after);
	}
	print_lines(stream, "      ", pga_text_string(&item->why));
	print_proof(stream, item);
}

void pga_print_harden(FILE *stream, const struct pga_harden *harden, enum pga_harden_step step)
{
	for (size_t i = 0; i < harden->count; i++) {
		const struct pga_hardening *item = &harden->items[i];

		if (item->state == PGA_HARDEN_READY)
			print_ready(stream, item, harden->file.path, step);
		else if (item->state == PGA_HARDEN_STRONG && step != PGA_HARDEN_ASKED)
			pga_print(stream,
				  "service %s in %s, line %zu: as strong as the policy wants it\n",
				  item->name, harden->file.path, item->line);
	}
}

void pga_add_harden_command(const struct pga_harden *harden, const struct pga_hardening *item,
			    const char *host, struct pga_text *command)
{
	pga_text_addf(command, "pganchor service harden%s",
		      harden->wish->place == PGA_SERVICE_SYSTEM ? " --system" : "");
	if (host != NULL) {
		pga_text_add(command, " --host ");
		pga_text_add_shell_word(command, host);
	}
	pga_text_add(command, item->name[0] == '-' ? " -- " : " ");
	pga_text_add_shell_word(command, item->name);
}

/* One command for each name, the first few of them. */
static void add_names(const struct pga_harden *harden, const struct pga_hardening *item,
		      struct pga_text *hint)
{
	const char *rest = pga_text_string(&item->names);
	const char *line;
	size_t length;
	size_t told = 0;

	while (told < MOST_TOLD && pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);
		struct pga_text list = PGA_TEXT_EMPTY;

		pga_text_add(hint, told++ > 0 ? "\n    " : "");
		if (name != NULL)
			pga_harden_add_meant(item, name, &list);
		pga_add_harden_command(harden, item, pga_text_string(&list), hint);
		hint->failed = hint->failed || name == NULL || list.failed;
		pga_text_free(&list);
		free(name);
	}
}

/* What pins the root of the server's CA, which is the one of this name; NULL: that of the entry. */
static void add_bootstrap(const struct pga_hardening *item, const char *name, struct pga_text *hint)
{
	struct pga_text server = PGA_TEXT_EMPTY;

	if (name != NULL)
		pga_text_addf(&server, "%s:%u", name, item->port);
	else
		pga_text_add(&server, item->server);
	pga_text_add(hint, "pganchor bootstrap --from-server ");
	pga_text_add_shell_word(hint, pga_text_string(&server));
	if (name != NULL && item->address != NULL) {
		pga_text_add(hint, " --hostaddr ");
		pga_text_add_shell_word(hint, item->address);
	}
	hint->failed = hint->failed || server.failed;
	pga_text_free(&server);
}

/* What nothing proves is a person's to say: the names that the certificate has may be anybody's. */
static void add_pinning(const struct pga_hardening *item, struct pga_text *hint)
{
	const char *rest = pga_text_string(&item->names);
	const char *line;
	size_t length;
	size_t told = 0;
	struct pga_error error;
	char *meant;

	hint->failed = pga_harden_meant(item, &meant, &error) != 0 || hint->failed;

	pga_text_add(hint, "pin the root of its CA first, by the fingerprint that you get from who "
			   "runs it: ");
	if (meant != NULL || item->fits || item->names.length == 0) {
		add_bootstrap(item, meant, hint);
		free(meant);
		return;
	}
	pga_text_add(hint, "if it is the server that its certificate says,");
	while (told++ < MOST_TOLD && pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);

		pga_text_add(hint, "\n    ");
		if (name != NULL)
			add_bootstrap(item, name, hint);
		hint->failed = hint->failed || name == NULL;
		free(name);
	}
}

static void print_left(const struct pga_harden *harden, const struct pga_hardening *item)
{
	struct pga_text hint = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (item->state == PGA_HARDEN_NAME)
		add_names(harden, item, &hint);
	else if (item->state == PGA_HARDEN_ANCHOR)
		add_pinning(item, &hint);
	else
		pga_text_add(&hint, item->error.hint);
	(void)pga_fail(&error, pga_text_string(&hint), "service %s: left as it is: %s", item->name,
		       item->error.message);
	pga_print_error(&error);
	pga_text_free(&hint);
}

static bool is_left(const struct pga_hardening *item)
{
	return item->state != PGA_HARDEN_READY && item->state != PGA_HARDEN_STRONG;
}

void pga_print_harden_left(const struct pga_harden *harden)
{
	for (size_t i = 0; i < harden->count; i++)
		if (is_left(&harden->items[i]))
			print_left(harden, &harden->items[i]);
}

static void print_changed(char sign, const char *lines)
{
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length)) {
		struct pga_text shown = PGA_TEXT_EMPTY;

		pga_text_add_masked_line(&shown, line, strcspn(line, "\r\n"));
		if (shown.failed)
			warn_of_memory();
		else
			pga_print(stdout, "    %c %s\n", sign, pga_text_string(&shown));
		pga_text_free(&shown);
	}
}

void pga_print_unharden(const struct pga_unharden *undo, bool dry_run)
{
	for (size_t i = 0; i < undo->count; i++) {
		const struct pga_unhardening *item = &undo->items[i];

		if (item->state != PGA_UNHARDEN_RESTORED)
			continue;
		pga_print(stdout,
			  "service %s in %s, line %zu: %s as it was before it was hardened\n",
			  item->name, undo->path, item->line, dry_run ? "would be" : "is");
		print_changed('-', pga_text_string(&item->after));
		print_changed('+', pga_text_string(&item->before));
	}
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

static json_t *value_or_null(const char *value)
{
	struct pga_text shown = PGA_TEXT_EMPTY;
	json_t *json;

	if (value == NULL)
		return json_null();
	pga_text_add_masked(&shown, value);
	json = shown.failed ? NULL : pga_json_text(pga_text_string(&shown));
	pga_text_free(&shown);
	return json;
}

static json_t *changes_as_json(const struct pga_hardening *item)
{
	json_t *array = json_array();

	for (size_t i = 0; i < item->change_count; i++)
		pga_json_add(array,
			     json_pack("{s:s, s:o, s:o}", "keyword", item->changes[i].keyword,
				       "before", value_or_null(item->changes[i].before), "after",
				       value_or_null(item->changes[i].after)));
	return array;
}

static const char *state_word(const struct pga_hardening *item)
{
	static const char *const words[] = {
	    [PGA_HARDEN_STRONG] = "strong", [PGA_HARDEN_READY] = "ready",
	    [PGA_HARDEN_NAME] = "name",     [PGA_HARDEN_ANCHOR] = "anchor",
	    [PGA_HARDEN_STUCK] = "stuck",
	};

	return words[item->state];
}

static json_t *item_as_json(const struct pga_hardening *item, enum pga_harden_step step)
{
	const bool left = is_left(item);
	const bool done = item->state == PGA_HARDEN_READY && step == PGA_HARDEN_DONE;

	return json_pack(
	    "{s:o, s:i, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "service",
	    pga_json_text(item->name), "line", (int)item->line, "state", state_word(item), "weak",
	    (int)(item->weak && !done), "hardened", (int)done, "reasons",
	    pga_json_lines(pga_text_string(&item->reasons)), "changes", changes_as_json(item),
	    "anchor", text_or_null(item->anchor), "why",
	    pga_json_lines(pga_text_string(&item->why)), "names",
	    pga_json_lines(pga_text_string(&item->names)), "server", text_or_null(item->server),
	    "problem", left ? pga_json_text(item->error.message) : json_null(), "hint",
	    left && item->error.hint[0] != '\0' ? pga_json_text(item->error.hint) : json_null());
}

int pga_harden_json(const struct pga_harden *harden, enum pga_harden_step step, int status)
{
	json_t *array = json_array();
	size_t hardened = 0;
	size_t weak = 0;

	for (size_t i = 0; i < harden->count; i++) {
		const struct pga_hardening *item = &harden->items[i];
		const bool done = item->state == PGA_HARDEN_READY && step == PGA_HARDEN_DONE;

		hardened += done;
		weak += item->weak && !done;
		pga_json_add(array, item_as_json(item, step));
	}
	return pga_json_print(json_pack("{s:o, s:o, s:b, s:I, s:I}", "file",
					pga_json_text(harden->file.path), "services", array,
					"dry_run", (int)(step == PGA_HARDEN_WOULD), "hardened",
					(json_int_t)hardened, "weak", (json_int_t)weak),
			      status);
}

static json_t *lines_as_json(const struct pga_text *lines)
{
	struct pga_text shown = PGA_TEXT_EMPTY;
	const char *rest = pga_text_string(lines);
	const char *line;
	size_t length;
	json_t *json;

	while (pga_next_line(&rest, &line, &length)) {
		pga_text_add_masked_line(&shown, line, strcspn(line, "\r\n"));
		pga_text_add(&shown, "\n");
	}
	json = shown.failed ? NULL : pga_json_lines(pga_text_string(&shown));
	pga_text_free(&shown);
	return json;
}

int pga_unharden_json(const struct pga_unharden *undo, bool dry_run, int status)
{
	static const char *const words[] = {
	    [PGA_UNHARDEN_RESTORED] = "restored",
	    [PGA_UNHARDEN_CHANGED] = "changed",
	    [PGA_UNHARDEN_GONE] = "gone",
	    [PGA_UNHARDEN_UNKNOWN] = "unknown",
	};
	json_t *array = json_array();

	for (size_t i = 0; i < undo->count; i++) {
		const struct pga_unhardening *item = &undo->items[i];

		pga_json_add(array,
			     json_pack("{s:o, s:s, s:o, s:o}", "service", pga_json_text(item->name),
				       "state", words[item->state], "removed",
				       lines_as_json(&item->after), "restored",
				       lines_as_json(&item->before)));
	}
	return pga_json_print(json_pack("{s:o, s:o, s:b}", "file", text_or_null(undo->path),
					"services", array, "dry_run", (int)dry_run),
			      status);
}
