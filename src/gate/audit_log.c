/* What mode = audit lets through, told to syslog. Not by syslog(3): that keeps a descriptor open in
 * a process that is not ours, and uses the name that the program itself may have given to
 * openlog(3).
 *
 * One line for each connection, in the form of policy/record.h.
 *
 * Of the arguments it has the shape alone. What a password could be is never in it, so that a word
 * of the command line is either one of libpq's own keywords or a star. */
#include "gate/audit_log.h"

#include "gate/rules.h"

#include "policy/record.h"
#include "policy/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* A datagram that a syslog daemon would cut is one that cannot be read back: rsyslog's limit is 8
 * KiB. These are the most bytes of a value, before escaping makes up to four of each. */
#define SHORT_VALUE  256
#define REASONS_SIZE 1024
#define ARGUMENTS    16 /* that have their shape told */

static void add_number(struct pga_text *line, const char *key, unsigned long long number)
{
	char digits[sizeof "18446744073709551615"];

	(void)snprintf(digits, sizeof digits, "%llu", number);
	pga_record_add(line, key, digits, SHORT_VALUE);
}

/* The settings that say whose connection it is, and those that are judged. */
static void add_settings(struct pga_text *line, const struct pga_effective *effective, bool masked)
{
	for (enum pga_word word = PGA_WORD_HOST; word < PGA_WORD_REASONS; word++) {
		const char *keyword = pga_word_key(word);
		const PQconninfoOption *option = pga_option_find(effective->options, keyword);
		struct pga_text value = PGA_TEXT_EMPTY;

		if (option != NULL)
			pga_text_add_setting(&value, option, masked);
		if (value.length > 0)
			pga_record_add(line, keyword, pga_text_string(&value), SHORT_VALUE);
		pga_text_free(&value);
	}
}

static const char *const schemes[] = {"postgresql://", "postgres://"};

/* The scheme of libpq's URIs that the text begins with; NULL where it is none. */
static const char *scheme_of(const char *text)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return schemes[i];
	return NULL;
}

/* The keywords of libpq that stand before a "=" in this argument, each as "keyword=*": what is
 * between them may be anything. */
static bool add_keywords(struct pga_text *shape, const char *argument,
			 const struct pga_effective *effective)
{
	bool found = false;

	for (const char *equals = strchr(argument, '='); equals != NULL;
	     equals = strchr(equals + 1, '=')) {
		const char *end = equals;
		const char *begin;

		while (end > argument && end[-1] == ' ')
			end--;
		begin = end;
		while (begin > argument && strchr(" ?&'", begin[-1]) == NULL)
			begin--;
		for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
		     option++)
			if (strlen(option->keyword) == (size_t)(end - begin) &&
			    strncmp(option->keyword, begin, (size_t)(end - begin)) == 0) {
				pga_text_addf(shape, "%s%s=*", found ? "," : "", option->keyword);
				found = true;
			}
	}
	return found;
}

static void add_shape(struct pga_text *shape, const char *argument,
		      const struct pga_effective *effective)
{
	if (scheme_of(argument) != NULL) {
		pga_text_addf(shape, "%s*", scheme_of(argument));
		return;
	}
	if (effective != NULL && add_keywords(shape, argument, effective))
		return;
	pga_text_add(shape, argument[0] == '-' ? "-*" : "*");
}

/* The command line as the kernel has it: the module cannot see main()'s arguments. */
static void add_arguments(struct pga_text *line, const struct pga_effective *effective)
{
	struct pga_text shape = PGA_TEXT_EMPTY;
	char bytes[4096];
	unsigned long argc = 0;
	int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = file >= 0 ? read(file, bytes, sizeof bytes - 1) : 0;

	if (file >= 0)
		(void)close(file);
	/* A server that has put a title in the place of its arguments fills the rest with NULs. */
	while (length > 0 && bytes[length - 1] == '\0')
		length--;
	if (length < 0)
		length = 0;
	bytes[length] = '\0';
	for (const char *at = bytes; at < bytes + length; at += strlen(at) + 1, argc++)
		if (argc > 0 && argc <= ARGUMENTS) {
			if (argc > 1)
				pga_text_add(&shape, " ");
			add_shape(&shape, at, effective);
		}
	add_number(line, pga_word_key(PGA_WORD_ARGC), argc);
	pga_record_add(line, pga_word_key(PGA_WORD_ARGUMENTS), pga_text_string(&shape),
		       REASONS_SIZE);
	pga_text_free(&shape);
}

