#include "tls/fingerprint.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* What people have in their hands instead, by the number of its hex digits. */
static const struct {
	size_t digits;
	const char *what;
} others[] = {
    {32, "MD5, which is forgeable"}, {40, "a SHA-1 fingerprint, which is forgeable or close to it"},
    {56, "a SHA-224 fingerprint"},   {96, "a SHA-384 fingerprint"},
    {128, "a SHA-512 fingerprint"},
};

/* What `openssl x509 -fingerprint`, certtool, keytool and others print before the digits. */
static const char *const prefixes[] = {"sha256 Fingerprint=",
				       "SHA-256 Fingerprint=",
				       "sha1 Fingerprint=",
				       "md5 Fingerprint=",
				       "SHA256:",
				       "SHA-256:",
				       "sha256=",
				       "SHA1:",
				       "SHA-1:"};

static const char blanks[] = " \t\r\n";

static const char *skip_prefix(const char *text)
{
	text += strspn(text, blanks);
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncasecmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			text += strlen(prefixes[i]);
	return text + strspn(text, blanks);
}

static bool is_digit(char byte)
{
	return byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
}

/* Between two bytes: a colon (openssl), a dash (.NET) or blanks (Keychain Access). Its length; 0
 * where there is none, or it is not followed by a byte. */
static size_t separator(const char *at)
{
	const size_t length = *at == ':' || *at == '-' ? 1 : strspn(at, blanks);

	return is_digit(at[length]) ? length : 0;
}

static int wrong_length(const char *where, size_t digits, struct pga_error *error)
{
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (others[i].digits == digits)
			return pga_fail(error, PGA_FINGERPRINT_ADVICE,
					"%s: %zu hex digits are %s; the SHA-256 fingerprint is "
					"needed",
					where, digits, others[i].what);
	return pga_fail(error, PGA_FINGERPRINT_ADVICE,
			"%s: %zu hex digits; a SHA-256 fingerprint has %d", where, digits,
			PGA_PIN_LENGTH);
}

int pga_fingerprint_read(const char *text, const char *where, char pin[PGA_PIN_LENGTH + 1],
			 struct pga_error *error)
{
	const char *at = skip_prefix(text);
	size_t digits = 0;

	while (is_digit(*at)) {
		if (digits < PGA_PIN_LENGTH)
			pin[digits] = pga_lower(*at);
		digits++;
		at++;
		if (digits % 2 == 0)
			at += separator(at);
	}
	at += strspn(at, blanks);
	if (*at != '\0')
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"%s: not a fingerprint at \"%.20s\"; it is 64 hex digits, with or "
				"without colons, dashes or blanks between the bytes",
				where, at);
	if (digits != PGA_PIN_LENGTH)
		return wrong_length(where, digits, error);
	pin[PGA_PIN_LENGTH] = '\0';
	return 0;
}

int pga_fingerprint_parse(const char *text, char pin[PGA_PIN_LENGTH + 1], struct pga_error *error)
{
	return pga_fingerprint_read(text, "--fingerprint", pin, error);
}
