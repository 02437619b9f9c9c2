/* pganchor enable and disable: switch the gate on for a session, a shell, a machine or a service,
 * and off again. */
#include "cli/cli.h"
#include "cli/enable_checks.h"
#include "cli/enable_prepare.h"
#include "report/json.h"

#include "preload/module.h"
#include "preload/session.h"
#include "preload/enable.h"
#include "base/shell_word.h"
#include "base/terminal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	    "Exit status: 0 done, or as it was to be already; 1 failed, and nothing was "
	    "changed%s; 2 usage.\n\n"
	    "%s",
	    off ? "disable" : "enable", off ? " [-a] [-o] [-k]" : "",
	    off ? "Takes out again what pganchor enable wrote, and nothing else: your session's "
		  "and "
		  "your shell's\nlines, or what is named here.\n"
		: "Loads the gate into every program that is started from then on (LD_PRELOAD), so "
		  "that none of\nthem connects weaker than the policy. Running it again changes "
		  "nothing.\n",
	    off ? "" : " (the default)",
	    off ? "  -a, --all            all that was enabled on the machine: --system, "
		  "--ld-so-preload,\n                       and every service's drop-in\n"
		  "  -o, --own            leave lines that name the module of another "
		  "installation\n"
		  "  -k, --keep-going     take out what can be taken out, whatever cannot\n"
		: "",
	    off ? "\n(with --keep-going: what could be taken out was)" : "",
	    off ? "  pganchor disable\n  sudo pganchor disable --system --ld-so-preload\n"
		: "  pganchor enable --session --shell\n  sudo pganchor enable --unit myapp\n"
		  "  pganchor status\n");
}

/* How to have systemd read a drop-in. A template runs as its instances. systemd escapes with a
 * backslash in the names of units, which a shell would take for itself. */
static void print_next_of_unit(const struct pga_asked *asked)
{
	const char *user = asked->ways[PGA_WAY_USER_UNIT] ? "--user " : "";
	const char *at = strchr(asked->unit, '@');
	const bool template = at != NULL && (at[1] == '\0' || strcmp(at, "@.service") == 0);
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;

	if (template)
		pga_text_addf(&name, "%.*s@*", (int)(at - asked->unit), asked->unit);
	else
		pga_text_add(&name, asked->unit);
	pga_text_add_shell_word(&word, pga_text_string(&name));
	(void)printf("next:\n    systemctl %sdaemon-reload && systemctl %srestart %s%s\n", user,
		     user, asked->unit[0] == '-' ? "-- " : "", pga_text_string(&word));
	pga_text_free(&word);
	pga_text_free(&name);
}

static void print_next(const struct pga_asked *asked)
{
	if (asked->root != NULL && asked->unit == NULL)
		return; /* nothing runs there */
	if (asked->all)
		(void)printf("next: log out and in again; for a service, systemctl daemon-reload "
			     "and a restart\n");
	else if (asked->unit != NULL)
		print_next_of_unit(asked);
	else if (asked->ways[PGA_WAY_PRELOAD])
		(void)printf("every program that is started from now on %s the gate\n",
			     asked->off ? "is without" : "has");
	else if (!asked->off && asked->ways[PGA_WAY_SESSION] && !asked->ways[PGA_WAY_SHELL] &&
		 !pga_user_session_runs())
		(void)printf("next: pganchor enable --shell\n");
	else
		(void)printf("next: log out and in again%s; pganchor status says what runs with "
			     "the gate\n",
			     asked->ways[PGA_WAY_SHELL] ? ", or start a new shell" : "");
}

/* Whoever takes out what is his is not to think that his programs are without the gate. */
static void print_still_on(const struct pga_asked *asked)
{
	static const struct {
		enum pga_way way;
		const char *option;
	} others[] = {{PGA_WAY_ENVIRONMENT, "--system"},
		      {PGA_WAY_PROFILE, "--system"},
		      {PGA_WAY_PRELOAD, "--ld-so-preload"}};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct pga_switch file = {.path = NULL};
		struct pga_error error;

		/* What cannot be read is status's to say. */
		if (!asked->ways[others[i].way] &&
		    pga_switch_find(&file, others[i].way, NULL, NULL, &error) == 0 &&
		    pga_switch_look(&file, &error) == 0 && file.state != PGA_OFF)
			pga_print(stdout, "%s: %s: still on; as root: pganchor disable %s\n",
				  pga_way_name(file.way), file.path, others[i].option);
		pga_switch_end(&file);
	}
}

static int print_text(const struct pga_asked *asked, const struct pga_switch *files, size_t count,
		      int status)
{
	bool changed = false;

	for (size_t i = 0; i < count; i++) {
		const char *what = asked->off ? "it is not there" : "it is there already";

		if (asked->own && files[i].state == PGA_ON_OTHER)
			what = "another installation's, and left";
		if (files[i].changes)
			what = asked->off ? "taken out" : "written";
		if (files[i].changes && asked->dry_run)
			what = asked->off ? "would be taken out" : "would be written";
		if (files[i].failed)
			continue; /* it has been told why */
		pga_print(stdout, "%s: %s: %s\n", pga_way_name(files[i].way), files[i].path, what);
		if (asked->dry_run && (files[i].changes || !asked->off))
			(void)printf("%s", pga_text_string(&files[i].lines));
		changed = changed || files[i].changes;
	}
	if (changed && !asked->dry_run)
		print_next(asked);
	if (asked->off && asked->unit == NULL && asked->root == NULL)
		print_still_on(asked);
	return status;
}

