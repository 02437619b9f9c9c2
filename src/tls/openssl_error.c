#include "tls/openssl_error.h"

#include <openssl/err.h>

#include <stddef.h>

int pga_fail_openssl(struct pga_error *error, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	(void)pga_fail(error, NULL, "%s: %s", what, why != NULL ? why : "OpenSSL gives no reason");
	ERR_clear_error();
	return -1;
}