/* One reason. masked: a host in it can be a part of a password, and so can what is behind it up to
 * the text of the gate's own: "host=HOST (ORIGIN) TEXT" or "pganchor refused the server HOST:
 * TEXT". */
static void add_reason(struct pga_text *reasons, const char *reason, size_t length, bool masked)
{
	static const struct {
		char begin[sizeof PGA_RECORD_WARNED];
		char end; /* of what may be a part of a password */
	} about_hosts[] = {{"host=", ')'}, {PGA_RECORD_REFUSED, ':'}, {PGA_RECORD_WARNED, ':'}};
	const size_t count = masked ? sizeof about_hosts / sizeof about_hosts[0] : 0;
	const char *text;
	size_t i = 0;

	while (i < count &&
	       strncmp(reason, about_hosts[i].begin, strlen(about_hosts[i].begin)) != 0)
		i++;
	if (i == count) {
		pga_text_add_bytes(reasons, reason, length);
		return;
	}
	text = memrchr(reason, about_hosts[i].end, length);
	if (text == NULL)
		return;
	text += *text == ')';
	pga_text_add(reasons, about_hosts[i].begin);
	pga_text_add(reasons, PGA_MASK);
	pga_text_add_bytes(reasons, text, length - (size_t)(text - reason));
}

/* The reasons, as one line. A message has a single reason in its first line, or each in a line of
 * its own below the first; what comes last is advice for a person at a terminal. */
static void add_reasons(struct pga_text *line, const char *message, bool masked)
{
	static const char prefix[] = "pganchor refused this connection: ";
	static const char indent[] = "\n    ";
	struct pga_text reasons = PGA_TEXT_EMPTY;
	bool several;

	if (strncmp(message, prefix, sizeof prefix - 1) == 0)
		message += sizeof prefix - 1;
	several = strncmp(message, indent, sizeof indent - 1) == 0;
	if (several)
		message += sizeof indent - 1;
	for (;;) {
		const char *next = strstr(message, indent);

		add_reason(&reasons, message,
			   next != NULL ? (size_t)(next - message) : strlen(message), masked);
		if (!several || next == NULL)
			break;
		message = next + sizeof indent - 1;
		if (strstr(message, indent) == NULL)
			break;
		pga_text_add(&reasons, "; ");
	}
	pga_record_add(line, pga_word_key(PGA_WORD_REASONS), pga_text_string(&reasons),
		       REASONS_SIZE);
	pga_text_free(&reasons);
}

static void send_line(const struct pga_text *line)
{
	const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
	int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (log < 0)
		return;
	if (!line->failed)
		(void)sendto(log, line->bytes, line->length, MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, sizeof address);
	(void)close(log);
}

void gate_audit_log(const struct gate_rules *rules, const struct pga_effective *effective,
		    bool ambiguous, const char *message)
{
	struct pga_text line = PGA_TEXT_EMPTY;
	int saved = errno;

	if (rules->policy.log == PGA_LOG_OFF)
		return;
	pga_text_addf(&line, "<%d>" PGA_RECORD_TAG "[%d]: " PGA_RECORD_MARK,
		      LOG_AUTHPRIV | LOG_WARNING, (int)getpid());
	/* Seconds since 1970: gmtime_r() may want a lock and a file. */
	add_number(&line, PGA_RECORD_TIME, (unsigned long long)time(NULL));
	pga_record_add(&line, pga_word_key(PGA_WORD_PROGRAM), program_invocation_short_name,
		       SHORT_VALUE);
	add_number(&line, PGA_RECORD_PID, (unsigned long long)getpid());
	add_arguments(&line, effective);
	ambiguous = ambiguous || effective == NULL || pga_may_hold_a_password(effective);
	if (effective != NULL)
		add_settings(&line, effective, ambiguous);
	add_reasons(&line, message, ambiguous);
	send_line(&line);
	pga_text_free(&line);
	errno = saved;
}
