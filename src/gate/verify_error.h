/* Why libpq did not verify a certificate. */
#ifndef PGA_GATE_VERIFY_ERROR_H
#define PGA_GATE_VERIFY_ERROR_H

#include "gate/call.h"

/* Within the call a handshake may have failed: where the server's certificate did not verify,
 * PQerrorMessage tells OpenSSL's reason behind libpq's own words. */
void gate_handshake_tell(struct gate_call *call, PGconn *conn);

#endif
