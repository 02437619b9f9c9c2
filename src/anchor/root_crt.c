#include "anchor/root_crt.h"

#include "tls/root_pins.h"

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

int pga_root_crt_add(const char *path, const struct pga_text *before, const char *name,
		     const struct pga_certificate *certificate, struct pga_text *after,
		     struct pga_error *error)
{
	struct pga_text wanted = PGA_TEXT_EMPTY;
	bool endless;
	int result = -1;

	if (pga_root_pins(path, before, &wanted, error) != 0)
		goto done;
	pga_text_addf(&wanted, "%s\n", certificate->pin);
	pga_text_add_bytes(after, pga_text_string(before), before->length);
	endless = before->length > 0 && before->bytes[before->length - 1] != '\n';
	pga_text_addf(after, "%s" PGA_ROOT_CRT_HEADING "%s%s\n%s", endless ? "\n" : "", name,
		      endless ? PGA_ROOT_CRT_ENDLESS : "", certificate->pem);
	result = pga_root_crt_check(path, after, &wanted, error);
done:
	pga_text_free(&wanted);
	return result;
}
