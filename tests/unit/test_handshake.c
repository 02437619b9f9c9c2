/* tls/handshake.h: what is waited for, and for how long, and what is said where it fails. libpq is
 * played by the test; test_check has the real one. */
#include "cmocka_start.h"

#include "base/text.h"
#include "service/settings.h"
#include "tls/verification.h"
#include "tls/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the libpq, the kernel and the clock that are played ---- */

/* What libpq's state is before a wait, how the wait ends, and what PQconnectPoll() says then. */
struct step {
	ConnStatusType status;
	int ready; /* 1: the socket is; 0: the time is up; else the error, negative */
	PostgresPollingStatusType polled;
};

static struct {
	const struct step *steps;
	size_t at;
	ConnStatusType last; /* the state behind the last step */
	bool tls;            /* there */
	const char *words;   /* libpq's message */
	const char *reason;  /* OpenSSL's; NULL: none */
	bool no_connection;
	bool knows_gss;
	struct timespec first, then; /* what the clock says at first, and later */
	int looked;                  /* at the clock */
	struct pga_text asked;
	int started, finished, watched, unwatched;
} play;

PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
				    int expand);
ConnStatusType __wrap_PQstatus(const PGconn *conn);
int __wrap_PQsslInUse(PGconn *conn);
PostgresPollingStatusType __wrap_PQconnectPoll(PGconn *conn);
int __wrap_PQsocket(const PGconn *conn);
char *__wrap_PQerrorMessage(const PGconn *conn);
void __wrap_PQfinish(PGconn *conn);
void *__wrap_PQsslStruct(PGconn *conn, const char *name);
int __wrap_poll(struct pollfd *files, nfds_t count, int wait);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
bool __wrap_pga_linked_libpq_knows(const char *keyword);
void __wrap_pga_verification_watch(struct pga_verification *verification);
void __wrap_pga_verification_unwatch(void);
void __wrap_pga_verification_reason(const struct pga_verification *verification,
				    struct pga_text *text);

static char connection;

PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
				    int expand)
{
	play.started++;
	for (; *keywords != NULL; keywords++, values++)
		pga_text_addf(&play.asked, "%s=%s ", *keywords, *values);
	pga_text_addf(&play.asked, "%d;", expand);
	return play.no_connection ? NULL : (PGconn *)(void *)&connection;
}

ConnStatusType __wrap_PQstatus(const PGconn *conn)
{
	assert_ptr_equal(conn, &connection);
	return play.steps[play.at].ready == -1 ? play.last : play.steps[play.at].status;
}

int __wrap_PQsslInUse(PGconn *conn)
{
	assert_ptr_equal(conn, &connection);
	return play.tls && play.steps[play.at].ready == -1;
}

PostgresPollingStatusType __wrap_PQconnectPoll(PGconn *conn)
{
	assert_ptr_equal(conn, &connection);
	return play.steps[play.at++].polled;
}

int __wrap_PQsocket(const PGconn *conn)
{
	assert_ptr_equal(conn, &connection);
	return 77;
}

char *__wrap_PQerrorMessage(const PGconn *conn)
{
	assert_ptr_equal(conn, &connection);
	return (char *)(uintptr_t)play.words;
}

void __wrap_PQfinish(PGconn *conn)
{
	assert_ptr_equal(conn, play.no_connection ? NULL : &connection);
	play.finished++;
}

void *__wrap_PQsslStruct(PGconn *conn, const char *name)
{
	assert_ptr_equal(conn, &connection);
	assert_string_equal(name, "OpenSSL");
	return NULL;
}

int __wrap_poll(struct pollfd *files, nfds_t count, int wait)
{
	const int ready = play.steps[play.at].ready;

	assert_int_equal(count, 1);
	assert_int_equal(files->fd, 77);
	pga_text_addf(&play.asked, "%s %d;",
		      files->events == POLLIN    ? "in"
		      : files->events == POLLOUT ? "out"
						 : "?",
		      wait);
	/* What was before it is none of its result's. */
	errno = ready >= 0 ? EINTR : -ready;
	if (ready >= 0)
		return ready;
	/* An interruption is none of the server's. */
	if (errno == EINTR)
		play.at++;
	return -1;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	*now = play.looked++ == 0 ? play.first : play.then;
	return 0;
}

bool __wrap_pga_linked_libpq_knows(const char *keyword)
{
	assert_string_equal(keyword, "gssencmode");
	return play.knows_gss;
}

