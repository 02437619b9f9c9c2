/* PQcancel and PQrequestCancel open a connection of their own, without TLS, and send the key that
 * cancels the running query in clear, in every libpq. By default that is left as it is; cancel =
 * refuse stops it. libpq 17's PQcancelBlocking and PQcancelStart encrypt, and pass the wall as
 * every connection does. */
#include "gate/doors.h"

#include <stdio.h>

static const char refusal[] =
    "pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear";

static bool may_cancel(void)
{
	const struct gate_rules *rules = gate_rules_acquire();
	bool may = rules != NULL && !rules->broken &&
		   (rules->policy.cancel == PGA_ALLOW || rules->policy.mode == PGA_MODE_AUDIT);

	if (may && rules->policy.cancel == PGA_REFUSE)
		gate_journal(rules, NULL, refusal);
	gate_rules_release(rules);
	return may;
}

int gate_PQcancel(struct gate_libpq *libpq, bool internal, PGcancel *cancel, char *errbuf,
		  int errbufsize)
{
	(void)internal;
	if (libpq == NULL || !may_cancel()) {
		if (errbuf != NULL && errbufsize > 0)
			(void)snprintf(errbuf, (size_t)errbufsize, "%s", refusal);
		return 0;
	}
	return libpq->cancel(cancel, errbuf, errbufsize);
}

int gate_PQrequestCancel(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	(void)internal;
	if (libpq == NULL || !may_cancel()) {
		if (libpq != NULL && conn != NULL)
			gate_refuse(libpq, conn, refusal);
		return 0;
	}
	return libpq->requestCancel(conn);
}
