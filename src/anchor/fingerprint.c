#include "anchor/fingerprint.h"

#include <string.h>
#include <strings.h>

#define SHA1_LENGTH 40
#define MD5_LENGTH  32

/* What `openssl x509 -fingerprint` and others print before the digits. */
static const char *const prefixes[] = {"sha256 Fingerprint=", "SHA256:", "SHA-256:", "sha256="};

static const char *skip_prefix(const char *text)
{
	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncasecmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return text + strlen(prefixes[i]);
	return text;
}

static int wrong_length(size_t digits, struct pga_error *error)
{
	if (digits == SHA1_LENGTH || digits == MD5_LENGTH)
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint: %zu hex digits are %s, which is forgeable or close "
				"to it; the SHA-256 fingerprint is needed",
				digits, digits == SHA1_LENGTH ? "a SHA-1 fingerprint" : "MD5");
	return pga_fail(error, PGA_FINGERPRINT_ADVICE,
			"--fingerprint: %zu hex digits; a SHA-256 fingerprint has %d", digits,
			PGA_PIN_LENGTH);
}

int pga_fingerprint_parse(const char *text, char pin[PGA_PIN_LENGTH + 1], struct pga_error *error)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	const char *at = skip_prefix(text);
	size_t digits = 0;

	for (at += strspn(at, " "); *at != '\0'; at++) {
		/* A colon stands between two bytes. */
		if (*at == ':' && digits > 0 && digits % 2 == 0 && at[1] != ':' && at[1] != '\0')
			continue;
		if (strchr(hex, *at) == NULL)
			break;
		if (digits < PGA_PIN_LENGTH)
			pin[digits] = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
		digits++;
	}
	if (at[strspn(at, " \t\r\n")] != '\0')
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--fingerprint: not a fingerprint; it is 64 hex digits, with or "
				"without colons between the bytes");
	if (digits != PGA_PIN_LENGTH)
		return wrong_length(digits, error);
	pin[PGA_PIN_LENGTH] = '\0';
	return 0;
}
