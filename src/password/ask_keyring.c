#include "password/ask_keyring.h"

#include "base/file.h"
#include "base/session_bus.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNLOCK  "unlock"
#define PROGRAM PKGLIBEXECDIR "/" PGA_SECRET_PROGRAM

extern char **environ;

/* What it is asked, and where its answer goes: to one of the two, or nowhere. */
struct question {
	const char *verb;
	const struct pga_password_entry *entry; /* NULL: none */
	const struct pga_secret *given;         /* NULL: none */
	struct pga_secret *secret;
	struct pga_text *text;
};

static bool send_all(int channel, const char *bytes, size_t length)
{
	while (length > 0) {
		/* One that has ended already, or never began, is no reason to be ended too. */
		const ssize_t sent = send(channel, bytes, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return false;
		if (sent > 0) {
			bytes += sent;
			length -= (size_t)sent;
		}
	}
	return true;
}

/* The secret from where it is: a text would leave copies behind as it grows. */
static bool send_question(int channel, const struct question *question)
{
	struct pga_text request = PGA_TEXT_EMPTY;
	bool sent;

	pga_text_add_bytes(&request, question->verb, strlen(question->verb) + 1);
	if (question->entry != NULL)
		pga_password_entry_add_fields(&request, question->entry);
	sent = !request.failed && send_all(channel, pga_text_string(&request), request.length) &&
	       (question->given == NULL ||
		send_all(channel, question->given->bytes, strlen(question->given->bytes) + 1));
	pga_text_free(&request);
	return shutdown(channel, SHUT_WR) == 0 && sent;
}

/* Reads into the room that there is, to the end of the stream. Returns -1 where it is too small. */
static ssize_t take(int stream, char *bytes, size_t room)
{
	size_t length = 0;

	while (length < room) {
		const ssize_t count = read(stream, bytes + length, room - length);

		if (count == 0)
			return (ssize_t)length;
		if (count < 0 && errno != EINTR)
			return -1;
		if (count > 0)
			length += (size_t)count;
	}
	return -1;
}

static bool take_text(int stream, struct pga_text *text)
{
	char some[4096];
	ssize_t count;

	while ((count = read(stream, some, sizeof some)) != 0) {
		if (count < 0 && errno != EINTR)
			return false;
		if (count > 0)
			pga_text_add_bytes(text, some, (size_t)count);
		if (text->length > PGA_FILE_LIMIT)
			return false;
	}
	return !text->failed;
}

static bool take_answer(int stream, const struct question *question)
{
	char nothing[1];
	ssize_t count;

	if (question->text != NULL)
		return take_text(stream, question->text);
	if (question->secret == NULL)
		return take(stream, nothing, sizeof nothing) == 0;
	count = take(stream, question->secret->bytes, PGA_SECRET_MOST + 1);
	if (count < 0)
		return false;
	question->secret->bytes[count] = '\0';
	question->secret->length = (size_t)count;
	return true;
}

static bool has_display(void)
{
	const char *x11 = getenv("DISPLAY");
	const char *wayland = getenv("WAYLAND_DISPLAY");

	return (x11 != NULL && x11[0] != '\0') || (wayland != NULL && wayland[0] != '\0');
}

static const char *hint_of_locked(const struct question *question)
{
	if (strcmp(question->verb, UNLOCK) != 0)
		return "\"pganchor password unlock\" has the desktop ask for its password";
	if (!has_display())
		return "nothing could ask for its password: there is no display here; run this in "
		       "the desktop's session";
	return "the question for its password was dismissed, or nothing of the desktop could ask";
}

static const char *hint_of_no_bus(const struct question *question)
{
	if (question->entry != NULL && question->entry->kind == PGA_SECRET_PINS)
		return "ssh, cron and containers have none: run this in the desktop's session";
	return "ssh, cron and containers have none: a line of ~/.pgpass, or PGPASSWORD, is the way "
	       "there";
}

static const char *hint_of(enum pga_secret_status status, const struct question *question)
{
	switch (status) {
	case PGA_SECRET_LOCKED:
		return hint_of_locked(question);
	case PGA_SECRET_ABSENT:
		if (!pga_has_session_bus())
			return hint_of_no_bus(question);
		return "passwords are kept by what serves org.freedesktop.secrets in a desktop's "
		       "session: install gnome-keyring, or KeePassXC with its Secret Service on";
	case PGA_SECRET_LATE:
		return "does it wait for an answer in a window? Try again then";
	default:
		return NULL;
	}
}

/* The program's line: what is behind its name. */
static void say(struct pga_text *said, enum pga_secret_status status,
		const struct question *question, struct pga_error *error)
{
	static const char name[] = PGA_SECRET_PROGRAM ": ";
	const char *line = pga_text_string(said);
	const char *begun = strstr(line, name);

	line = begun != NULL ? begun + strlen(name) : line;
	(void)pga_fail(error, hint_of(status, question), "%.*s", (int)strcspn(line, "\n"),
		       line[0] != '\0' ? line : "the keyring could not be asked");
}

static enum pga_secret_status fail_to_start(int failure, struct pga_error *error)
{
	if (failure == ENOENT) {
		(void)pga_fail(error, "install the package pganchor-keyring",
			       "%s is not installed, through which the keyring is asked", PROGRAM);
		return PGA_SECRET_ABSENT;
	}
	errno = failure;
	(void)pga_fail_errno(error, NULL, "could not start %s", PROGRAM);
	return PGA_SECRET_FAILED;
}

static int start(int channel, int errors, pid_t *pid)
{
	static char name[] = PGA_SECRET_PROGRAM;
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	int failure = posix_spawn_file_actions_init(&actions);

	if (failure != 0)
		return failure;
	failure = posix_spawn_file_actions_adddup2(&actions, channel, 0);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, channel, 1);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, errors, 2);
	if (failure == 0)
		failure = posix_spawn(pid, PROGRAM, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failure;
}

