#include "anchor/source.h"

#include "anchor/proof.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int pga_candidates_add(struct pga_candidates *candidates, struct pga_certificate *certificate,
		       struct pga_error *error)
{
	struct pga_certificate *roots =
	    reallocarray(candidates->roots, candidates->count + 1, sizeof *candidates->roots);

	if (roots == NULL)
		return pga_fail_memory(error);
	candidates->roots = roots;
	roots[candidates->count++] = *certificate;
	memset(certificate, 0, sizeof *certificate);
	return 0;
}

void pga_candidates_free(struct pga_candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		pga_certificate_free(&candidates->roots[i]);
	free(candidates->roots);
	free(candidates->where);
	free(candidates->etag);
	free(candidates->note);
	sk_X509_pop_free(candidates->chain, X509_free);
	pga_known_roots_free(&candidates->known);
	memset(candidates, 0, sizeof *candidates);
}

void pga_source_request_free(struct pga_source_request *request)
{
	free(request->location);
	free(request->name);
	free(request->hosts);
	free(request->asked);
	free(request->told);
	request->location = request->name = request->hosts = request->asked = request->told = NULL;
}

static int refuse(const struct pga_source_request *request, const struct pga_candidates *candidates,
		  struct pga_error *error)
{
	static const char hint[] = "somebody may be between you and the CA, or the fingerprint "
				   "is another CA's; ask who "
				   "runs it. Nothing was pinned";

	if (strcmp(candidates->digest, request->pin) == 0)
		return pga_fail(error,
				"--all pins every root in it by that; one of them has a "
				"fingerprint of its own. Nothing was pinned",
				"%s: that is the SHA-256 of the whole file, and not of a "
				"certificate in it",
				candidates->where);
	if (candidates->count > 1)
		return pga_fail(error, hint,
				"%s: wrong roots: none of the %zu has the fingerprint %s",
				candidates->where, candidates->count, request->pin);
	return pga_fail(error, hint, "%s: wrong root: its fingerprint is %s", candidates->where,
			candidates->roots[0].pin);
}

/* Leaves the one with the pin. */
static int choose(const struct pga_source_request *request, struct pga_candidates *candidates,
		  struct pga_error *error)
{
	struct pga_certificate chosen;
	size_t i = 0;

	while (i < candidates->count && strcmp(candidates->roots[i].pin, request->pin) != 0)
		i++;
	if (i == candidates->count)
		return refuse(request, candidates, error);
	chosen = candidates->roots[i];
	candidates->roots[i] = candidates->roots[0];
	candidates->roots[0] = chosen;
	while (candidates->count > 1)
		pga_certificate_free(&candidates->roots[--candidates->count]);
	candidates->proven = true;
	return 0;
}

int pga_source_confirm(const struct pga_source_request *request, const char *pin,
		       struct pga_error *error)
{
	if (request->pin[0] == '\0' || strcmp(pin, request->pin) == 0)
		return 0;
	return pga_fail(error, "one of the two is wrong: ask who runs the CA. Nothing was pinned",
			"%s, and --fingerprint is another one",
			request->told != NULL ? request->told : request->location);
}

int pga_source_resolve(struct pga_source_request *request, struct pga_error *error)
{
	char given[PGA_PIN_LENGTH + 1];

	if (request->source->resolve == NULL)
		return 0;
	memcpy(given, request->pin, sizeof given);
	if (request->source->resolve(request, error) != 0)
		return -1;
	return given[0] != '\0' ? pga_source_confirm(request, given, error) : 0;
}

int pga_source_fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error)
{
	if (request->source->fetch(request, candidates, error) != 0)
		return -1;
	if (candidates->count == 0)
		return pga_fail(error, NULL, "%s: no certificate in this %s", request->location,
				request->source->name);
	candidates->held = candidates->count;
	return request->pin[0] != '\0' ? choose(request, candidates, error) : 0;
}

/* By roots[0], and by those that are known. */
static int ask_again(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error)
{
	struct pga_text roots = PGA_TEXT_EMPTY;
	int result;

	pga_text_add(&roots, candidates->roots[0].pem);
	for (size_t i = 0; i < candidates->known.count; i++)
		pga_text_add(&roots, candidates->known.roots[i].certificate.pem);
	if (roots.failed)
		result = pga_fail_memory(error);
	else
		result = request->source->verify(request, pga_text_string(&roots),
						 &candidates->chain, error);
	pga_text_free(&roots);
	return result;
}

int pga_source_verify(const struct pga_source_request *request, struct pga_candidates *candidates,
		      struct pga_error *error)
{
	/* Who cannot be asked again has no chain that could tell. */
	if (request->source->verify == NULL && candidates->chain == NULL)
		return 0;
	if (candidates->proven &&
	    pga_known_roots_read(&candidates->known, request->location, error) != 0)
		return -1;
	if (request->source->verify != NULL && ask_again(request, candidates, error) != 0)
		return -1;
	if (candidates->proven && candidates->chain != NULL &&
	    !pga_proof_ends_in(candidates->chain, &candidates->roots[0]))
		candidates->chain_root = pga_known_roots_of(&candidates->known, candidates->chain);
	return 0;
}

int pga_source_rotates(const struct pga_source_request *request, struct pga_candidates *candidates,
		       bool *rotates, struct pga_error *error)
{
	*rotates = false;
	if (candidates->chain == NULL)
		return 0;
	if (pga_known_roots_read(&candidates->known, request->location, error) != 0)
		return -1;
	*rotates = pga_known_roots_of(&candidates->known, candidates->chain) != NULL;
	return 0;
}
