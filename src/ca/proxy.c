#include "ca/proxy.h"

#include "base/text.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>

/* An address taken apart. The parts are curl_free()'s; NULL where it has none. */
struct proxy {
	char *scheme;
	char *host;
	char *port;
	bool has_user;
};

static char *part_of(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool is_there(CURLU *url, CURLUPart part)
{
	char *text = part_of(url, part);
	const bool there = text != NULL;

	curl_free(text);
	return there;
}

static bool has(CURLU *url, CURLUPart part, char byte)
{
	char *text = part_of(url, part);
	const bool found = text != NULL && strchr(text, byte) != NULL;

	curl_free(text);
	return found;
}

static bool is_known(const char *scheme)
{
	static const char *const known[] = {"http",    "https",  "socks4",
					    "socks4a", "socks5", "socks5h"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(scheme, known[i]) == 0)
			return true;
	return false;
}

static void proxy_free(struct proxy *proxy)
{
	curl_free(proxy->scheme);
	curl_free(proxy->host);
	curl_free(proxy->port);
}

/* Takes it apart as libcurl does. Not good is also one with an @ behind what libcurl takes for the
 * host: a password with / ? or # in it that was not encoded, of which the beginning would be looked
 * up as a name, and shown. */
static bool proxy_read(const char *address, struct proxy *proxy)
{
	CURLU *url = curl_url();
	bool good;

	memset(proxy, 0, sizeof *proxy);
	if (url == NULL)
		return false;
	good = curl_url_set(url, CURLUPART_URL, address,
			    CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK &&
	       !has(url, CURLUPART_PATH, '@') && !has(url, CURLUPART_QUERY, '@') &&
	       !has(url, CURLUPART_FRAGMENT, '@');
	if (good) {
		proxy->scheme = part_of(url, CURLUPART_SCHEME);
		proxy->host = part_of(url, CURLUPART_HOST);
		proxy->port = part_of(url, CURLUPART_PORT);
		proxy->has_user = is_there(url, CURLUPART_USER);
		good = proxy->scheme != NULL && is_known(proxy->scheme) && proxy->host != NULL &&
		       proxy->host[0] != '\0';
	}
	curl_url_cleanup(url);
	return good;
}

static int fail_bad(const char *where, struct pga_error *error)
{
	return pga_fail(error,
			"such as http://proxy.example.com:3128; in a user name or a password write "
			"/ ? # @ : % as %2F %3F %23 %40 %3A %25",
			"%s: not the address of a proxy", where);
}

int pga_proxy_check(const char *address, struct pga_error *error)
{
	struct proxy proxy;
	const bool good = address[0] == '\0' || proxy_read(address, &proxy);

	if (address[0] != '\0')
		proxy_free(&proxy);
	return good ? 0 : fail_bad("--proxy", error);
}

/* As libcurl looks for it, for https. */
static const char *of_environment(const char **variable)
{
	static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
						"ALL_PROXY"};

	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		const char *address = getenv(variables[i]);

		*variable = variables[i];
		if (address != NULL && address[0] != '\0')
			return address;
	}
	return "";
}

static void explain_answer(const struct proxy *proxy, long status, const char *url,
			   struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	const char *why = "does not let it through";
	const char *hint = "ask who runs the proxy; \"--proxy ''\" and no_proxy go past it";

	/* Without the user and the password. */
	pga_text_addf(&name, "%s://%s%s%s", proxy->scheme, proxy->host,
		      proxy->port != NULL ? ":" : "", proxy->port != NULL ? proxy->port : "");
	if (status == 407) {
		why = proxy->has_user ? "does not take this user and password"
				      : "wants a user and a password";
		hint =
		    "they belong in its address: http://USER:PASSWORD@HOST:PORT, where / ? # @ : "
		    "% are %2F %3F %23 %40 %3A %25";
	} else if (status >= 500) {
		why = "could not connect there";
		hint = "is the CA running, and is it the right port? or ask who runs the proxy";
	}
	(void)pga_fail(error, hint, "%s: the proxy %s %s (HTTP %ld)", url, pga_text_string(&name),
		       why, status);
	pga_text_free(&name);
}

bool pga_proxy_explain(void *curl, const char *address, const char *url, struct pga_error *error)
{
	const char *where = "--proxy";
	const char *used = address != NULL ? address : of_environment(&where);
	struct proxy proxy;
	long status = 0; /* of its answer to CONNECT; 0: no proxy has answered */
	bool failed = true;

	if (used[0] == '\0')
		return false;
	(void)curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &status);
	if (!proxy_read(used, &proxy))
		(void)fail_bad(where, error);
	else if (status != 0 && status / 100 != 2)
		explain_answer(&proxy, status, url, error);
	else
		failed = false;
	proxy_free(&proxy);
	return failed;
}
