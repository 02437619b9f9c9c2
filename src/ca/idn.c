#include "ca/idn.h"

#include "base/text.h"

#include <curl/curl.h>

#include <locale.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool pga_host_is_ascii(const char *host)
{
	while (*host != '\0')
		if (((unsigned char)*host++ & 0x80) != 0)
			return false;
	return true;
}

/* libcurl hands the name to idn2_lookup_ul(), which takes it for one of the locale's encoding. */
static CURLUcode convert(CURLU *url, const char *host, char **name)
{
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
#ifdef CURLU_PUNYCODE
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;

	code = curl_url_set(url, CURLUPART_URL, "https://x/", 0);
	if (code == CURLUE_OK)
		code = curl_url_set(url, CURLUPART_HOST, host, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_HOST, name, CURLU_PUNYCODE);
	if (utf8 != (locale_t)0) {
		(void)uselocale(before);
		freelocale(utf8);
	}
#else
	(void)url;
	(void)host;
	(void)name;
#endif
	return code;
}

char *pga_host_to_ascii(const char *host, struct pga_error *error)
{
	CURLU *url = curl_url();
	char *name = NULL;
	char *copy = NULL;

	if (url == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (convert(url, host, &name) != CURLUE_OK || !pga_host_is_ascii(name)) {
		(void)pga_fail(error, "write it as DNS has it, xn--..., which \"idn2 NAME\" prints",
			       "%s: cannot be made an international host name", host);
	} else {
		copy = strdup(name);
		if (copy == NULL)
			(void)pga_fail_memory(error);
	}
	curl_free(name);
	curl_url_cleanup(url);
	return copy;
}

static int add_host(struct pga_text *names, const char *host, size_t length,
		    struct pga_error *error)
{
	char *copy = strndup(host, length);
	char *name;

	if (copy == NULL)
		return pga_fail_memory(error);
	/* A socket is a path, whatever its letters. */
	if (pga_host_is_ascii(copy) || copy[0] == '/' || copy[0] == '@') {
		pga_text_add(names, copy);
		free(copy);
		return 0;
	}
	name = pga_host_to_ascii(copy, error);
	free(copy);
	if (name == NULL)
		return -1;
	pga_text_add(names, name);
	free(name);
	return 0;
}

char *pga_hosts_to_ascii(const char *hosts, struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	char *text;

	for (;;) {
		const size_t length = strcspn(hosts, ",");

		if (add_host(&names, hosts, length, error) != 0) {
			pga_text_free(&names);
			return NULL;
		}
		if (hosts[length] == '\0')
			break;
		pga_text_add(&names, ",");
		hosts += length + 1;
	}
	text = pga_text_take(&names);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}
