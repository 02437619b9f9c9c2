/* diagnose/audit_log_sources.c: the records of the audit log in systemd's journal. */
#include "reading_records.h"

#include "base/subprocess.h"

/* ---- journalctl, as the test plays it ---- */

static struct {
	const char *answer;
	size_t at_once; /* bytes */
	int status;
	const char *errors;  /* NULL: it says nothing there */
	const char *failure; /* NULL: it is started */
	const char *hint;
	/* What it was asked. */
	char asked[400];
	unsigned seconds;
	bool refused;
} journalctl;

int pga_subprocess_stream(unsigned seconds, const char *const *argv, pga_subprocess_take *take,
			  void *context, struct pga_subprocess *child, struct pga_error *failure)
{
	const size_t length = strlen(journalctl.answer);

	journalctl.seconds = seconds;
	journalctl.asked[0] = '\0';
	for (; *argv != NULL; argv++) {
		(void)strcat(journalctl.asked, *argv);
		(void)strcat(journalctl.asked, " ");
	}
	memset(child, 0, sizeof *child);
	child->status = journalctl.status;
	if (journalctl.errors != NULL)
		pga_text_add(&child->errors, journalctl.errors);
	if (journalctl.failure != NULL)
		return pga_fail(failure, journalctl.hint, "%s", journalctl.failure);
	for (size_t at = 0; at < length; at += journalctl.at_once) {
		const size_t rest = length - at;

		journalctl.refused = !take(context, journalctl.answer + at,
					   rest < journalctl.at_once ? rest : journalctl.at_once);
		if (journalctl.refused)
			return pga_fail(failure, NULL, "refused");
	}
	return 0;
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->output);
	pga_text_free(&child->errors);
}

static void play(const char *answer)
{
	memset(&journalctl, 0, sizeof journalctl);
	journalctl.answer = answer;
	journalctl.at_once = 4096;
}

/* ---- the journal ---- */

static void is_it_the_journal(void **state)
{
	static const struct {
		const char *path; /* of what there is; with a slash at its end, a directory */
		const char *call; /* that fails, NULL: none does */
		const char *denied;
		int code;
		bool journal;
	} cases[] = {
	    {"/var/log/journal/0a/system.journal", NULL, NULL, 0, true},
	    {"/run/log/journal/0a/user-1000.journal", NULL, NULL, 0, true},
	    {"/var/log/journal/0a/system@1.journal~", NULL, NULL, 0, true},
	    {"/var/log/journal/0a/system.other", NULL, NULL, 0, false},
	    {"/var/log/journal/.a/system.journal", NULL, NULL, 0, false},
	    {"/var/log/journal/system.journal", NULL, NULL, 0, false},
	    {"/var/log/journal/0a/", NULL, NULL, 0, false},
	    {"/var/log/journal/", NULL, NULL, 0, false},
	    {"/run/log/journal/", NULL, NULL, 0, false},
	    /* What cannot be looked into may well hold some. */
	    {"/var/log/journal/", "opendir", "/var/log/journal", EACCES, true},
	    {"/run/log/journal/", "opendir", "/run/log/journal", EACCES, true},
	    {"/var/log/journal/", "opendir", "/var/log/journal", ENOENT, false},
	    {"/var/log/journal/0a/x", "opendir", "/var/log/journal/0a", EACCES, true},
	    {"/var/log/journal/0a/x", "opendir", "/var/log/journal/0a", ENOENT, false},
	};

	(void)state;
	play("");
	for (int with_file = 0; with_file < 2; with_file++)
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct pga_records records;

			assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
			if (with_file == 1)
				put_moved("/var/log/syslog", LINE);
			put_moved(cases[i].path, "");
			deny(cases[i].call, cases[i].denied, cases[i].code);
			assert_int_equal(read_records(&records, NULL, 0), 0);
			/* Where there is no file, it is the journal, though it be empty. */
			if (strcmp(records.source, cases[i].journal || with_file == 0
						       ? "the journal"
						       : "/var/log/syslog") != 0)
				fail_msg("%s %d: %s", cases[i].path, with_file, records.source);
			pga_records_free(&records);
		}
	deny(NULL, NULL, 0);
	assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
	assert_fails(NULL,
		     "no log: there is neither a journal nor a file of a syslog daemon in /var/log",
		     OTHER_FILE);
}

