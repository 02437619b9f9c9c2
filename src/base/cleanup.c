#include "base/cleanup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pga_leftover {
	struct pga_leftover *next;
	int directory;
	int flags;
	char name[];
};

/* The ones that are sent to end a program, and those that the kernel ends a writer with. */
static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGXFSZ};

enum { SIGNALS = sizeof signals / sizeof signals[0] };

static struct pga_leftover *leftovers;
static pid_t owner;             /* a child that fork() made has nothing to remove */
static bool installed[SIGNALS]; /* the handler is ours */

/* The list changes only while the signals are held, so that it is whole here. */
static void remove_and_die(int number)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};

	if (getpid() == owner)
		for (const struct pga_leftover *at = leftovers; at != NULL; at = at->next)
			(void)unlinkat(at->directory, at->name, at->flags);
	(void)sigaction(number, &plain, NULL);
	/* It is blocked until the handler returns, and ends the program then. */
	(void)raise(number);
}

static void install(void)
{
	struct sigaction ours = {.sa_handler = remove_and_die};
	struct sigaction before;

	(void)sigfillset(&ours.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		/* A handler that wants more than the number is in the same place (a union). */
		installed[i] = sigaction(signals[i], NULL, &before) == 0 &&
			       before.sa_handler == SIG_DFL &&
			       sigaction(signals[i], &ours, NULL) == 0;
	}
}

static void uninstall(void)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};

	for (size_t i = 0; i < SIGNALS; i++)
		if (installed[i])
			(void)sigaction(signals[i], &plain, NULL);
}

void pga_signals_hold(sigset_t *before)
{
	sigset_t held;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < SIGNALS; i++)
		(void)sigaddset(&held, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &held, before);
}

void pga_signals_release(const sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}

struct pga_leftover *pga_leftover_add(int directory, const char *name, int flags,
				      struct pga_error *error)
{
	const size_t size = strlen(name) + 1;
	struct pga_leftover *leftover = malloc(sizeof *leftover + size);
	sigset_t before;

	if (leftover == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	memcpy(leftover->name, name, size);
	leftover->flags = flags;
	leftover->directory = fcntl(directory, F_DUPFD_CLOEXEC, 3);
	if (leftover->directory < 0) {
		(void)pga_fail_errno(error, NULL, "could not keep a directory open");
		free(leftover);
		return NULL;
	}
	pga_signals_hold(&before);
	if (leftovers == NULL) {
		owner = getpid();
		install();
	}
	leftover->next = leftovers;
	leftovers = leftover;
	pga_signals_release(&before);
	return leftover;
}

void pga_leftover_forget(struct pga_leftover *leftover)
{
	struct pga_leftover **at = &leftovers;
	sigset_t before;

	if (leftover == NULL)
		return;
	pga_signals_hold(&before);
	while (*at != NULL && *at != leftover)
		at = &(*at)->next;
	if (*at != NULL)
		*at = leftover->next;
	if (leftovers == NULL)
		uninstall();
	pga_signals_release(&before);
	(void)close(leftover->directory);
	free(leftover);
}

void pga_leftover_remove(struct pga_leftover *leftover)
{
	if (leftover == NULL)
		return;
	(void)unlinkat(leftover->directory, leftover->name, leftover->flags);
	pga_leftover_forget(leftover);
}
