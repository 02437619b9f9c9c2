/* step-ca's protocol, as far as `step ca bootstrap` speaks it. */
#include "ca/stepca.h"

#include "base/text.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char *address(const char *ca_url, const char *path, const char *name,
		     struct pga_error *error)
{
	struct pga_text url = PGA_TEXT_EMPTY;
	char *text;

	pga_text_addf(&url, "%s%s%s", ca_url, path, name);
	text = pga_text_take(&url);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}

/* The answer's JSON object, which json_decref() frees; NULL with the reason. */
static json_t *get_object(const struct pga_http *http, const struct pga_http_request *request,
			  struct pga_error *error)
{
	struct pga_text body = PGA_TEXT_EMPTY;
	json_error_t fault;
	json_t *object = NULL;

	if (pga_http_get(http, request, &body, error) != 0)
		goto done;
	object = json_loadb(pga_text_string(&body), body.length, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(object)) {
		json_decref(object);
		object = NULL;
		if (request->other_kind != NULL)
			*request->other_kind = true;
		/* fault.text quotes the answer, which is a stranger's: the place is enough. */
		(void)pga_fail(error, "is it the address of a step-ca?",
			       "%s: the answer is not the JSON of a CA (line %d)", request->url,
			       fault.line > 0 ? fault.line : 1);
	}
done:
	pga_text_free(&body);
	return object;
}

int pga_stepca_root(const struct pga_http *http, const char *ca_url, const char *pin,
		    struct pga_stepca_roots *roots, struct pga_error *error)
{
	struct pga_http_request request = {
	    .if_not_found = "no root with this fingerprint there: check --fingerprint (on the CA: "
			    "step certificate fingerprint root_ca.crt) and --ca-url"};
	json_t *answer = NULL;
	json_t *pem;
	int result = -1;

	memset(roots, 0, sizeof *roots);
	roots->url = address(ca_url, "/root/", pin, error);
	request.url = roots->url;
	request.other_kind = &roots->other_kind;
	if (roots->url != NULL)
		answer = get_object(http, &request, error);
	if (answer == NULL)
		goto done;
	pem = json_object_get(answer, "ca");
	if (!json_is_string(pem)) {
		roots->other_kind = true;
		(void)pga_fail(error, "is it the address of a step-ca?",
			       "%s: the answer has no certificate in \"ca\"", roots->url);
		goto done;
	}
	result = pga_certificate_read(&roots->roots[0], roots->url, json_string_value(pem),
				      json_string_length(pem), error);
	if (result == 0)
		roots->count = 1;
done:
	if (result != 0)
		pga_stepca_roots_free(roots);
	json_decref(answer);
	return result;
}

static int add_root(struct pga_stepca_roots *roots, const char *pem, size_t length,
		    const char *too_many, struct pga_error *error)
{
	struct pga_certificate root;

	if (pga_certificate_read(&root, roots->url, pem, length, error) != 0)
		return -1;
	for (size_t i = 0; i < roots->count; i++) {
		if (strcmp(roots->roots[i].pin, root.pin) == 0) {
			pga_certificate_free(&root);
			return 0;
		}
	}
	if (roots->count == PGA_STEPCA_ROOTS) {
		pga_certificate_free(&root);
		return pga_fail(error, too_many, "%s: more than %d roots, too many to show",
				roots->url, PGA_STEPCA_ROOTS);
	}
	roots->roots[roots->count++] = root;
	return 0;
}

/* Adds those that are not there yet; too_many is the hint where they would be more than fit. */
static int read_roots(const json_t *answer, const char *too_many, struct pga_stepca_roots *roots,
		      struct pga_error *error)
{
	const char *url = roots->url;
	const json_t *list = json_object_get(answer, "crts");
	size_t count = json_array_size(list);

	roots->other_kind = count == 0;
	if (count == 0)
		return pga_fail(error, "is it the address of a step-ca?",
				"%s: the answer has no certificates in \"crts\"", url);
	if (count > PGA_STEPCA_ROOTS)
		return pga_fail(error, too_many, "%s: %zu roots, too many to show", url, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *pem = json_array_get(list, i);

		if (!json_is_string(pem))
			return pga_fail(error, "is it the address of a step-ca?",
					"%s: one of \"crts\" is no text", url);
		if (add_root(roots, json_string_value(pem), json_string_length(pem), too_many,
			     error) != 0)
			return -1;
	}
	return 0;
}