#define MESSAGE                                                                  \
	"\"MESSAGE\":\"audit: time=\\\"100\\\" program=\\\"p\\\" pid=\\\"7\\\" " \
	"reasons=\\\"r\\\"\""
#define ENTRY "{" MESSAGE ",\"_UID\":\"10\",\"_PID\":\"20\",\"_EXE\":\"/bin/p\"}"

static void a_journal(void)
{
	put_moved("/run/log/journal/0a/system.journal", "");
}

static void what_is_asked(void **state)
{
	static const char always[] =
	    "journalctl --no-pager --quiet --all -o json "
	    "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_TRANSPORT,_UID,_PID,_EXE -t pganchor ";
	static const struct {
		time_t since;
		const char *more;
	} cases[] = {{0, ""}, {1, "--since=@1 "}, {100, "--since=@100 "}};

	(void)state;
	a_journal();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_records records;

		play("");
		assert_int_equal(read_records(&records, NULL, cases[i].since), 0);
		assert_memory_equal(journalctl.asked, always, strlen(always));
		assert_string_equal(journalctl.asked + strlen(always), cases[i].more);
		assert_int_equal(journalctl.seconds, 60);
		assert_string_equal(records.source, "the journal");
		assert_null(records.unread);
		assert_int_equal(records.count, 0);
		pga_records_free(&records);
	}
}

static void entries_of_the_journal(void **state)
{
	static const struct {
		const char *entry;
		unsigned long count;
		unsigned long unreadable;
		long uid;
		long pid;
		const char *exe;
	} cases[] = {
	    {ENTRY, 1, 0, 10, 20, "/bin/p"},
	    {"{" MESSAGE "}", 1, 0, -1, 7, ""},
	    {"{" MESSAGE ",\"_UID\":\"0\",\"_PID\":\"1\"}", 1, 0, 0, 1, ""},
	    {"{" MESSAGE ",\"_UID\":\"-2\",\"_PID\":\"-1\"}", 1, 0, -1, 7, ""},
	    {"{" MESSAGE ",\"_UID\":\"\",\"_PID\":\"\"}", 1, 0, -1, 7, ""},
	    {"{" MESSAGE ",\"_UID\":\"1x\",\"_PID\":\"x\"}", 1, 0, -1, 7, ""},
	    {"{" MESSAGE ",\"_UID\":1,\"_PID\":2,\"_EXE\":3}", 1, 0, -1, 7, ""},
	    {"{" MESSAGE ",\"SYSLOG_IDENTIFIER\":\"pganchor\",\"_TRANSPORT\":\"syslog\"}", 1, 0, -1,
	     7, ""},
	    /* By another way, or of another sender. */
	    {"{" MESSAGE ",\"SYSLOG_IDENTIFIER\":\"other\",\"_TRANSPORT\":\"syslog\"}", 0, 0, 0, 0,
	     NULL},
	    {"{" MESSAGE ",\"SYSLOG_IDENTIFIER\":\"pganchor\",\"_TRANSPORT\":\"stdout\"}", 0, 0, 0,
	     0, NULL},
	    {"{\"_TRANSPORT\":\"stdout\"}", 0, 0, 0, 0, NULL},
	    /* What is not ASCII is told as a list of bytes. */
	    {"{\"MESSAGE\":[1,2]}", 0, 1, 0, 0, NULL},
	    {"{}", 0, 1, 0, 0, NULL},
	    {"{\"MESSAGE\":\"another\"}", 0, 0, 0, 0, NULL},
	};

	(void)state;
	a_journal();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_records records;

		play(cases[i].entry);
		assert_int_equal(read_records(&records, NULL, 0), 0);
		if (sum(&records) != cases[i].count || records.unreadable != cases[i].unreadable)
			fail_msg("%s: %lu, %lu", cases[i].entry, sum(&records), records.unreadable);
		if (records.count > 0 && (records.records[0]->uid != cases[i].uid ||
					  records.records[0]->last_pid != cases[i].pid ||
					  strcmp(records.records[0]->exe, cases[i].exe) != 0))
			fail_msg("%s: %ld %ld %s", cases[i].entry, records.records[0]->uid,
				 records.records[0]->last_pid, records.records[0]->exe);
		pga_records_free(&records);
	}
}

