/* pganchor enable and disable: switch the gate on for a session, a shell, a machine or a service,
 * and off again. */
#include "cli/cli.h"
#include "cli/enable_checks.h"
#include "cli/json.h"

#include "base/subprocess.h"
#include "activate/module.h"
#include "activate/switch.h"
#include "base/terminal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(FILE *stream, bool off)
{
	(void)fprintf(
	    stream,
	    "usage: pganchor %s [-e] [-l] [-s] [-p] [-u NAME]%s [-r DIR] [-n] [-j]\n\n%s\n"
	    "  -e, --session        programs of your session, as systemd starts them%s\n"
	    "  -l, --shell          your shell (SHELL), by its start files\n"
	    "  -s, --system         everybody's sessions and login shells, in /etc\n"
	    "  -p, --ld-so-preload  every program of the machine, by /etc/ld.so.preload\n"
	    "  -u, --unit NAME      a service of systemd, by a drop-in; with --session, one of "
	    "yours\n"
	    "%s"
	    "  -r, --root DIR       the machine's files are below this folder\n"
	    "  -n, --dry-run        change nothing, and show what would be written\n"
	    "  -j, --json           report in JSON\n"
	    "  -h, --help           show this\n\n"
	    "%s",
	    off ? "disable" : "enable", off ? " [-a]" : "",
	    off ? "Takes out again what pganchor enable wrote, and nothing else: your session's "
		  "and "
		  "your shell's\nlines, or what is named here.\n"
		: "Loads the gate into every program that is started from then on (LD_PRELOAD), so "
		  "that none of\nthem connects weaker than the policy. Running it again changes "
		  "nothing.\n",
	    off ? "" : " (the default)",
	    off ? "  -a, --all            all that was enabled on the machine: --system, "
		  "--ld-so-preload,\n                       and every service's drop-in\n"
		: "",
	    off ? "  pganchor disable\n  sudo pganchor disable --system --ld-so-preload\n"
		: "  pganchor enable --session --shell\n  sudo pganchor enable --unit myapp\n"
		  "  pganchor status\n");
}

/* What the service preloads already: the last assignment of LD_PRELOAD wins in systemd, so that a
 * drop-in which did not repeat it would take it away. "" where systemd does not say. */
static char *preloaded_by_unit(const struct pga_asked *asked, bool user)
{
	const char *argv[] = {"systemctl", user ? "--user" : "--system",
			      "show",      "--property=Environment",
			      "--value",   "--",
			      NULL,        NULL};
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text value = PGA_TEXT_EMPTY;
	struct pga_subprocess child = {0};
	struct pga_error ignored;
	const char *found;

	pga_text_addf(&name, "%s%s", asked->unit,
		      strstr(asked->unit, ".service") != NULL ? "" : ".service");
	argv[6] = pga_text_string(&name);
	if (asked->root == NULL && pga_subprocess_run(argv, "", &child, &ignored) == 0 &&
	    child.status == 0) {
		found = strstr(pga_text_string(&child.output), "LD_PRELOAD=");
		if (found != NULL) {
			found += sizeof "LD_PRELOAD=" - 1;
			pga_text_add_bytes(&value, found, strcspn(found, " \n"));
		}
	}
	pga_subprocess_free(&child);
	pga_text_free(&name);
	pga_text_add(&value, "");
	return pga_text_take(&value);
}

/* The value of LD_PRELOAD for a way: the module, and for a unit what it has already. */
static char *preload_for(const struct pga_asked *asked, enum pga_way way, const char *entry,
			 struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *before = NULL;

	if (way == PGA_WAY_UNIT || way == PGA_WAY_USER_UNIT)
		before = preloaded_by_unit(asked, way == PGA_WAY_USER_UNIT);
	if (before != NULL && before[strcspn(before, "\"'\\%")] != '\0') {
		(void)pga_fail(error, "write a drop-in by hand; nothing was changed",
			       "%s preloads something that pganchor cannot add to: %s", asked->unit,
			       before);
		free(before);
		return NULL;
	}
	if (before != NULL && pga_module_is_in(before))
		return before;
	pga_text_addf(&text, "%s%s%s", entry, before != NULL && before[0] != '\0' ? ":" : "",
		      before != NULL ? before : "");
	free(before);
	if (text.failed)
		(void)pga_fail_memory(error);
	return pga_text_take(&text);
}

static int switch_on(const struct pga_asked *asked, struct pga_switch *file, const char *entry,
		     struct pga_error *error)
{
	char *preload = preload_for(asked, file->way, entry, error);
	int result;

	if (preload == NULL)
		return -1;
	result = pga_switch_on(file, preload, error);
	free(preload);
	return result;
}

static int prepare(const struct pga_asked *asked, struct pga_switch *file, enum pga_way way,
		   const char *unit, const char *entry, struct pga_error *error)
{
	if (pga_switch_find(file, way, asked->root, unit, error) != 0)
		return -1;
	if (asked->off)
		return pga_switch_off(file, error);
	if (way == PGA_WAY_UNIT && pga_check_unit(asked, error) != 0)
		return -1;
	return switch_on(asked, file, entry, error);
}

