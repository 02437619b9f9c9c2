/* Many PostgreSQL servers on loopback, as far as the answer to a startup packet: fleet DIRECTORY
 * COUNT [INDEX=WAY ...]. Each has an address of its own (127.1.x.y), a port, a key and a
 * certificate for that address by a root of their own, which is DIRECTORY/root.crt. The root's key
 * is new each time.
 *
 * Prints HOST:PORT of each and "ready"; then, for each line of standard input and at its end, the
 * number of handshakes, of connections, and the processor time in milliseconds.
 *
 * Ways: silent (takes the connection, says nothing), reset, endless (bytes for ever where it is
 * asked for TLS), late (its certificate has ended), other (its certificate is for another address),
 * plain (lets clients go on without TLS), none (uses no TLS). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DAY 86400L

enum way { USUAL, SILENT, RESET, ENDLESS, LATE, OTHER, PLAIN, NONE };

static const char *const ways[] = {"usual", "silent", "reset", "endless",
				   "late",  "other",  "plain", "none"};

struct server {
	int listening;
	enum way way;
	char host[32];
	SSL_CTX *context;
};

enum state { FIRST, SHAKING, INSIDE, FLOODING };

struct connection {
	struct server *server; /* first, also of a listening socket: then socket is -1 */
	int socket;
	enum state state;
	SSL *tls;
};

static atomic_long handshakes, connections;
static EVP_PKEY *root_key;
static X509 *root;

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fleet: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, root != NULL ? root : certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	check(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, const char *name, long serial, long days,
			      const char *address)
{
	X509 *certificate = X509_new();

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(root != NULL ? root : certificate));
	if (address == NULL) {
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
	} else {
		char names[64];

		snprintf(names, sizeof names, "IP:%s", address);
		add_extension(certificate, NID_subject_alt_name, names);
	}
	add_extension(certificate, NID_subject_key_identifier, "hash");
	check(X509_sign(certificate, root_key, EVP_sha256()) > 0, "X509_sign");
	return certificate;
}

static void make_root(const char *directory)
{
	char path[4096];
	FILE *file;

	root_key = EVP_EC_gen("P-256");
	root = make_certificate(root_key, "Fleet Root", 1, 3650, NULL);
	snprintf(path, sizeof path, "%s/root.crt", directory);
	file = fopen(path, "w");
	check(file != NULL && PEM_write_X509(file, root) == 1 && fclose(file) == 0, path);
}

static int choose(SSL *tls, const unsigned char **out, unsigned char *length,
		  const unsigned char *in, unsigned in_length, void *unused)
{
	static const unsigned char wanted[] = "\012postgresql";

	(void)tls, (void)unused;
	return SSL_select_next_proto((unsigned char **)out, length, wanted, 11, in, in_length) ==
		       OPENSSL_NPN_NEGOTIATED
		   ? SSL_TLSEXT_ERR_OK
		   : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void make_server(struct server *server, int number)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate;
	char name[64];

	snprintf(server->host, sizeof server->host, "127.1.%d.%d", number / 250, number % 250 + 1);
	snprintf(name, sizeof name, "server %d", number);
	certificate = make_certificate(key, name, number + 2, server->way == LATE ? -1 : 90,
				       server->way == OTHER ? "127.2.3.4" : server->host);
	server->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_num_tickets(server->context, 0);
	SSL_CTX_set_alpn_select_cb(server->context, choose, NULL);
	check(SSL_CTX_use_certificate(server->context, certificate) == 1 &&
		  SSL_CTX_use_PrivateKey(server->context, key) == 1,
	      "certificate");
	X509_free(certificate);
	EVP_PKEY_free(key);
	inet_pton(AF_INET, server->host, &address.sin_addr);
	server->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(server->listening >= 0 &&
		  bind(server->listening, (struct sockaddr *)&address, length) == 0 &&
		  listen(server->listening, 128) == 0 &&
		  getsockname(server->listening, (struct sockaddr *)&address, &length) == 0,
	      server->host);
	printf("%s:%d\n", server->host, ntohs(address.sin_port));
}

static void end(struct connection *connection)
{
	SSL_free(connection->tls);
	close(connection->socket);
	free(connection);
}

static bool begin_tls(struct connection *connection)
{
	connection->tls = SSL_new(connection->server->context);
	connection->state = SHAKING;
	return connection->tls != NULL && SSL_set_fd(connection->tls, connection->socket) == 1;
}

static const char refused[] = "E\0\0\0\x2aSFATAL\0VFATAL\0C28000\0Mno pg_hba.conf\0\0";
static const char sasl[] = "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
static const char sasl_plus[] = "R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";