static json_t *file_as_json(const struct pga_switch *file)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:o}", "way", pga_way_name(file->way), "path",
			 pga_json_text(file->path), "changed", (int)file->changes, "failed",
			 (int)file->failed, "lines", pga_json_lines(pga_text_string(&file->lines)));
}

static int print_json(const struct pga_asked *asked, const struct pga_switch *files, size_t count,
		      int status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (files[i].path != NULL) /* or else it has been told why */
			(void)json_array_append_new(list, file_as_json(&files[i]));
	return pga_json_print(
	    json_pack("{s:b, s:o}", "dry_run", (int)asked->dry_run, "files", list), status);
}

/* How the module is to be named, after a look at whether it may be. */
static char *find_entry(const struct pga_asked *asked)
{
	struct pga_error error;
	char *entry = NULL;

	if (pga_check_module(asked, &error) != 0 || (entry = pga_module_entry(&error)) == NULL)
		pga_print_error(&error);
	else if (asked->root != NULL)
		pga_check_image(asked);
	return entry;
}

/* Taken out in the other order: a folder that was made for two files was made for the first. */
static int apply_all(const struct pga_asked *asked, struct pga_switch *files, size_t count)
{
	struct pga_switch **order = calloc(count + 1, sizeof(struct pga_switch *));
	struct pga_error error;
	int result;

	for (size_t i = 0; order != NULL && i < count; i++)
		order[asked->off ? count - 1 - i : i] = &files[i];
	result = order != NULL ? pga_switch_apply(order, count, &error) : pga_fail_memory(&error);
	free(order);
	if (result == 0)
		return 0;
	pga_advise_root(asked, &error);
	pga_print_error(&error);
	for (size_t i = 0; i < count; i++)
		if (pga_switch_stays_changed(&files[i]))
			pga_print_warning("%s: changed all the same, and could not be taken back",
					  files[i].path);
	return -1;
}

static int switch_files(const struct pga_asked *asked, char *const *units, size_t unit_count,
			const char *entry)
{
	struct pga_switch *files = calloc(PGA_WAYS + PGA_SHELL_FILES + unit_count, sizeof *files);
	struct pga_error error;
	size_t count = 0;
	int status = PGA_EXIT_FAILED;
	bool partly;

	if (files == NULL) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return status;
	}
	partly = pga_prepare_all(asked, units, unit_count, entry, files, &count) != 0;
	if ((partly && !asked->keep_going) ||
	    (!asked->dry_run && apply_all(asked, files, count) != 0))
		goto done;
	if (!asked->off)
		pga_check_sessions(asked);
	status = partly ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
	status = asked->json ? print_json(asked, files, count, status)
			     : print_text(asked, files, count, status);
done:
	while (count > 0)
		pga_switch_end(&files[--count]);
	free(files);
	return status;
}

static int switch_all(const struct pga_asked *asked)
{
	struct pga_error error;
	size_t unit_count = 0;
	char **units = NULL;
	char *entry = NULL;
	int status = PGA_EXIT_FAILED;

	if (asked->all &&
	    pga_switch_units(PGA_WAY_UNIT, asked->root, &units, &unit_count, &error) != 0)
		pga_print_error(&error);
	else if (asked->off || (entry = find_entry(asked)) != NULL)
		status = switch_files(asked, units, unit_count, entry);
	while (unit_count > 0)
		free(units[--unit_count]);
	free(units);
	free(entry);
	return status;
}

/* A root directory has to be there: a name that was mistyped is not to become one. The machine's
 * own is none. */
static bool settle_root(struct pga_asked *asked)
{
	static const char next[] = "name a directory that is there; nothing was changed";
	struct pga_error error;
	struct stat root;
	struct stat own;

	if (stat(asked->root, &root) != 0)
		(void)pga_fail_errno(&error, next, "--root %s", asked->root);
	else if (!S_ISDIR(root.st_mode))
		(void)pga_fail(&error, next, "--root %s: not a directory", asked->root);
	else {
		if (stat("/", &own) == 0 && own.st_dev == root.st_dev && own.st_ino == root.st_ino)
			asked->root = NULL;
		return true;
	}
	pga_print_error(&error);
	return false;
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
	/* The first three are disable's. */
	static const struct option options[] = {{"all", no_argument, NULL, 'a'},
						{"keep-going", no_argument, NULL, 'k'},
						{"own", no_argument, NULL, 'o'},
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
	while ((option = getopt_long(argc, argv, off ? "aehjklnopr:su:" : "ehjlnpr:su:",
				     off ? options : options + 3, NULL)) != -1) {
		if (option == '?')
			return pga_bad_option(asked.command, argv, off ? options : options + 1);
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
	asked.own = chosen['o'];
	asked.keep_going = chosen['k'];
	settle(&asked, chosen['e'], chosen['l'], chosen['s'], chosen['p']);
	if (asked.all && (chosen['e'] || chosen['l'] || asked.unit != NULL))
		return pga_usage_error(asked.command, "--all is the machine's, and all of that");
	if (asked.root != NULL && !chosen['s'] && !chosen['p'] && !asked.all &&
	    !asked.ways[PGA_WAY_UNIT])
		return pga_usage_error(asked.command,
				       "--root is for --system, --ld-so-preload and --unit");
	if (asked.root != NULL && asked.root[0] == '\0')
		return pga_usage_error(asked.command, "--root: the name of the directory is empty");
	if (asked.root != NULL && !settle_root(&asked))
		return PGA_EXIT_FAILED;
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
