/* TLS handshakes and nothing else, as `openssl s_time` does them: handshakes ROOT.CRT LIST THREADS
 * TIMES. With every HOST:PORT of the list, so many times: connects, sends the SSLRequest, and
 * verifies the chain and the address in a handshake. Prints the number that stood, and the
 * microseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char (*hosts)[64];
static unsigned *ports;
static long count, total;
static SSL_CTX *context;
static atomic_long next_one, stood;

static int dial(long number)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)ports[number])};
	const int connection = socket(AF_INET, SOCK_STREAM, 0);
	const int on = 1;

	inet_pton(AF_INET, hosts[number], &address.sin_addr);
	setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0)
		return connection;
	close(connection);
	return -1;
}

static void shake_hands(long number)
{
	static const unsigned char request[8] = {0, 0, 0, 8, 4, 210, 22, 47};
	const int connection = dial(number);
	char answer = 0;
	SSL *tls;

	if (connection < 0)
		return;
	if (write(connection, request, sizeof request) == sizeof request &&
	    read(connection, &answer, 1) == 1 && answer == 'S') {
		tls = SSL_new(context);
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), hosts[number]);
		SSL_set_fd(tls, connection);
		stood += SSL_connect(tls) == 1;
		SSL_free(tls);
	}
	close(connection);
}

static void *work(void *unused)
{
	long number;

	while ((number = next_one++) < total)
		shake_hands(number % count);
	return unused;
}

static void read_list(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[128];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		hosts = realloc(hosts, (size_t)(count + 1) * sizeof *hosts);
		ports = realloc(ports, (size_t)(count + 1) * sizeof *ports);
		if (sscanf(line, "%63[^:]:%u", hosts[count], &ports[count]) == 2)
			count++;
	}
}

int main(int argc, char **argv)
{
	const int threads = argc == 5 ? atoi(argv[3]) : 0;
	pthread_t *running = calloc((size_t)threads + 1, sizeof *running);
	struct timespec begin, end;

	if (threads < 1)
		return 2;
	read_list(argv[2]);
	total = count * atol(argv[4]);
	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(context, argv[1], NULL) != 1)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < threads; i++)
		pthread_create(&running[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(running[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%ld %lld\n", (long)stood,
	       (end.tv_sec - begin.tv_sec) * 1000000LL + (end.tv_nsec - begin.tv_nsec) / 1000);
	return 0;
}
