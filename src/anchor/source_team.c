/* A team's address: an https server that is verified, by the system's CAs or a given one, says
 * which step-ca is the team's and what the fingerprint of its root is. The root itself comes from
 * the CA.
 */
#include "anchor/source_stepca.h"

#include "base/text.h"
#include "ca/team.h"
#include "ca/url.h"

#include <stdlib.h>
#include <string.h>

/* It is asked in resolve(): for now, the location is the team's address. */
static int read_address(struct pga_source_request *request, const char *typed,
			struct pga_error *error)
{
	static const char option[] = "--ca-url: ";
	struct pga_ca_url url;
	struct pga_error fault;
	const char *why = fault.message;
	char *address = pga_team_address(typed, request->team, error);
	int result;

	if (address == NULL)
		return -1;
	result = pga_ca_url_read_file(&url, address, &fault);
	free(address);
	if (result != 0) {
		if (strncmp(why, option, strlen(option)) == 0)
			why += strlen(option);
		return pga_fail(error, "such as --team-url https://www.example.com/ca.json",
				"--team-url: %s", why);
	}
	request->location = url.url;
	url.url = NULL;
	pga_ca_url_free(&url);
	return 0;
}

static int tell(struct pga_source_request *request, const struct pga_team *team,
		struct pga_error *error)
{
	struct pga_text told = PGA_TEXT_EMPTY;

	pga_text_addf(&told, "the address %s, verified by ", request->asked);
	if (request->ca_file != NULL)
		pga_text_add(&told, request->ca_file);
	else
		pga_text_add(&told, "the system's CAs");
	pga_text_addf(&told, ", says: CA %s, fingerprint %s", request->location, team->pin);
	request->told = pga_text_take(&told);
	return request->told != NULL ? 0 : pga_fail_memory(error);
}

static int resolve(struct pga_source_request *request, struct pga_error *error)
{
	const struct pga_http_request asked = {
	    .url = request->location,
	    .trust = request->ca_file != NULL ? PGA_HTTP_BY_FILE : PGA_HTTP_BY_SYSTEM,
	    .ca_file = request->ca_file,
	    .limit = PGA_TEAM_LIMIT,
	    .of_file = true,
	    .if_not_found = "is it the team's address? ask who runs the CA",
	    .if_unverified = "a CA of the company's own verifies it with --ca-file FILE. Nothing "
			     "was pinned"};
	struct pga_text body = PGA_TEXT_EMPTY;
	struct pga_team team = {NULL, ""};
	int result = -1;

	if (pga_http_get(&request->http, &asked, &body, error) != 0 ||
	    pga_team_parse(&team, request->location, pga_text_string(&body), body.length, error) !=
		0)
		goto done;
	request->asked = request->location;
	request->location = NULL;
	if (pga_stepca_locate(request, team.ca_url, request->asked, error) != 0)
		goto done;
	memcpy(request->pin, team.pin, sizeof request->pin);
	result = tell(request, &team, error);
done:
	pga_team_free(&team);
	pga_text_free(&body);
	return result;
}

const struct pga_source pga_source_team = {.name = "team",
					   .read = read_address,
					   .resolve = resolve,
					   .fetch = pga_stepca_fetch,
					   .verify = pga_stepca_verify};
