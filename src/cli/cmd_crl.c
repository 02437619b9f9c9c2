/* pganchor crl: certificate revocation lists. */
#include "cli/cmd_crl.h"

#include "base/memory_file.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/question.h"
#include "policy/linked.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_crl_add, &pga_cmd_crl_list, &pga_cmd_crl_refresh, &pga_cmd_crl_remove, NULL,
};

static const struct pga_habit habits[] = {
    {"install", "add"}, {"ls", "list"},       {"show", "list"},     {"update", "refresh"},
    {"rm", "remove"},   {"delete", "remove"}, {"fetch", "refresh"}, {NULL, NULL},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_crl = {
    .name = "crl",
    .summary = "revocation lists that libpq can use: add, list, refresh, remove",
    .about = "A CRL names the certificates that a CA has taken back before their time. libpq looks "
	     "into ~/.postgresql/root.crl, or the file that sslcrl names, and where it finds any "
	     "CRL there, it wants one, in date, of every CA of a server's chain, or refuses the "
	     "server. So each CRL is tried on the servers of all services before it is put in "
	     "place. What is the machine's, /etc and pg_service.conf there, stays as it is: libpq "
	     "reads no CRL for all users.",
    .examples = "  pganchor crl add\n"
		"  pganchor crl add root.crl http://ca.example.com/intermediate.crl\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

/* Of the shell's settings alone: what libpq reads here, and nowhere else. */
static char *variables[2];
static const char *const names[2] = {"PGSSLCRL", "PGSSLCRLDIR"};

void pga_warn_of_crl_variables(void)
{
	for (size_t i = 0; i < 2; i++)
		if (variables[i] != NULL && variables[i][0] != '\0')
			pga_print_warning("%s=%s: in this shell, libpq reads its CRLs there, and "
					  "not in ~/.postgresql/root.crl",
					  names[i], variables[i]);
}

/* Every entry is looked at as it is in its file, whatever this shell's environment says. */
static int run(int argc, char **argv)
{
	struct pga_hidden_environment hidden;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	for (size_t i = 0; i < 2; i++) {
		const char *value = getenv(names[i]);

		variables[i] = value != NULL ? strdup(value) : NULL;
	}
	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) != 0) {
		pga_print_error(&error);
	} else if (pga_hide_environment(&hidden) != 0) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
	} else {
		status = pga_commands_run(&pga_cmd_crl, argc, argv);
		pga_restore_environment(&hidden);
	}
	for (size_t i = 0; i < 2; i++)
		free(variables[i]);
	return status;
}

void pga_print_crl_lines(FILE *stream, const char *before, const char *lines)
{
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length))
		pga_print(stream, "%s%.*s\n", before, (int)length, line);
}

void pga_warn_of_crl_lines(const char *before, const char *lines, const char *behind)
{
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length))
		pga_print_warning("%s%.*s%s", before, (int)length, line, behind);
}

int pga_ask_about_crls(const char *first, const char *question, const char *why, const char *way,
		       struct pga_error *error)
{
	struct pga_question asking;
	struct pga_answer answer;
	int result;

	if (!pga_question_possible())
		return pga_fail(error, way, "%s", why);
	if (pga_question_begin(&asking, way, error) != 0)
		return -1;
	pga_print_crl_lines(asking.out, "", first);
	result = pga_question_ask(&asking, question, &answer, error);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, way, "not wanted by you; nothing was changed");
	pga_question_end(&asking);
	return result;
}

long pga_crl_days_left(time_t then)
{
	const double seconds = difftime(then, time(NULL));

	return seconds < 0 ? -(long)(-seconds / 86400) - 1 : (long)(seconds / 86400);
}
