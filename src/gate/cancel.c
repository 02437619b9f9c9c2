/* PQcancel and PQrequestCancel open a connection of their own, without TLS, and send the key that
 * cancels the running query in clear, in every libpq. By default that is left as it is; cancel =
 * refuse stops it. libpq 17's PQcancelBlocking and PQcancelStart encrypt, and pass the wall as
 * every connection does. */
#include "gate/doors.h"

#include <string.h>

static const char refusal[] = GATE_NO_CANCEL;

/* libpq promises that PQcancel() may be called in a signal handler, as psql does: so nothing here
 * allocates, locks or touches a file. */
int gate_PQcancel(struct gate_libpq *libpq, bool internal, PGcancel *cancel, char *errbuf,
		  int errbufsize)
{
	const size_t room = errbuf != NULL && errbufsize > 0 ? (size_t)errbufsize : 0;
	const size_t length = room < sizeof refusal ? room : sizeof refusal;

	(void)internal;
	if (libpq != NULL && gate_may_cancel())
		return libpq->cancel(cancel, errbuf, errbufsize);
	if (length > 0) {
		memcpy(errbuf, refusal, length);
		errbuf[length - 1] = '\0';
	}
	return 0;
}

int gate_PQrequestCancel(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	(void)internal;
	if (libpq != NULL && gate_may_cancel())
		return libpq->requestCancel(conn);
	if (libpq != NULL && conn != NULL)
		gate_refuse_cancel(libpq, conn);
	return 0;
}
