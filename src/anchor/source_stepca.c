/* A step-ca: its roots, and its word over TLS that comes from one of them. */
#include "anchor/source_stepca.h"

#include "anchor/source_bytes.h"

#include "ca/stepca.h"
#include "ca/url.h"

#include <stdlib.h>
#include <string.h>

static int read_address(struct pga_source_request *request, const char *typed,
			struct pga_error *error)
{
	struct pga_ca_url ca;
	int result = 0;

	if (pga_ca_url_read(&ca, typed, error) != 0)
		return -1;
	request->name = pga_ca_url_name(&ca);
	if (request->name == NULL)
		result = pga_fail_memory(error);
	request->location = ca.url;
	ca.url = NULL;
	pga_ca_url_free(&ca);
	return result;
}

int pga_stepca_locate(struct pga_source_request *request, const char *url, const char *where,
		      struct pga_error *error)
{
	static const char option[] = "--ca-url: ";
	struct pga_source_request found = {.source = request->source};
	struct pga_error fault;
	const char *why = fault.message;

	if (read_address(&found, url, &fault) != 0) {
		/* It is no option that is wrong. */
		if (strncmp(why, option, strlen(option)) == 0)
			why += strlen(option);
		return pga_fail(error, NULL, "%s: its address of a CA: %s", where, why);
	}
	free(request->location);
	free(request->name);
	request->location = found.location;
	request->name = found.name;
	return 0;
}

/* A step-ca tells the root that has a fingerprint, or all that it has. */
int pga_stepca_fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error)
{
	const char *url = request->location;
	struct pga_stepca_roots roots;
	int result = request->pin[0] != '\0'
			 ? pga_stepca_root(&request->http, url, request->pin, &roots, error)
			 : pga_stepca_roots(&request->http, url, &roots, error);

	for (size_t i = 0; result == 0 && i < roots.count; i++)
		result = pga_candidates_add(candidates, &roots.roots[i], error);
	candidates->other_kind = result != 0 && roots.other_kind;
	candidates->where = roots.url;
	roots.url = NULL;
	pga_stepca_roots_free(&roots);
	return result;
}

static const char *fits(const char *word)
{
	struct pga_ca_url ca;
	struct pga_error error;

	if (word[0] == '/' || word[0] == '.' || strcmp(word, "-") == 0 ||
	    pga_is_certificates_name(word, strcspn(word, "?#")) ||
	    pga_ca_url_read(&ca, word, &error) != 0)
		return NULL;
	pga_ca_url_free(&ca);
	return "the address of a step-ca";
}

int pga_stepca_verify(const struct pga_source_request *request, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error)
{
	return pga_stepca_health(&request->http, request->location, roots, chain, error);
}

const struct pga_source pga_source_stepca = {.name = "step-ca",
					     .fits = fits,
					     .read = read_address,
					     .fetch = pga_stepca_fetch,
					     .verify = pga_stepca_verify};
