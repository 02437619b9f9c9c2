/* cli/consent.h: the question on the terminal, and which answers are a yes. */
#include "cmocka_start.h"

#include "base/terminal.h"
#include "cli/consent.h"
#include "cli/question.h"
#include "tls/certificate_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a terminal whose other end is the test's ---- */

static int other_end = -1;
static char name[100];         /* of the terminal; "" where there is none */
static const char *written_to; /* another file for what is shown, NULL: none */
static const char *read_from;
static const char *typed; /* when the root has been shown */
static size_t typed_length;
static bool flush_fails;
static unsigned interrupted; /* reads */
static int why_interrupted = EINTR;
static int opened_with;
static int kept_open = -1; /* so that the terminal keeps its mode */

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_tcflush(int file, int queue);
int __wrap_tcflush(int file, int queue);
ssize_t __real_read(int file, void *bytes, size_t size);
ssize_t __wrap_read(int file, void *bytes, size_t size);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	assert_string_equal(path, "/dev/tty");
	/* A terminal is not to become that of a test which leads a session. */
	if (written_to == NULL)
		return fdopen(__real_open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), mode);
	return __real_fopen(written_to, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/tty");
	opened_with = flags;
	return __real_open(read_from != NULL ? read_from : name, flags);
}

int __wrap_tcflush(int file, int queue)
{
	const int result = __real_tcflush(file, queue);

	if (flush_fails) {
		errno = EIO;
		return -1;
	}
	assert_int_equal(queue, TCIFLUSH);
	if (typed_length > 0)
		assert_int_equal(write(other_end, typed, typed_length), typed_length);
	return result;
}

ssize_t __wrap_read(int file, void *bytes, size_t size)
{
	if (interrupted == 0)
		return __real_read(file, bytes, size);
	interrupted--;
	errno = why_interrupted;
	return -1;
}

static int begin(void **state)
{
	struct termios mode;

	(void)state;
	written_to = read_from = NULL;
	flush_fails = false;
	interrupted = 0;
	other_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other_end < 0 || grantpt(other_end) != 0 || unlockpt(other_end) != 0)
		return -1;
	(void)snprintf(name, sizeof name, "%s", ptsname(other_end));
	kept_open = __real_open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (kept_open < 0 || tcgetattr(kept_open, &mode) != 0)
		return -1;
	mode.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
	mode.c_oflag &= (tcflag_t) ~(tcflag_t)OPOST;
	return tcsetattr(kept_open, TCSANOW, &mode) == 0 && setenv("NO_COLOR", "1", 1) == 0 ? 0
											    : -1;
}

static int finish(void **state)
{
	(void)state;
	return close(kept_open) | close(other_end);
}