/* However it comes. */
static void pieces_of_an_answer(void **state)
{
	static const struct {
		const char *answer;
		unsigned long count;
	} cases[] = {
	    {ENTRY "\n", 1},
	    {ENTRY "\n" ENTRY, 2},
	    {ENTRY "\n\n\n" ENTRY "\n" ENTRY "\n", 3},
	    {"\n", 0},
	};

	(void)state;
	a_journal();
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t at_once = 1; at_once < 300; at_once++) {
			struct pga_records records;

			play(cases[i].answer);
			journalctl.at_once = at_once;
			assert_int_equal(read_records(&records, NULL, 0), 0);
			assert_int_equal(sum(&records), cases[i].count);
			assert_int_equal(records.unreadable, 0);
			pga_records_free(&records);
		}
	/* What was since then alone counts, here too. */
	for (int late = 0; late < 2; late++) {
		struct pga_records records;

		play(ENTRY);
		assert_int_equal(read_records(&records, NULL, 100 + late), 0);
		assert_int_equal(sum(&records), 1 - late);
		pga_records_free(&records);
	}
}

static void answers_that_are_not_whole(void **state)
{
	static const struct {
		const char *answer;
		int status;
		const char *errors;
		const char *failure;
		const char *hint;
		const char *message;
		const char *advice;
		bool refused;
	} cases[] = {
	    {"{\n" ENTRY "\n", 0, NULL, NULL, NULL,
	     "could not read the journal: journalctl's answer is cut or no JSON", OTHER_FILE, true},
	    {"[]\n" ENTRY "\n", 1, "no\n", NULL, NULL,
	     "could not read the journal: journalctl's answer is cut or no JSON", OTHER_FILE, true},
	    {ENTRY "\n{", 0, NULL, NULL, NULL,
	     "could not read the journal: journalctl's answer is cut or no JSON", OTHER_FILE,
	     false},
	    {ENTRY "\n", 1, NULL, NULL, NULL,
	     "could not read the journal: journalctl ended with status 1", OTHER_FILE, false},
	    {"", 139, "", NULL, NULL,
	     "could not read the journal: journalctl ended with status 139", OTHER_FILE, false},
	    {ENTRY "\n", 2, "first\nsecond\n", NULL, NULL, "could not read the journal: first",
	     OTHER_FILE, false},
	    {"", 0, NULL, "could not start journalctl", NULL, "could not start journalctl",
	     OTHER_FILE, false},
	    {"", 0, NULL, "it is silent", "wait", "it is silent", "wait", false},
	};

	(void)state;
	a_journal();
	for (size_t i = 0; i < COUNT(cases); i++) {
		play(cases[i].answer);
		journalctl.status = cases[i].status;
		journalctl.errors = cases[i].errors;
		journalctl.failure = cases[i].failure;
		journalctl.hint = cases[i].hint;
		assert_fails(NULL, cases[i].message, cases[i].advice);
		assert_int_equal(journalctl.refused, cases[i].refused);
	}
	/* A warning is no error. */
	play("");
	journalctl.errors = "a warning\n";
	{
		struct pga_records records;

		assert_int_equal(read_records(&records, NULL, 0), 0);
		pga_records_free(&records);
	}
}

static void wherever_memory_runs_out(void **state)
{
	(void)state;
	a_journal();
	read_from = NULL;
	expected = 3;
	play(ENTRY "\n{" MESSAGE "}\n" ENTRY);
	without_each(read_all, true);
	journalctl.at_once = 20;
	without_each(read_all, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(is_it_the_journal),          IN_A_DIRECTORY(what_is_asked),
	    IN_A_DIRECTORY(entries_of_the_journal),     IN_A_DIRECTORY(pieces_of_an_answer),
	    IN_A_DIRECTORY(answers_that_are_not_whole), IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
