#include "ca/url.h"

#include "ca/idn.h"
#include "base/printable.h"
#include "base/text.h"

#include <curl/curl.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What kind of address it is. */
struct kind {
	const char *whose;
	const char *hint;
	bool of_file;
};

static const struct kind of_ca = {"--ca-url", "such as --ca-url https://ca.example.com:9000",
				  false};
static const struct kind of_file = {"the address of a certificate",
				    "such as https://pki.example.com/root.pem", true};

static int wrong(const struct kind *kind, const char *why, struct pga_error *error)
{
	/* The text itself is not shown: it may hold a password. */
	return pga_fail(error, kind->hint, "%s: %s", kind->whose, why);
}

static void lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = pga_lower(*text);
}

/* A part of the URL, which curl_free() frees; NULL where it is not there. */
static char *part_of(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool is_there(CURLU *url, CURLUPart part)
{
	char *text = part_of(url, part);
	bool there = text != NULL;

	curl_free(text);
	return there;
}

/* Whether the URL is of the kind that a CA has. */
static int check(const struct kind *kind, CURLU *url, struct pga_error *error)
{
	char *scheme = part_of(url, CURLUPART_SCHEME);
	bool https = scheme != NULL && strcmp(scheme, "https") == 0;

	curl_free(scheme);
	if (!https)
		return wrong(kind, "only https is possible", error);
	if (is_there(url, CURLUPART_USER) || is_there(url, CURLUPART_PASSWORD))
		return wrong(kind, "a user or a password has no place in it", error);
	return 0;
}

/* The host as DNS and certificates have it: lower case, and an international name in its ASCII form
 * (RFC 5890). The caller frees it; NULL with the reason. */
static char *host_of(const struct kind *kind, CURLU *url, struct pga_error *error)
{
	char *part = part_of(url, CURLUPART_HOST);
	char *host = NULL;

	if (part == NULL || part[0] == '\0') {
		(void)wrong(kind, "no host name in it", error);
	} else if (!pga_host_is_ascii(part)) {
		host = pga_host_to_ascii(part, error);
	} else {
		host = strdup(part);
		if (host == NULL)
			(void)pga_fail_memory(error);
		else
			lower(host);
	}
	curl_free(part);
	return host;
}

/* Writes the parts back in the one form that pganchor keeps and compares. */
static int normalize(const struct kind *kind, CURLU *url, struct pga_ca_url *ca,
		     struct pga_error *error)
{
	char *zone = part_of(url, CURLUPART_ZONEID);
	char *host = host_of(kind, url, error);
	char *whole = NULL;
	int result = -1;

	if (host == NULL)
		goto done;
	/* A host that is set takes the zone of the one before with it. */
	if (curl_url_set(url, CURLUPART_HOST, host, 0) != CURLUE_OK ||
	    (zone != NULL && curl_url_set(url, CURLUPART_ZONEID, zone, 0) != CURLUE_OK) ||
	    curl_url_get(url, CURLUPART_URL, &whole, CURLU_NO_DEFAULT_PORT) != CURLUE_OK) {
		(void)wrong(kind, kind->of_file ? "not one" : "not an address of a CA", error);
		goto done;
	}
	for (char *end = whole + strlen(whole); !kind->of_file && end > whole && end[-1] == '/';
	     end--)
		end[-1] = '\0';
	host[strcspn(host, "]")] = '\0';
	ca->url = strdup(whole);
	ca->host = strdup(host[0] == '[' ? host + 1 : host);
	if (ca->url == NULL || ca->host == NULL)
		(void)pga_fail_memory(error);
	else
		result = 0;
done:
	free(host);
	curl_free(zone);
	curl_free(whole);
	return result;
}

/* Nothing that steers a terminal gets into anchors.conf, or is a part of a URL. */
static int check_characters(const struct kind *kind, const char *text, struct pga_error *error)
{
	unsigned point;

	if (strpbrk(text, kind->of_file ? "#" : "?#") != NULL)
		return wrong(kind, "a query or a fragment has no place in it", error);
	while (*text != '\0') {
		const size_t length = pga_character(text, &point);

		if (length == 0)
			return wrong(kind, "it is not UTF-8", error);
		if (pga_steers(point) || (point < 0x80 && isspace((int)point)))
			return wrong(kind,
				     "blanks, control characters and invisible ones have no place "
				     "in it",
				     error);
		text += length;
	}
	return 0;
}

static int read_url(const struct kind *kind, struct pga_ca_url *ca, const char *text,
		    struct pga_error *error)
{
	CURLU *url = NULL;
	int result = -1;

	memset(ca, 0, sizeof *ca);
	if (check_characters(kind, text, error) != 0)
		return -1;
	url = curl_url();
	if (url == NULL) {
		(void)pga_fail_memory(error);
		return -1;
	}
	if (curl_url_set(url, CURLUPART_URL, text,
			 CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) !=
	    CURLUE_OK)
		(void)wrong(kind, "not the address of a host", error);
	else if (check(kind, url, error) == 0 && normalize(kind, url, ca, error) == 0)
		result = 0;
	curl_url_cleanup(url);
	if (result != 0)
		pga_ca_url_free(ca);
	return result;
}

int pga_ca_url_read(struct pga_ca_url *ca, const char *text, struct pga_error *error)
{
	return read_url(&of_ca, ca, text, error);
}

int pga_ca_url_read_file(struct pga_ca_url *ca, const char *text, struct pga_error *error)
{
	memset(ca, 0, sizeof *ca);
	if (!pga_ca_url_is_https(text))
		return wrong(&of_file, "only https is possible, and https:// has to be there",
			     error);
	return read_url(&of_file, ca, text, error);
}

bool pga_ca_url_is_https(const char *text)
{
	return strncasecmp(text, "https://", strlen("https://")) == 0;
}

char *pga_ca_url_name(const struct pga_ca_url *ca)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	char *text;

	/* An IPv6 address may start with a colon, and a name may not start with what stands for it.
	 */
	if (strchr(ca->host, ':') != NULL)
		pga_text_add(&name, "ipv6-");
	pga_text_add(&name, ca->host);
	text = pga_text_take(&name);
	if (text == NULL)
		return NULL;
	for (char *at = text; *at != '\0'; at++)
		if (*at == ':')
			*at = '-';
	if (text[0] != '\0' && text[strlen(text) - 1] == '.')
		text[strlen(text) - 1] = '\0';
	return text;
}

