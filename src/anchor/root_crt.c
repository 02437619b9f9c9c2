#include "anchor/root_crt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdio.h>
#include <string.h>

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

int pga_root_crt_look_for(const char *path, const struct pga_text *content, const char *pin,
			  bool *found, struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	int result = read_pins(path, content, &pins, error);

	*found = pin != NULL ? strstr(pga_text_string(&pins), pin) != NULL : pins.length > 0;
	pga_text_free(&pins);
	return result;
}

bool pga_root_crt_has_nul(const struct pga_text *content)
{
	return memchr(pga_text_string(content), '\0', content->length) != NULL;
}

/* Reads the composed bytes back as libpq will, and compares them with what has to be there. */
static int check(const char *path, const struct pga_text *composed, const struct pga_text *wanted,
		 struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	const bool readable = read_pins(path, composed, &pins, error) == 0;
	int result = -1;

	if (composed->failed || wanted->failed || pins.failed)
		(void)pga_fail_memory(error);
	else if (!readable || strcmp(pga_text_string(&pins), pga_text_string(wanted)) != 0)
		(void)pga_fail(error,
			       "repair it, or use --scoped, which leaves it alone; nothing was "
			       "changed",
			       "%s: what is in it would hide the new certificate from libpq%s",
			       path, pga_root_crt_has_nul(composed) ? PGA_ROOT_CRT_NUL : "");
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

/* A run of the file's bytes. */
struct run {
	size_t start;
	size_t length;
};

/* The line that begins there, with its line end. */
static struct run line_at(const struct pga_text *content, size_t start)
{
	const char *end = memchr(content->bytes + start, '\n', content->length - start);

	return (struct run){start, end != NULL ? (size_t)(end - content->bytes) + 1 - start
					       : content->length - start};
}

/* Whether the line is this text, whatever its line end. */
static bool is_line(const struct pga_text *content, struct run line, const char *text)
{
	size_t length = line.length;

	while (length > 0 && strchr("\r\n", content->bytes[line.start + length - 1]) != NULL)
		length--;
	return length == strlen(text) && memcmp(content->bytes + line.start, text, length) == 0;
}

/* The next line, from there on, that is this text; length 0 where there is none. */
static struct run find_line(const struct pga_text *content, size_t from, const char *text)
{
	struct run line = {from, 0};

	while (line.start + line.length < content->length) {
		line = line_at(content, line.start + line.length);
		if (is_line(content, line, text))
			return line;
	}
	return (struct run){content->length, 0};
}

/* The next certificate from there on, with both of its lines; length 0 where there is none. */
static struct run find_certificate(const struct pga_text *content, size_t from)
{
	const struct run begin = find_line(content, from, "-----BEGIN CERTIFICATE-----");
	const struct run end = find_line(content, begin.start, "-----END CERTIFICATE-----");

	return (struct run){begin.start, end.length > 0 ? end.start + end.length - begin.start : 0};
}

/* Whether the certificate with this pin is what stands there; *failed is set for want of memory. */
static bool is_certificate(const char *path, const struct pga_text *content, struct run block,
			   const char *pin, bool *failed)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text found = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool same;

	pga_text_add_bytes(&text, content->bytes + block.start, block.length);
	same = read_pins(path, &text, &found, &error) == 0 && found.length == PGA_PIN_LENGTH + 1 &&
	       strncmp(pga_text_string(&found), pin, PGA_PIN_LENGTH) == 0;
	*failed = *failed || text.failed || found.failed;
	pga_text_free(&text);
	pga_text_free(&found);
	return same;
}

/* Finds the comment line of this name below which the next certificate is the one with this pin. */
static bool find_own(const char *path, const struct pga_text *content, const char *heading,
		     const char *pin, struct run *line, struct run *block, bool *failed)
{
	*line = (struct run){0, 0};
	do {
		*line = find_line(content, line->start + line->length, heading);
		*block = find_certificate(content, line->start + line->length);
	} while (line->length > 0 && !is_certificate(path, content, *block, pin, failed));
	return line->length > 0;
}

/* What a user has put between the two stays. */
static void add_without(const struct pga_text *before, struct run line, struct run block,
			struct pga_text *after)
{
	const size_t behind_line = line.start + line.length;
	const size_t behind_block = block.start + block.length;

	pga_text_add_bytes(after, before->bytes, line.start);
	pga_text_add_bytes(after, before->bytes + behind_line, block.start - behind_line);
	pga_text_add_bytes(after, before->bytes + behind_block, before->length - behind_block);
}

/* Where the pin of the certificate that begins there stands in the list of all: a user may have the
 * same one in the file, before it or behind. NULL where libpq does not get as far. */
static const char *pin_of_block(const char *path, const struct pga_text *content, size_t start,
				const struct pga_text *all, const char *pin, bool *failed)
{
	struct pga_text before = PGA_TEXT_EMPTY;
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_error error;
	const char *at = NULL;

	pga_text_add_bytes(&before, content->bytes, start);
	if (read_pins(path, &before, &pins, &error) == 0 &&
	    pins.length + PGA_PIN_LENGTH < all->length &&
	    strncmp(all->bytes + pins.length, pin, PGA_PIN_LENGTH) == 0)
		at = all->bytes + pins.length;
	*failed = *failed || before.failed || pins.failed;
	pga_text_free(&before);
	pga_text_free(&pins);
	return at;
}

int pga_root_crt_cut(const char *path, const struct pga_text *before, const char *name,
		     const char *pin, struct pga_text *after, bool *cut, struct pga_error *error)
{
	struct pga_text heading = PGA_TEXT_EMPTY;
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct run line;
	struct run block;
	const char *gone = NULL;
	bool failed = false;
	int result = -1;

	*cut = false;
	pga_text_addf(&heading, "# pganchor anchor %s", name);
	if (heading.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (read_pins(path, before, &all, error) != 0)
		goto done;
	if (find_own(path, before, pga_text_string(&heading), pin, &line, &block, &failed))
		gone = pin_of_block(path, before, block.start, &all, pin, &failed);
	*cut = gone != NULL;
	if (failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (*cut) {
		add_without(before, line, block, after);
		pga_text_add_bytes(&rest, all.bytes, (size_t)(gone - all.bytes));
		pga_text_add(&rest, gone + PGA_PIN_LENGTH + 1);
		result = check(path, after, &rest, error);
	} else {
		pga_text_add_bytes(after, pga_text_string(before), before->length);
		result = after->failed ? pga_fail_memory(error) : 0;
	}
done:
	pga_text_free(&heading);
	pga_text_free(&all);
	pga_text_free(&rest);
	return result;
}
