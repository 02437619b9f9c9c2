/* service/ask.h: what libpq is asked, how its words are read, and what is checked by its rules. One
 * half asks libpq, the other one that the test plays. */
#include "failing.h"
#include "played_libpq.h"

#include "policy/linked.h"
#include "service/ask.h"

#include <libpq-fe.h>
#include <netdb.h>

static bool plays;
static int begun;
static int handed_out;
static int addresses_found;

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found);
void __real_freeaddrinfo(struct addrinfo *found);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found);
void __wrap_freeaddrinfo(struct addrinfo *found);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found)
{
	const int failure = __real_getaddrinfo(node, service, hints, found);

	/* No name is looked up. */
	assert_int_equal(hints->ai_flags, AI_NUMERICHOST);
	addresses_found += failure == 0;
	return failure;
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
	assert_non_null(found);
	addresses_found--;
	__real_freeaddrinfo(found);
}

static PGconn *begin_one(const char *const *keywords, const char *const *values, int expand_dbname)
{
	PGconn *conn = plays ? start(keywords, values, expand_dbname)
			     : PQconnectStartParams(keywords, values, expand_dbname);

	begun += conn != NULL;
	return conn;
}

static PQconninfoOption *options_handed_out(PGconn *conn)
{
	PQconninfoOption *options = plays ? options_of(conn) : PQconninfo(conn);

	handed_out += options != NULL;
	return options;
}

static void take_back(PQconninfoOption *options)
{
	handed_out--;
	if (plays)
		free_options(options);
	else
		PQconninfoFree(options);
}

static void finish_one(PGconn *conn)
{
	begun--;
	if (plays)
		finish(conn);
	else
		PQfinish(conn);
}

static char *words_of(const PGconn *conn)
{
	return plays ? error_message(conn) : PQerrorMessage(conn);
}

bool pga_linked_libpq_knows(const char *keyword)
{
	fail_msg("%s: nobody asks for it here", keyword);
	return false;
}

const struct pga_libpq pga_linked_libpq = {.PQconnectStartParams = begin_one,
					   .PQconninfo = options_handed_out,
					   .PQconninfoFree = take_back,
					   .PQfinish = finish_one,
					   .PQerrorMessage = words_of};

static struct pga_error error;

/* Whatever comes of it, all is given back. */
static int ask(const struct pga_parameters *parameters, struct pga_error *said,
	       void (*look)(const struct pga_effective *))
{
	struct pga_effective effective;
	const int result = pga_ask(parameters, &effective, said);

	if (result == 0) {
		assert_int_equal(handed_out, 1);
		if (look != NULL)
			look(&effective);
		pga_effective_free(&pga_linked_libpq, &effective);
	}
	assert_int_equal(begun, 0);
	assert_int_equal(handed_out, 0);
	assert_int_equal(addresses_found, 0);
	return result;
}

static int ask_string(const char *conninfo, struct pga_error *said)
{
	const char *const keywords[] = {"dbname", NULL};
	const char *const values[] = {conninfo, NULL};
	const struct pga_parameters parameters = {keywords, values, 1};

	memset(said, 0, sizeof *said);
	return ask(&parameters, said, NULL);
}

#define LINE PGA_PROBE "\n"

/* Of the settings that the played libpq tells, two of "host" are the hosts. */
static void how_words_are_read(void **state)
{
	static const struct {
		const char *message;
		int result;
		const char *said;
	} cases[] = {
	    {LINE LINE, 0, ""},
	    {LINE "more than " LINE LINE, 0, ""},
	    {LINE PGA_PROBE, 0, ""},
	    /* One host has not been come to. */
	    {LINE, 1, "libpq does not say why it refuses"},
	    {"", 1, "libpq does not say why it refuses"},
	    {"no\n", 1, "no"},
	    {"no", 1, "no"},
	    {"no\n" LINE LINE, 1, "no"},
	    {LINE LINE "no\n" LINE, 1, "no"},
	    {"first\nsecond\n", 1, "first"},
	    {"\n" LINE LINE, 1, ""},
	    {"out of memory\n", -1, "out of memory"},
	    {LINE "out of memory\n" LINE, -1, "out of memory"},
	    {LINE LINE "no: out of memory\n", 1, "no: out of memory"},
	};
	static const char *const none[] = {NULL};
	const struct pga_parameters parameters = {none, none, 0};

	(void)state;
	plays = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		play("host=a,b", "host=a,b");
		played.message = cases[i].message;
		memset(&error, 0, sizeof error);
		assert_int_equal(ask(&parameters, &error, NULL), cases[i].result);
		if (cases[i].result != 0)
			assert_string_equal(error.message, cases[i].said);
		pga_text_free(&played.asked);
	}
	plays = false;
}

static void addresses_are_the_entry_s(const struct pga_effective *effective)
{
	assert_string_equal(pga_effective_value(effective, "hostaddr"), "127.0.0.1,,::1");
	assert_string_equal(pga_effective_value(effective, "host"), "a,b,c");
}

static void no_addresses(const struct pga_effective *effective)
{
	assert_null(pga_effective_value(effective, "hostaddr"));
}

