/* diagnose/audit_log_sources.c, diagnose/rotated.h: the records of the audit log in the files of a
 * syslog daemon. */
#include "reading_records.h"

#include "base/subprocess.h"

/* Nobody asks journalctl here. */
int pga_subprocess_stream(unsigned seconds, const char *const *argv, pga_subprocess_take *take,
			  void *context, struct pga_subprocess *child, struct pga_error *failure)
{
	(void)seconds;
	(void)take;
	(void)context;
	(void)child;
	return pga_fail(failure, NULL, "%s", argv[0]);
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	(void)child;
}

/* ---- lines ---- */

static void lines_of_a_file(void **state)
{
	static const struct {
		const char *line;
		unsigned long count;
	} cases[] = {
	    {"Nov 22 07:06:03 host pganchor[71]: " RECORD, 1},
	    {"Nov 22 07:06:03 host pganchor[71]: " RECORD "\r", 1},
	    {"2026-11-22T07:06:03.251+00:00 host pganchor[71]: " RECORD, 1},
	    {"pganchor[0123456789]: " RECORD, 1},
	    {" pganchor[71]: " RECORD, 1},
	    {"<86>pganchor[71]: " RECORD, 1},
	    /* The tag is another, or none. */
	    {"xpganchor[71]: " RECORD, 0},
	    {"host x-pganchor[71]: " RECORD, 0},
	    {"host ganchor[71]: " RECORD, 0},
	    {"ganchor[71]: " RECORD, 0},
	    {"[71]: " RECORD, 0},
	    {"71]: " RECORD, 0},
	    {"]: " RECORD, 0},
	    {": " RECORD, 0},
	    {"", 0},
	    {RECORD, 0},
	    {"host pganchor: " RECORD, 0},
	    {"host pganchor[]: " RECORD, 0},
	    {"host pganchor[x]: " RECORD, 0},
	    {"host pganchor[x7]: " RECORD, 0},
	    {"host pganchor[7x: " RECORD, 0},
	    {"host pganchor[7]x: " RECORD, 0},
	    {"host pganchor(71]: " RECORD, 0},
	    {"host pganchor[71] : " RECORD, 0},
	    {"host pganchor[71]:" RECORD, 0},
	    /* The tag of another, whose message has ours. */
	    {"host other[1]: pganchor[71]: " RECORD, 0},
	    {"host other: pganchor[71]: " RECORD, 0},
	    /* One line for several. */
	    {"host pganchor[71]: message repeated 3 times: [ " RECORD "]", 3},
	    {"host pganchor[71]: message repeated 1 times: [ " RECORD "]", 1},
	    {"host pganchor[71]: message repeated 10 times: [ " RECORD "]", 10},
	    {"host pganchor[71]: message repeated 1000000 times: [ " RECORD "]", 1000000},
	    {"host pganchor[71]: message repeated 1000001 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeated 0 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeated x times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeated +3 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeated  3 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeatedx3 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: xessage repeated 3 times: [ " RECORD "]", 0},
	    {"host pganchor[71]: message repeated 3 times: [" RECORD "]", 0},
	    {"host pganchor[71]: message repeated 3 times: [x" RECORD "]", 0},
	    {"host pganchor[71]: message repeated 3 times: [ " RECORD, 0},
	    {"host pganchor[71]: message repeated 3 times: [ " RECORD "] ", 0},
	    {"host pganchor[71]: message repeated 3", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_records records;
		struct pga_text content = PGA_TEXT_EMPTY;

		pga_text_addf(&content, "x: y\n%s\n" LINE, cases[i].line);
		put("log", content.bytes);
		pga_text_free(&content);
		assert_int_equal(read_records(&records, "log", 0), 0);
		if (sum(&records) != cases[i].count + 1 || records.unreadable != 0)
			fail_msg("%s: %lu, %lu", cases[i].line, sum(&records), records.unreadable);
		assert_string_equal(records.source, "log");
		assert_null(records.unread);
		assert_int_equal(records.records[0]->uid, -1);
		pga_records_free(&records);
	}
}

static void since_when(void **state)
{
	struct pga_records records;

	(void)state;
	put("log", LINE);
	for (int late = 0; late < 2; late++) {
		assert_int_equal(read_records(&records, "log", 100 + late), 0);
		assert_int_equal(sum(&records), 1 - late);
		pga_records_free(&records);
	}
}

/* What was sent no time was not sent. */
static void none_at_all(void **state)
{
	struct pga_records records;

	(void)state;
	put("log", "host pganchor[71]: message repeated 0 times: [ " RECORD "]\n");
	assert_int_equal(read_records(&records, "log", 0), 0);
	assert_int_equal(records.count, 0);
	pga_records_free(&records);
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	assert_fails(
	    "none", "could not open none: No such file or directory",
	    "root may read it, and on most systems the group adm; or name another file with "
	    "--file");
	assert_fails(".", "could not read .: Is a directory", "name another file with --file");
}

static void from_standard_input(void **state)
{
	struct pga_records records;
	const int before = dup(0);

	(void)state;
	put("log", LINE LINE);
	assert_non_null(freopen("log", "r", stdin));
	assert_int_equal(read_records(&records, "-", 0), 0);
	assert_int_equal(sum(&records), 2);
	assert_string_equal(records.source, "standard input");
	assert_true(fcntl(0, F_GETFD) >= 0);
	pga_records_free(&records);
	assert_non_null(freopen(".", "r", stdin));
	assert_fails("-", "could not read standard input: Is a directory",
		     "name another file with --file");
	assert_int_equal(dup2(before, 0), 0);
	(void)close(before);
}

/* ---- the usual files, and what was rotated of them ---- */

static void which_file_it_is(void **state)
{
	static const char *const paths[] = {"/var/log/auth.log", "/var/log/secure",
					    "/var/log/messages", "/var/log/syslog"};
	struct pga_records records;

	(void)state;
	for (size_t i = COUNT(paths); i-- > 0;) {
		put_moved(paths[i], LINE);
		assert_int_equal(read_records(&records, NULL, 0), 0);
		assert_string_equal(records.source, paths[i]);
		assert_string_equal(records.unread, "");
		assert_int_equal(sum(&records), 1);
		pga_records_free(&records);
	}
}

static void set_time(const char *path, time_t seconds)
{
	const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void what_logrotate_made(void **state)
{
	static const char *const others[] = {
	    "xauth.log.1", "zuth.log.1",  "auth.logx1",     "auth.log_1",  "auth.log.", "auth.log-",
	    "auth.log.x",  "auth.log.1x", "auth.log.1x.gz", "auth.log.gz", "auth.lo",   "auth.log"};
	struct pga_records records;
	char path[100];

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		(void)snprintf(path, sizeof path, "/var/log/%s", others[i]);
		put_moved(path, LINE);
	}
	assert_int_equal(chdir("var/log"), 0);
	put("auth.log.1", LINE LINE);
	put("auth.log-20260101", LINE LINE LINE LINE);
	put("auth.log.10.gz", "x");
	put("auth.log.2.xz", "x");
	put("auth.log.3", "");
	put("auth.log.5", LINE);
	put("auth.log.6", LINE LINE LINE LINE LINE LINE LINE LINE);
	set_time("auth.log.1", 100);
	set_time("auth.log.5", 99);
	assert_int_equal(mkdir("auth.log.7", 0755), 0);
	assert_int_equal(symlink("nowhere", "auth.log.8"), 0);
	assert_int_equal(read_records(&records, NULL, 100), 0);
	assert_string_equal(records.source, "/var/log/auth.log, /var/log/auth.log-20260101, "
					    "/var/log/auth.log.1, /var/log/auth.log.6");
	assert_string_equal(records.unread, "/var/log/auth.log.10.gz, /var/log/auth.log.2.xz");
	assert_int_equal(sum(&records), 1 + 4 + 2 + 8);
	assert_int_equal(opened_with, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pga_records_free(&records);
	assert_int_equal(chdir(scratch), 0);
}

static int one_inode(int file, struct stat *status)
{
	(void)file;
	status->st_ino = 1234;
	status->st_dev = (dev_t)status->st_size;
	return 0;
}

static int one_device(int file, struct stat *status)
{
	(void)file;
	status->st_dev = 1234;
	return 0;
}

static int nothing_told(int file, struct stat *status)
{
	(void)file;
	memset(status, 0x5a, sizeof *status);
	return -1;
}

/* What is moved away while it is read is read once. */
static void what_is_read_already(void **state)
{
	static const struct {
		int (*status)(int file, struct stat *status);
		unsigned long same; /* records where the second is the first one's other name */
		unsigned long other;
	} cases[] = {{NULL, 1, 3}, {one_inode, 1, 3}, {one_device, 1, 3}, {nothing_told, 2, 3}};
	struct pga_records records;

	(void)state;
	put_moved("/var/log/auth.log", LINE);
	assert_int_equal(chdir("var/log"), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		played_status = cases[i].status;
		assert_int_equal(link("auth.log", "auth.log.1"), 0);
		assert_int_equal(read_records(&records, NULL, 0), 0);
		assert_int_equal(sum(&records), cases[i].same);
		pga_records_free(&records);
		assert_int_equal(unlink("auth.log.1"), 0);
		put("auth.log.1", LINE LINE);
		assert_int_equal(read_records(&records, NULL, 0), 0);
		assert_int_equal(sum(&records), cases[i].other);
		pga_records_free(&records);
		assert_int_equal(unlink("auth.log.1"), 0);
	}
	played_status = NULL;
	/* Each of the others is compared with the file itself, too. */
	put("auth.log.1", LINE);
	assert_int_equal(link("auth.log", "auth.log.2"), 0);
	assert_int_equal(read_records(&records, NULL, 0), 0);
	assert_int_equal(sum(&records), 2);
	pga_records_free(&records);
	assert_int_equal(chdir(scratch), 0);
}

static void usual_files_that_cannot_be_read(void **state)
{
	static const struct {
		const char *call;
		const char *path;
		const char *message;
		const char *hint;
	} cases[] = {
	    {"fopen", "/var/log/auth.log", "could not open /var/log/auth.log: Permission denied",
	     "root may read it, and on most systems the group adm; or name another file with "
	     "--file"},
	    {"fopen", "/var/log/auth.log.1",
	     "could not open /var/log/auth.log.1: Permission denied",
	     "root may read it, and on most systems the group adm; or name another file with "
	     "--file"},
	    {"open", "/var/log", "could not look into /var/log: Permission denied",
	     "name the file with --file"},
	    {"scandir", "/var/log", "could not look into /var/log: Permission denied",
	     "name the file with --file"},
	};

	(void)state;
	put_moved("/var/log/auth.log", LINE);
	put_moved("/var/log/auth.log.1", LINE);
	put_moved("/var/log/auth.log.2", LINE);
	for (size_t i = 0; i < COUNT(cases); i++) {
		deny(cases[i].call, cases[i].path, EACCES);
		assert_fails(NULL, cases[i].message, cases[i].hint);
	}
	deny(NULL, NULL, 0);
}

static void wherever_memory_runs_out(void **state)
{
	static const char two[] = LINE "host pganchor[1]: audit: time=\"1\" program=\"q\" "
				       "pid=\"7\" reasons=\"r\"\n";

	(void)state;
	put("log", two);
	read_from = "log";
	expected = 2;
	without_each(read_all, true);
	put_moved("/var/log/auth.log", two);
	put_moved("/var/log/auth.log.1", LINE);
	put_moved("/var/log/auth.log.2.gz", LINE);
	read_from = NULL;
	expected = 3;
	without_each(read_all, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(lines_of_a_file),
	    IN_A_DIRECTORY(since_when),
	    IN_A_DIRECTORY(none_at_all),
	    IN_A_DIRECTORY(files_that_cannot_be_read),
	    IN_A_DIRECTORY(from_standard_input),
	    IN_A_DIRECTORY(which_file_it_is),
	    IN_A_DIRECTORY(what_logrotate_made),
	    IN_A_DIRECTORY(what_is_read_already),
	    IN_A_DIRECTORY(usual_files_that_cannot_be_read),
	    IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
