/* policy/known_servers.c: which lines are lines, and what they come to. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "default_policy.h"

#include "policy/known_servers.h"

#include <stdio.h>
#include <string.h>

#define A           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C           "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define I           "1111111111111111111111111111111111111111111111111111111111111111"
#define J           "2222222222222222222222222222222222222222222222222222222222222222"
#define REST(k, i)  " key=\"" k "\" issuer=\"" i "\" time=\"5\"\n"
#define DB(s, k, i) s " host=\"db\" port=\"5432\"" REST(k, i)

/* "" where every line is one; else where it stops. */
static void lines(const char *bytes, size_t length, const char *expected)
{
	struct pga_known_servers known = {0};
	struct pga_error error = {.message = ""};

	assert_int_equal(pga_known_servers_parse(&known, "FILE", bytes, length, &error),
			 expected[0] == '\0' ? 0 : -1);
	assert_string_equal(error.message, expected);
	pga_known_servers_free(&known);
}

#define LINES(bytes, expected) lines(bytes, sizeof(bytes) - 1, expected)
#define NO                     "FILE, line 1: not a line about the key of a server: "

static void what_is_a_line(void **state)
{
	(void)state;
	LINES("", "");
	LINES("\n# seen\n   \n#\n", "");
	LINES("seen host=\"db\" port=\"0\"" REST(A, I), "");
	LINES("changed host=\"db\" port=\"65535\"" REST(A, I), "");
	LINES("accepted host=\"\\x00\" port=\"1\"" REST(A, I),
	      NO "accepted host=\"\\x00\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"5\"");
	LINES("forgotten host=\"d b\\x22\" port=\"1\" key=\"" A "\" issuer=\"" I
	      "\" time=\"9223372036854775807\" program=\"\"",
	      "");
	LINES("seen time=\"1\"  issuer=\"" I "\" key=\"" A "\" port=\"1\" host=\"x\"\r\n", "");
	LINES("seen", NO "seen");
	LINES("seen\n", NO "seen");
	LINES("see host=\"db\"\n", NO "see host=\"db\"");
	LINES(" seen host=\"db\"\n", NO " seen host=\"db\"");
	LINES("seen host=\"db\" port=\"1\" key=\"" A "\" issuer=\"" I "\"\n",
	      NO "seen host=\"db\" port=\"1\" key=\"" A "\" issuer=\"" I "\"");
	LINES("accepted host=\"db\" port=\"1\" key=\"" A "\" time=\"1\"\n", "");
	LINES("[seen]\n", NO "[seen]");
	LINES("a = b\n", NO "a = b");
	LINES("seen\0\n", NO "seen");
	LINES(DB("seen", A, I) "x\n", "FILE, line 2: not a line about the key of a server: x");
}

/* Each of these in the place of a word that is as it should be. */
static void what_is_a_word(void **state)
{
	static const struct {
		const char *words;
		bool good;
	} rows[] = {
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", true},
	    {"host=\"\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"65536\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"-1\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\" 1\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"1x\" key=\"" A "\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"99999999999999999999\" key=\"" A "\" issuer=\"" I "\" time=\"0\"",
	     false},
	    {"host=\"a\" port=\"1\" key=\"" A "a\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"1\" key=\"A\" issuer=\"" I "\" time=\"0\"", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"\" time=\"0\"", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"x\"", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"9223372036854775808\"",
	     false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" time=\"0\"", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" program=\"p\"", true},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" programs=\"p\"",
	     false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" host=\"a\"", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" x", false},
	    {"host=\"a\" port=\"1\" key=\"" A "\" issuer=\"" I "\" time=\"0\" ", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_known_servers known = {0};
		struct pga_error error;
		char line[512];

		(void)snprintf(line, sizeof line, "seen %s\n", rows[i].words);
		assert_int_equal(
		    pga_known_servers_parse(&known, "FILE", line, strlen(line), &error),
		    rows[i].good ? 0 : -1);
		pga_known_servers_free(&known);
	}
}

static void what_is_written_is_read(void **state)
{
	static const char *const hosts[] = {"db.example.com", "::1", "a b", "\"\\\n\x01\xff", "#"};
	struct pga_shown_key shown = {.port = 65535, .key = A, .issuer = I};

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		for (enum pga_key_state one = PGA_KEY_SEEN; one < PGA_KEY_STATES; one++) {
			struct pga_known_servers known = {0};
			struct pga_text line = PGA_TEXT_EMPTY;
			struct pga_error error;

			shown.host = hosts[i];
			pga_known_servers_add_line(&line, one, &shown, 1795331163, "psql \"x\"");
			assert_int_equal(pga_known_servers_parse(&known, "FILE", line.bytes,
								 line.length, &error),
					 0);
			assert_int_equal(known.count, 1);
			assert_int_equal(known.keys[0].state, one);
			assert_string_equal(known.keys[0].host, hosts[i]);
			assert_int_equal(known.keys[0].shown.port, 65535);
			assert_string_equal(known.keys[0].shown.key, A);
			assert_string_equal(known.keys[0].shown.issuer, I);
			assert_int_equal(known.keys[0].time, 1795331163);
			assert_string_equal(known.keys[0].program, "psql \"x\"");
			assert_int_equal(known.keys[0].line, 1);
			pga_known_servers_free(&known);
			pga_text_free(&line);
		}
}

