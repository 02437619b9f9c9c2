/* cli/cmd_status.c, cli/print_status.c: what is told of the gate, the ways, the policy and the
 * pins, and with which exit status. */
#include "played_status.h"

#include "cli/cli.h"
#include "cli/print_overview.h"
#include "cli/print_processes.h"
#include "diagnose/overview.h"

/* Around it, of which nothing is judged here: what doctor finds, and the one screen. */
int pga_overview_look(struct pga_overview *overview, struct pga_error *error)
{
	memset(overview, 0, sizeof *overview);
	return pga_status_look(&overview->doctor.status, error);
}

void pga_overview_free(struct pga_overview *overview)
{
	pga_status_free(&overview->doctor.status);
}

void pga_print_overview(const struct pga_overview *overview)
{
	assert_int_equal(overview->doctor.status.processes.count, 2);
	(void)puts("OVERVIEW");
}

void pga_overview_as_json(const struct pga_overview *overview, json_t *object)
{
	(void)overview;
	assert_int_equal(json_object_set_new(object, "overview", json_true()), 0);
}

static bool accepted;

static int end(void **state)
{
	(void)state;
	accepted = false;
	return 0;
}

const struct pga_acceptance *pga_accepted_for(const struct pga_accepted *all,
					      const struct pga_finding *finding, time_t now)
{
	static const struct pga_acceptance line;

	(void)all;
	(void)now;
	return accepted && finding->id == PGA_PROGRAMS_WITHOUT_GATE ? &line : NULL;
}

json_t *pga_process_as_json(const struct pga_process *process)
{
	return json_integer(process->pid);
}

void pga_print_processes(const struct pga_processes *processes)
{
	assert_int_equal(processes->count, 2);
	(void)puts("PROCESSES");
}

static int run(const char *words)
{
	int status;

	held = 0;
	grown = 0;
	status = command_prints(pga_cmd_status.run, words);
	/* Policy, pins and processes are freed whether or not they were read. */
	if (here.no_units || (no_room > 0 && no_room <= 11))
		held++;
	assert_int_equal(held, status == PGA_EXIT_USAGE || strstr(words, "-h") != NULL ? 0 : -2);
	return status;
}

/* ---- what is told ---- */

#define ACTIVE   "active here: the gate is in every program\n"
#define INACTIVE "not active here: what this shell starts has no gate\n    "
#define WAYS                                                                                       \
	"\nWAY      STATE  FILE\ndropin   off    /dropin\nsession  off    /session\nshell    off " \
	"   /.bashrc\n"                                                                            \
	"shell    off    /.profile\nmachine  off    /machine\nprofile  off    /profile\n"          \
	"preload  off    /preload\n"
#define POLICY "\npolicy: mode = enforce, other = enforce\npins: 1 of the system, 2 of yours\n"

