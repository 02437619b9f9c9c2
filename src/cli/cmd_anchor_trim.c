/* pganchor anchor trim: the roots that no server needs, out of a file of many. */
#include "base/terminal.h"
#include "cli/anchor_view.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "report/json.h"
#include "service/trim.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trimming {
	const char *host;
	const char *port;
	bool force;
	bool yes;
	bool dry_run;
	bool json;

	char *path; /* of the file */
	struct pga_anchor_view view;
	struct pga_trim trim;
};

/* What an anchor's own file has besides its root joins it while its CA moves: that is no bundle. */
static int refuse_anchor(const struct pga_pin *pin, struct pga_error *error)
{
	return pga_fail(error,
			"it costs a connection no more than that root does; root.crt and the path "
			"of a file are what can be trimmed",
			"anchor %s: its own file has its root, and those alone that take its place",
			pin->name);
}

static int find_file(struct trimming *trimming, const char *word, struct pga_error *error)
{
	const struct pga_pin *pin = pga_pins_named(&trimming->view.pins, word);

	if (strcmp(word, "root.crt") == 0)
		trimming->path = strdup(trimming->view.root_crt);
	else if (strchr(word, '/') != NULL)
		trimming->path = strdup(word);
	else if (pin != NULL)
		return refuse_anchor(pin, error);
	else
		return pga_fail(error, "root.crt, or the path of a file of roots, with a / in it",
				"%s: neither root.crt nor an anchor", word);
	return trimming->path != NULL ? 0 : pga_fail_memory(error);
}

static void print_roots(FILE *stream, const struct trimming *trimming, bool done)
{
	const struct pga_trim *trim = &trimming->trim;

	for (size_t i = 0; i < trim->count; i++) {
		const struct pga_trim_root *root = &trim->roots[i];

		if (root->goes)
			continue;
		pga_print(stream, "%s %s (%s%s%s)\n", done ? "Kept" : "Keeps",
			  root->certificate.subject, root->needed ? "a server comes from it" : "",
			  root->needed && root->pin != NULL ? "; " : "",
			  root->pin != NULL ? "pinned" : "");
	}
	for (size_t i = 0; i < trim->count; i++)
		if (trim->roots[i].goes)
			pga_print(stream, "%s %s\n", done ? "Took out" : "Would take out",
				  trim->roots[i].certificate.subject);
}

static void print_unreached(FILE *stream, const struct pga_trim *trim)
{
	for (size_t i = 0; i < trim->servers.count; i++) {
		const struct pga_crl_server *server = &trim->servers.items[i];

		if (trim->uses[i] && (server->problem != NULL || server->verified == NULL))
			pga_print(stream, "Not known: %s: %s\n", server->label,
				  server->problem != NULL ? server->problem
							  : "libpq has verified no chain");
	}
}

static void print_summary(const struct trimming *trimming, bool done)
{
	const struct pga_trim *trim = &trimming->trim;

	if (trim->going == 0)
		pga_print(stdout,
			  "%s: every root in it is needed, or pinned. Nothing was changed.\n",
			  trim->path);
	else if (done)
		pga_print(stdout, "%s: %zu of %zu roots are out. As it was, it is kept in %s%s.\n",
			  trim->path, trim->going, trim->count, trim->kept,
			  trim->noted ? ", from which pganchor uninstall puts it back"
				      : "; it is not in your home, and pganchor uninstall "
					"leaves it");
	else
		pga_print(stdout, "%s: %zu of %zu roots would be out. Nothing was changed.\n",
			  trim->path, trim->going, trim->count);
}

static json_t *roots_as_json(const struct pga_trim *trim)
{
	json_t *array = json_array();

	for (size_t i = 0; i < trim->count; i++) {
		const struct pga_trim_root *root = &trim->roots[i];

		pga_json_add(
		    array, json_pack("{s:o, s:s, s:o, s:b, s:b}", "subject",
				     pga_json_text(root->certificate.subject), "pin",
				     root->certificate.pin, "anchor",
				     root->pin != NULL ? json_string(root->pin->name) : json_null(),
				     "needed", (int)root->needed, "trimmed", (int)root->goes));
	}
	return array;
}

static json_t *servers_as_json(const struct pga_trim *trim)
{
	json_t *array = json_array();

	for (size_t i = 0; i < trim->servers.count; i++) {
		const struct pga_crl_server *server = &trim->servers.items[i];

		if (trim->uses[i])
			pga_json_add(
			    array,
			    json_pack("{s:o, s:o, s:b, s:o}", "service",
				      server->service != NULL ? pga_json_text(server->service)
							      : json_null(),
				      "server", pga_json_text(server->label), "verified",
				      (int)(server->problem == NULL && server->verified != NULL),
				      "problem",
				      server->problem != NULL ? pga_json_text(server->problem)
							      : json_null()));
	}
	return array;
}