int pga_stepca_roots(const struct pga_http *http, const char *ca_url,
		     struct pga_stepca_roots *roots, struct pga_error *error)
{
	struct pga_http_request request = {.if_not_found =
					       "is it the address of a step-ca, with its prefix?"};
	json_t *answer = NULL;
	int result = -1;

	memset(roots, 0, sizeof *roots);
	roots->url = address(ca_url, "/roots", "", error);
	request.url = roots->url;
	request.other_kind = &roots->other_kind;
	if (roots->url != NULL)
		answer = get_object(http, &request, error);
	if (answer != NULL)
		result =
		    read_roots(answer, "name the one that you trust: --fingerprint", roots, error);
	if (result != 0)
		pga_stepca_roots_free(roots);
	json_decref(answer);
	return result;
}

/* One list of the CA's. A CA that knows no such list (HTTP 404) has none of it, where that is
 * `optional`. */
static int add_present(const struct pga_http *http, const struct pga_http_request *request,
		       bool optional, struct pga_stepca_roots *present, struct pga_error *error)
{
	static const char too_many[] = "a CA has one root, and two while it moves to another: ask "
				       "who runs it. Nothing was changed";
	struct pga_http_request asked = *request;
	long status = 0;
	json_t *answer;
	int result;

	asked.url = present->url;
	asked.status = &status;
	asked.unreached = &present->unreached;
	answer = get_object(http, &asked, error);
	if (answer == NULL)
		return optional && status == 404 ? 0 : -1;
	/* No CA is federated with another: the list is empty, or null. */
	result = optional && json_array_size(json_object_get(answer, "crts")) == 0
		     ? 0
		     : read_roots(answer, too_many, present, error);
	json_decref(answer);
	return result;
}

int pga_stepca_present(const struct pga_http *http, const char *ca_url, const char *roots,
		       struct pga_stepca_roots *present, STACK_OF(X509) * *chain,
		       struct pga_error *error)
{
	static const char *const lists[] = {"/roots", "/federation"};
	struct pga_http_request request = {
	    .roots = roots,
	    .chain = chain,
	    .if_not_found = "is it the address of a step-ca, with its prefix?",
	    .if_unverified = "its TLS certificate does not come from a root that is pinned from "
			     "it, or is not for this host name: ask who runs the CA, and if it has "
			     "another root now: pganchor bootstrap --ca-url URL --fingerprint HEX"};
	int result = 0;

	memset(present, 0, sizeof *present);
	*chain = NULL;
	for (size_t i = 0; i < 2 && result == 0; i++) {
		free(present->url);
		present->url = address(ca_url, lists[i], "", error);
		result =
		    present->url != NULL ? add_present(http, &request, i > 0, present, error) : -1;
	}
	if (result != 0)
		pga_stepca_roots_free(present);
	return result;
}

void pga_stepca_roots_free(struct pga_stepca_roots *roots)
{
	while (roots->count > 0)
		pga_certificate_free(&roots->roots[--roots->count]);
	free(roots->url);
	roots->url = NULL;
}

int pga_stepca_health(const struct pga_http *http, const char *ca_url, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error)
{
	struct pga_http_request request = {
	    .roots = roots,
	    .chain = chain,
	    .if_not_found = "is it the address of a step-ca, with its prefix?",
	    .if_unverified = "it knows this root, but its own TLS certificate does not come from "
			     "it or is not for this host name: it need not be the CA. Nothing was "
			     "pinned"};
	json_t *answer = NULL;
	char *url;
	int result = -1;

	*chain = NULL;
	url = address(ca_url, "/health", "", error);
	request.url = url;
	if (url != NULL)
		answer = get_object(http, &request, error);
	if (answer != NULL) {
		const char *status = json_string_value(json_object_get(answer, "status"));

		if (status != NULL && strcmp(status, "ok") == 0)
			result = 0;
		else
			(void)pga_fail(error, "ask who runs the CA",
				       "%s: the CA does not say that it is well", url);
	}
	json_decref(answer);
	free(url);
	return result;
}