static void all_is_well(void **state)
{
	(void)state;
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_string_equal(printed.output, ACTIVE WAYS POLICY "PROCESSES\n");
	assert_string_equal(printed.errors, "");
	here.weak = true;
	assert_int_equal(run("status --all"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, ACTIVE WAYS POLICY "PROCESSES\n2 are weak\n");
	assert_int_equal(run("status"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, "OVERVIEW\n");
	/* What somebody has accepted is told, and no more than that. */
	accepted = true;
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_non_null(strstr(printed.output, "2 are weak\n"));
	assert_int_equal(run("status"), PGA_EXIT_DONE);
}

#define ONE "; pganchor run -- PROGRAM is for one program\n"

static void whether_it_is_active_here(void **state)
{
	static const struct {
		bool bound;
		const char *preload; /* NULL: not set */
		bool session;
		const char *on[3];
		const char *said;
	} cases[] = {
	    {true, NULL, false, {NULL}, ACTIVE},
	    {true, "a.so", false, {NULL}, ACTIVE},
	    {true, "gate.so", false, {NULL}, "active here: LD_PRELOAD has the gate\n"},
	    {false,
	     "gate.so",
	     false,
	     {"/.bashrc", "/.profile"},
	     "not active here: LD_PRELOAD has the gate, and ld.so did not load it\n    pganchor "
	     "run -- "
	     "true says why\n"},
	    {false, NULL, false, {NULL}, INACTIVE "pganchor enable --help lists the ways" ONE},
	    {false,
	     "a.so",
	     false,
	     {"/preload"},
	     INACTIVE "pganchor enable --help lists the ways" ONE},
	    {false,
	     NULL,
	     false,
	     {"/.bashrc"},
	     INACTIVE
	     "it is enabled, but your shell reads /.profile, which does not have the lines: "
	     "pganchor enable --shell" ONE},
	    {false,
	     NULL,
	     false,
	     {"/.bashrc", "/.profile"},
	     INACTIVE "it is enabled: start a new shell, or log out and in again" ONE},
	    {false, NULL, true, {"/session"}, INACTIVE "it is enabled: log out and in again" ONE},
	    {false,
	     NULL,
	     true,
	     {"/machine", "/profile"},
	     INACTIVE "it is enabled: log out and in again" ONE},
	    {false,
	     NULL,
	     true,
	     {"/profile"},
	     INACTIVE "it is enabled: log out and in again, or start a login shell" ONE},
	    {false,
	     NULL,
	     false,
	     {"/profile", "/session"},
	     INACTIVE "it is enabled: log out and in again, or start a login shell" ONE},
	    {false,
	     NULL,
	     false,
	     {"/session"},
	     INACTIVE
	     "it is enabled for sessions of systemd, and none of yours runs: pganchor enable "
	     "--shell" ONE},
	    {false,
	     NULL,
	     false,
	     {"/machine"},
	     INACTIVE
	     "it is enabled for sessions of systemd, and none of yours runs: pganchor enable "
	     "--shell" ONE},
	    {false, NULL, true, {NULL}, INACTIVE "pganchor enable --help lists the ways" ONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.bound = cases[i].bound;
		here.session = cases[i].session;
		for (size_t j = 0; j < 3; j++) {
			here.files[j].path = cases[i].on[j];
			here.files[j].state = PGA_ON;
		}
		assert_int_equal(cases[i].preload != NULL
				     ? setenv("LD_PRELOAD", cases[i].preload, 1)
				     : unsetenv("LD_PRELOAD"),
				 0);
		assert_int_equal(run("status --all"),
				 cases[i].bound ? PGA_EXIT_DONE : PGA_EXIT_WEAK);
		if (strncmp(printed.output, cases[i].said, strlen(cases[i].said)) != 0 ||
		    printed.output[strlen(cases[i].said)] != '\n')
			fail_msg("case %zu: %s", i, printed.output);
	}
}

static void states_of_the_ways(void **state)
{
	(void)state;
	here.files[0].path = "/session";
	here.files[0].state = PGA_ON;
	here.files[1].path = "/.profile";
	here.files[1].state = PGA_ON_OTHER;
	here.files[2].path = "/machine";
	here.files[2].state = PGA_ON_GONE;
	here.files[3].path = "/profile";
	here.files[3].state = PGA_BY_HAND;
	here.files[4].path = "/unit/a.service";
	here.files[4].state = PGA_ON;
	here.files[5].path = "/user unit/d.service";
	here.files[5].state = PGA_BY_HAND;
	here.units[0][0] = "a.service";
	here.units[0][1] = "b.service"; /* one that has nothing of ours */
	here.units[1][0] = "c.service";
	here.units[1][1] = "d.service";
	here.unreadable = "/unit/b.service";
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_non_null(strstr(printed.output, "\nWAY        STATE             FILE\n"
					       "dropin     off               /dropin\n"
					       "session    on                /session\n"
					       "shell      off               /.bashrc\n"
					       "shell      another module    /.profile\n"
					       "machine    a missing module  /machine\n"
					       "profile    changed by hand   /profile\n"
					       "preload    off               /preload\n"
					       "unit       on                /unit/a.service\n"
					       "user unit  changed by hand   /user unit/d.service\n"
					       "\npolicy:"));
	assert_string_equal(printed.errors, "pganchor: warning: could not read /unit/b.service\n");
	/* One that is nowhere is left out. */
	here.nowhere = PGA_WAY_PRELOAD;
	here.unreadable = "/.bashrc";
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_null(strstr(printed.output, "preload"));
	assert_null(strstr(printed.output, "bashrc"));
	assert_null(strstr(printed.output, "b.service"));
	assert_string_equal(printed.errors, "pganchor: warning: could not read /.bashrc\n");
}

static void what_is_broken(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		here.policy = which == 0 ? "bad policy\033" : NULL;
		here.pins = "bad pins\033";
		assert_int_equal(run("status --all"), PGA_EXIT_WEAK);
		assert_string_equal(
		    printed.output,
		    which == 0 ? ACTIVE WAYS
			"\npolicy: every connection is refused: bad policy\\x1B\n    mend "
			"it\nPROCESSES\n"
			       : ACTIVE WAYS
			"\npolicy: every connection is refused: bad pins\\x1B\n    mend "
			"it\nPROCESSES\n");
	}
}

static void what_cannot_be_told(void **state)
{
	(void)state;
	here.processes = "could not read /proc";
	for (int json = 0; json < 2; json++) {
		assert_int_equal(run(json == 0 ? "status --all" : "status -j"), PGA_EXIT_FAILED);
		assert_string_equal(printed.errors,
				    "pganchor: could not read /proc\n    mount it\n");
		assert_string_equal(printed.output, "");
	}
	here.processes = NULL;
	here.no_units = true;
	here.units[1][0] = "a.service";
	assert_int_equal(run("status --all"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: no units\n");
}

static void want_of_memory(void **state)
{
	(void)state;
	here.units[0][0] = "a.service";
	here.units[0][1] = "b.service";
	here.units[1][0] = "c.service";
	here.units[1][1] = "d.service";
	/* Eleven ways, and that it is active. */
	for (int json = 0; json < 2; json++)
		for (no_room = 1; no_room <= 12; no_room++) {
			assert_int_equal(run(json == 1 ? "status -j" : "status --all"),
					 PGA_EXIT_FAILED);
			assert_string_equal(printed.errors, "pganchor: out of memory\n");
			assert_string_equal(printed.output, "");
			assert_int_equal(grown, no_room);
		}
	no_room = 0;
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_int_equal(grown, 12);
}

#define AUDIT "\npolicy: mode = audit, other = audit\npins: 1 of the system, 2 of yours\n"

static void what_audit_tells(void **state)
{
	static const struct {
		enum pga_log log;
		bool heard;
		const char *said;
	} cases[] = {
	    {PGA_LOG_OFF, true,
	     AUDIT "mode = audit refuses nothing, and log = off tells nobody what it would have "
		   "refused\n"},
	    {PGA_LOG_SYSLOG, false,
	     AUDIT
	     "mode = audit refuses nothing, and nothing listens at /dev/log: what it would have "
	     "refused is lost\n    start a syslog daemon (apt install rsyslog), or "
	     "systemd-journald\n"},
	    {PGA_LOG_SYSLOG, true,
	     AUDIT "mode = audit refuses nothing; pganchor log shows what it would have\n"},
	};

	(void)state;
	here.mode = PGA_MODE_AUDIT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.log = cases[i].log;
		here.heard = cases[i].heard;
		assert_int_equal(run("status --all"), PGA_EXIT_DONE);
		assert_non_null(strstr(printed.output, cases[i].said));
	}
}

static struct pga_system_place places[] = {
    {.path = (char[]){"/etc/policy.conf"}, .stamp = {.inode = 5}},
    {.path = (char[]){"/etc/p"}},
    {.path = (char[]){"/etc/policy.d"}},
    {.path = (char[]){"/etc/policy.d/a.conf"}, .stamp = {.inode = 1}},
    {.path = (char[]){"/x.other"}, .stamp = {.inode = 1}}};

static void files_of_the_policy(void **state)
{
	(void)state;
	here.places = places;
	here.place_count = COUNT(places);
	here.user.path = (char[]){"/home/policy.conf"};
	here.exempt[0] = "a";
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_non_null(
	    strstr(printed.output,
		   "\npolicy: mode = enforce, other = enforce, and allow-weak\npolicy files: "
		   "/etc/policy.conf, /etc/policy.d/ (not there), /etc/policy.d/a.conf, "
		   "/home/policy.conf (not there)\npins: 1 of the system, 2 of yours\n"));
}

static void pins_that_do_not_count(void **state)
{
	(void)state;
	here.user_anchors = PGA_REFUSE;
	assert_int_equal(run("status --all"), PGA_EXIT_DONE);
	assert_non_null(
	    strstr(printed.output,
		   "\npins: 1 of the system; yours do not count (user-anchors = refuse)\n"));
}

static void as_json(void **state)
{
	(void)state;
	here.places = places;
	here.place_count = COUNT(places);
	here.user.path = (char[]){"/home/policy.conf"};
	here.exempt[0] = "b *.example.com a";
	here.exempt[1] = "*";
	here.files[0].path = "/session";
	here.files[0].state = PGA_ON;
	here.nowhere = PGA_WAY_PRELOAD;
	assert_int_equal(setenv("LD_PRELOAD", "gate.so", 1), 0);
	assert_int_equal(run("status -j"), PGA_EXIT_DONE);
	assert_string_equal(
	    printed.output,
	    "{\n  \"active\": true,\n  \"drop_in\": false,\n  \"ld_preload\": true,\n  "
	    "\"enabled\": [\n    {\n      \"way\": \"dropin\",\n      \"path\": \"/dropin\",\n     "
	    " \"state\": \"off\"\n    },\n    {\n      "
	    "\"way\": "
	    "\"session\",\n      \"path\": \"/session\",\n      \"state\": \"on\"\n    },\n    {\n "
	    "     "
	    "\"way\": \"shell\",\n      \"path\": \"/.bashrc\",\n      \"state\": \"off\"\n    "
	    "},\n    {\n  "
	    "    \"way\": \"shell\",\n      \"path\": \"/.profile\",\n      \"state\": \"off\"\n   "
	    " },\n    "
	    "{\n      \"way\": \"machine\",\n      \"path\": \"/machine\",\n      \"state\": "
	    "\"off\"\n    "
	    "},\n    {\n      \"way\": \"profile\",\n      \"path\": \"/profile\",\n      "
	    "\"state\": "
	    "\"off\"\n    }\n  ],\n  \"policy\": {\n    \"mode\": \"enforce\",\n    \"other\": "
	    "\"enforce\",\n    \"allow-weak\": [\n      [\n        \"a\",\n        \"b\",\n        "
	    "\"*.example.com\"\n      ],\n      [\n        \"*\"\n      ]\n    ]\n  },\n  "
	    "\"policy_files\": [\n    {\n      \"path\": \"/etc/policy.conf\",\n      \"found\": "
	    "true\n    "
	    "},\n    {\n      \"path\": \"/etc/policy.d/a.conf\",\n      \"found\": true\n    },\n "
	    "   {\n   "
	    "   \"path\": \"/home/policy.conf\",\n      \"found\": false\n    }\n  ],\n  \"pins\": "
	    "3,\n  \"pins_system\": 1,\n  \"known_servers\": null,\n  "
	    "\"problem\": null,\n  \"processes\": [\n    11,\n    12\n  ],\n  \"unreadable\": 4,\n "
	    " "
	    "\"findings\": [\n    {\n      \"id\": \"gate-active\",\n      \"severity\": "
	    "\"ok\",\n      \"subject\": \"gate\",\n      \"object\": null,\n      \"message\": "
	    "\"active here\",\n "
	    "     \"detail\": \"LD_PRELOAD has the gate\",\n      \"hint\": null\n    }\n  "
	    "],\n  \"overview\": true,\n  \"warnings\": []\n}\n");
	here.pins = "bad pins";
	here.bound = false;
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
	assert_int_equal(run("status --json"), PGA_EXIT_WEAK);
	assert_non_null(
	    strstr(printed.output,
		   "\n  \"active\": false,\n  \"drop_in\": false,\n  \"ld_preload\": false,\n"));
	assert_non_null(strstr(printed.output, "\n  \"policy\": null,\n"));
	assert_non_null(strstr(printed.output, "\n  \"problem\": \"bad pins\",\n"));
	here.pins = NULL;
	here.dropped_in = true;
	assert_int_equal(run("status --json"), PGA_EXIT_DONE);
	assert_non_null(strstr(printed.output, "\n  \"active\": true,\n  \"drop_in\": true,\n"));
	assert_non_null(strstr(printed.output, "the machine's libpq is behind the gate"));
}

static void options_of_it(void **state)
{
	(void)state;
	assert_int_equal(run("status -h"), PGA_EXIT_DONE);
	assert_memory_equal(printed.output, "usage: pganchor status [--all | --json]\n", 40);
	assert_int_equal(run("status a"), PGA_EXIT_USAGE);
	assert_string_equal(
	    printed.errors,
	    "pganchor: status: a: not an option, and no argument is taken\n    see pganchor "
	    "status --help\n");
	assert_string_equal(printed.output, "");
	assert_int_equal(run("status -x"), PGA_EXIT_USAGE);
	assert_string_equal(
	    printed.errors,
	    "pganchor: status: -x: no such option\n    see pganchor status --help\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(as_json, begin),
	    cmocka_unit_test_setup_teardown(all_is_well, begin, end),
	    cmocka_unit_test_setup(whether_it_is_active_here, begin),
	    cmocka_unit_test_setup(states_of_the_ways, begin),
	    cmocka_unit_test_setup(what_is_broken, begin),
	    cmocka_unit_test_setup(what_cannot_be_told, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	    cmocka_unit_test_setup(what_audit_tells, begin),
	    cmocka_unit_test_setup(files_of_the_policy, begin),
	    cmocka_unit_test_setup(pins_that_do_not_count, begin),
	    cmocka_unit_test_setup(options_of_it, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