static void how_a_line_is_written(void **state)
{
	const struct pga_shown_key shown = {.host = "db", .port = 5432, .key = A, .issuer = I};
	struct pga_text line = PGA_TEXT_EMPTY;

	(void)state;
	pga_known_servers_add_line(&line, PGA_KEY_ACCEPTED, &shown, 7, "psql");
	assert_text(&line, "accepted host=\"db\" port=\"5432\" key=\"" A "\" issuer=\"" I
			   "\" time=\"7\" program=\"psql\"\n");
}

/* The familiarity of key A, signed by I, of db:5432. */
static void what_is_known_of_a_key(void **state)
{
	static const struct {
		const char *lines;
		enum pga_familiarity by_server, by_issuer;
	} rows[] = {
	    {"", PGA_SERVER_NEW, PGA_SERVER_NEW},
	    {DB("seen", A, I), PGA_SERVER_KNOWN, PGA_SERVER_KNOWN},
	    {DB("accepted", A, J), PGA_SERVER_KNOWN, PGA_SERVER_KNOWN},
	    {DB("seen", B, I), PGA_SERVER_CHANGED, PGA_SERVER_KNOWN},
	    {DB("accepted", B, I), PGA_SERVER_CHANGED, PGA_SERVER_KNOWN},
	    {DB("seen", B, J), PGA_SERVER_CHANGED, PGA_SERVER_CHANGED},
	    {DB("seen", B, J) DB("changed", A, I), PGA_SERVER_REPORTED, PGA_SERVER_REPORTED},
	    {DB("seen", B, J) DB("changed", C, I), PGA_SERVER_CHANGED, PGA_SERVER_CHANGED},
	    {DB("seen", B, J) DB("changed", A, I) DB("accepted", A, I), PGA_SERVER_KNOWN,
	     PGA_SERVER_KNOWN},
	    {DB("seen", B, J) DB("changed", A, I) DB("forgotten", A, I), PGA_SERVER_CHANGED,
	     PGA_SERVER_CHANGED},
	    {DB("seen", B, J) DB("changed", A, I) DB("forgotten", B, J), PGA_SERVER_REPORTED,
	     PGA_SERVER_REPORTED},
	    {DB("seen", B, J) DB("changed", C, I) DB("forgotten", B, J), PGA_SERVER_NEW,
	     PGA_SERVER_NEW},
	    {DB("seen", B, I) DB("seen", A, I) DB("forgotten", A, I), PGA_SERVER_CHANGED,
	     PGA_SERVER_CHANGED},
	    {DB("seen", A, I) DB("forgotten", A, I), PGA_SERVER_NEW, PGA_SERVER_NEW},
	    {DB("seen", A, I) DB("forgotten", A, I) DB("seen", A, I), PGA_SERVER_KNOWN,
	     PGA_SERVER_KNOWN},
	    {DB("seen", A, I) DB("forgotten", A, I) DB("seen", B, J), PGA_SERVER_CHANGED,
	     PGA_SERVER_CHANGED},
	    {DB("seen", A, I) DB("seen", B, J), PGA_SERVER_KNOWN, PGA_SERVER_KNOWN},
	    {DB("seen", A, I) DB("changed", A, I), PGA_SERVER_REPORTED, PGA_SERVER_REPORTED},
	    {"seen host=\"DB.\" port=\"5432\"" REST(B, J), PGA_SERVER_CHANGED, PGA_SERVER_CHANGED},
	    {"seen host=\"db\" port=\"5433\"" REST(B, J), PGA_SERVER_NEW, PGA_SERVER_NEW},
	    {"seen host=\"db.\" port=\"5432\"" REST(A, I), PGA_SERVER_KNOWN, PGA_SERVER_KNOWN},
	    {"seen host=\"dc\" port=\"5432\"" REST(B, J), PGA_SERVER_NEW, PGA_SERVER_NEW},
	    {"seen host=\"d\" port=\"5432\"" REST(B, J), PGA_SERVER_NEW, PGA_SERVER_NEW},
	    {DB("seen", B, J) "forgotten host=\"db\" port=\"1\"" REST(B, J), PGA_SERVER_CHANGED,
	     PGA_SERVER_CHANGED},
	};
	const struct pga_shown_key shown = {.host = "db", .port = 5432, .key = A, .issuer = I};
	struct pga_policy policy = DEFAULT_POLICY;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_known_servers known = {0};
		struct pga_error error;

		assert_int_equal(pga_known_servers_parse(&known, "FILE", rows[i].lines,
							 strlen(rows[i].lines), &error),
				 0);
		policy.continuity_key = PGA_CONTINUITY_SERVER;
		assert_int_equal(pga_known_servers_judge(&known, NULL, &policy, &shown),
				 rows[i].by_server);
		policy.continuity_key = PGA_CONTINUITY_ISSUER;
		assert_int_equal(pga_known_servers_judge(&known, NULL, &policy, &shown),
				 rows[i].by_issuer);
		pga_known_servers_free(&known);
	}
}