/* What comes before TLS. Returns false where the connection is over. */
static bool first(struct connection *connection)
{
	unsigned char bytes[512];
	const ssize_t got = recv(connection->socket, bytes, sizeof bytes, MSG_PEEK);

	if (got < 0)
		return errno == EAGAIN;
	if (got < 8)
		return got > 0;
	if (bytes[0] == 0x16)
		return connection->server->way != NONE && begin_tls(connection);
	recv(connection->socket, bytes, got > 8 && bytes[3] == 8 ? 8 : sizeof bytes, 0);
	if (bytes[4] == 0x04 && bytes[5] == 0xd2 && bytes[7] == 0x2f) {
		const bool uses = connection->server->way != NONE;

		if (connection->server->way == ENDLESS)
			connection->state = FLOODING;
		return send(connection->socket, uses ? "S" : "N", 1, MSG_NOSIGNAL) == 1 &&
		       (!uses || connection->state == FLOODING || begin_tls(connection));
	}
	if (bytes[4] == 0x04 && bytes[5] == 0xd2)
		return send(connection->socket, "N", 1, MSG_NOSIGNAL) == 1;
	if (connection->server->way == PLAIN || connection->server->way == NONE)
		return send(connection->socket, sasl, sizeof sasl - 1, MSG_NOSIGNAL) > 0;
	send(connection->socket, refused, sizeof refused - 1, MSG_NOSIGNAL);
	return false;
}

static bool shake(struct connection *connection)
{
	const int done = SSL_accept(connection->tls);

	if (done == 1) {
		handshakes++;
		connection->state = INSIDE;
		return true;
	}
	return SSL_get_error(connection->tls, done) == SSL_ERROR_WANT_READ;
}

/* The startup packet is answered by the methods; whatever comes then is the end. */
static bool inside(struct connection *connection)
{
	char bytes[512];
	const int got = SSL_read(connection->tls, bytes, sizeof bytes);

	if (got <= 0)
		return SSL_get_error(connection->tls, got) == SSL_ERROR_WANT_READ;
	return bytes[0] == 0 && SSL_write(connection->tls, sasl_plus, sizeof sasl_plus - 1) > 0;
}

static bool flood(struct connection *connection)
{
	static const char bytes[65536];

	return send(connection->socket, bytes, sizeof bytes, MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
}

static bool go_on(struct connection *connection)
{
	enum state state;
	bool good;

	do {
		state = connection->state;
		switch (state) {
		case FIRST:
			good = first(connection);
			break;
		case SHAKING:
			good = shake(connection);
			break;
		case INSIDE:
			good = inside(connection);
			break;
		case FLOODING:
			good = flood(connection);
			break;
		}
	} while (good && connection->state != state && connection->state != FLOODING);
	return good;
}

static void take_in(int poll, struct server *server)
{
	const int on = 1;
	const int socket = accept4(server->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	const struct linger hard = {1, 0};
	struct connection *connection;
	struct epoll_event event = {.events = EPOLLIN};

	if (socket < 0)
		return;
	connections++;
	if (server->way == RESET) {
		setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(socket);
		return;
	}
	if (server->way == SILENT)
		return;
	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	connection = calloc(1, sizeof *connection);
	connection->server = server;
	connection->socket = socket;
	event.data.ptr = connection;
	if (server->way == ENDLESS)
		event.events |= EPOLLOUT;
	epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
}

static void *work(void *argument)
{
	const int poll = *(int *)argument;
	struct epoll_event events[64];

	for (;;) {
		const int count = epoll_wait(poll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;

			if (connection->socket < 0)
				take_in(poll, connection->server);
			else if (!go_on(connection))
				end(connection);
		}
	}
	return NULL;
}

static void add_listening(int poll, struct server *server)
{
	struct connection *listening = calloc(1, sizeof *listening);
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = listening};

	listening->server = server;
	listening->socket = -1;
	check(epoll_ctl(poll, EPOLL_CTL_ADD, server->listening, &event) == 0, "epoll_ctl");
}

static enum way way_of(const char *word)
{
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(word, ways[i]) == 0)
			return (enum way)i;
	check(0, word);
	return USUAL;
}

static void tell(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	printf("%ld %ld %ld\n", (long)handshakes, (long)connections,
	       (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000L +
		   (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const int count = argc > 2 ? atoi(argv[2]) : 0;
	struct server *servers = calloc((size_t)count + 1, sizeof *servers);
	static int polls[64];
	const long threads =
	    sysconf(_SC_NPROCESSORS_ONLN) < 64 ? sysconf(_SC_NPROCESSORS_ONLN) : 64;
	struct rlimit files;
	char line[16];
	pthread_t thread;

	check(count > 0, "fleet DIRECTORY COUNT [INDEX=WAY ...]");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 3; i < argc; i++) {
		const int number = atoi(argv[i]);

		check(number >= 0 && number < count && strchr(argv[i], '=') != NULL, argv[i]);
		servers[number].way = way_of(strchr(argv[i], '=') + 1);
	}
	make_root(argv[1]);
	for (int i = 0; i < count; i++)
		make_server(&servers[i], i);
	for (long t = 0; t < threads; t++) {
		polls[t] = epoll_create1(EPOLL_CLOEXEC);
		for (int i = 0; i < count; i++)
			add_listening(polls[t], &servers[i]);
		check(pthread_create(&thread, NULL, work, &polls[t]) == 0, "pthread_create");
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL)
		tell();
	tell();
	return 0;
}
