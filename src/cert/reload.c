#include "cert/reload.h"

#include "base/file.h"
#include "base/path.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "cert/state.h"
#include "cert/words.h"
#include "tls/dial.h"
#include "tls/server_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a program, or systemctl, may take. */
#define PROGRAM_SECONDS 60

/* One look at a server, and between two of them. */
#define LOOK_MILLISECONDS  5000L
#define PAUSE_MILLISECONDS 200L

static bool says(const char *text)
{
	return text != NULL && text[0] != '\0';
}

bool pga_reload_is_any(const struct pga_reload *reload)
{
	return says(reload->exec) || says(reload->unit) || says(reload->signal);
}

static const struct {
	const char *name;
	int number;
} signals[] = {{"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"INT", SIGINT}};

/* "HUP:/run/x.pid", with SIG before it or not; the path alone is HUP. */
static int read_signal(const char *text, int *number, const char **path, struct pga_error *error)
{
	const char *colon = strchr(text, ':');
	const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;

	*number = SIGHUP;
	*path = text;
	if (text[0] == '/')
		return 0;
	for (size_t i = 0; colon != NULL && i < sizeof signals / sizeof signals[0]; i++) {
		const size_t length = strlen(signals[i].name);

		if ((size_t)(colon - name) == length &&
		    strncmp(name, signals[i].name, length) == 0) {
			*number = signals[i].number;
			*path = colon + 1;
		}
	}
	return *path != text && **path == '/'
		   ? 0
		   : pga_fail(
			 error, "such as HUP:/run/pgbouncer/pgbouncer.pid",
			 "%s: neither HUP, USR1, USR2 nor INT, a colon and the absolute path of "
			 "a file with the number of a process",
			 text);
}

struct server_name {
	char host[256];
	unsigned port;
};

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT. */
static int read_server(const char *text, struct server_name *server, struct pga_error *error)
{
	const char *begin = text[0] == '[' ? text + 1 : text;
	const char *end = text[0] == '[' ? strchr(begin, ']') : begin + strcspn(begin, ":");
	const char *rest = end != NULL ? end + (text[0] == '[') : NULL;
	unsigned long port = PGA_RELOAD_PORT;
	char *digits_end;

	if (rest != NULL && *rest == ':') {
		port = strtoul(rest + 1, &digits_end, 10);
		if (*digits_end != '\0' || rest[1] < '0' || rest[1] > '9')
			port = 0;
	} else if (rest != NULL && *rest != '\0') {
		port = 0;
	}
	if (rest == NULL || end == begin || (size_t)(end - begin) >= sizeof server->host ||
	    begin[0] == '/' || port == 0 || port > 65535)
		return pga_fail(error, "an IPv6 address stands between brackets",
				"%s: not HOST or HOST:PORT", text);
	memcpy(server->host, begin, (size_t)(end - begin));
	server->host[end - begin] = '\0';
	server->port = (unsigned)port;
	return 0;
}

static const char such_unit[] = "such as postgresql.service";

/* Units, with blanks between. */
static int check_units(const char *text, struct pga_error *error)
{
	size_t count = 0;

	for (const char *unit = text + strspn(text, " "); *unit != '\0'; count++) {
		const size_t length = strcspn(unit, " ");

		if (count == PGA_RELOAD_UNITS)
			return pga_fail(error, NULL, "%s: more than %d units", text,
					PGA_RELOAD_UNITS);
		if (unit[0] == '-' || strcspn(unit, "\t/\n") < length)
			return pga_fail(error, such_unit, "%s: not a unit of systemd's", text);
		unit += length;
		unit += strspn(unit, " ");
	}
	return count > 0 ? 0 : pga_fail(error, such_unit, "%s: not a unit of systemd's", text);
}

int pga_reload_check(const struct pga_reload *reload, struct pga_error *error)
{
	struct server_name server = {.port = 0};
	struct pga_words words = {.count = 0};
	const char *path;
	int number;
	int result = 0;

	if (says(reload->exec))
		result = pga_words_split(reload->exec, &words, error);
	pga_words_free(&words);
	if (result == 0 && says(reload->unit))
		result = check_units(reload->unit, error);
	if (result == 0 && says(reload->signal))
		result = read_signal(reload->signal, &number, &path, error);
	if (result == 0 && says(reload->prove))
		result = read_server(reload->prove, &server, error);
	return result;
}

static int run(const char *const *argv, struct pga_error *error)
{
	struct pga_subprocess child = {.status = 0};
	int result = pga_subprocess_run_for(PROGRAM_SECONDS, argv, NULL, &child, error);

	if (result == 0 && child.status != 0) {
		const char *said = pga_text_string(&child.errors);

		result =
		    pga_fail(error, NULL, "%s: ended with status %d%s%.*s", argv[0], child.status,
			     said[0] != '\0' ? ": " : "", (int)strcspn(said, "\n"), said);
	}
	pga_subprocess_free(&child);
	return result;
}

static int run_program(const char *line, struct pga_error *error)
{
	struct pga_words words;
	const char *argv[PGA_WORDS_MOST + 1] = {NULL};
	int result = pga_words_split(line, &words, error);

	for (size_t i = 0; i < words.count; i++)
		argv[i] = words.words[i];
	if (result == 0)
		result = run(argv, error);
	pga_words_free(&words);
	return result;
}

/* All of them by one call. Root asks the machine's systemd, everybody else their own. */
static int reload_units(const char *text, struct pga_error *error)
{
	const char *argv[4 + PGA_RELOAD_UNITS + 1] = {"systemctl"};
	char *units = strdup(text);
	char *rest = units;
	char *unit;
	size_t count = 1;
	int result;

	if (units == NULL)
		return pga_fail_memory(error);
	if (geteuid() != 0)
		argv[count++] = "--user";
	argv[count++] = "try-reload-or-restart";
	argv[count++] = "--";
	while (count + 1 < sizeof argv / sizeof argv[0] &&
	       (unit = strtok_r(rest, " ", &rest)) != NULL)
		argv[count++] = unit;
	result = run(argv, error);
	free(units);
	return result;
}

/* Opens the file, which nobody else's link leads to. */
static int open_pid_file(const char *path, struct pga_error *error)
{
	struct pga_real_path real = {.path = NULL};
	int file;

	if (pga_real_path(&real, path, error) != 0)
		return -1;
	file = open(real.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (file < 0)
		(void)pga_fail_errno(error, NULL, "%s", path);
	pga_real_path_free(&real);
	return file;
}

/* Whoever runs has its file there, in a directory that stays. */
static bool is_missing(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : NULL;
	struct stat status;
	const bool missing = lstat(path, &status) != 0 && errno == ENOENT && directory != NULL &&
			     stat(directory, &status) == 0;

	free(directory);
	return missing;
}

/* The process that the file names has to be one of whoever wrote it: else that one could have any
 * process signalled. Returns 1 where there is no such process. */
static int check_process(int file, const char *path, pid_t pid, struct pga_error *error)
{
	char directory[64];
	struct stat written;
	struct stat process;

	(void)snprintf(directory, sizeof directory, "/proc/%ld", (long)pid);
	if (fstat(file, &written) != 0)
		return pga_fail_errno(error, NULL, "%s", path);
	if (stat(directory, &process) != 0) {
		(void)pga_fail(error, NULL, "%s: no process has the number %ld", path, (long)pid);
		return 1;
	}
	if (written.st_uid != 0 && written.st_uid != geteuid() && written.st_uid != process.st_uid)
		return pga_fail(error, NULL,
				"%s: the process %ld is not of the user that the file belongs to",
				path, (long)pid);
	return 0;
}

/* The number in the first line. */
static int read_process(int file, const char *path, pid_t *process, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_file_identity stamp;
	char *end;
	long pid;
	int result = pga_file_read_open(file, path, &content, &stamp, error);

	if (result == 0) {
		pid = strtol(pga_text_string(&content), &end, 10);
		if (pid <= 1 || pid > INT_MAX || (*end != '\0' && !pga_is_blank(*end)))
			result = pga_fail(
			    error, NULL, "%s: its first line is not the number of a process", path);
		else
			*process = (pid_t)pid;
	}
	pga_text_free(&content);
	return result;
}

/* Returns 1 where the process does not run. */
static int send_signal(const char *text, struct pga_error *error)
{
	const char *path;
	pid_t process = 0;
	int number;
	int file;
	int result;

	if (read_signal(text, &number, &path, error) != 0)
		return -1;
	file = open_pid_file(path, error);
	if (file < 0)
		return is_missing(path) ? 1 : -1;
	result = read_process(file, path, &process, error);
	if (result == 0)
		result = check_process(file, path, process, error);
	if (result == 0 && kill(process, number) != 0)
		result = pga_fail_errno(error, NULL, "could not signal the process %ld of %s",
					(long)process, path);
	(void)close(file);
	return result;
}

int pga_reload_do(const struct pga_reload *reload, struct pga_error *error)
{
	if (says(reload->exec) && run_program(reload->exec, error) != 0)
		return -1;
	if (says(reload->unit) && reload_units(reload->unit, error) != 0)
		return -1;
	return says(reload->signal) ? send_signal(reload->signal, error) : 0;
}

/* Whether the server shows it now: 0, or 1 with what it shows instead, -1 where it cannot be
 * asked. */
static int look(const struct pga_server *server, const X509 *certificate, struct pga_error *error)
{
	STACK_OF(X509) *chain = NULL;
	char *serial = NULL;
	int result = pga_server_chain(server, &chain, NULL, error);

	if (result == 0 && X509_cmp(sk_X509_value(chain, 0), certificate) != 0) {
		serial = pga_cert_serial(sk_X509_value(chain, 0), false);
		(void)pga_fail(error, "the server's log says why it has not read the new one",
			       "%s:%u still shows the certificate with the serial number %s",
			       server->host, server->port, serial != NULL ? serial : "?");
		result = 1;
	}
	free(serial);
	sk_X509_pop_free(chain, X509_free);
	return result;
}

bool pga_reload_answers(const struct pga_reload *reload, struct pga_error *error)
{
	struct server_name name = {.port = 0};
	struct pga_server server = {.connect_timeout = LOOK_MILLISECONDS,
				    .max_time = LOOK_MILLISECONDS};
	STACK_OF(X509) *chain = NULL;

	if (read_server(reload->prove, &name, error) != 0)
		return false;
	server.host = name.host;
	server.port = name.port;
	if (pga_server_chain(&server, &chain, NULL, error) != 0)
		return false;
	sk_X509_pop_free(chain, X509_free);
	return true;
}

int pga_reload_prove(const struct pga_reload *reload, const X509 *certificate, unsigned seconds,
		     struct pga_error *error)
{
	const long long deadline = pga_dial_now() + 1000LL * seconds;
	const struct timespec pause = {0, PAUSE_MILLISECONDS * 1000000L};
	struct server_name name = {.port = 0};
	struct pga_server server = {.connect_timeout = LOOK_MILLISECONDS,
				    .max_time = LOOK_MILLISECONDS};

	if (read_server(reload->prove, &name, error) != 0)
		return -1;
	server.host = name.host;
	server.port = name.port;
	for (;;) {
		if (look(&server, certificate, error) == 0)
			return 0;
		if (pga_dial_now() >= deadline)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
}
