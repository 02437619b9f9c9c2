#include "preload/watcher.h"

#include "preload/watched.h"
#include "base/terminal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* socketcall(2) of the ABI that has it. */
#define SOCKETCALL 102

/* Of Linux 6.6: the watcher runs at once where the process that asks has run, and not when it is
 * its turn. A signal that comes before it has the question ends the connect with EINTR. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* So many processes that have been told of why their connects are refused are remembered. */
#define TOLD 64

struct watcher {
	int listener;
	const struct pga_watch_ports *ports;
	struct seccomp_notif *asked; /* in the kernel's size, which may be more than ours */
	struct seccomp_notif_resp *answer;
	size_t asked_size;
	size_t answer_size;
	struct told {
		struct pga_watched_name name;
		const char *why;
	} told[TOLD];
	size_t told_count;
};

/* One connect(2). */
struct request {
	pid_t thread;
	int socket;
	uint64_t address;
	int length;
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} to;
};

/* Why a connect is refused. */
static const char without_gate[] = "the gate is not in that program";
static const char without_libpq[] = "that program does not connect by a libpq that the gate knows";
static const char not_shown[] = "Linux does not show where it goes, and not that the gate is in "
				"that program";

/* The arguments of the connect. socketcall(2) has them in memory. */
static enum pga_shown read_arguments(const struct seccomp_data *call, struct request *request)
{
	uint32_t words[3];
	enum pga_shown shown = PGA_SHOWN;

	request->socket = (int)call->args[0];
	request->address = call->args[1];
	request->length = (int)call->args[2];
#ifdef AUDIT_ARCH_I386
	if (call->arch == AUDIT_ARCH_I386 && call->nr == SOCKETCALL) {
		shown = pga_watched_read(request->thread, call->args[1], words, sizeof words);
		request->socket = shown == PGA_SHOWN ? (int)words[0] : -1;
		request->address = words[1];
		request->length = shown == PGA_SHOWN ? (int)words[2] : 0;
	}
#endif
	return shown;
}

/* Where it goes. An address that is too short for its family stays as it is: the kernel refuses it
 * by itself. */
static enum pga_shown read_address(struct request *request)
{
	size_t length = sizeof request->to;

	memset(&request->to, 0, sizeof request->to);
	if (request->length < (int)sizeof request->to.ipv4)
		return PGA_NOT_THERE;
	if ((size_t)request->length < length)
		length = (size_t)request->length;
	return pga_watched_read(request->thread, request->address, &request->to, length);
}

/* The port, in host order; -1 for what is no internet address. */
static int port_of(const struct request *request)
{
	if (request->to.any.sa_family == AF_INET)
		return ntohs(request->to.ipv4.sin_port);
	if (request->to.any.sa_family == AF_INET6)
		return ntohs(request->to.ipv6.sin6_port);
	return -1;
}

/* Whether the address that cannot be seen may be one of the internet: it has a length that programs
 * give for those, and the socket is not known to be another. */
static bool may_be_internet(const struct request *request)
{
	return (request->length == sizeof(struct sockaddr_in) ||
		request->length == sizeof(struct sockaddr_in6) ||
		request->length == sizeof(struct sockaddr_storage)) &&
	       !pga_watched_is_unix(request->thread, request->socket);
}

/* Why this connect is refused; NULL where it is not. */
static const char *judge(const struct watcher *watcher, struct request *request)
{
	enum pga_shown shown = read_arguments(&watcher->asked->data, request);
	struct pga_watched_code code;
	int port = -1;

	if (shown == PGA_SHOWN)
		shown = read_address(request);
	if (shown == PGA_SHOWN)
		port = port_of(request);
	if (shown == PGA_SHOWN ? port < 0 || !watcher->ports->watched[port]
			       : shown == PGA_NOT_THERE || !may_be_internet(request))
		return NULL;
	code = pga_watched_code(request->thread);
	if (code.gate && (code.libpq || shown == PGA_NOT_SHOWN))
		return NULL;
	if (shown == PGA_NOT_SHOWN)
		return not_shown;
	/* PostgreSQL has no UDP; getaddrinfo(3) connects such sockets to see which address is near.
	 */
	if (pga_watched_is_datagram(request->thread, request->socket))
		return NULL;
	return code.gate ? without_libpq : without_gate;
}

/* "address port N"; "an address" where it cannot be seen. */
static void write_address(const struct request *request, char *text, size_t size)
{
	char number[INET6_ADDRSTRLEN] = "?";
	const int port = port_of(request);

	if (request->to.any.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &request->to.ipv4.sin_addr, number, sizeof number);
	else
		(void)inet_ntop(AF_INET6, &request->to.ipv6.sin6_addr, number, sizeof number);
	if (port >= 0)
		(void)snprintf(text, size, "%s port %d", number, port);
	else
		(void)snprintf(text, size, "somewhere");
}

