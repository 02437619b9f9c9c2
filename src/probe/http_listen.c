#include "probe/http_listen.h"

#include "base/quiet_write.h"
#include "base/signals.h"
#include "tls/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Connections at once, each a small thread. For more of them the oldest one ends that has not said
 * what it wants; where each one has, they wait to be accepted. */
#define MOST_CONNECTIONS 64

/* Of these, so many are answered at once; the rest hears that it is too many. */
#define MOST_ANSWERS 8

/* Milliseconds: for a request to come, for an answer to go, for the other end to close, and for
 * what is being answered when the server ends. */
#define READING   5000
#define WRITING   5000
#define CLOSING   500
#define FINISHING 1000

#define STACK ((size_t)1024 * 1024)

struct connection;

struct server {
	pga_http_answer *answer;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t left;      /* a connection has ended */
	struct connection *first; /* in the order in which they came */
	unsigned connections;
	unsigned ended; /* of these: that had to make room, and are on their way out */
	unsigned answers;
	int wake; /* the end of a pipe, to be told that a connection has ended */
};

struct connection {
	struct server *server;
	int socket;
	bool reading; /* its request is not there yet */
	bool ended;   /* it had to make room */
	struct connection *next;
};

/* What is still on its way is read, or the answer could be lost with it. */
static void close_gently(int connection)
{
	const long long deadline = pga_dial_now() + CLOSING;
	char bytes[4096];
	struct pga_error ignored;

	(void)shutdown(connection, SHUT_WR);
	while (pga_dial_now() < deadline &&
	       pga_dial_read(connection, bytes, sizeof bytes, deadline, "", &ignored) > 0)
		continue;
	(void)close(connection);
}

static void send_reply(int connection, const struct pga_http_reply *reply, bool without_body)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool closed;

	pga_http_reply_compose(reply, without_body, &text);
	if (!text.failed)
		(void)pga_dial_write(connection, text.bytes, text.length, pga_dial_now() + WRITING,
				     "", &closed, &ignored);
	pga_text_free(&text);
}

/* Returns the length of the head, or 0 with the status to answer with; 0 for none. */
static size_t read_head(int connection, char *head, int *status)
{
	const long long deadline = pga_dial_now() + READING;
	struct pga_error ignored;
	size_t length = 0;
	size_t ends;

	*status = 0;
	while ((ends = pga_http_head_length(head, length)) == 0) {
		ssize_t got;

		if (length == PGA_HTTP_HEAD) {
			*status = 431;
			return 0;
		}
		got = pga_dial_read(connection, head + length, PGA_HTTP_HEAD - length, deadline, "",
				    &ignored);
		if (got < 0)
			*status = 408;
		else if (got == 0 && length > 0)
			*status = 400;
		if (got <= 0)
			return 0;
		length += (size_t)got;
	}
	return ends;
}

static bool may_answer(struct server *server)
{
	bool may;

	(void)pthread_mutex_lock(&server->lock);
	may = server->answers < MOST_ANSWERS;
	server->answers += may;
	(void)pthread_mutex_unlock(&server->lock);
	return may;
}

static void answer(struct server *server, struct pga_scrape_request *request,
		   struct pga_http_reply *reply)
{
	if (!may_answer(server)) {
		reply->status = 503;
		return;
	}
	server->answer(server->context, request, reply);
	if (reply->body.failed) {
		pga_text_free(&reply->body);
		reply->status = 500;
	}
	(void)pthread_mutex_lock(&server->lock);
	server->answers--;
	(void)pthread_mutex_unlock(&server->lock);
}

/* Returns whether it had to make room, and what is there is no request. */
static bool end_reading(struct connection *connection)
{
	bool ended;

	(void)pthread_mutex_lock(&connection->server->lock);
	connection->reading = false;
	ended = connection->ended;
	(void)pthread_mutex_unlock(&connection->server->lock);
	return ended;
}

static void speak(struct connection *connection)
{
	char head[PGA_HTTP_HEAD + 1];
	struct pga_http_reply reply = {0, PGA_TEXT_EMPTY};
	struct pga_scrape_request request = {0};
	const size_t length = read_head(connection->socket, head, &reply.status);
	const bool ended = end_reading(connection);

	if (length > 0) {
		reply.status = pga_http_request_read(head, length, &request);
		if (reply.status == 0)
			answer(connection->server, &request, &reply);
	} else if (ended && reply.status != 0) {
		reply.status = 503;
	}
	if (reply.status != 0)
		send_reply(connection->socket, &reply, request.head);
	pga_text_free(&reply.body);
}

static void enter(struct server *server, struct connection *connection)
{
	struct connection **last = &server->first;

	(void)pthread_mutex_lock(&server->lock);
	while (*last != NULL)
		last = &(*last)->next;
	*last = connection;
	server->connections++;
	(void)pthread_mutex_unlock(&server->lock);
}

static void leave(struct server *server, struct connection *connection)
{
	struct connection **at = &server->first;

	(void)pthread_mutex_lock(&server->lock);
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	server->connections--;
	server->ended -= connection->ended;
	(void)pthread_cond_signal(&server->left);
	/* A pipe that is full wakes as well. */
	(void)pga_write_quietly(server->wake, "", 1);
	(void)pthread_mutex_unlock(&server->lock);
}

