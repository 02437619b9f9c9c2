#include "wire.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>

/* Descriptors that are none: no others of this process are as high. */
#define FIRST   700
#define SOCKETS 64
#define SYSLOG  690

struct wire wire;

static struct {
	bool open;
	bool dead; /* the gate has put another socket in its place */
	bool asked;
	bool tls;    /* a handshake has begun: records follow, and nothing else may */
	size_t left; /* of the record that is being sent */
	int family;
	char host[300];
} sockets[SOCKETS];

static char looked_up[300];

/* ---- who calls ---- */

struct range {
	uintptr_t start;
	uintptr_t end;
};

static struct range libpq;
static struct range gate;

static int look_for_ranges(struct dl_phdr_info *info, size_t size, void *context)
{
	struct range range = {UINTPTR_MAX, 0};

	(void)size;
	(void)context;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (start < range.start)
			range.start = start;
		if (start + info->dlpi_phdr[i].p_memsz > range.end)
			range.end = start + info->dlpi_phdr[i].p_memsz;
	}
	if (strstr(info->dlpi_name, "/libpq.so") != NULL)
		libpq = range;
	if (strstr(info->dlpi_name, "pganchor-gate") != NULL)
		gate = range;
	return 0;
}

static bool within(const struct range *range, const void *caller)
{
	if (libpq.end == 0) {
		(void)dl_iterate_phdr(look_for_ranges, NULL);
		if (libpq.end == 0 || gate.end == 0) {
			(void)fprintf(
			    stderr, "verdict: libpq.so and pganchor-gate.so are not both there\n");
			_exit(2);
		}
	}
	return (uintptr_t)caller >= range->start && (uintptr_t)caller < range->end;
}

#define CALLED_BY(range) within(&(range), __builtin_return_address(0))

/* libc's own function of this name. */
#define REAL(type, name, ...)                                            \
	static type (*real)(__VA_ARGS__);                                \
	if (real == NULL) {                                              \
		void *address = dlsym(RTLD_NEXT, name);                  \
		memcpy((void *)&real, (void *)&address, sizeof address); \
	}

/* ---- what is written down ---- */

void wire_begin(void)
{
	wire.count = 0;
	wire.logged = 0;
	memset(sockets, 0, sizeof sockets);
	looked_up[0] = '\0';
}

static struct event *note(enum event_kind kind, bool local, const char *host)
{
	static struct event overflow;
	struct event *event = wire.count < EVENTS ? &wire.events[wire.count] : &overflow;

	wire.count++;
	event->kind = kind;
	event->local = local;
	event->checksum = 0;
	(void)snprintf(event->host, sizeof event->host, "%s", host);
	return event;
}

static int entry_of(int fd)
{
	return fd >= FIRST && fd < FIRST + SOCKETS && sockets[fd - FIRST].open ? fd - FIRST : -1;
}

/* ---- the network ---- */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	struct sockaddr_in6 address = {0};
	struct addrinfo *info;

	(void)service;
	*result = NULL;
	/* The gate's wrapper need not be left by a jump. */
	if (!CALLED_BY(libpq) && !CALLED_BY(gate))
		return EAI_FAIL;
	(void)snprintf(looked_up, sizeof looked_up, "%s", node != NULL ? node : "");
	(void)note(LOOKED_UP, false, looked_up);
	if (inet_pton(AF_INET6, looked_up, &address.sin6_addr) == 1)
		address.sin6_family = AF_INET6;
	else if (inet_pton(AF_INET, looked_up,
			   &((struct sockaddr_in *)(void *)&address)->sin_addr) == 1)
		address.sin6_family = AF_INET;
	else if ((hints->ai_flags & AI_NUMERICHOST) != 0 || strncmp(looked_up, "missing", 7) == 0)
		return EAI_NONAME;
	else
		address.sin6_family = AF_INET;
	info = calloc(1, sizeof *info + sizeof address);
	if (info == NULL)
		return EAI_MEMORY;
	info->ai_family = address.sin6_family;
	info->ai_socktype = SOCK_STREAM;
	info->ai_addr = (struct sockaddr *)(void *)(info + 1);
	info->ai_addrlen =
	    address.sin6_family == AF_INET6 ? sizeof address : sizeof(struct sockaddr_in);
	memcpy(info->ai_addr, &address, sizeof address);
	*result = info;
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	free(info);
}