/* Of a program that has been started. */
static enum pga_secret_status talk(pid_t pid, int channel, int errors,
				   const struct question *question, struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	enum pga_secret_status status = PGA_SECRET_FAILED;
	const bool sent = send_question(channel, question);
	const bool taken = take_answer(channel, question);
	int ended = 0;

	/* Where more was said than there is room for, it must not wait for a reader. */
	(void)shutdown(channel, SHUT_RDWR);
	(void)take_text(errors, &said);
	while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(ended) && WEXITSTATUS(ended) <= PGA_SECRET_FAILED)
		status = (enum pga_secret_status)WEXITSTATUS(ended);
	if (status == PGA_SECRET_DONE && !(sent && taken))
		status = PGA_SECRET_FAILED;
	if (status != PGA_SECRET_DONE)
		say(&said, status, question, error);
	pga_text_free(&said);
	return status;
}

static enum pga_secret_status ask(const struct question *question, struct pga_error *error)
{
	/* As base/subprocess.c: an ignored SIGCHLD would lose the exit status. */
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	struct sigaction before;
	enum pga_secret_status status = PGA_SECRET_FAILED;
	int channel[2] = {-1, -1};
	int errors[2] = {-1, -1};
	pid_t pid;
	int failure;

	(void)sigaction(SIGCHLD, &as_usual, &before);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, errors) != 0) {
		(void)pga_fail_errno(error, NULL, "could not start %s", PROGRAM);
		goto done;
	}
	failure = start(channel[1], errors[1], &pid);
	(void)close(channel[1]);
	(void)close(errors[1]);
	channel[1] = errors[1] = -1;
	status = failure != 0 ? fail_to_start(failure, error)
			      : talk(pid, channel[0], errors[0], question, error);
done:
	(void)sigaction(SIGCHLD, &before, NULL);
	for (int i = 0; i < 2; i++) {
		if (channel[i] >= 0)
			(void)close(channel[i]);
		if (errors[i] >= 0)
			(void)close(errors[i]);
	}
	return status;
}

enum pga_secret_status pga_ask_keyring_get(const struct pga_password_entry *entry,
					   struct pga_secret *secret, struct pga_error *error)
{
	const struct question question = {.verb = "get", .entry = entry, .secret = secret};

	if (pga_secret_begin(secret) == 0)
		return ask(&question, error);
	(void)pga_fail_memory(error);
	return PGA_SECRET_FAILED;
}

enum pga_secret_status pga_ask_keyring_read(const struct pga_password_entry *entry,
					    struct pga_text *text, struct pga_error *error)
{
	const struct question question = {.verb = "get", .entry = entry, .text = text};

	return ask(&question, error);
}

enum pga_secret_status pga_ask_keyring_set(const struct pga_password_entry *entry,
					   const struct pga_secret *secret, struct pga_error *error)
{
	const struct question question = {.verb = "set", .entry = entry, .given = secret};

	return ask(&question, error);
}

enum pga_secret_status pga_ask_keyring_clear(const struct pga_password_entry *entry,
					     struct pga_error *error)
{
	const struct question question = {.verb = "clear", .entry = entry};

	return ask(&question, error);
}

enum pga_secret_status pga_ask_keyring_state(struct pga_error *error)
{
	const struct question question = {.verb = "state"};

	return ask(&question, error);
}

enum pga_secret_status pga_ask_keyring_unlock(struct pga_error *error)
{
	const struct question question = {.verb = UNLOCK};

	return ask(&question, error);
}

bool pga_ask_keyring_is_possible(void)
{
	return access(PROGRAM, X_OK) == 0 && pga_has_session_bus();
}

/* Reads one entry of a list. Returns what is behind it; NULL where there is none, or no memory. */
static const char *read_entry(const char *at, const char *end, struct pga_password_entry *entry)
{
	entry->kind = pga_secret_kind_of(at, strlen(at));
	if (entry->kind == PGA_SECRET_KINDS)
		return NULL;
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++) {
		if (!pga_secret_has_word(entry->kind, word))
			continue;
		at += strlen(at) + 1;
		entry->words[word] = at < end ? strdup(at) : NULL;
		if (entry->words[word] == NULL)
			return NULL;
	}
	return at + strlen(at) + 1;
}

enum pga_secret_status pga_ask_keyring_list(struct pga_passwords *entries, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const struct question question = {.verb = "list", .text = &text};
	enum pga_secret_status status = ask(&question, error);
	const char *at = pga_text_string(&text);
	const char *end = at + text.length;

	memset(entries, 0, sizeof *entries);
	while (status == PGA_SECRET_DONE && at != NULL && at < end) {
		struct pga_password_entry *entry = pga_passwords_add(entries);

		at = entry != NULL ? read_entry(at, end, entry) : NULL;
		if (at != NULL && !pga_secret_is_indexed(entry->kind)) {
			free(entry->words[PGA_SECRET_FILE]);
			entries->count--;
		}
	}
	if (at == NULL) {
		(void)pga_fail(error, NULL, "the keyring's list could not be read");
		status = PGA_SECRET_FAILED;
	}
	pga_text_free(&text);
	return status;
}
