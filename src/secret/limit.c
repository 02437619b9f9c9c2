#include "secret/limit.h"

#include "secret/protocol.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define MORE 250 /* milliseconds, for the last resort */

static atomic_bool lifted;

static void end(int signal_number)
{
	(void)signal_number;
	_exit(PGA_SECRET_LATE);
}

static void set_timer(long milliseconds)
{
	const struct itimerval timer = {
	    .it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

void pga_limit_last_resort(long milliseconds)
{
	struct sigaction action;
	sigset_t alarm_alone;

	memset(&action, 0, sizeof action);
	action.sa_handler = end;
	(void)sigaction(SIGALRM, &action, NULL);
	/* Whoever started us may have blocked it, which is inherited. */
	(void)sigemptyset(&alarm_alone);
	(void)sigaddset(&alarm_alone, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &alarm_alone, NULL);
	set_timer(milliseconds + MORE);
}

static long limit;

static gpointer cancel_in_time(gpointer cancellable)
{
	g_usleep((gulong)limit * 1000);
	if (!atomic_load(&lifted))
		g_cancellable_cancel(cancellable);
	return NULL;
}

GCancellable *pga_limit_start(long milliseconds)
{
	GCancellable *cancellable = g_cancellable_new();

	limit = milliseconds;
	g_thread_unref(g_thread_new("limit", cancel_in_time, cancellable));
	return cancellable;
}

void pga_limit_lift(void)
{
	atomic_store(&lifted, true);
	set_timer(0);
}