int socket(int family, int type, int protocol)
{
	(void)protocol;
	if (CALLED_BY(gate) && (type & 0xF) == SOCK_DGRAM)
		return SYSLOG;
	if (!CALLED_BY(libpq)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	for (int i = 0; i < SOCKETS; i++)
		if (!sockets[i].open) {
			memset(&sockets[i], 0, sizeof sockets[i]);
			sockets[i].open = true;
			sockets[i].family = family;
			return FIRST + i;
		}
	errno = EMFILE;
	return -1;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int entry = entry_of(fd);
	const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;

	(void)length;
	if (entry < 0) {
		errno = EBADF;
		return -1;
	}
	(void)snprintf(sockets[entry].host, sizeof sockets[entry].host, "%s",
		       sockets[entry].family != AF_UNIX ? looked_up
		       : path[0] != '\0'                ? path
							: "@");
	(void)note(CONNECTED, sockets[entry].family == AF_UNIX, sockets[entry].host);
	if (wire.refuses) {
		errno = ECONNREFUSED;
		return -1;
	}
	return 0;
}

/* Whether these bytes go on with TLS records, which OpenSSL may write in pieces, though each with
 * its header. */
static bool goes_on_with_tls(int entry, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t step;

		if (sockets[entry].left == 0) {
			if (length < 5 || bytes[0] < 0x14 || bytes[0] > 0x17 || bytes[1] != 3)
				return false;
			sockets[entry].left = 5U + bytes[3] * 256U + bytes[4];
		}
		step = length < sockets[entry].left ? length : sockets[entry].left;
		sockets[entry].left -= step;
		bytes += step;
		length -= step;
	}
	return true;
}

static enum event_kind kind_of(const unsigned char *bytes, size_t length)
{
	static const unsigned char ssl[] = {0, 0, 0, 8, 4, 210, 22, 47};
	static const unsigned char gss[] = {0, 0, 0, 8, 4, 210, 22, 48};

	if (length == 8 && memcmp(bytes, ssl, 8) == 0)
		return SENT_SSL;
	if (length == 8 && memcmp(bytes, gss, 8) == 0)
		return SENT_GSS;
	return length > 5 && bytes[0] == 0x16 && bytes[1] == 3 ? SENT_HELLO : SENT_PLAIN;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	int entry = entry_of(fd);
	struct event *event;
	enum event_kind kind;

	(void)flags;
	if (entry < 0 || sockets[entry].dead) {
		errno = EPIPE;
		return -1;
	}
	sockets[entry].tls = sockets[entry].tls || kind_of(bytes, length) == SENT_HELLO;
	if (sockets[entry].tls)
		kind = goes_on_with_tls(entry, bytes, length) ? SENT_HELLO : SENT_PLAIN;
	else
		kind = kind_of(bytes, length);
	event = note(kind, sockets[entry].family == AF_UNIX, sockets[entry].host);
	sockets[entry].asked = kind == SENT_SSL || kind == SENT_GSS;
	if (kind == SENT_PLAIN)
		for (size_t i = 0; i < length; i++)
			event->checksum = event->checksum * 31 + ((const unsigned char *)bytes)[i];
	return (ssize_t)length;
}

ssize_t recv(int fd, void *bytes, size_t room, int flags)
{
	int entry = entry_of(fd);

	(void)flags;
	if (entry < 0) {
		errno = EBADF;
		return -1;
	}
	if (room == 0 || sockets[entry].dead || !sockets[entry].asked || wire.answers == 0)
		return 0;
	sockets[entry].asked = false;
	*(char *)bytes = wire.answers;
	return 1;
}

/* What the gate sends by this goes to syslog; who else would is nobody. */
ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *address,
	       socklen_t size)
{
	(void)bytes;
	(void)flags;
	(void)address;
	(void)size;
	wire.logged += fd == SYSLOG;
	return (ssize_t)length;
}

int poll(struct pollfd *polled, nfds_t count, int timeout)
{
	REAL(int, "poll", struct pollfd *, nfds_t, int)

	if (count != 1 || entry_of(polled->fd) < 0)
		return real(polled, count, timeout);
	polled->revents = polled->events;
	return 1;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)length;
	return 0;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	(void)fd;
	(void)level;
	if (name != SO_ERROR || *length < sizeof(int)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	memset(value, 0, sizeof(int));
	return 0;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	int entry = entry_of(fd);

	if (entry < 0) {
		errno = EBADF;
		return -1;
	}
	memset(address, 0, *length);
	address->sa_family = (sa_family_t)sockets[entry].family;
	*length = sizeof(struct sockaddr_un) < *length ? sizeof(struct sockaddr_un) : *length;
	return 0;
}