static void *serve_one(void *argument)
{
	struct connection *connection = argument;

	speak(connection);
	close_gently(connection->socket);
	leave(connection->server, connection);
	free(connection);
	return NULL;
}

/* The thread owns the socket, or it is closed. */
static void begin_thread(struct server *server, int socket)
{
	struct connection *connection = malloc(sizeof *connection);
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t before;
	int fault;

	if (connection == NULL) {
		(void)close(socket);
		return;
	}
	*connection = (struct connection){.server = server, .socket = socket, .reading = true};
	enter(server, connection);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, STACK);
	pga_block_signals(&before);
	fault = pthread_create(&thread, &attributes, serve_one, connection);
	pga_restore_signals(&before);
	(void)pthread_attr_destroy(&attributes);
	if (fault == 0)
		return;
	(void)close(socket);
	leave(server, connection);
	free(connection);
}

static bool is_full(struct server *server)
{
	bool full;

	(void)pthread_mutex_lock(&server->lock);
	full = server->connections >= MOST_CONNECTIONS;
	(void)pthread_mutex_unlock(&server->lock);
	return full;
}

static struct connection *oldest_reading(const struct server *server)
{
	struct connection *oldest = server->first;

	while (oldest != NULL && (!oldest->reading || oldest->ended))
		oldest = oldest->next;
	return oldest;
}

/* Whether whoever comes next can be let in, now or by one that has to make room. */
static bool has_or_makes_room(struct server *server)
{
	bool has;

	(void)pthread_mutex_lock(&server->lock);
	has = server->connections < MOST_CONNECTIONS ||
	      (server->ended == 0 && oldest_reading(server) != NULL);
	(void)pthread_mutex_unlock(&server->lock);
	return has;
}

/* What it has sent already is read to its end: one whose request is there is answered. */
static void make_room(struct server *server)
{
	struct connection *oldest;

	(void)pthread_mutex_lock(&server->lock);
	oldest = oldest_reading(server);
	if (oldest != NULL) {
		oldest->ended = true;
		server->ended++;
		(void)shutdown(oldest->socket, SHUT_RD);
	}
	(void)pthread_mutex_unlock(&server->lock);
}

/* Until a signal comes. */
static int accept_all(struct server *server, int listening, int signals, int woken,
		      struct pga_error *error)
{
	static const struct timespec pause = {0, 50000000};
	struct pollfd polled[3] = {
	    {.fd = signals, .events = POLLIN}, {.fd = woken, .events = POLLIN}, {.events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo came;
		char bytes[64];
		int connection;

		polled[2].fd = has_or_makes_room(server) ? listening : -1;
		if (poll(polled, 3, -1) < 0 && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not wait for connections");
		if ((polled[0].revents & POLLIN) != 0 &&
		    read(signals, &came, sizeof came) == (ssize_t)sizeof came)
			return 0;
		if ((polled[1].revents & POLLIN) != 0 && read(woken, bytes, sizeof bytes) < 0)
			continue;
		if (polled[2].fd < 0 || (polled[2].revents & POLLIN) == 0)
			continue;
		if (is_full(server)) {
			make_room(server);
			continue;
		}
		connection = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (connection >= 0)
			begin_thread(server, connection);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			(void)nanosleep(&pause, NULL); /* it would be asked again at once */
	}
}

/* Gives those that are being answered a moment; returns whether some are left. */
static bool let_finish(struct server *server)
{
	struct timespec until;
	bool busy;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FINISHING / 1000;
	(void)pthread_mutex_lock(&server->lock);
	while (server->connections > 0 &&
	       pthread_cond_timedwait(&server->left, &server->lock, &until) == 0)
		continue;
	busy = server->connections > 0;
	(void)pthread_mutex_unlock(&server->lock);
	return busy;
}

/* A signal that is ignored here stays so. */
static int wait_for_signals(sigset_t *before)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;
	sigset_t chosen;

	(void)sigemptyset(&chosen);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(&chosen, ending[i]);
	(void)pthread_sigmask(SIG_BLOCK, &chosen, before);
	return signalfd(-1, &chosen, SFD_CLOEXEC | SFD_NONBLOCK);
}

int pga_http_serve(int listening, const char *ready, pga_http_answer *answering, void *context,
		   bool *busy, struct pga_error *error)
{
	struct server *server = calloc(1, sizeof *server);
	int ends[2] = {-1, -1};
	sigset_t before;
	const int signals = wait_for_signals(&before);
	int result = -1;

	*busy = false;
	if (server == NULL) {
		(void)pga_fail_memory(error);
	} else if (signals < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		(void)pga_fail_errno(error, NULL, "could not wait for connections");
	} else {
		server->answer = answering;
		server->context = context;
		server->wake = ends[1];
		(void)pthread_mutex_init(&server->lock, NULL);
		(void)pthread_cond_init(&server->left, NULL);
		(void)fputs(ready, stdout);
		(void)fflush(stdout);
		result = accept_all(server, listening, signals, ends[0], error);
		(void)close(listening);
		listening = -1;
		*busy = let_finish(server);
	}
	if (listening >= 0)
		(void)close(listening);
	if (signals >= 0)
		(void)close(signals);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!*busy) {
		for (int i = 0; i < 2; i++)
			if (ends[i] >= 0)
				(void)close(ends[i]);
		free(server);
	}
	return result;
}