/* What has been shown on the terminal. */
static const char *shown(void)
{
	static char text[4096];
	ssize_t length;

	assert_int_equal(fcntl(other_end, F_SETFL, O_NONBLOCK), 0);
	length = __real_read(other_end, text, sizeof text - 1);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* The same, when all of it has come through the terminal. */
static void assert_shown(const char *expected)
{
	char text[4096];
	size_t length = 0;

	while (length < strlen(expected)) {
		struct pollfd some = {other_end, POLLIN, 0};
		ssize_t got;

		assert_int_equal(poll(&some, 1, 10000), 1);
		got = __real_read(other_end, text + length, strlen(expected) - length);
		assert_true(got > 0);
		length += (size_t)got;
	}
	text[length] = '\0';
	assert_string_equal(text, expected);
	assert_string_equal(shown(), "");
}

/* What there is to say of a root is another file's; a root without a subject is one for which there
 * is no memory. */
int pga_certificate_tell(const struct pga_certificate *certificate, struct pga_text *text,
			 struct pga_error *error)
{
	char *subject_text = pga_printable(certificate->subject);

	if (subject_text == NULL)
		return pga_fail_memory(error);
	pga_text_addf(text, "    subject      %s\n", subject_text);
	free(subject_text);
	return 0;
}

/* ---- the question ---- */

#define PIN   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char subject[] = "CN=a\033[2Jroot";
static const struct pga_certificate root = {.pin = PIN,
					    .subject = subject,
					    .not_before = "2026-01-02T03:04:05Z",
					    .not_after = "2036-01-02T03:04:05Z"};

#define ROOT                                  \
	"    subject      CN=a\\x1B[2Jroot\n" \
	"    fingerprint  " PIN "\n"
#define QUESTION                                                                                \
	"https://ca says that this is its root:\n" ROOT                                         \
	"Nothing proves it but the fingerprint: compare it with the one that you got from who " \
	"runs "                                                                                 \
	"the CA.\nTrust this root for PostgreSQL? Type yes, or the fingerprint: "

static struct pga_error error;

/* The number of the next file that is opened: the same as before where all were closed. */
static int next_number(void)
{
	const int hint = dup(0);

	assert_int_equal(close(hint), 0);
	return hint;
}

static int ask(const char *answer, size_t length, const char *warning)
{
	const int before = next_number();
	const struct pga_anchor anchor = {.proof.root = &root, .source = "https://ca"};
	const struct pga_candidates found = {.count = 1};
	int result;

	memset(&error, 0, sizeof error);
	typed = answer;
	typed_length = length;
	result = pga_consent(&anchor, &found, warning, &error);
	assert_int_equal(next_number(), before);
	return result;
}

#define UNTRUSTED "https://ca: not trusted by you; nothing was pinned"
#define D32       "0123456789abcdef0123456789abcdef"

static void answers(void **state)
{
	static const struct {
		const char *typed;
		size_t length;       /* 0: of the string */
		const char *message; /* "" it is a yes */
	} cases[] = {
	    {"yes\n", 0, ""},
	    {PIN "\n", 0, ""},
	    {"sha256:" PIN "\r", 0, ""},
	    {"\n", 0, UNTRUSTED},
	    {"y\n", 0, UNTRUSTED},
	    {"YES\n", 0, UNTRUSTED},
	    {"yes \n", 0, UNTRUSTED},
	    {"yesyes\n", 0, UNTRUSTED},
	    {"no\n", 0, UNTRUSTED},
	    {"yes\0\n", 5, UNTRUSTED},
	    {"yes\0yes\n", 8, UNTRUSTED},
	    /* ^D, without Enter. */
	    {"yes\004\004", 0, UNTRUSTED},
	    {"\004", 0, UNTRUSTED},
	    /* One of another root, and one that is cut. */
	    {OTHER "\n", 0,
	     "https://ca: the root that was shown is another one than the fingerprint " OTHER
	     " means; nothing was pinned"},
	    {"0123456789abcde\n", 0, UNTRUSTED},
	    {"0123456789abcdef\n", 0, NULL},
	    {"0123456789ABCDEFx\n", 0, NULL},
	    /* Longer than any. */
	    {D32 D32 D32 D32 D32 D32 D32 D32 "\n", 0, UNTRUSTED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const size_t length =
		    cases[i].length > 0 ? cases[i].length : strlen(cases[i].typed);
		const bool yes = cases[i].message != NULL && cases[i].message[0] == '\0';
		const bool ended = strpbrk(cases[i].typed, "\n\r") != NULL || cases[i].length > 0;

		assert_int_equal(write(other_end, "yes\n", 4), 4); /* before anything was shown */
		interrupted = (unsigned)i % 2;
		assert_int_equal(ask(cases[i].typed, length, ""), yes ? 0 : -1);
		if (cases[i].message != NULL)
			assert_string_equal(error.message, cases[i].message);
		else
			assert_memory_equal(error.message, "nothing was pinned: what you typed",
					    strlen("nothing was pinned: what you typed"));
		assert_shown(ended ? QUESTION : QUESTION "\n");
		assert_int_equal(opened_with, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	}
}

/* As many bytes as fit are taken, and no more. */
static void the_longest_answer(void **state)
{
	char answer[300];

	(void)state;
	for (size_t length = 255; length < 257; length++) {
		memset(answer, ' ', sizeof answer);
		memcpy(answer, PIN, sizeof PIN - 1);
		answer[length] = '\n';
		assert_int_equal(ask(answer, length + 1, ""), length == 255 ? 0 : -1);
		assert_shown(QUESTION);
	}
}

static void a_warning_first(void **state)
{
	(void)state;
	assert_int_equal(ask("yes\n", 4, "it was another\033"), 0);
	assert_shown("WARNING: it was another\\x1B\n    This may be an attack, or the CA "
		     "has a new root.\n\n" QUESTION);
}

/* Who has gone has not said yes, whatever is read behind that. */
static void a_terminal_that_fails(void **state)
{
	(void)state;
	interrupted = 1;
	why_interrupted = EIO;
	assert_int_equal(ask("yes\n", 4, ""), -1);
	why_interrupted = EINTR;
	assert_string_equal(error.message, UNTRUSTED);
	assert_shown(QUESTION "\n");
}

static void who_cannot_be_asked(void **state)
{
	static const struct {
		const char *written_to;
		const char *read_from;
		bool flush_fails;
		const char *reason;
	} cases[] = {
	    {"/none", "/none", false, "No such file or directory"},
	    {"/none", NULL, false, "No such file or directory"},
	    {NULL, "/none", false, "No such file or directory"},
	    {"/dev/full", NULL, false, "No space left on device"},
	    {NULL, NULL, true, "Input/output error"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[200];

		written_to = cases[i].written_to;
		read_from = cases[i].read_from;
		flush_fails = cases[i].flush_fails;
		assert_int_equal(ask("yes\n", 4, ""), -1);
		(void)snprintf(expected, sizeof expected, "could not ask on the terminal: %s",
			       cases[i].reason);
		assert_string_equal(error.message, expected);
		assert_true(error.hint[0] != '\0');
		assert_null(strstr(shown(), "Type yes"));
		assert_int_equal(access("/none", F_OK), -1);
	}
}

static void whether_there_is_one(void **state)
{
	const int before = next_number();

	(void)state;
	assert_true(pga_question_possible());
	assert_int_equal(next_number(), before);
	written_to = "/none";
	assert_false(pga_question_possible());
}

static void several_roots(void **state)
{
	struct pga_certificate shown_roots[] = {root, root};
	const struct pga_candidates candidates = {.roots = shown_roots, .count = 2};
	const int before = next_number();

	(void)state;
	pga_show_roots("https://ca", &candidates);
	assert_shown("https://ca says that these are its roots, and nothing proves "
		     "it:\n" ROOT "\n" ROOT "\n");
	written_to = "/none";
	pga_show_roots("https://ca", &candidates);
	assert_shown("");
	assert_int_equal(next_number(), before);
	assert_int_equal(access("/none", F_OK), -1);
}

#define ON_A_TERMINAL(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_A_TERMINAL(answers),
	    ON_A_TERMINAL(the_longest_answer),
	    ON_A_TERMINAL(a_warning_first),
	    ON_A_TERMINAL(a_terminal_that_fails),
	    ON_A_TERMINAL(who_cannot_be_asked),
	    ON_A_TERMINAL(whether_there_is_one),
	    ON_A_TERMINAL(several_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
