/* pganchor's CRLs among the lines of a file. */
#include "anchor/crls.h"

#include "tls/crl.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN "-----BEGIN X509 CRL-----\n"
#define END   "-----END X509 CRL-----\n"

/* A run of the file's bytes. */
struct run {
	size_t start;
	size_t end;
};

/* Whether these bytes stand there. */
static bool is_at(const struct pga_text *text, size_t start, const char *bytes)
{
	const size_t length = strlen(bytes);

	return start <= text->length && text->length - start >= length &&
	       memcmp(text->bytes + start, bytes, length) == 0;
}

/* The heading with this name that begins a line, with the block that follows it at once. */
static bool find_block(const struct pga_text *text, const char *heading, size_t from,
		       struct run *whole, struct run *pem)
{
	const char *at = text->length > from ? memmem(text->bytes + from, text->length - from,
						      heading, strlen(heading))
					     : NULL;
	const char *end;

	if (at == NULL)
		return false;
	whole->start = (size_t)(at - text->bytes);
	pem->start = whole->start + strlen(heading);
	whole->end = pem->end = pem->start;
	if ((whole->start > 0 && at[-1] != '\n') || !is_at(text, pem->start, BEGIN))
		return true;
	end = memmem(text->bytes + pem->start, text->length - pem->start, END, strlen(END));
	if (end != NULL)
		whole->end = pem->end = (size_t)(end - text->bytes) + strlen(END);
	return true;
}

/* Whether it is the CRL that pganchor has put there for this record: 1 or 0, -1 for want of memory.
 */
static int is_record(const struct pga_crl_record *record, const char *pem, size_t length,
		     struct pga_error *error)
{
	struct pga_crl_list list;
	struct pga_error none;
	int is = pga_crl_list_read(&list, "", pem, length, &none);

	if (is < 0)
		is = pga_fail_memory(error);
	else
		is = list.count == 1 && (strcmp(list.crls[0].digest, record->digest) == 0 ||
					 strcmp(list.crls[0].digest, record->previous) == 0);
	pga_crl_list_free(&list);
	return is;
}

/* Cuts the record's block out of the text. *first is where the first one stood. */
static int cut(struct pga_text *text, struct pga_crl_block *block, size_t *first,
	       struct pga_error *error)
{
	struct pga_text heading = PGA_TEXT_EMPTY;
	struct run whole = {0, 0};
	struct run pem = {0, 0};
	int result = 0;

	block->pem = NULL;
	pga_text_addf(&heading, "# pganchor crl %s\n", block->record->name);
	if (heading.failed)
		result = pga_fail_memory(error);
	while (result == 0 && block->pem == NULL &&
	       find_block(text, pga_text_string(&heading), whole.end, &whole, &pem)) {
		if (pem.end == pem.start)
			continue;
		result =
		    is_record(block->record, text->bytes + pem.start, pem.end - pem.start, error);
		if (result <= 0)
			continue;
		result = 0;
		block->pem = strndup(text->bytes + pem.start, pem.end - pem.start);
		if (block->pem == NULL)
			result = pga_fail_memory(error);
		memmove(text->bytes + whole.start, text->bytes + whole.end,
			text->length + 1 - whole.end);
		text->length -= whole.end - whole.start;
		*first = whole.start < *first ? whole.start : *first;
	}
	pga_text_free(&heading);
	return result;
}

int pga_crl_blocks_cut(const struct pga_text *before, struct pga_crl_block *blocks, size_t count,
		       struct pga_text *rest, struct pga_error *error)
{
	size_t first = before->length;
	bool joined = false;

	pga_text_add_bytes(rest, pga_text_string(before), before->length);
	if (rest->failed)
		return pga_fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		if (cut(rest, &blocks[i], &first, error) != 0)
			return -1;
		joined = joined || (blocks[i].pem != NULL && blocks[i].record->joined);
	}
	/* The end that the user's last line was given goes with them, if it is the last one still.
	 */
	if (joined && first == rest->length && first > 0)
		rest->bytes[--rest->length] = '\0';
	return 0;
}

void pga_crl_blocks_add(const struct pga_crl_block *blocks, size_t count, struct pga_text *after,
			bool *joined)
{
	*joined = false;
	for (size_t i = 0; i < count; i++) {
		if (blocks[i].pem == NULL)
			continue;
		if (after->length > 0 && after->bytes[after->length - 1] != '\n') {
			pga_text_add(after, "\n");
			*joined = true;
		}
		pga_text_addf(after, "# pganchor crl %s\n%s", blocks[i].record->name,
			      blocks[i].pem);
	}
}
