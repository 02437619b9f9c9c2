#include "clients/jdbc_url.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pga_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes as java.net.URLDecoder does. What it would refuse stays as it is. */
static char *decoded(const char *bytes, size_t length)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if (c == '%' && i + 2 < length && digit(bytes[i + 1]) >= 0 &&
		    digit(bytes[i + 2]) >= 0) {
			c = (char)(digit(bytes[i + 1]) * 16 + digit(bytes[i + 2]));
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c != '\0')
			pga_text_add_bytes(&text, &c, 1);
	}
	pga_text_add(&text, "");
	return pga_text_take(&text);
}

static bool is_key(const char *key, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncmp(key, wanted, length) == 0;
}

/* One KEY=VALUE, or KEY alone. The last of several counts. */
static void take_parameter(struct pga_jdbc_url *url, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	const size_t key = equals != NULL ? (size_t)(equals - text) : length;
	char **field = is_key(text, key, "sslmode")      ? &url->sslmode
		       : is_key(text, key, "ssl")        ? &url->ssl
		       : is_key(text, key, "sslfactory") ? &url->sslfactory
							 : NULL;

	if (is_key(text, key, "service"))
		url->by_service = true;
	if (field == NULL)
		return;
	free(*field);
	*field = equals != NULL ? decoded(equals + 1, length - key - 1) : strdup("");
	url->failed = url->failed || *field == NULL;
}

static void take_parameters(struct pga_jdbc_url *url, const char *text)
{
	while (*text != '\0') {
		const size_t length = strcspn(text, "&");

		take_parameter(url, text, length);
		text += length;
		text += *text == '&';
	}
}

/* HOST, HOST:PORT, [ADDRESS]:PORT; of a list of them all. */
static void take_host(struct pga_jdbc_url *url, const char *text, size_t length)
{
	const char *colon = memrchr(text, ':', length);
	const char *bracket = memrchr(text, ']', length);

	if (memchr(text, ',', length) == NULL && colon != NULL &&
	    (bracket == NULL || colon > bracket))
		length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	url->host = strndup(text, length);
}

bool pga_jdbc_url_read(struct pga_jdbc_url *url, const char *text)
{
	static const char scheme[] = "jdbc:postgresql:";
	const char *question;
	size_t length = 0;

	memset(url, 0, sizeof *url);
	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return false;
	text += sizeof scheme - 1;
	question = strchr(text, '?');
	if (strncmp(text, "//", 2) == 0) {
		text += 2;
		length = strcspn(text, "/?");
	}
	take_host(url, text, length);
	if (question != NULL)
		take_parameters(url, question + 1);
	url->failed = url->failed || url->host == NULL;
	return true;
}

void pga_jdbc_url_free(struct pga_jdbc_url *url)
{
	free(url->host);
	free(url->sslmode);
	free(url->ssl);
	free(url->sslfactory);
	memset(url, 0, sizeof *url);
}