/* Takes the lines out of the start files of whatever shell has them. Where none has, that is told
 * of those of the user's. */
static int prepare_shells_off(struct pga_switch *files, size_t *count, struct pga_error *error)
{
	struct pga_shell_files all;
	struct pga_shell_files own;
	struct pga_error ignored;
	const size_t before = *count;
	int result = pga_shell_files_of_all(&all, error);

	(void)pga_shell_files(&own, &ignored);
	for (size_t i = 0; result == 0 && i < all.count; i++) {
		struct pga_switch *file = &files[(*count)++];

		result = pga_switch_find_shell(file, &all.list[i], error);
		if (result == 0)
			result = pga_switch_off(file, error);
		if (result == 0 && file->state == PGA_OFF)
			pga_switch_end(&files[--*count]);
	}
	for (size_t i = 0; result == 0 && *count == before + i && i < own.count; i++)
		result = pga_switch_find_shell(&files[(*count)++], &own.list[i], error);
	pga_shell_files_free(&all);
	pga_shell_files_free(&own);
	return result;
}

static int prepare_shells(const struct pga_asked *asked, struct pga_switch *files, size_t *count,
			  const char *entry, struct pga_error *error)
{
	struct pga_shell_files shells;
	int result;

	if (asked->off)
		return prepare_shells_off(files, count, error);
	result = pga_shell_files(&shells, error);
	for (size_t i = 0; result == 0 && i < shells.count; i++) {
		struct pga_switch *file = &files[(*count)++];

		result = pga_switch_find_shell(file, &shells.list[i], error);
		if (result == 0)
			result = switch_on(asked, file, entry, error);
	}
	pga_shell_files_free(&shells);
	return result;
}

static void print_next(const struct pga_asked *asked)
{
	const bool user = asked->ways[PGA_WAY_USER_UNIT];

	if (asked->root != NULL && asked->unit == NULL)
		return; /* nothing runs there */
	if (asked->all)
		(void)printf("next: log out and in again; for a service, systemctl daemon-reload "
			     "and a restart\n");
	else if (asked->unit != NULL)
		(void)printf("next:\n    systemctl %sdaemon-reload && systemctl %srestart %s\n",
			     user ? "--user " : "", user ? "--user " : "", asked->unit);
	else if (asked->ways[PGA_WAY_PRELOAD])
		(void)printf("every program that is started from now on %s the gate\n",
			     asked->off ? "is without" : "has");
	else
		(void)printf("next: log out and in again%s; pganchor status says what runs with "
			     "the gate\n",
			     asked->ways[PGA_WAY_SHELL] ? ", or start a new shell" : "");
}

static int print_text(const struct pga_asked *asked, const struct pga_switch *files, size_t count)
{
	bool changed = false;

	for (size_t i = 0; i < count; i++) {
		const char *what = asked->off ? "it is not there" : "it is there already";

		if (files[i].changes)
			what = asked->off ? "taken out" : "written";
		if (files[i].changes && asked->dry_run)
			what = asked->off ? "would be taken out" : "would be written";
		pga_print(stdout, "%s: %s: %s\n", pga_way_name(files[i].way), files[i].path, what);
		if (asked->dry_run && (files[i].changes || !asked->off))
			(void)printf("%s", pga_text_string(&files[i].lines));
		changed = changed || files[i].changes;
	}
	if (changed && !asked->dry_run)
		print_next(asked);
	return PGA_EXIT_DONE;
}

static int print_json(const struct pga_asked *asked, const struct pga_switch *files, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(
		    list,
		    json_pack("{s:s, s:o, s:b, s:o}", "way", pga_way_name(files[i].way), "path",
			      pga_json_text(files[i].path), "changed", (int)files[i].changes,
			      "lines", pga_json_lines(pga_text_string(&files[i].lines))));
	return pga_json_print(
	    json_pack("{s:b, s:o}", "dry_run", (int)asked->dry_run, "files", list), PGA_EXIT_DONE);
}

/* The machine's files are root's. */
static void advise_root(const struct pga_asked *asked, struct pga_error *error)
{
	if (asked->root == NULL && geteuid() != 0 && !asked->ways[PGA_WAY_SESSION] &&
	    !asked->ways[PGA_WAY_SHELL] && !asked->ways[PGA_WAY_USER_UNIT] &&
	    strstr(error->message, strerror(EACCES)) != NULL)
		(void)snprintf(error->next, sizeof error->next,
			       "run it as root, such as with sudo; nothing was changed");
}

/* Prepares every file that is asked for. *files has room for one of each way, those of the shells
 * and `units` more. */
static int prepare_all(const struct pga_asked *asked, char *const *units, size_t unit_count,
		       struct pga_switch *files, size_t *count, struct pga_error *error)
{
	char *entry = NULL;
	int result = -1;

