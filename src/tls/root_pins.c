#include "tls/root_pins.h"

#include "tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdio.h>

static const char damaged_next[] =
    "libpq cannot read it either: repair it or move it away, or use --scoped; nothing was changed";

/* libpq hands the file to SSL_CTX_load_verify_locations(), which reads it by
 * PEM_X509_INFO_read_bio(): text between the blocks does not count, and one damaged block spoils
 * the whole file. */
int pga_root_pins(const char *path, const struct pga_text *content, struct pga_text *pins,
		  struct pga_error *error)
{
	STACK_OF(X509_INFO) *infos = NULL;
	FILE *stream = NULL;
	BIO *bio = NULL;
	char empty[] = "";
	int result = -1;

	/* Through a FILE, as from the file itself: such a BIO ends at a line that begins with a NUL
	 * (file_gets() of bss_file.c), one of the memory's does not. */
	if (content->length > 0)
		stream = fmemopen(content->bytes, content->length, "r");
	bio = stream != NULL ? BIO_new_fp(stream, BIO_NOCLOSE) : BIO_new(BIO_s_mem());
	/* The empty passphrase keeps OpenSSL from asking for one on the terminal. */
	if (bio != NULL)
		infos = PEM_X509_INFO_read_bio(bio, NULL, NULL, empty);
	if (infos == NULL) {
		(void)pga_fail(error, damaged_next, "%s: damaged: not readable as PEM", path);
		goto done;
	}
	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509_INFO *info = sk_X509_INFO_value(infos, i);
		char pin[PGA_PIN_LENGTH + 1];

		if (info->x509 == NULL)
			continue;
		if (pga_certificate_pin(info->x509, pin) != 0) {
			(void)pga_fail_memory(error);
			goto done;
		}
		pga_text_addf(pins, "%s\n", pin);
	}
	if (pins->failed)
		(void)pga_fail_memory(error);
	else
		result = 0;
done:
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	if (stream != NULL)
		(void)fclose(stream);
	ERR_clear_error();
	return result;
}
