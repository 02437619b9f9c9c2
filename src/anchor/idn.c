#include "anchor/idn.h"

#include <curl/curl.h>

#include <locale.h>
#include <stddef.h>
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