	if (!asked->off) {
		entry = pga_module_entry(error);
		if (entry == NULL ||
		    (asked->ways[PGA_WAY_PRELOAD] && pga_check_preload(asked, error) != 0))
			goto done;
		if (asked->root != NULL)
			pga_check_image(asked);
	}
	for (int way = 0; way < PGA_WAYS; way++) {
		if (!asked->ways[way])
			continue;
		if ((way == PGA_WAY_SHELL ? prepare_shells(asked, files, count, entry, error)
					  : prepare(asked, &files[(*count)++], (enum pga_way)way,
						    asked->unit, entry, error)) != 0)
			goto done;
	}
	for (size_t i = 0; i < unit_count; i++)
		if (prepare(asked, &files[(*count)++], PGA_WAY_UNIT, units[i], entry, error) != 0)
			goto done;
	result = 0;
done:
	free(entry);
	return result;
}

static int switch_all(const struct pga_asked *asked)
{
	size_t unit_count = 0;
	char **units = asked->all ? pga_switch_units(PGA_WAY_UNIT, asked->root, &unit_count) : NULL;
	struct pga_switch *files = calloc(PGA_WAYS + PGA_SHELL_FILES + unit_count, sizeof *files);
	struct pga_error error;
	size_t count = 0;
	int status = PGA_EXIT_FAILED;

	if (files == NULL) {
		(void)pga_fail_memory(&error);
		goto failed;
	}
	if (prepare_all(asked, units, unit_count, files, &count, &error) != 0)
		goto failed;
	/* Taken out in the other order: a folder that was made for two files was made for the
	 * first.
	 */
	for (size_t i = 0; i < count && !asked->dry_run; i++)
		if (pga_switch_apply(&files[asked->off ? count - 1 - i : i], &error) != 0)
			goto failed;
	if (!asked->off)
		pga_check_sessions(asked);
	status = asked->json ? print_json(asked, files, count) : print_text(asked, files, count);
	goto done;
failed:
	advise_root(asked, &error);
	pga_print_error(&error);
done:
	while (count > 0)
		pga_switch_end(&files[--count]);
	free(files);
	while (unit_count > 0)
		free(units[--unit_count]);
	free(units);
	return status;
}

/* What the options come to. */
static void settle(struct pga_asked *asked, bool session, bool shell, bool system, bool preload)
{
	const bool none =
	    !session && !shell && !system && !preload && !asked->all && asked->unit == NULL;

	asked->ways[PGA_WAY_USER_UNIT] = asked->unit != NULL && session;
	asked->ways[PGA_WAY_UNIT] = asked->unit != NULL && !session;
	asked->ways[PGA_WAY_SESSION] = none || (session && asked->unit == NULL);
	asked->ways[PGA_WAY_SHELL] = shell || (none && asked->off);
	asked->ways[PGA_WAY_ENVIRONMENT] = asked->ways[PGA_WAY_PROFILE] = system || asked->all;
	asked->ways[PGA_WAY_PRELOAD] = preload || asked->all;
}

static int enable_or_disable(int argc, char **argv, bool off)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'},
						{"dry-run", no_argument, NULL, 'n'},
						{"help", no_argument, NULL, 'h'},
						{"json", no_argument, NULL, 'j'},
						{"ld-so-preload", no_argument, NULL, 'p'},
						{"root", required_argument, NULL, 'r'},
						{"session", no_argument, NULL, 'e'},
						{"shell", no_argument, NULL, 'l'},
						{"system", no_argument, NULL, 's'},
						{"unit", required_argument, NULL, 'u'},
						{NULL, 0, NULL, 0}};
	struct pga_asked asked = {.command = off ? "disable" : "enable", .off = off};
	bool chosen[128] = {false};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, off ? "aehjlnpr:su:" : "ehjlnpr:su:",
				     off ? options : options + 1, NULL)) != -1) {
		if (option == '?')
			return pga_bad_option(asked.command, argv);
		chosen[option & 127] = true;
		if (option == 'r')
			asked.root = optarg;
		else if (option == 'u')
			asked.unit = optarg;
	}
	if (chosen['h']) {
		print_help(stdout, off);
		return PGA_EXIT_DONE;
	}
	if (optind < argc)
		return pga_usage_error(asked.command, "%s: too many arguments", argv[optind]);
	asked.dry_run = chosen['n'];
	asked.json = chosen['j'];
	asked.all = chosen['a'];
	settle(&asked, chosen['e'], chosen['l'], chosen['s'], chosen['p']);
	if (asked.all && (chosen['e'] || chosen['l'] || asked.unit != NULL))
		return pga_usage_error(asked.command, "--all is the machine's, and all of that");
	if (asked.root != NULL && !chosen['s'] && !chosen['p'] && !asked.all &&
	    !asked.ways[PGA_WAY_UNIT])
		return pga_usage_error(asked.command,
				       "--root is for --system, --ld-so-preload and --unit");
	return switch_all(&asked);
}

int pga_cmd_enable(int argc, char **argv)
{
	return enable_or_disable(argc, argv, false);
}

int pga_cmd_disable(int argc, char **argv)
{
	return enable_or_disable(argc, argv, true);
}