/* The address in the form in which two are compared; NULL where it is none. "ca.example.com." and
 * "ca.example.com" are one name (RFC 1034, 3.1), and TLS verifies them alike. free() it. */
static char *comparable(const char *text)
{
	struct pga_ca_url ca;
	struct pga_error error;
	char *url = NULL;
	size_t host_end;

	/* curl takes the first directory of a path for a host. */
	if (text[0] == '/' || pga_ca_url_read(&ca, text, &error) != 0)
		return NULL;
	host_end = strlen("https://") + strlen(ca.host);
	if (ca.host[0] != '\0' && ca.host[strlen(ca.host) - 1] == '.')
		memmove(ca.url + host_end - 1, ca.url + host_end, strlen(ca.url + host_end) + 1);
	url = ca.url;
	ca.url = NULL;
	pga_ca_url_free(&ca);
	return url;
}

bool pga_ca_url_is_same(const char *one, const char *other)
{
	char *left = comparable(one);
	char *right = comparable(other);
	const bool same = strcmp(left != NULL ? left : one, right != NULL ? right : other) == 0;

	free(left);
	free(right);
	return same;
}

void pga_ca_url_free(struct pga_ca_url *ca)
{
	free(ca->url);
	free(ca->host);
	memset(ca, 0, sizeof *ca);
}