void __wrap_pga_verification_watch(struct pga_verification *verification)
{
	memset(verification, 0, sizeof *verification);
	verification->result = play.reason != NULL ? 20 : 0;
	play.watched++;
}

void __wrap_pga_verification_unwatch(void)
{
	play.unwatched++;
}

void __wrap_pga_verification_reason(const struct pga_verification *verification,
				    struct pga_text *text)
{
	assert_int_equal(verification->result, play.reason != NULL ? 20 : 0);
	if (play.reason != NULL)
		pga_text_add(text, play.reason);
}

/* ---- the tests ---- */

#define END                 \
	{                   \
		.ready = -1 \
	}
#define ASKED "host=h user=u "

static int begin(void **state)
{
	(void)state;
	pga_text_free(&play.asked);
	memset(&play, 0, sizeof play);
	play.words = "libpq's words";
	play.last = CONNECTION_MADE;
	play.first = (struct timespec){1000, 0};
	play.then = play.first;
	return 0;
}

static int end(void **state)
{
	(void)state;
	pga_text_free(&play.asked);
	return 0;
}

/* Without a handshake: what is said, whether anybody has answered, and what was asked for. */
static void says(const struct step *steps, int seconds, const char *message, bool answered,
		 const char *asked)
{
	static const char *const keywords[] = {"host", "user", NULL};
	static const char *const values[] = {"h", "u"};
	const struct pga_parameters parameters = {keywords, values, 1};
	struct pga_handshake handshake;
	struct pga_error error;

	play.steps = steps;
	memset(&handshake, 'x', sizeof handshake);
	assert_int_equal(pga_handshake(&parameters, seconds, &handshake, &error), -1);
	assert_string_equal(error.message, message);
	assert_int_equal(handshake.answered, answered);
	assert_false(handshake.shown);
	assert_int_equal(handshake.verify_result, play.reason != NULL ? 20 : 0);
	assert_null(handshake.subject);
	assert_string_equal(pga_text_string(&play.asked), asked);
	assert_int_equal(play.started, 1);
	assert_int_equal(play.finished, 1);
	assert_int_equal(play.watched, 1);
	assert_int_equal(play.unwatched, 1);
	pga_handshake_free(&handshake);
}

static void what_is_asked_of_libpq(void **state)
{
	static const struct step bad[] = {{CONNECTION_BAD, 0, 0}};

	(void)state;
	says(bad, 10, "libpq's words", false, ASKED "1;");
	(void)begin(NULL);
	play.knows_gss = true;
	says(bad, 10, "libpq's words", false, ASKED "gssencmode=disable 1;");
	(void)begin(NULL);
	play.no_connection = true;
	says(bad, 10, "out of memory", false, ASKED "1;");
}

#define NO_CERTIFICATE "TLS is established, but libpq shows no certificate of the server"

static void what_is_waited_for(void **state)
{
	static const struct step whole[] = {
	    {CONNECTION_STARTED, 1, PGRES_POLLING_WRITING},
	    {CONNECTION_MADE, 1, PGRES_POLLING_READING},
	    {CONNECTION_SSL_STARTUP, 1, PGRES_POLLING_WRITING},
	    END,
	};
	static const struct step interrupted[] = {
	    {CONNECTION_STARTED, -EINTR, 0},
	    {CONNECTION_STARTED, -EINTR, 0},
	    {CONNECTION_STARTED, 1, PGRES_POLLING_READING},
	    END,
	};
	static const struct step fails[] = {{CONNECTION_STARTED, -ENOMEM, 0}, END};
	static const struct step late[] = {{CONNECTION_STARTED, 0, 0}, END};
	static const struct step later[] = {
	    {CONNECTION_STARTED, 1, PGRES_POLLING_READING}, {CONNECTION_MADE, 0, 0}, END};
	static const struct step at_once[] = {END};

	(void)state;
	play.tls = true;
	says(whole, 10, NO_CERTIFICATE, true, ASKED "1;out 10000;out 10000;in 10000;");
	(void)begin(NULL);
	play.tls = true;
	says(at_once, 10, NO_CERTIFICATE, false, ASKED "1;");
	(void)begin(NULL);
	play.tls = true;
	says(interrupted, 10, NO_CERTIFICATE, true, ASKED "1;out 10000;out 10000;out 10000;");
	(void)begin(NULL);
	says(fails, 10, "could not wait for the server: Cannot allocate memory", false,
	     ASKED "1;out 10000;");
	(void)begin(NULL);
	says(late, 7, "the server did not answer within 7 seconds", false, ASKED "1;out 7000;");
	(void)begin(NULL);
	says(later, 7, "the server did not answer within 7 seconds", true,
	     ASKED "1;out 7000;in 7000;");
}

