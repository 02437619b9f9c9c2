#include "ca/base64url.h"

#include "tls/base64.h"

#include <stdlib.h>
#include <string.h>

/* The alphabets differ in two letters. */
static char plain_letter(char letter)
{
	return (char)(letter == '-' ? '+' : letter == '_' ? '/' : letter);
}

static char url_letter(char letter)
{
	return (char)(letter == '+' ? '-' : letter == '/' ? '_' : letter);
}

/* As tls/base64.h wants it: the other alphabet, padded. A letter of that alphabet alone is none
 * here. */
static char *padded(const char *text, size_t length, size_t *padded_length)
{
	char *plain;

	for (size_t i = 0; i < length; i++)
		if (text[i] == '+' || text[i] == '/' || text[i] == '=')
			return NULL;
	*padded_length = (length + 3) / 4 * 4;
	plain = malloc(*padded_length);
	if (plain == NULL)
		return NULL;
	for (size_t i = 0; i < *padded_length; i++)
		plain[i] = (char)(i < length ? plain_letter(text[i]) : '=');
	return plain;
}

/* It may be a key's. */
static void wipe(void *bytes, size_t size)
{
	if (bytes != NULL)
		explicit_bzero(bytes, size);
	free(bytes);
}

unsigned char *pga_base64url_decode(const char *text, size_t length, size_t *size)
{
	unsigned char *bytes = NULL;
	unsigned char *ended;
	size_t plain_length = 0;
	char *plain;

	*size = 0;
	if (length == 0)
		return calloc(1, 1);
	if (length % 4 == 1)
		return NULL;
	plain = padded(text, length, &plain_length);
	if (plain != NULL)
		bytes = pga_base64_decode(plain, plain_length, size);
	else
		*size = plain_length;
	wipe(plain, plain_length);
	if (bytes == NULL)
		return NULL;
	ended = malloc(*size + 1);
	if (ended != NULL) {
		memcpy(ended, bytes, *size);
		ended[*size] = '\0';
	}
	wipe(bytes, *size);
	return ended;
}

void pga_base64url_add(struct pga_text *text, const void *bytes, size_t size)
{
	char *plain = malloc((size + 2) / 3 * 4 + 1);
	size_t length;

	if (plain == NULL) {
		text->failed = true;
		return;
	}
	pga_base64_encode(bytes, size, plain);
	length = strcspn(plain, "=");
	for (size_t i = 0; i < length; i++)
		plain[i] = url_letter(plain[i]);
	pga_text_add_bytes(text, plain, length);
	free(plain);
}
