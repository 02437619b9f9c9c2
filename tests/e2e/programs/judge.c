/* The example of libpganchor(3): asks for the verdict, explains, connects through the gate and
 * looks at the session.
 *
 *     judge CONNINFO
 *
 * Built with: cc judge.c $(pkg-config --cflags --libs pganchor) */
#include <libpq-fe.h>
#include <pganchor.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const char *conninfo = argc == 2 ? argv[1] : "";
	enum pganchor_verdict verdict;
	char *reasons;
	char *explanation;
	PGconn *conn;

	verdict = pganchor_judge(conninfo, &reasons);
	printf("judge %d\n%s\n", (int)verdict, reasons != NULL ? reasons : "no reasons");
	pganchor_free(reasons);

	explanation = pganchor_explain(conninfo, &verdict);
	printf("explain %d\n%s", (int)verdict, explanation);
	pganchor_free(explanation);

	conn = pganchor_connect(conninfo);
	printf("connect %s\n%s", PQstatus(conn) == CONNECTION_OK ? "ok" : "bad",
	       PQerrorMessage(conn));
	verdict = pganchor_verify(conn, &reasons);
	printf("verify %d\n%s\n", (int)verdict, reasons != NULL ? reasons : "no reasons");
	pganchor_free(reasons);
	PQfinish(conn);
	printf("version %s\n", pganchor_version());
	return 0;
}