static int descriptor_control(int fd, int command, long argument)
{
	REAL(int, "fcntl", int, int, ...)

	return entry_of(fd) >= 0 ? 0 : real(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	return descriptor_control(fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

int close(int fd)
{
	int entry = entry_of(fd);
	REAL(int, "close", int)

	if (fd == SYSLOG)
		return 0;
	if (entry < 0)
		return real(fd);
	sockets[entry].open = false;
	return 0;
}

int shutdown(int fd, int how)
{
	(void)how;
	if (entry_of(fd) >= 0)
		sockets[entry_of(fd)].dead = true;
	return 0;
}

/* By this the gate cuts a connection. */
int dup3(int from, int to, int flags)
{
	(void)from;
	(void)flags;
	(void)shutdown(to, SHUT_RDWR);
	return to;
}

/* ---- Kerberos and chance ---- */

unsigned gss_acquire_cred(unsigned *minor, void *name, unsigned time, void *mechanisms, int usage,
			  void **credential, void *actual, unsigned *received);
unsigned gss_release_cred(unsigned *minor, void **credential);
int RAND_bytes(unsigned char *bytes, int count);

unsigned gss_acquire_cred(unsigned *minor, void *name, unsigned time, void *mechanisms, int usage,
			  void **credential, void *actual, unsigned *received)
{
	static int one;

	(void)name;
	(void)time;
	(void)mechanisms;
	(void)usage;
	(void)actual;
	(void)received;
	*minor = 0;
	*credential = wire.ticket ? &one : NULL;
	return wire.ticket ? 0 : 13U << 16;
}

unsigned gss_release_cred(unsigned *minor, void **credential)
{
	*minor = 0;
	*credential = NULL;
	return 0;
}

/* libpq shuffles hosts by this; each run of a case has to shuffle them alike. */
int RAND_bytes(unsigned char *bytes, int count)
{
	REAL(int, "RAND_bytes", unsigned char *, int)

	if (!CALLED_BY(libpq))
		return real(bytes, count);
	for (int i = 0; i < count; i++)
		bytes[i] = (unsigned char)(wire.dice >> (i % 8 * 8)) ^ (unsigned char)i;
	return 1;
}

/* ---- the gate's files ---- */

static const char *files_directory;
static unsigned files_generation;

void wire_files(const char *directory, unsigned generation)
{
	files_directory = directory;
	files_generation = generation;
}

/* The system's files are looked for below the prefix that the gate was built for. */
static const char *moved(const char *path, char *buffer, size_t room)
{
	const char *name = strstr(path, "/etc/pganchor");

	if (files_directory == NULL || name == NULL ||
	    strncmp(path, files_directory, strlen(files_directory)) == 0)
		return path;
	(void)snprintf(buffer, room, "%s/system%s", files_directory, name + strlen("/etc"));
	return buffer;
}

static int opened(const char *path, int flags, mode_t mode, bool by_gate)
{
	char buffer[512];
	REAL(int, "open", const char *, int, ...)

	return real(by_gate ? moved(path, buffer, sizeof buffer) : path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return opened(path, flags, mode, CALLED_BY(gate));
}

int scandir(const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
	    int (*compare)(const struct dirent **, const struct dirent **))
{
	char buffer[512];
	REAL(int, "scandir", const char *, struct dirent ***, int (*)(const struct dirent *),
	     int (*)(const struct dirent **, const struct dirent **))

	return real(moved(path, buffer, sizeof buffer), list, filter, compare);
}

char *realpath(const char *path, char *resolved)
{
	char buffer[512];
	REAL(char *, "realpath", const char *, char *)

	return real(CALLED_BY(gate) ? moved(path, buffer, sizeof buffer) : path, resolved);
}

/* A kernel's clock is too coarse for files that change a thousand times a second: their times are
 * the generation's. And the system's files are root's, in directories of root's, whoever runs this.
 */
static int disguised(int result, struct stat *status)
{
	if (result != 0)
		return result;
	status->st_mtim = (struct timespec){files_generation, 0};
	status->st_ctim = (struct timespec){files_generation, 0};
	status->st_uid = 0;
	if (S_ISDIR(status->st_mode))
		status->st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
	return 0;
}

int stat(const char *path, struct stat *status)
{
	char buffer[512];
	REAL(int, "stat", const char *, struct stat *)

	if (!CALLED_BY(gate))
		return real(path, status);
	return disguised(real(moved(path, buffer, sizeof buffer), status), status);
}

int fstat(int fd, struct stat *status)
{
	REAL(int, "fstat", int, struct stat *)

	return CALLED_BY(gate) ? disguised(real(fd, status), status) : real(fd, status);
}

/* By this the gate goes the way to the system's files: the directories above them need not exist
 * where this runs. */
int lstat(const char *path, struct stat *status)
{
	char buffer[512];
	const char *there = moved(path, buffer, sizeof buffer);
	int result;
	REAL(int, "lstat", const char *, struct stat *)

	if (!CALLED_BY(gate))
		return real(path, status);
	result = real(there, status);
	if (result != 0 && errno == ENOENT && there == path && files_directory != NULL &&
	    strncmp(path, files_directory, strlen(files_directory)) != 0)
		result = real("/", status);
	return disguised(result, status);
}

/* The same functions, as a module that was built for large files calls them: on a machine of 64
 * bits, what they take and give is the same too. */
#define LARGE(name) __asm__(".globl " #name "64\n.set " #name "64, " #name)
LARGE(open);
LARGE(stat);
LARGE(fstat);
LARGE(lstat);
LARGE(scandir);