static int report(const struct trimming *trimming, bool done)
{
	const struct pga_trim *trim = &trimming->trim;

	if (trimming->json)
		return pga_json_print(
		    json_pack("{s:o, s:o, s:o, s:o, s:b}", "file", pga_json_text(trim->path),
			      "kept_in", done ? pga_json_text(trim->kept) : json_null(), "roots",
			      roots_as_json(trim), "servers", servers_as_json(trim), "dry_run",
			      (int)trimming->dry_run),
		    PGA_EXIT_DONE);
	print_roots(stdout, trimming, done);
	print_unreached(stdout, trim);
	print_summary(trimming, done);
	return PGA_EXIT_DONE;
}

/* What a server that has not answered may need, goes with a word for it alone. */
static int check(const struct trimming *trimming, struct pga_error *error)
{
	const struct pga_trim *trim = &trimming->trim;

	if (trim->asked == 0)
		return pga_fail(error, "--host names a server that is connected to without one",
				"%s: no service is verified by it, so nothing says which roots "
				"are needed",
				trim->path);
	if (trim->unreached == 0 || trimming->force)
		return 0;
	print_unreached(stderr, trim);
	return pga_fail(error, "try again when they answer; --force trims without what they need",
			"%s: %zu of %zu servers could not be verified, and may need any of the "
			"roots; nothing was changed",
			trim->path, trim->unreached, trim->asked);
}

static int ask(const struct trimming *trimming, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	print_roots(question.out, trimming, false);
	print_unreached(question.out, &trimming->trim);
	return pga_question_confirm(&question, "Take these out? Type yes: ", error);
}

static int trim(struct trimming *trimming, const char *word)
{
	const struct pga_crl_host host = {trimming->host, trimming->port, NULL};
	struct pga_crl_host asked = host;
	struct pga_trim *plan = &trimming->trim;
	struct pga_error error;

	if (pga_anchor_view_load(&trimming->view, &error) != 0 ||
	    find_file(trimming, word, &error) != 0)
		goto failed;
	asked.roots = trimming->path;
	if (pga_trim_plan(plan, trimming->path, &asked, &trimming->view.policy,
			  &trimming->view.pins, &error) != 0)
		goto failed;
	if (plan->going == 0)
		return report(trimming, false);
	if (check(trimming, &error) != 0)
		goto failed;
	if (!trimming->dry_run && !trimming->yes && !pga_question_possible())
		return pga_usage_error("anchor trim", "there is no terminal to ask on: --yes does "
						      "it, --dry-run shows what");
	if ((!trimming->dry_run && !trimming->yes && ask(trimming, &error) != 0) ||
	    pga_trim_do(plan, trimming->dry_run, &error) != 0)
		goto failed;
	return report(trimming, !trimming->dry_run);
failed:
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

static const struct pga_option options[] = {
    {.name = "host",
     .letter = 'H',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct trimming, host),
     .argument = "HOST",
     .help = "one more server than those of the services"},
    {.name = "port",
     .letter = 'p',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct trimming, port),
     .argument = "PORT",
     .help = "its port; 5432 if left out"},
    {.name = "force",
     .target = offsetof(struct trimming, force),
     .help = "although a server did not answer, which may need a root that goes"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct trimming, dry_run),
     .help = "change nothing, say what would go"},
    {.name = "yes", .target = offsetof(struct trimming, yes), .help = "do it without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct trimming, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct trimming trimming = {.force = false};
	int status;

	if (!pga_options_read(&pga_cmd_anchor_trim, argc, argv, &trimming, &status))
		return status;
	if (trimming.port != NULL && trimming.host == NULL)
		return pga_usage_error("anchor trim", "--port is that of --host");
	status = trim(&trimming, argv[optind]);
	pga_trim_end(&trimming.trim);
	pga_anchor_view_free(&trimming.view);
	free(trimming.path);
	return status;
}

const struct pga_command pga_cmd_anchor_trim = {
    .name = "anchor trim",
    .summary = "take the roots that no server needs out of a file of many",
    .usage = "root.crt | FILE [OPTION ...]",
    .about = "Every root in the file that a connection reads costs it time. Asks the servers of "
	     "all services that are verified by this file which roots they come from, and takes "
	     "the others out, but for those that are pinned. The file as it was is kept beside it, "
	     "in FILE.trimmed.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "root.crt or the path of a file",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_FILE,
    .statuses = "Exit status: 0 done, or nothing to take out; 1 failed, and nothing was changed; "
		"2 usage, and where there is no terminal to ask on.",
    .examples = "  pganchor anchor trim root.crt --dry-run\n",
    .run = run,
};
