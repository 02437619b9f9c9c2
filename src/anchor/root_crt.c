#include "anchor/root_crt.h"

#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>

int pga_root_crt_look_for(const char *path, const struct pga_text *content, const char *pin,
			  bool *found, struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	int result = pga_root_pins(path, content, &pins, error);

	*found = pin != NULL ? strstr(pga_text_string(&pins), pin) != NULL : pins.length > 0;
	pga_text_free(&pins);
	return result;
}

bool pga_root_crt_has_nul(const struct pga_text *content)
{
	return memchr(pga_text_string(content), '\0', content->length) != NULL;
}

int pga_root_crt_check(const char *path, const struct pga_text *composed,
		       const struct pga_text *wanted, struct pga_error *error)
{
	struct pga_text pins = PGA_TEXT_EMPTY;
	const bool readable = pga_root_pins(path, composed, &pins, error) == 0;
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

static void add_block(const char *name, const struct pga_certificate *certificate,
		      struct pga_text *after)
{
	const bool endless = after->length > 0 && after->bytes[after->length - 1] != '\n';

	pga_text_addf(after, "%s" PGA_ROOT_CRT_HEADING "%s%s\n%s", endless ? "\n" : "", name,
		      endless ? PGA_ROOT_CRT_ENDLESS : "", certificate->pem);
}

int pga_root_crt_add(const char *path, const struct pga_text *before, const char *name,
		     const struct pga_certificate *certificate, struct pga_text *after,
		     struct pga_error *error)
{
	struct pga_text wanted = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_root_pins(path, before, &wanted, error) != 0)
		goto done;
	pga_text_addf(&wanted, "%s\n", certificate->pin);
	pga_text_add_bytes(after, pga_text_string(before), before->length);
	add_block(name, certificate, after);
	result = pga_root_crt_check(path, after, &wanted, error);
done:
	pga_text_free(&wanted);
	return result;
}

static int compare_pins(const void *left, const void *right)
{
	return memcmp(left, right, PGA_PIN_LENGTH);
}

/* Adds the pins and the blocks of those that are not among the sorted pins. */
static void add_missing(const struct pga_root_crt_entry *entries, size_t count,
			const struct pga_text *sorted, struct pga_text *wanted,
			struct pga_text *after)
{
	static const size_t line = PGA_PIN_LENGTH + 1;

	for (size_t i = 0; i < count; i++) {
		const struct pga_certificate *certificate = entries[i].certificate;

		if (sorted->length > 0 &&
		    bsearch(certificate->pin, sorted->bytes, sorted->length / line, line,
			    compare_pins) != NULL)
			continue;
		pga_text_addf(wanted, "%s\n", certificate->pin);
		add_block(entries[i].name, certificate, after);
	}
}

int pga_root_crt_add_many(const char *path, const struct pga_text *before,
			  const struct pga_root_crt_entry *entries, size_t count,
			  struct pga_text *after, bool *any, struct pga_error *error)
{
	struct pga_text wanted = PGA_TEXT_EMPTY;
	struct pga_text sorted = PGA_TEXT_EMPTY;
	int result = -1;

	*any = false;
	if (pga_root_pins(path, before, &wanted, error) != 0)
		goto done;
	pga_text_add_bytes(&sorted, pga_text_string(&wanted), wanted.length);
	pga_text_add_bytes(after, pga_text_string(before), before->length);
	if (sorted.failed || after->failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (sorted.length > 0)
		qsort(sorted.bytes, sorted.length / (PGA_PIN_LENGTH + 1), PGA_PIN_LENGTH + 1,
		      compare_pins);
	add_missing(entries, count, &sorted, &wanted, after);
	*any = after->failed || wanted.failed || after->length != before->length;
	result = *any ? pga_root_crt_check(path, after, &wanted, error) : 0;
done:
	pga_text_free(&wanted);
	pga_text_free(&sorted);
	return result;
}
