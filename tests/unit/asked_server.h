/* A server of this machine with a certificate of a CA of the test's, what it is asked, and what
 * came of it. */
#ifndef PGA_TESTS_ASKED_SERVER_H
#define PGA_TESTS_ASKED_SERVER_H

#include "failing.h"
#include "tls_server.h"

#include "ca/stepca.h"
#include "ca/http.h"

static EVP_PKEY *root_key;
static EVP_PKEY *leaf_key;
static EVP_PKEY *middle_key;
static struct pga_certificate root;
static struct pga_certificate stranger;
static X509 *middle;
static X509 *leaf;       /* of the root */
static X509 *below_leaf; /* of the one in the middle */
static struct pga_error error;
static char asked[16384];

static const struct pga_http patient = {.proxy = "", .connect_timeout = 10000, .max_time = 20000};

static int make_all(void **state)
{
	(void)state;
	root_key = make_key();
	leaf_key = make_key();
	middle_key = make_key();
	root = take_certificate(make_certificate(&(struct kind){.name = "Root", .key = root_key}));
	stranger = make_root("Root");
	middle = make_certificate(&(struct kind){.name = "Middle",
						 .issuer = "Root",
						 .key = middle_key,
						 .signer = root_key,
						 .serial = 5});
	leaf = make_leaf("Root", leaf_key, root_key);
	below_leaf = make_leaf("Middle", leaf_key, middle_key);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	pga_certificate_free(&root);
	pga_certificate_free(&stranger);
	X509_free(middle);
	X509_free(leaf);
	X509_free(below_leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(middle_key);
	return 0;
}

#endif
