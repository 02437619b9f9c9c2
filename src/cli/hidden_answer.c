#include "cli/hidden_answer.h"

#include "base/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Whoever ends the program at the prompt gets the echo back. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define ENDING (sizeof ending / sizeof ending[0])

static struct termios shown;

static void restore_and_end(int number)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	if (write(STDERR_FILENO, "\n", 1) < 0)
		errno = 0;
	(void)raise(number == SIGTSTP ? SIGINT : number);
}

static void watch_signals(struct sigaction before[ENDING])
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = restore_and_end;
	action.sa_flags = (int)SA_RESETHAND;
	for (size_t i = 0; i < ENDING; i++) {
		(void)sigaction(ending[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			(void)sigaction(ending[i], &action, NULL);
	}
}

/* Reads up to the end of the line, which stays out of it; of one that is too long, all the same.
 * Returns -1 where it is too long, holds a NUL, or is none. */
static int read_line(struct pga_secret *secret, struct pga_error *error)
{
	bool fits = true;
	bool some = false;
	char byte;
	ssize_t got;

	secret->length = 0;
	while ((got = read(STDIN_FILENO, &byte, 1)) == 1 || (got < 0 && errno == EINTR)) {
		some = true;
		if (got == 1 && byte == '\n')
			break;
		fits = fits && byte != '\0' && secret->length < PGA_SECRET_MOST;
		if (got == 1 && fits)
			secret->bytes[secret->length++] = byte;
	}
	if (secret->length > 0 && secret->bytes[secret->length - 1] == '\r')
		secret->length--;
	secret->bytes[secret->length] = '\0';
	if (!some || (fits && secret->length == 0))
		return pga_fail(error, NULL, "no password was given");
	if (!fits || memchr(secret->bytes, '\r', secret->length) != NULL)
		return pga_fail(error, NULL,
				"a password has %d bytes at the most, and no NUL or line end in it",
				PGA_SECRET_MOST);
	return 0;
}

static int ask(struct pga_secret *secret, const char *what, const char *again,
	       struct pga_error *error)
{
	int result;

	pga_print(stderr, "%s%s: ", what, again);
	(void)fflush(stderr);
	result = read_line(secret, error);
	(void)fputc('\n', stderr);
	return result;
}

static int ask_twice(struct pga_secret *secret, const char *what, struct pga_error *error)
{
	struct pga_secret second;
	int result = -1;

	if (pga_secret_begin(&second) != 0)
		return pga_fail_memory(error);
	if (ask(secret, what, "", error) == 0 && ask(&second, what, ", again", error) == 0)
		result = strcmp(secret->bytes, second.bytes) == 0
			     ? 0
			     : pga_fail(error, "nothing was kept", "they are not the same");
	pga_secret_end(&second);
	return result;
}

static int ask_at_terminal(struct pga_secret *secret, const char *what, bool once,
			   struct pga_error *error)
{
	struct sigaction before[ENDING];
	struct termios hidden;
	int result;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return pga_fail_errno(error, NULL, "could not ask on the terminal");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	watch_signals(before);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0)
		result = pga_fail_errno(error, NULL, "could not ask on the terminal");
	else
		result = once ? ask(secret, what, "", error) : ask_twice(secret, what, error);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	for (size_t i = 0; i < ENDING; i++)
		(void)sigaction(ending[i], &before[i], NULL);
	return result;
}

int pga_hidden_answer(struct pga_secret *secret, const char *what, bool once,
		      struct pga_error *error)
{
	char more;

	if (pga_secret_begin(secret) != 0)
		return pga_fail_memory(error);
	if (isatty(STDIN_FILENO))
		return ask_at_terminal(secret, what, once, error);
	if (read_line(secret, error) != 0)
		return -1;
	if (read(STDIN_FILENO, &more, 1) > 0)
		return pga_fail(error, "nothing was kept", "standard input has more than one line");
	return 0;
}