/* Milliseconds of what has passed, and of the time that is left. */
static void how_long(void **state)
{
	static const struct step late[] = {{CONNECTION_STARTED, 0, 0}, END};
	static const struct {
		struct timespec first;
		struct timespec then;
		const char *waits;
	} cases[] = {
	    {{1000, 0}, {1001, 500000000}, ASKED "1;out 5500;"},
	    {{1000, 999999999}, {1001, 0}, ASKED "1;out 6999;"},
	    {{1000, 0}, {1000, 999999999}, ASKED "1;out 6001;"},
	    {{1000, 0}, {1006, 999000000}, ASKED "1;out 1;"},
	    {{1000, 0}, {1007, 0}, ASKED "1;out 0;"},
	    {{1000, 0}, {1007, 1000000}, ASKED "1;out 0;"},
	    {{1000, 0}, {2000, 0}, ASKED "1;out 0;"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)begin(NULL);
		play.first = cases[i].first;
		play.then = cases[i].then;
		says(late, 7, "the server did not answer within 7 seconds", false, cases[i].waits);
	}
}

/* Who has answered, and which of libpq's words are about that. */
static void what_libpq_says(void **state)
{
	static const struct step refused[] = {{CONNECTION_STARTED, 1, PGRES_POLLING_FAILED},
					      {CONNECTION_BAD, -1, 0}};
	static const struct step made[] = {{CONNECTION_STARTED, 1, PGRES_POLLING_WRITING},
					   {CONNECTION_MADE, 1, PGRES_POLLING_FAILED},
					   {CONNECTION_BAD, -1, 0}};
	static const struct step startup[] = {{CONNECTION_STARTED, 1, PGRES_POLLING_READING},
					      {CONNECTION_SSL_STARTUP, 1, PGRES_POLLING_FAILED},
					      {CONNECTION_BAD, -1, 0}};
	static const struct step no_tls[] = {{CONNECTION_STARTED, 1, PGRES_POLLING_OK},
					     {CONNECTION_OK, -1, 0}};
	static const struct {
		const struct step *steps;
		const char *words;
		const char *reason;
		const char *message;
		bool answered;
	} cases[] = {
	    {refused, "one\n", NULL, "one", false},
	    {refused, "one", NULL, "one", false},
	    {refused, "one\n\ttwo\n", NULL, "one; two", false},
	    {refused, "\n\n\t one\n\n two", NULL, "one; two", false},
	    {refused, "", NULL, "libpq gave no reason", false},
	    {refused, "\n", NULL, "libpq gave no reason", false},
	    {refused, "one\n", "because", "one (because)", false},
	    {refused, "one\n    pganchor: because\ntwo\n", "because", "one; two (because)", false},
	    {refused, "    pganchor: because\none\n", "because", "one (because)", false},
	    {refused, "one\n    pganchor: a note\n", NULL, "one; pganchor: a note", false},
	    {refused, "one\n    pganchor, or so\n", "because", "one; pganchor, or so (because)",
	     false},
	    /* What was said of another address, before this one had the connection. */
	    {made, "earlier\nlast", NULL, "last", true},
	    {made, "a\nb\nlast", NULL, "last", true},
	    {made, "last", NULL, "last", true},
	    {made, "last\n", NULL, "last", true},
	    {startup, "a\nb", NULL, "a; b", true},
	    {no_tls, "one\n", NULL, "libpq connected without TLS", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)begin(NULL);
		play.last = CONNECTION_BAD;
		play.words = cases[i].words;
		play.reason = cases[i].reason;
		says(cases[i].steps, 10, cases[i].message, cases[i].answered,
		     cases[i].steps == startup ? ASKED "1;out 10000;in 10000;"
		     : cases[i].steps == made  ? ASKED "1;out 10000;out 10000;"
					       : ASKED "1;out 10000;");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_asked_of_libpq),
	    TEST(what_is_waited_for),
	    TEST(how_long),
	    TEST(what_libpq_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
