/* Four coroutines connect at once: whenever one would wait in poll(), the next goes on.
 *
 *     coroutines up|down CONNINFO
 *
 * up, down: the stack of each lies above or below that of the one before. Five rounds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { COUNT = 4, STACK = 1 << 20 };

static ucontext_t scheduler, contexts[COUNT];
static int running = -1;
static int ended[COUNT];
static int connected;
static const char *conninfo;

int poll(struct pollfd *files, nfds_t count, int timeout)
{
	int (*next)(struct pollfd *, nfds_t, int) =
	    (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
	int ready = 0;

	if (running < 0)
		return next(files, count, timeout);
	while ((ready = next(files, count, 0)) == 0) {
		const int own = running;

		swapcontext(&contexts[own], &scheduler);
	}
	return ready;
}

static void work(void)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		connected++;
	else
		fprintf(stderr, "%s", PQerrorMessage(conn));
	PQfinish(conn);
	ended[running] = 1;
}

int main(int argc, char **argv)
{
	char *stacks = mmap(NULL, (size_t)COUNT * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int down;

	if (argc != 3 || stacks == MAP_FAILED)
		return 2;
	down = strcmp(argv[1], "down") == 0;
	conninfo = argv[2];
	for (int round = 0; round < 5; round++) {
		int left = COUNT;

		connected = 0;
		memset(ended, 0, sizeof ended);
		for (int i = 0; i < COUNT; i++) {
			getcontext(&contexts[i]);
			contexts[i].uc_stack.ss_sp =
			    stacks + (size_t)STACK * (down ? COUNT - 1 - i : i);
			contexts[i].uc_stack.ss_size = STACK;
			contexts[i].uc_link = &scheduler;
			makecontext(&contexts[i], work, 0);
		}
		while (left > 0) {
			left = 0;
			for (running = 0; running < COUNT; running++)
				if (!ended[running]) {
					swapcontext(&scheduler, &contexts[running]);
					left += !ended[running];
				}
		}
		running = -1;
		printf("%d connected\n", connected);
	}
	return 0;
}
