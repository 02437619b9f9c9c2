/* watched WAY PORT [PROGRAM ARGUMENT ...]: connects to 127.0.0.1 in one way, and prints what came
 * of it: "connected", or the error's name; in many threads, a line for each. "beneath" starts the
 * program under a seccomp filter of somebody else's that asks. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif

static struct sockaddr_in to;
static struct sockaddr_in6 to6;
static struct sockaddr_storage roomy;

static const char *came_of(long result)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{EACCES, "EACCES"}, {ECONNREFUSED, "ECONNREFUSED"}, {ENOSYS, "ENOSYS"},
		     {EPERM, "EPERM"},   {EOPNOTSUPP, "EOPNOTSUPP"},     {ENOENT, "ENOENT"}};

	for (size_t i = 0; result < 0 && i < sizeof names / sizeof names[0]; i++)
		if (errno == names[i].number)
			return names[i].name;
	return result < 0 ? strerror(errno) : "connected";
}

static void *in_thread(void *unused)
{
	int stream = socket(AF_INET, SOCK_STREAM, 0);

	(void)puts(came_of(connect(stream, (struct sockaddr *)&to, sizeof to)));
	return unused;
}

static long in_threads(void)
{
	pthread_t threads[20];

	for (int i = 0; i < 20; i++)
		if (pthread_create(&threads[i], NULL, in_thread, NULL) != 0)
			return -1;
	for (int i = 0; i < 20; i++)
		(void)pthread_join(threads[i], NULL);
	exit(0);
}

static long to_unix_socket(const char *path)
{
	struct sockaddr_un there = {.sun_family = AF_UNIX};

	(void)snprintf(there.sun_path, sizeof there.sun_path, "%s", path);
	return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&there,
		       (socklen_t)(sizeof there.sun_family + strlen(path)));
}

static long send_to(const char *way, int stream)
{
	char byte = 'x';
	struct iovec content = {&byte, 1};
	struct mmsghdr message = {
	    .msg_hdr = {
		.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &content, .msg_iovlen = 1}};

	if (strcmp(way, "sendto") == 0)
		return sendto(stream, &byte, 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to);
	if (strcmp(way, "sendmsg") == 0)
		return sendmsg(stream, &message.msg_hdr, MSG_FASTOPEN);
	return sendmmsg(stream, &message, 1, MSG_FASTOPEN);
}

static int beneath(char **argv)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = {1, &allow};
	long listener;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			   &filter);
	/* It lasts as long as somebody could answer. */
	if (listener < 0 || fcntl((int)listener, F_SETFD, 0) != 0)
		return 9;
	(void)execvp(argv[0], argv);
	return 8;
}

static long by(const char *way, int stream)
{
	const struct sockaddr *address = (struct sockaddr *)&to;

	if (strcmp(way, "connect") == 0)
		return connect(stream, address, sizeof to);
	if (strcmp(way, "roomy") == 0)
		return connect(stream, (struct sockaddr *)&roomy, sizeof roomy);
	if (strcmp(way, "ipv6") == 0)
		return connect(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&to6,
			       sizeof to6);
	if (strcmp(way, "threads") == 0)
		return in_threads();
	if (strcmp(way, "hidden") == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		return connect(stream, address, sizeof to);
	if (strcmp(way, "hidden-unix") == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		return to_unix_socket("/run/user/nothing/bus");
	if (strcmp(way, "unix") == 0) /* with the family, as long as an address of IPv4 */
		return to_unix_socket("/nothing/there");
	if (strcmp(way, "io_uring") == 0) {
		char parameters[120] = {0};

		return syscall(__NR_io_uring_setup, 4, parameters);
	}
#if defined(__i386__)
	if (strcmp(way, "socketcall") == 0) {
		unsigned long words[] = {(unsigned long)stream, (unsigned long)address, sizeof to};

		return syscall(SYS_socketcall, 3, words);
	}
	if (strcmp(way, "call") == 0)
		return syscall(362, stream, address, sizeof to);
#elif defined(__x86_64__)
	if (strcmp(way, "x32") == 0)
		return syscall(0x40000000 | SYS_connect, stream, address, sizeof to);
#endif
	return send_to(way, stream);
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "beneath") == 0)
		return beneath(argv + 3);
	if (argc != 3)
		return 2;
	to.sin_family = AF_INET;
	to.sin_port = htons((unsigned short)atoi(argv[2]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to6.sin6_family = AF_INET6;
	to6.sin6_port = to.sin_port;
	(void)inet_pton(AF_INET6, "::ffff:127.0.0.1", &to6.sin6_addr);
	memcpy(&roomy, &to, sizeof to);
	(void)puts(came_of(by(argv[1], socket(AF_INET, SOCK_STREAM, 0))));
	return 0;
}
