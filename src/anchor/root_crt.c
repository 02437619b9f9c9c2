#include "anchor/root_crt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdio.h>
#include <string.h>

#define END_CERTIFICATE "-----END CERTIFICATE-----\n"

static const char damaged_next[] =
    "libpq cannot read it either: repair it or move it away, or use --scoped; nothing was changed";

/* Adds the pin of each certificate, one a line, in the file's order. libpq hands the file to
 * SSL_CTX_load_verify_locations(), which reads it by PEM_X509_INFO_read_bio(): text between the
 * blocks does not count, and one damaged block spoils the whole file. */
static int read_pins(const char *path, const struct pga_text *content, struct pga_text *pins,
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
	bio = stream != NULL ? BIO_new_fp(stream, BIO_CLOSE) : BIO_new(BIO_s_mem());
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
	if (bio == NULL && stream != NULL)
		(void)fclose(stream);
	BIO_free(bio);
	ERR_clear_error();
	return result;
}

int pga_root_crt_holds(const char *path, const struct pga_text *content, const char *pin,
		       bool *holds, struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	int result = read_pins(path, content, &pins, error);

	*holds = result == 0 && pins.length > 0 &&
		 (pin == NULL || strstr(pga_text_string(&pins), pin) != NULL);
	pga_text_free(&pins);
	return result;
}

static bool has_nul(const struct pga_text *content)
{
	return content->length > 0 && memchr(content->bytes, '\0', content->length) != NULL;
}

/* Reads the composed bytes back as libpq will, and compares them with what has to be there. */
static int check(const char *path, const struct pga_text *composed, const struct pga_text *wanted,
		 struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	int result = -1;

	if (composed->failed || wanted->failed)
		(void)pga_fail_memory(error);
	else if (read_pins(path, composed, &pins, error) != 0 ||
		 strcmp(pga_text_string(&pins), pga_text_string(wanted)) != 0)
		(void)pga_fail(error,
			       "repair it, or use --scoped, which leaves it alone; nothing was "
			       "changed",
			       "%s: what stands in it would hide the new certificate from libpq%s",
			       path, has_nul(composed) ? PGA_ROOT_CRT_NUL : "");
	else
		result = 0;
	pga_text_free(&pins);
	return result;
}

int pga_root_crt_add(const char *path, const struct pga_text *before, const char *name,
		     const struct pga_certificate *certificate, struct pga_text *after,
		     struct pga_error *error)
{
	struct pga_text wanted = PGA_TEXT_EMPTY;
	int result = -1;

	if (read_pins(path, before, &wanted, error) != 0)
		goto done;
	pga_text_addf(&wanted, "%s\n", certificate->pin);
	pga_text_add_bytes(after, pga_text_string(before), before->length);
	if (before->length > 0 && before->bytes[before->length - 1] != '\n')
		pga_text_add(after, "\n");
	pga_text_addf(after, "# pganchor anchor %s\n%s", name, certificate->pem);
	result = check(path, after, &wanted, error);
done:
	pga_text_free(&wanted);
	return result;
}

/* Where the block of this name starts, and how long it is, from its comment line to the end of its
 * certificate; 0 where there is none. */
static size_t find_block(const struct pga_text *content, const char *heading, size_t *start)
{
	const char *all = pga_text_string(content);
	const char *at = all;
	const char *end;

	while ((at = strstr(at, heading)) != NULL && at != all && at[-1] != '\n')
		at++;
	if (at == NULL)
		return 0;
	end = strstr(at, END_CERTIFICATE);
	if (end == NULL)
		return 0;
	*start = (size_t)(at - all);
	return (size_t)(end - at) + strlen(END_CERTIFICATE);
}

int pga_root_crt_cut(const char *path, const struct pga_text *before, const char *name,
		     const char *pin, struct pga_text *after, bool *cut, struct pga_error *error)
{
	struct pga_text heading = PGA_TEXT_EMPTY;
	struct pga_text block = PGA_TEXT_EMPTY;
	struct pga_text found = PGA_TEXT_EMPTY;
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	size_t start = 0;
	size_t length;
	int result = -1;

	*cut = false;
	pga_text_addf(&heading, "# pganchor anchor %s\n", name);
	if (heading.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	length = find_block(before, pga_text_string(&heading), &start);
	pga_text_add_bytes(&block, pga_text_string(before) + start, length);
	if (read_pins(path, &block, &found, error) != 0 ||
	    read_pins(path, before, &all, error) != 0)
		goto done;
	/* One certificate, the one that is to go, and nothing of anybody else's. */
	*cut = found.length == PGA_PIN_LENGTH + 1 &&
	       strncmp(pga_text_string(&found), pin, PGA_PIN_LENGTH) == 0;
	pga_text_add_bytes(after, pga_text_string(before), *cut ? start : before->length);
	if (*cut) {
		const char *gone = strstr(pga_text_string(&all), pin);

		pga_text_add_bytes(after, before->bytes + start + length,
				   before->length - start - length);
		pga_text_add_bytes(&rest, all.bytes, (size_t)(gone - all.bytes));
		pga_text_add(&rest, gone + PGA_PIN_LENGTH + 1);
		if (check(path, after, &rest, error) != 0)
			goto done;
	}
	result = after->failed ? pga_fail_memory(error) : 0;
done:
	pga_text_free(&heading);
	pga_text_free(&block);
	pga_text_free(&found);
	pga_text_free(&all);
	pga_text_free(&rest);
	return result;
}
