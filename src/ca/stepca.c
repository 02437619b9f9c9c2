/* step-ca's protocol, as far as `step ca bootstrap` speaks it. */
#include "ca/stepca.h"

#include "base/text.h"

#include <jansson.h>

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

static int read_roots(const json_t *answer, struct pga_stepca_roots *roots, struct pga_error *error)
{
	const char *url = roots->url;
	const json_t *list = json_object_get(answer, "crts");
	size_t count = json_array_size(list);

	roots->other_kind = count == 0;
	if (count == 0)
		return pga_fail(error, "is it the address of a step-ca?",
				"%s: the answer has no certificates in \"crts\"", url);
	if (count > PGA_STEPCA_ROOTS)
		return pga_fail(error, "name the one that you trust: --fingerprint",
				"%s: %zu roots, too many to show", url, count);
	for (; roots->count < count; roots->count++) {
		const json_t *pem = json_array_get(list, roots->count);

		if (!json_is_string(pem))
			return pga_fail(error, "is it the address of a step-ca?",
					"%s: one of \"crts\" is no text", url);
		if (pga_certificate_read(&roots->roots[roots->count], url, json_string_value(pem),
					 json_string_length(pem), error) != 0)
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
		result = read_roots(answer, roots, error);
	if (result != 0)
		pga_stepca_roots_free(roots);
	json_decref(answer);
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
