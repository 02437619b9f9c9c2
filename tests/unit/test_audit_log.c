/* diagnose/audit_log.h: lines of the audit log, counted by what they have in common. */
#include "cmocka_start.h"

#include "diagnose/audit_log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(struct pga_records *records, const char *message, const struct pga_sender *sender,
		 time_t since, unsigned long times)
{
	assert_int_equal(pga_records_take(records, message, sender, since, times), 0);
}

static const char first[] =
    "audit: time=\"100\" program=\"psql\" pid=\"7\" host=\"a\" reasons=\"r\"";

static void all_words(void **state)
{
	struct pga_records records = {0};
	const struct pga_record *record;
	struct pga_text line = PGA_TEXT_EMPTY;

	(void)state;
	pga_text_add(&line, "audit: time=\"100\" pid=\"7\"");
	for (int word = 0; word < PGA_WORDS; word++)
		pga_text_addf(&line, " %s=\"value %d\"", pga_word_key((enum pga_word)word), word);
	take(&records, line.bytes, NULL, 0, 1);
	assert_int_equal(records.count, 1);
	record = records.records[0];
	for (int word = 0; word < PGA_WORDS; word++) {
		char expected[32];

		(void)snprintf(expected, sizeof expected, "value %d", word);
		assert_string_equal(record->words[word], expected);
	}
	assert_int_equal(record->first, 100);
	assert_int_equal(record->last, 100);
	assert_int_equal(record->last_pid, 7);
	assert_int_equal(record->count, 1);
	assert_int_equal(record->uid, -1);
	assert_string_equal(record->exe, "");
	assert_int_equal(records.unreadable, 0);
	pga_text_free(&line);
	pga_records_free(&records);
	assert_null(records.records);
}

static void what_is_missing_is_empty(void **state)
{
	struct pga_records records = {0};

	(void)state;
	take(&records, first, NULL, 0, 3);
	assert_int_equal(records.records[0]->count, 3);
	assert_string_equal(records.records[0]->words[PGA_WORD_PROGRAM], "psql");
	assert_string_equal(records.records[0]->words[PGA_WORD_HOST], "a");
	assert_string_equal(records.records[0]->words[PGA_WORD_REASONS], "r");
	assert_string_equal(records.records[0]->words[PGA_WORD_USER], "");
	assert_string_equal(records.records[0]->words[PGA_WORD_ARGC], "");
	pga_records_free(&records);
}

static void what_is_not_as_the_gate_writes_it(void **state)
{
	static const struct {
		const char *line;
		unsigned long unreadable;
	} cases[] = {
	    /* No record at all. */
	    {"", 0},
	    {"audit:", 0},
	    {"audit: hello", 0},
	    {"audit: tim=\"1\"", 0},
	    {"xaudit: time=\"1\" program=\"p\" reasons=\"r\"", 0},
	    {"audit:  time=\"1\" program=\"p\" reasons=\"r\"", 0},
	    /* One, and broken. */
	    {"audit: time=", 1},
	    {"audit: time=\"1\"", 1},
	    {"audit: time=\"1\" program=\"p\"", 1},
	    {"audit: time=\"1\" reasons=\"r\"", 1},
	    {"audit: time=\"0\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"-1\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"x\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"1x\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"99999999999999999999999\" program=\"p\" reasons=\"r\"", 1},
	    {"audit: time=\"1\" program=\"p\" reasons=\"r", 1},
	    {"audit: time=\"1\" program=\"p\" reasons=\"r\" tail", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_records records = {0};

		take(&records, cases[i].line, NULL, 0, 2);
		if (records.count != 0 || records.unreadable != 2 * cases[i].unreadable)
			fail_msg("%s: %zu, %lu", cases[i].line, records.count, records.unreadable);
		pga_records_free(&records);
	}
}

/* A word that is there twice is the first; one that is not known is left out. */
static void words_of_others(void **state)
{
	struct pga_records records = {0};

	(void)state;
	take(&records,
	     "audit: time=\"1\" program=\"p\" program=\"q\" new=\"x\" hostx=\"y\" hos=\"z\" "
	     "reasons=\"r\"",
	     NULL, 0, 1);
	assert_int_equal(records.count, 1);
	assert_string_equal(records.records[0]->words[PGA_WORD_PROGRAM], "p");
	assert_string_equal(records.records[0]->words[PGA_WORD_HOST], "");
	pga_records_free(&records);
}

static void those_that_are_alike(void **state)
{
	static const char *const lines[] = {
	    "audit: time=\"50\" program=\"psql\" pid=\"5\" host=\"a\" reasons=\"r\"",
	    "audit: time=\"200\" program=\"psql\" pid=\"9\" host=\"a\" reasons=\"r\"",
	    "audit: time=\"150\" program=\"psql\" pid=\"8\" host=\"a\" reasons=\"r\"",
	    "audit: time=\"200\" program=\"psql\" pid=\"10\" host=\"a\" reasons=\"r\"",
	};
	struct pga_records records = {0};

	(void)state;
	take(&records, first, NULL, 0, 1);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		take(&records, lines[i], NULL, 0, i + 1);
	assert_int_equal(records.count, 1);
	assert_int_equal(records.records[0]->count, 1 + 1 + 2 + 3 + 4);
	assert_int_equal(records.records[0]->first, 50);
	assert_int_equal(records.records[0]->last, 200);
	/* Of two at the same time, the one that came last. */
	assert_int_equal(records.records[0]->last_pid, 10);
	pga_records_free(&records);
}

/* Another word, another program or another user is another connection. */
static void what_tells_them_apart(void **state)
{
	static const struct pga_sender senders[] = {{-1, 0, NULL}, {0, 0, NULL}, {1, 0, NULL},
						    {1, 0, "/a"},  {1, 0, "/b"}, {2, 0, "/b"}};
	struct pga_records records = {0};

	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++)
			take(&records, first, &senders[i], 0, 1);
	assert_int_equal(records.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(records.records[i]->count, 2);
		assert_int_equal(records.records[i]->uid, senders[i].uid);
		assert_string_equal(records.records[i]->exe,
				    senders[i].exe != NULL ? senders[i].exe : "");
	}
	pga_records_free(&records);
	for (int round = 0; round < 2; round++)
		for (int word = 0; word < PGA_WORDS; word++) {
			struct pga_text line = PGA_TEXT_EMPTY;

			pga_text_add(&line, "audit: time=\"1\"");
			for (int i = 0; i < PGA_WORDS; i++)
				pga_text_addf(&line, " %s=\"%d\"", pga_word_key((enum pga_word)i),
					      i == word);
			take(&records, line.bytes, NULL, 0, 1);
			pga_text_free(&line);
		}
	assert_int_equal(records.count, PGA_WORDS);
	pga_records_free(&records);
}