/* Of a server that the system's lines know, the user's say nothing. */
static void the_systems_lines_are_a_floor(void **state)
{
	static const struct {
		const char *systems, *users;
		enum pga_familiarity expected;
		bool waits; /* the user's last line */
	} rows[] = {
	    {DB("accepted", A, I), DB("seen", B, J), PGA_SERVER_KNOWN, false},
	    {DB("accepted", B, J), DB("seen", A, I), PGA_SERVER_CHANGED, false},
	    {DB("accepted", B, J), DB("accepted", A, I), PGA_SERVER_CHANGED, false},
	    {DB("accepted", B, J), DB("changed", A, I), PGA_SERVER_REPORTED, true},
	    {DB("accepted", A, I), DB("seen", B, J) DB("changed", A, I), PGA_SERVER_KNOWN, false},
	    {DB("accepted", B, J) DB("forgotten", B, J), DB("seen", A, I), PGA_SERVER_KNOWN, false},
	    {DB("accepted", A, I), DB("forgotten", A, I), PGA_SERVER_KNOWN, false},
	    {"accepted host=\"dc\" port=\"5432\"" REST(A, I), DB("seen", B, J), PGA_SERVER_CHANGED,
	     false},
	    {"accepted host=\"dc\" port=\"5432\"" REST(A, I), DB("seen", B, J) DB("changed", A, I),
	     PGA_SERVER_REPORTED, true},
	    {"accepted host=\"db\" port=\"5432\" key=\"" B "\" time=\"1\"\n", "",
	     PGA_SERVER_CHANGED, false},
	};
	const struct pga_shown_key shown = {.host = "db", .port = 5432, .key = A, .issuer = I};
	const struct pga_policy policy = DEFAULT_POLICY;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_known_servers known = {0};
		struct pga_known_servers users = {0};
		struct pga_error error;

		assert_int_equal(pga_known_servers_parse(&known, "FILE", rows[i].systems,
							 strlen(rows[i].systems), &error),
				 0);
		known.system_count = known.count;
		/* As the gate judges with lines that were read anew. */
		assert_int_equal(pga_known_servers_parse(&users, "FILE", rows[i].users,
							 strlen(rows[i].users), &error),
				 0);
		assert_int_equal(pga_known_servers_judge(&known, &users, &policy, &shown),
				 rows[i].expected);
		assert_int_equal(pga_known_servers_parse(&known, "FILE", rows[i].users,
							 strlen(rows[i].users), &error),
				 0);
		assert_int_equal(pga_known_servers_judge(&known, NULL, &policy, &shown),
				 rows[i].expected);
		assert_int_equal(pga_key_waits(&known, &policy, known.count - 1), rows[i].waits);
		pga_known_servers_free(&known);
		pga_known_servers_free(&users);
	}
}

static void the_last_key_that_is_good(void **state)
{
	static const char text[] = DB("seen", A, I) DB("accepted", B, I) DB("changed", C, I)
	    DB("forgotten", B, I) "seen host=\"other\" port=\"5432\"" REST(C, J);
	const struct pga_shown_key shown = {.host = "db", .port = 5432, .key = C, .issuer = I};
	const struct pga_shown_key nobody = {.host = "nobody", .port = 5432};
	struct pga_known_servers known = {0};
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_known_servers_parse(&known, "FILE", text, strlen(text), &error), 0);
	assert_ptr_equal(pga_known_servers_last(&known, &shown), &known.keys[0]);
	assert_null(pga_known_servers_last(&known, &nobody));
	pga_known_servers_free(&known);
}

static void what_a_server_is_called(void **state)
{
	static const struct {
		const char *host;
		unsigned port;
		const char *expected;
	} rows[] = {{"db", 5432, "db:5432"},
		    {"db", 1, "db:1"},
		    {"::1", 5432, "'[::1]:5432'"},
		    {"a b;c", 5432, "'a b;c:5432'"},
		    {"", 1, ":1"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct pga_shown_key shown = {.host = rows[i].host, .port = rows[i].port};
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_key_add_server(&text, &shown);
		assert_text(&text, rows[i].expected);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_a_line),
	    cmocka_unit_test(what_is_a_word),
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(how_a_line_is_written),
	    cmocka_unit_test(what_is_known_of_a_key),
	    cmocka_unit_test(the_systems_lines_are_a_floor),
	    cmocka_unit_test(the_last_key_that_is_good),
	    cmocka_unit_test(what_a_server_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