/* Whether the process has not been told so, and is from now on. */
static bool is_news(struct watcher *watcher, const struct pga_watched_name *name, const char *why)
{
	struct told *told;

	for (size_t i = 0; i < TOLD && i < watcher->told_count; i++) {
		told = &watcher->told[i];
		if (told->name.process == name->process && told->why == why &&
		    strcmp(told->name.name, name->name) == 0)
			return false;
	}
	told = &watcher->told[watcher->told_count++ % TOLD];
	told->name = *name;
	told->why = why;
	return true;
}

/* Says why on the program's own standard error. */
static void tell(struct watcher *watcher, const struct request *request, const char *why)
{
	const struct pga_watched_name name = pga_watched_name(request->thread);
	char address[INET6_ADDRSTRLEN + 32];
	char text[1024];
	char *shown;

	if (!is_news(watcher, &name, why))
		return;
	shown = pga_printable(name.name); /* the program's own choice (prctl(2), PR_SET_NAME) */
	write_address(request, address, sizeof address);
	(void)snprintf(
	    text, sizeof text,
	    "pganchor: refused a connection of %s (process %ld) to %s: %s\n"
	    "    start it with the environment that it was to have, LD_PRELOAD among it; what has "
	    "no libpq, without --require and by settings of its own that verify\n",
	    shown != NULL ? shown : "?", (long)name.process, address, why);
	free(shown);
	pga_watched_tell(&name, text);
}

/* Whether who asked still waits for the answer: if not, its number may be another's by now, and so
 * what was read. */
static bool still_waits(const struct watcher *watcher)
{
	uint64_t id = watcher->asked->id;

	return ioctl(watcher->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void answer_one(struct watcher *watcher)
{
	struct request request = {0};
	const char *why;

	/* The kernel wants it zero. */
	memset(watcher->asked, 0, watcher->asked_size);
	memset(watcher->answer, 0, watcher->answer_size);
	if (ioctl(watcher->listener, SECCOMP_IOCTL_NOTIF_RECV, watcher->asked) != 0)
		return; /* it has gone in the meantime */
	request.thread = (pid_t)watcher->asked->pid;
	why = judge(watcher, &request);
	if (!still_waits(watcher))
		return;
	watcher->answer->id = watcher->asked->id;
	if (why == NULL) {
		/* Another thread of the process may change the address now. One that means to get
		 * round the gate needs no such trick, and one that does not has no use for it. */
		watcher->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		tell(watcher, &request, why);
		/* What connect(2) answers where a firewall of the machine refuses. */
		watcher->answer->error = -EACCES;
	}
	(void)ioctl(watcher->listener, SECCOMP_IOCTL_NOTIF_SEND, watcher->answer);
}

int pga_watcher_check(pid_t program, int listener, struct pga_error *error)
{
	struct seccomp_notif_addfd none = {.id = 0};
	static const char probe = 'p'; /* at the same place in the program, which has forked us */
	const void *place = &probe;
	char copy = 0;

	if (pga_watched_read(program, (uint64_t)(uintptr_t)place, &copy, sizeof copy) !=
		PGA_SHOWN ||
	    copy != probe)
		return pga_fail(error, NULL,
				"could not read where process %ld connects to (process_vm_readv)",
				(long)program);
	if (!pga_watched_code(program).shown)
		return pga_fail(error, NULL, "could not read /proc/%ld/maps", (long)program);
	/* Of the release in which a listener is told, too, that its last process has gone: Linux
	 * 5.9. An older one does not know it. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &none) != 0 && errno == ENOENT)
		return 0;
	return pga_fail(error, NULL, "it needs Linux 5.9");
}

void pga_watcher_answer(int listener, const struct pga_watch_ports *ports)
{
	struct watcher watcher = {.listener = listener, .ports = ports};
	struct seccomp_notif_sizes sizes = {0};
	struct pollfd question = {.fd = listener, .events = POLLIN};

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
		return;
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	watcher.asked_size = sizes.seccomp_notif > sizeof *watcher.asked ? sizes.seccomp_notif
									 : sizeof *watcher.asked;
	watcher.answer_size = sizes.seccomp_notif_resp > sizeof *watcher.answer
				  ? sizes.seccomp_notif_resp
				  : sizeof *watcher.answer;
	watcher.asked = malloc(watcher.asked_size);
	watcher.answer = malloc(watcher.answer_size);
	while (watcher.asked != NULL && watcher.answer != NULL) {
		if (poll(&question, 1, -1) < 0 && errno != EINTR)
			break;
		if ((question.revents & POLLIN) != 0)
			answer_one(&watcher);
		else if (question.revents != 0)
			break; /* nobody is left */
	}
	free(watcher.asked);
	free(watcher.answer);
}
