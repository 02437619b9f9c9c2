/* A server of TLS on loopback, in a child: it answers every connection with the same bytes. */
#ifndef PGA_TESTS_UNIT_TLS_SERVER_H
#define PGA_TESTS_UNIT_TLS_SERVER_H

#include "certificates.h"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum manner {
	SPEAKS_TLS,   /* at once, as for HTTPS */
	SPEAKS_PLAIN, /* the answer, without TLS */
	IS_SILENT,    /* takes the connection, and says nothing */
	HANGS,        /* after the handshake */
	HANGS_UP,     /* after the handshake */
	IS_POSTGRES,  /* TLS after an SSLRequest, and then nothing */
};

struct tls_server {
	enum manner manner;
	X509 *leaf;
	X509 *above; /* that it shows besides; NULL: none */
	EVP_PKEY *key;
	const char *answer;
	size_t length;
	/* Once it is started: */
	pid_t child;
	int port;
	int listening;
	int asked; /* the first line of each request can be read from there */
};

static void read_request(SSL *ssl, int to)
{
	char text[4096];
	int length = 0;
	int count;

	do {
		count = SSL_read(ssl, text + length, (int)sizeof text - 1 - length);
		length += count > 0 ? count : 0;
		text[length] = '\0';
	} while (count > 0 && strstr(text, "\r\n\r\n") == NULL);
	if (write(to, text, (size_t)length) < 0)
		_exit(1);
}

static void wait_for_the_end(int connection)
{
	char byte;

	while (read(connection, &byte, 1) > 0)
		;
}

static void serve(const struct tls_server *server, SSL_CTX *context, int connection, int to)
{
	SSL *ssl = SSL_new(context);
	char request[8];

	if (server->manner == IS_POSTGRES &&
	    (recv(connection, request, 8, MSG_WAITALL) != 8 || write(connection, "S", 1) != 1))
		_exit(1);
	if (server->manner == SPEAKS_PLAIN) {
		if (write(connection, server->answer, server->length) < 0)
			_exit(1);
	} else if (server->manner != IS_SILENT && SSL_set_fd(ssl, connection) == 1 &&
		   SSL_accept(ssl) == 1) {
		if (server->manner == SPEAKS_TLS) {
			read_request(ssl, to);
			(void)SSL_write(ssl, server->answer, (int)server->length);
			(void)SSL_shutdown(ssl);
			(void)shutdown(connection, SHUT_WR);
		}
	}
	if (server->manner != HANGS_UP)
		wait_for_the_end(connection);
	SSL_free(ssl);
	(void)close(connection);
}

static void run_server(const struct tls_server *server, int to)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)SSL_CTX_use_certificate(context, server->leaf);
	(void)SSL_CTX_use_PrivateKey(context, server->key);
	if (server->above != NULL)
		(void)SSL_CTX_add1_chain_cert(context, server->above);
	for (;;) {
		const int connection = accept(server->listening, NULL, NULL);

		if (connection < 0)
			_exit(1);
		serve(server, context, connection, to);
	}
}

static void start_server(struct tls_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int ends[2];

	server->listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(server->listening >= 0);
	assert_int_equal(bind(server->listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server->listening, 8), 0);
	assert_int_equal(getsockname(server->listening, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pipe(ends), 0);
	server->child = fork();
	assert_true(server->child >= 0);
	if (server->child == 0) {
		(void)close(ends[0]);
		run_server(server, ends[1]);
	}
	(void)close(ends[1]);
	(void)close(server->listening);
	server->asked = ends[0];
}

/* Ends it; what it was asked goes into the buffer. */
static void stop_server(struct tls_server *server, char *asked, size_t size)
{
	size_t length = 0;
	ssize_t count = 1;

	assert_int_equal(kill(server->child, SIGKILL), 0);
	assert_int_equal(waitpid(server->child, NULL, 0), server->child);
	while (count > 0 && length < size - 1) {
		count = read(server->asked, asked + length, size - 1 - length);
		length += count > 0 ? (size_t)count : 0;
	}
	asked[length] = '\0';
	(void)close(server->asked);
}

/* A certificate for localhost and 127.0.0.1, which the issuer's key signs. */
static X509 *make_leaf(const char *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *x509 = make_unsigned(&(struct kind){.name = "leaf",
						  .issuer = issuer,
						  .basic = "CA:FALSE",
						  .purpose = "serverAuth",
						  .serial = 7},
				   key);

	add_extension(x509, x509, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	sign_with(x509, signer);
	return x509;
}

#endif
