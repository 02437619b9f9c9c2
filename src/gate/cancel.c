/* PQcancel and PQrequestCancel open a connection of their own, without TLS, and send the key that
 * cancels the running query in clear, in every libpq. By default that is left as it is; cancel =
 * refuse stops it. libpq 17's PQcancelBlocking and PQcancelStart encrypt, and pass the
 * check in PQconnectPoll as every connection does. */
#include "gate/libpq.h"
#include "gate/refusal.h"
#include "gate/rules.h"
#include "gate/wrappers.h"

#include <string.h>

static const char refusal[] = GATE_NO_CANCEL;
static const char nothing[] = "PQcancel() -- no cancel object supplied"; /* libpq's own words */

/* As much of it as there is room for. */
static void answer(const char *text, char *errbuf, int errbufsize)
{
	if (errbuf == NULL || errbufsize < 1)
		return;
	errbuf[0] = '\0';
	(void)strncat(errbuf, text, (size_t)errbufsize - 1);
}

/* libpq promises that PQcancel() may be called in a signal handler, as psql does: so nothing here
 * allocates, locks or touches a file. */
int gate_PQcancel(struct gate_libpq *libpq, bool internal, PGcancel *cancel, char *errbuf,
		  int errbufsize)
{
	(void)internal;
	if (libpq != NULL && gate_may_cancel())
		return libpq->PQcancel(cancel, errbuf, errbufsize);
	/* Whoever has no connection yet has nothing to cancel, and nothing was refused. */
	answer(cancel == NULL ? nothing : refusal, errbuf, errbufsize);
	return 0;
}

int gate_PQrequestCancel(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	(void)internal;
	if (libpq != NULL && gate_may_cancel())
		return libpq->PQrequestCancel(conn);
	if (libpq != NULL && conn != NULL)
		gate_refuse_cancel(libpq, conn);
	return 0;
}
