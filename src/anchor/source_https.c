/* An https address of a file of certificates. Its server is verified by the system's CAs or by a
 * given file; where the fingerprint is known, that alone counts. */
#include "anchor/source_bytes.h"

#include "ca/url.h"

#include <stdlib.h>
#include <string.h>

/* Behind the host. */
static const char *path_of(const char *url)
{
	const char *host = url + strlen("https://");

	return host + strcspn(host, "/?");
}

/* One that ends as the name of a file of certificates is nothing else, and with another path it may
 * be a CA's. */
static const char *fits(const char *word)
{
	struct pga_ca_url url;
	struct pga_error error;
	bool fit;

	if (!pga_ca_url_is_https(word) || pga_ca_url_read_file(&url, word, &error) != 0)
		return NULL;
	fit = strlen(path_of(url.url)) > 1;
	pga_ca_url_free(&url);
	return fit ? "the address of a certificate" : NULL;
}

static int read_address(struct pga_source_request *request, const char *typed,
			struct pga_error *error)
{
	struct pga_ca_url url;

	if (pga_ca_url_read_file(&url, typed, error) != 0)
		return -1;
	request->location = url.url;
	url.url = NULL;
	pga_ca_url_free(&url);
	return 0;
}

static int fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		 struct pga_error *error)
{
	const bool proved = request->pin[0] != '\0' && request->ca_file == NULL;
	const struct pga_http_request asked = {
	    .url = request->location,
	    .trust = proved                     ? PGA_HTTP_BY_NOBODY
		     : request->ca_file != NULL ? PGA_HTTP_BY_FILE
						: PGA_HTTP_BY_SYSTEM,
	    .ca_file = request->ca_file,
	    .of_file = true,
	    .etag = &candidates->etag,
	    .other_kind = &candidates->other_kind,
	    .if_not_found = "check the address",
	    .if_unverified =
		request->ca_file != NULL
		    ? "is it another CA's file? --fingerprint HEX of the root does without it"
		    : "--ca-file FILE verifies it by a CA of your own, and --fingerprint HEX of "
		      "the root does without"};
	struct pga_text body = PGA_TEXT_EMPTY;
	int result = pga_http_get(&request->http, &asked, &body, error);

	if (result == 0) {
		result = pga_candidates_read(candidates, request->location, &body, error);
		candidates->other_kind = result != 0;
	}
	candidates->verified_by = proved                     ? NULL
				  : request->ca_file != NULL ? request->ca_file
							     : "the system's CAs";
	pga_text_free(&body);
	return result;
}

const struct pga_source pga_source_https = {
    .name = "https", .fits = fits, .read = read_address, .fetch = fetch};
