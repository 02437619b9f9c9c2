/* libpq's SSL_write(). The first one of a session carries the startup packet, or the key of a
 * cancel; chain and host name are verified by then, and not a byte of PostgreSQL has gone out. So
 * here the session is looked at, however libpq was built and whoever made the call. */
#include "gate/call.h"
#include "gate/connect_poll.h"
#include "gate/cut.h"
#include "gate/imports.h"
#include "gate/libpq.h"
#include "gate/openssl.h"
#include "gate/refusal.h"
#include "gate/session.h"

#include <errno.h>

#define EX_INDEX_CONN 0 /* libpq's PGconn: SSL_set_app_data() in initialize_SSL() */

/* Nothing was sent and nothing will be: libpq finds a connection that was reset. */
static void refuse(struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	struct gate_call *call = gate_call_current();
	const ino_t dead = gate_cut(libpq, conn);

	gate_refuse(libpq, conn, message);
	if (call == NULL)
		return;
	call->refused = conn;
	call->dead = dead;
}

static bool holds(struct gate_libpq *libpq, void *ssl)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;
	PGconn *conn = NULL;
	bool may_go_on = false;

	if (gate_libpq_openssl(libpq) && libpq->SSL_get_ex_data != NULL && libpq->SSL_write != NULL)
		conn = libpq->SSL_get_ex_data(ssl, EX_INDEX_CONN);
	if (conn == NULL)
		return false;
	may_go_on = gate_conn_holds(libpq, conn, &refusal);
	if (may_go_on)
		gate_session_mark(libpq, ssl);
	else
		refuse(libpq, conn, pga_text_string(&refusal));
	pga_text_free(&refusal);
	return may_go_on;
}

/* Where the process has two OpenSSLs and libpq is bound function by function, only now it can be
 * told which one this session is of: its other functions have been called. */
static int write_real(struct gate_libpq *libpq, void *ssl, const void *bytes, int count)
{
	int (*write)(void *ssl, const void *bytes, int count) =
	    atomic_load(&libpq->import_SSL_write);

	return write != NULL ? write(ssl, bytes, count) : libpq->SSL_write(ssl, bytes, count);
}

int gate_tls_write(struct gate_libpq *libpq, void *ssl, const void *bytes, int count)
{
	const int saved = errno;

	if (libpq == NULL || (!gate_session_is_marked(libpq, ssl) && !holds(libpq, ssl))) {
		errno = ECONNRESET;
		return -1;
	}
	errno = saved;
	return write_real(libpq, ssl, bytes, count);
}
