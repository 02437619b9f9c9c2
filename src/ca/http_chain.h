/* How a server is verified, and the certificate chain that it showed. */
#ifndef PGA_CA_HTTP_CHAIN_H
#define PGA_CA_HTTP_CHAIN_H

#include <curl/curl.h>
#include <openssl/x509.h>

/* Has the transfer verify its server as libpq does: the chain has to end in a self-signed root.
 * libcurl itself sets X509_V_FLAG_PARTIAL_CHAIN (since 7.68), by which any trusted certificate ends
 * one. After a verified handshake *chain holds what the server showed, its own certificate first,
 * of the last server where it sent on to others; sk_X509_pop_free(*chain, X509_free) frees it.
 * *chain is NULL or such a chain before, and has to outlive the transfer. An error where libcurl
 * does not use OpenSSL. */
CURLcode pga_http_chain_watch(CURL *curl, STACK_OF(X509) * *chain);

#endif
