/* Closes all descriptors behind libpq's back and takes their numbers for files of its own:
 *
 *     closer STRONG WEAK REFUSED_LATE DIRECTORY
 *
 * WEAK is refused before there is a socket, REFUSED_LATE after the handshake. After each step it
 * looks whether its files are still the same, still open and still empty. Prints what came of each
 * step, one a line: "weak", "strong", "late" with "ok", or what is wrong. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST 40

static ino_t files[LAST + 1]; /* by descriptor; 0 where there is none of ours */

/* Every number from 3 on. */
static void take_all(const char *directory)
{
	closefrom(3);
	for (int number = 3; number <= LAST; number++) {
		int made = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		struct stat status;

		if (made != number || fstat(made, &status) != 0)
			exit(3);
		files[number] = status.st_ino;
	}
}

static void give_back(int number)
{
	close(number);
	files[number] = 0;
}

static const char *harm(void)
{
	static char said[100];

	for (int number = 3; number <= LAST; number++) {
		struct stat status;

		if (files[number] == 0)
			continue;
		snprintf(said, sizeof said, "descriptor %d: ", number);
		if (fstat(number, &status) != 0)
			return strcat(said, "closed");
		if (status.st_ino != files[number])
			return strcat(said, "another file");
		if (status.st_size != 0 || lseek(number, 0, SEEK_CUR) != 0)
			return strcat(said, "written to");
	}
	return NULL;
}

static void tell(const char *step, int good, PGconn *conn)
{
	printf("%s %s\n", step, harm() != NULL ? harm() : good ? "ok" : PQerrorMessage(conn));
}

static int is_refused(PGconn *conn)
{
	return PQstatus(conn) != CONNECTION_OK &&
	       strncmp(PQerrorMessage(conn), "pganchor refused", 16) == 0;
}

int main(int argc, char **argv)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	PGconn *conn;

	if (argc != 5)
		return 2;
	for (int round = 0; round < 3; round++) {
		/* A socket and what is opened for a moment need numbers. */
		take_all(argv[4]);
		for (int number = 20; number < 30; number++)
			give_back(number);
		conn = PQconnectdb(argv[2]);
		tell("weak", is_refused(conn), conn);
		PQfinish(conn);
		tell("finished", 1, conn);
		conn = PQconnectdb(argv[1]);
		tell("strong", PQstatus(conn) == CONNECTION_OK && PQsslInUse(conn), conn);
		/* And is never finished: its number will be a file's. */
	}
	/* TLS stands, and nothing else was said. */
	closefrom(3);
	memset(files, 0, sizeof files);
	conn = PQconnectStart(argv[3]);
	while (!(PQstatus(conn) == CONNECTION_MADE && PQsslInUse(conn)) &&
	       next != PGRES_POLLING_FAILED) {
		struct pollfd ready = {PQsocket(conn),
				       next == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		(void)poll(&ready, 1, 60000);
		next = PQconnectPoll(conn);
	}
	take_all(argv[4]);
	for (int number = 20; number < 30; number++)
		give_back(number);
	tell("late",
	     PQsocket(conn) >= 3 && PQconnectPoll(conn) == PGRES_POLLING_FAILED && is_refused(conn),
	     conn);
	tell("again", PQconnectPoll(conn) == PGRES_POLLING_FAILED && is_refused(conn), conn);
	return 0;
}
