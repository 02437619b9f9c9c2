/* The records of a machine that is the test's own. */
#ifndef PGA_TESTS_UNIT_READING_RECORDS_H
#define PGA_TESTS_UNIT_READING_RECORDS_H

#include "cmocka_start.h"
#include "failing.h"
#include "moved_root.h"

#include "diagnose/audit_log.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define OTHER_FILE "name the file that your syslog daemon writes with --file"
#define RECORD     "audit: time=\"100\" program=\"p\" pid=\"7\" reasons=\"r\""
#define LINE       "Nov 22 07:06:03 host pganchor[71]: " RECORD "\n"

static struct pga_error error;

/* Reads, and leaves nothing open. */
static int read_records(struct pga_records *records, const char *path, time_t since)
{
	const int before = next_descriptor();
	int result;

	memset(records, 0x5a, sizeof *records);
	memset(&error, 0, sizeof error);
	result = pga_records_read(records, path, since, &error);
	assert_int_equal(next_descriptor(), before);
	return result;
}

/* How many records there are in all. */
static unsigned long sum(const struct pga_records *records)
{
	unsigned long all = 0;

	for (size_t i = 0; i < records->count; i++)
		all += records->records[i]->count;
	return all;
}

static void assert_fails(const char *path, const char *message, const char *hint)
{
	struct pga_records records;

	assert_int_equal(read_records(&records, path, 0), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	pga_records_free(&records);
}

static const char *read_from; /* NULL: the machine's own */
static unsigned long expected;

static int read_all(struct pga_error *failure)
{
	struct pga_records records;
	int result = pga_records_read(&records, read_from, 0, failure);

	/* What could not be kept is told. */
	if (result == 0)
		assert_int_equal(sum(&records) + records.unreadable, expected);
	pga_records_free(&records);
	return result;
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

#endif