static void what_is_asked(void **state)
{
	static const char *const keywords[] = {"host", NULL};
	static const char *const values[] = {"h", NULL};
	const struct pga_parameters parameters = {keywords, values, 0};

	(void)state;
	plays = true;
	play("host=a,b,c hostaddr=127.0.0.1,,::1", "host=a,b,c hostaddr=127.0.0.1,,::1");
	played.message = LINE LINE LINE;
	assert_int_equal(ask(&parameters, &error, addresses_are_the_entry_s), 0);
	check_asked("host=h port=" PGA_PROBE " password=- 0\nhost=h hostaddr=" PGA_PROBE
		    "," PGA_PROBE "," PGA_PROBE " 0\n");
	/* Not even for the first of them. */
	play("-hostaddr host=a", "-hostaddr host=a");
	assert_int_equal(ask(&parameters, &error, no_addresses), 0);
	check_asked("host=h port=" PGA_PROBE " password=- 0\nhost=h hostaddr=" PGA_PROBE " 0\n");
	plays = false;
}

/* What libpq leaves out for want of memory. */
static void settings_that_are_not_the_same_twice(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		int result;
	} cases[] = {
	    {"host=a", "host=a", 0},
	    {"host=a application_name=x", "host=a application_name=x", 0},
	    {"host=a", "", -1},
	    {"", "host=a", -1},
	    {"host=a", "host=b", -1},
	    {"host=a", "host=a service=s", -1},
	    {"host=a", "host=a brand_newer=x", -1},
	    {"host=a brand_newer=x", "host=a", -1},
	    {"host=a brand_newer=x", "host=a brand_newer=y", -1},
	};
	static const char *const none[] = {NULL};
	const struct pga_parameters parameters = {none, none, 0};

	(void)state;
	plays = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		play(cases[i].first, cases[i].second);
		if (ask(&parameters, &error, NULL) != cases[i].result)
			fail_msg("\"%s\", \"%s\"", cases[i].first, cases[i].second);
		if (cases[i].result != 0)
			assert_string_equal(error.message, "out of memory");
		pga_text_free(&played.asked);
	}
	play("host=a", "host=a");
	played.no_options = true;
	assert_int_equal(ask(&parameters, &error, NULL), -1);
	assert_string_equal(error.message, "out of memory");
	pga_text_free(&played.asked);
	play("host=a", "host=a");
	played.no_connection = true;
	assert_int_equal(ask(&parameters, &error, NULL), -1);
	assert_string_equal(error.message, "out of memory");
	pga_text_free(&played.asked);
	plays = false;
}

static void numbers_that_are_read_late(void **state)
{
	static const char *const numbers[] = {
	    "connect_timeout",     "keepalives",       "keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	};
	static const struct {
		const char *hosts;
		bool remote;
	} hosts[] = {
	    {"host=h", true},          {"host=/run", false},
	    {"host=/run,h", true},     {"host=h,/run", true},
	    {"host=/run,/tmp", false}, {"host=/run hostaddr=127.0.0.1", true},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		for (size_t k = 0; k < sizeof hosts / sizeof hosts[0]; k++) {
			(void)snprintf(text, sizeof text, "%s %s=1x", hosts[k].hosts, numbers[i]);
			assert_int_equal(ask_string(text, &error), hosts[k].remote || i == 0);
			if (hosts[k].remote || i == 0) {
				(void)snprintf(text, sizeof text,
					       "invalid integer value \"1x\" for connection option "
					       "\"%s\"",
					       numbers[i]);
				assert_string_equal(error.message, text);
			}
			(void)snprintf(text, sizeof text, "%s %s=1", hosts[k].hosts, numbers[i]);
			assert_int_equal(ask_string(text, &error), 0);
			(void)snprintf(text, sizeof text, "%s %s=''", hosts[k].hosts, numbers[i]);
			assert_int_equal(ask_string(text, &error), 0);
		}
}

static void addresses_that_are_none(void **state)
{
	static const char *const bad[][2] = {
	    {"host=a hostaddr=h", "h"},
	    {"host=a,b hostaddr=127.0.0.1,x", "x"},
	    {"host=a,b,c hostaddr=::1,,1.2.3.256", "1.2.3.256"},
	};
	char text[256];

	(void)state;
	assert_int_equal(ask_string("host=a hostaddr=127.0.0.1", &error), 0);
	assert_int_equal(ask_string("host=a,b,c hostaddr=127.0.0.1,,::1", &error), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(ask_string(bad[i][0], &error), 1);
		(void)snprintf(text, sizeof text,
			       "could not parse network address \"%s\": Name or service not known",
			       bad[i][1]);
		assert_string_equal(error.message, text);
	}
}

static int ask_once(struct pga_error *said)
{
	return ask_string("host=a,b hostaddr=127.0.0.1,::1 keepalives=1", said);
}

/* Of what libpq refuses, its words are what memory is needed for. */
static int ask_wrongly(struct pga_error *said)
{
	const int result = ask_string("host=a sslmode=bogus", said);

	if (result == 1)
		assert_string_equal(said->message, "invalid sslmode value: \"bogus\"");
	return result == 1 ? 0 : result;
}

static void without_memory(void **state)
{
	(void)state;
	without_each(ask_once, false);
	without_each(ask_wrongly, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(how_words_are_read),
	    cmocka_unit_test(what_is_asked),
	    cmocka_unit_test(settings_that_are_not_the_same_twice),
	    cmocka_unit_test(numbers_that_are_read_late),
	    cmocka_unit_test(addresses_that_are_none),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