/* The kernel's word for who sent it goes before the line's. */
static void whose_process(void **state)
{
	static const struct pga_sender known = {5, 70, "/usr/bin/psql"};
	static const struct pga_sender unknown = {5, 0, NULL};
	static const struct pga_sender one = {6, 1, NULL};
	struct pga_records records = {0};

	(void)state;
	take(&records, first, &known, 0, 1);
	take(&records, first, &unknown, 0, 1);
	take(&records, first, &one, 0, 1);
	assert_int_equal(records.records[0]->last_pid, 70);
	assert_int_equal(records.records[1]->last_pid, 7);
	assert_int_equal(records.records[2]->last_pid, 1);
	pga_records_free(&records);
}

static void since_when(void **state)
{
	struct pga_records records = {0};

	(void)state;
	take(&records, first, NULL, 101, 1);
	assert_int_equal(records.count, 0);
	assert_int_equal(records.unreadable, 0);
	take(&records, first, NULL, 100, 1);
	take(&records, first, NULL, 99, 1);
	assert_int_equal(records.count, 1);
	assert_int_equal(records.records[0]->count, 2);
	pga_records_free(&records);
}

/* The most frequent first, then the latest, then by their words. */
static void in_order(void **state)
{
	static const struct {
		const char *time;
		const char *host;
		unsigned long times;
	} lines[] = {{"10", "once-early", 1}, {"10", "c", 2}, {"10", "a", 2},   {"30", "late", 2},
		     {"20", "once-late", 1},  {"10", "b", 2}, {"5", "often", 9}};
	static const char *const order[] = {"often", "late",      "a",         "b",
					    "c",     "once-late", "once-early"};
	struct pga_records records = {0};

	(void)state;
	pga_records_sort(&records);
	for (size_t i = 0; i < 7; i++) {
		char line[200];

		(void)snprintf(line, sizeof line,
			       "audit: time=\"%s\" program=\"p\" host=\"%s\" reasons=\"r\"",
			       lines[i].time, lines[i].host);
		take(&records, line, NULL, 0, lines[i].times);
	}
	pga_records_sort(&records);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(records.records[i]->words[PGA_WORD_HOST], order[i]);
	pga_records_free(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_words),
	    cmocka_unit_test(what_is_missing_is_empty),
	    cmocka_unit_test(what_is_not_as_the_gate_writes_it),
	    cmocka_unit_test(words_of_others),
	    cmocka_unit_test(those_that_are_alike),
	    cmocka_unit_test(what_tells_them_apart),
	    cmocka_unit_test(whose_process),
	    cmocka_unit_test(since_when),
	    cmocka_unit_test(in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
