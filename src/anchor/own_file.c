#include "anchor/own_file.h"

#include "policy/joined.h"

#include <string.h>

#define END_CERTIFICATE "-----END CERTIFICATE-----"

/* Where the certificate ends that begins there: behind its last line, and all of the rest where no
 * other follows. */
static size_t end_of_block(const char *text, size_t length)
{
	const char *end = memmem(text, length, END_CERTIFICATE, strlen(END_CERTIFICATE));
	size_t behind;

	if (end == NULL)
		return length;
	behind = (size_t)(end - text) + strlen(END_CERTIFICATE);
	return memchr(text + behind, '-', length - behind) != NULL ? behind : length;
}

bool pga_own_file_read(struct pga_own_file *file, const struct pga_text *content)
{
	const char *at = pga_text_string(content);
	size_t rest = content->length;
	struct pga_error error;

	memset(file, 0, sizeof *file);
	while (rest > 0) {
		const size_t length = end_of_block(at, rest);
		struct pga_text block = PGA_TEXT_EMPTY;
		int result;

		pga_text_add_bytes(&block, at, length);
		result = file->count < PGA_OWN_FILE_ROOTS && !block.failed
			     ? pga_certificate_read(&file->roots[file->count], "",
						    pga_text_string(&block), block.length, &error)
			     : -1;
		pga_text_free(&block);
		if (result != 0)
			return false;
		file->count++;
		at += length;
		rest -= length;
	}
	return file->count > 0;
}

struct pga_certificate *pga_own_file_find(struct pga_own_file *file, const char *pin)
{
	for (size_t i = 0; i < file->count; i++)
		if (strcmp(file->roots[i].pin, pin) == 0)
			return &file->roots[i];
	return NULL;
}

bool pga_own_file_is_right(const struct pga_text *content, const struct pga_pin *anchor,
			   const struct pga_pins *pins)
{
	struct pga_own_file file;
	bool right = pga_own_file_read(&file, content) && pga_own_file_find(&file, anchor->pin);

	for (size_t i = 0; right && i < file.count; i++)
		right = pga_pin_joins(pins, file.roots[i].pin, anchor);
	pga_own_file_free(&file);
	return right;
}

void pga_own_file_free(struct pga_own_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		pga_certificate_free(&file->roots[i]);
	file->count = 0;
}
