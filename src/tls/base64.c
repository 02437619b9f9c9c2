#include "tls/base64.h"

#include <openssl/evp.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* EVP_EncodeBlock() takes an int, and writes more bytes than it reads. */
#define LIMIT ((size_t)INT_MAX / 2)

unsigned char *pga_base64_decode(const char *text, size_t length, size_t *size)
{
	unsigned char *bytes;
	char *again;
	int decoded;

	*size = 0;
	if (length == 0 || length % 4 != 0 || length > LIMIT)
		return NULL;
	bytes = malloc(length / 4 * 3);
	again = malloc(length + 1);
	if (bytes == NULL || again == NULL) {
		*size = length;
		goto failed;
	}
	decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
	if (decoded < 0)
		goto failed;
	/* Padding is counted as bytes. Where the text has blanks, or bits that no byte has, it is
	 * another one than what the bytes are written as. */
	*size = (size_t)decoded - (text[length - 1] == '=') - (text[length - 2] == '=');
	pga_base64_encode(bytes, *size, again);
	if (memcmp(again, text, length) == 0) {
		explicit_bzero(again, length); /* it may be a key's */
		free(again);
		return bytes;
	}
	*size = 0;
failed:
	free(again);
	free(bytes);
	return NULL;
}

void pga_base64_encode(const unsigned char *bytes, size_t size, char *text)
{
	(void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
}
