#include "anchor/trimmed.h"

#include "anchor/root_crt.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>

/* A certificate in the file's bytes. */
struct block {
	size_t above; /* where the comment lines right above it begin */
	size_t start;
	size_t end; /* behind its last line */
	char pin[PGA_PIN_LENGTH + 1];
};

struct blocks {
	struct block *list;
	size_t count;
};

static bool begins_with(const char *line, size_t length, const char *text)
{
	return length >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

/* Whether a line is one of the two around a certificate, as OpenSSL knows it by three names. */
static bool is_mark(const char *line, size_t length, const char *which)
{
	static const char *const names[] = {" CERTIFICATE-----", " X509 CERTIFICATE-----",
					    " TRUSTED CERTIFICATE-----"};
	const size_t front = strlen("-----") + strlen(which);

	if (!begins_with(line, length, "-----") ||
	    !begins_with(line + strlen("-----"), length - strlen("-----"), which))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (begins_with(line + front, length - front, names[i]))
			return true;
	return false;
}

static int add_block(struct blocks *blocks, const char *path, const struct pga_text *content,
		     struct block block, struct pga_error *error)
{
	struct block *grown = reallocarray(blocks->list, blocks->count + 1, sizeof *blocks->list);
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text pin = PGA_TEXT_EMPTY;
	int result = -1;

	if (grown != NULL)
		blocks->list = grown;
	pga_text_add_bytes(&text, content->bytes + block.start, block.end - block.start);
	if (grown == NULL || text.failed)
		(void)pga_fail_memory(error);
	else
		result = pga_root_pins(path, &text, &pin, error);
	if (result == 0 && pin.length == PGA_PIN_LENGTH + 1) {
		memcpy(block.pin, pin.bytes, PGA_PIN_LENGTH);
		block.pin[PGA_PIN_LENGTH] = '\0';
		blocks->list[blocks->count++] = block;
	}
	pga_text_free(&text);
	pga_text_free(&pin);
	return result;
}

/* The comments right above a certificate are about it, with the blank lines above them; but for
 * those at the head of the file that no blank line parts from the file's own. */
static int find_blocks(struct blocks *blocks, const char *path, const struct pga_text *content,
		       struct pga_error *error)
{
	struct block block = {.above = 0};
	bool inside = false;
	bool parted = false; /* a blank line has come since the last certificate */
	bool blank = false;
	int result = 0;

	for (size_t at = 0; result == 0 && at < content->length;) {
		const char *line = content->bytes + at;
		const char *end = memchr(line, '\n', content->length - at);
		const size_t next =
		    end != NULL ? (size_t)(end - content->bytes) + 1 : content->length;
		const size_t length = next - at;

		if (!inside && is_mark(line, length, "BEGIN")) {
			inside = true;
			block.start = at;
			if (blocks->count == 0 && !parted)
				block.above = at;
		} else if (inside && is_mark(line, length, "END")) {
			inside = false;
			block.end = next;
			result = add_block(blocks, path, content, block, error);
			block.above = next;
			parted = false;
		} else if (!inside && strspn(line, " \t\r\n") >= length) {
			/* It goes with what is below it. */
			block.above = blank ? block.above : at;
			parted = blank = true;
			at = next;
			continue;
		}
		blank = false;
		at = next;
	}
	return result;
}

static bool is_among(const char *pins, const char *pin)
{
	return strstr(pins, pin) != NULL;
}

static void copy_without(const struct pga_text *before, const struct blocks *blocks,
			 const char *pins, struct pga_text *after)
{
	size_t from = 0;

	for (size_t i = 0; i < blocks->count; i++) {
		if (!is_among(pins, blocks->list[i].pin))
			continue;
		pga_text_add_bytes(after, pga_text_string(before) + from,
				   blocks->list[i].above - from);
		from = blocks->list[i].end;
	}
	pga_text_add_bytes(after, pga_text_string(before) + from, before->length - from);
}

/* The pins of `all` that are among these, or with among unset are not. */
static void choose(const struct pga_text *all, const char *pins, bool among, struct pga_text *rest)
{
	const char *at = pga_text_string(all);
	const char *line;
	char pin[PGA_PIN_LENGTH + 1];
	size_t length;

	while (pga_next_line(&at, &line, &length)) {
		if (length != PGA_PIN_LENGTH)
			continue;
		memcpy(pin, line, length);
		pin[length] = '\0';
		if (is_among(pins, pin) == among)
			pga_text_addf(rest, "%s\n", pin);
	}
}

int pga_trimmed_without(const char *path, const struct pga_text *before, const char *pins,
			struct pga_text *after, struct pga_error *error)
{
	struct blocks blocks = {.list = NULL};
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text wanted = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_root_pins(path, before, &all, error) != 0 ||
	    find_blocks(&blocks, path, before, error) != 0)
		goto done;
	copy_without(before, &blocks, pins, after);
	choose(&all, pins, false, &wanted);
	result = pga_root_crt_check(path, after, &wanted, error);
done:
	free(blocks.list);
	pga_text_free(&all);
	pga_text_free(&wanted);
	return result;
}

/* Behind what is there now. */
static void add_missing(const struct pga_text *kept, const struct blocks *blocks, const char *pins,
			struct pga_text *after)
{
	for (size_t i = 0; i < blocks->count; i++) {
		const struct block *block = &blocks->list[i];

		if (!is_among(pins, block->pin))
			continue;
		if (after->length > 0 && after->bytes[after->length - 1] != '\n')
			pga_text_add(after, "\n");
		pga_text_add_bytes(after, kept->bytes + block->above, block->end - block->above);
	}
}

static size_t length_without_end(const struct pga_text *text)
{
	size_t length = text->length;

	while (length > 0 && strchr("\r\n", text->bytes[length - 1]) != NULL)
		length--;
	return length;
}

/* But for the end of the last line, which goes with an anchor that was put behind one without. */
static bool is_same(const struct pga_text *one, const struct pga_text *other)
{
	const size_t length = length_without_end(one);

	return length == length_without_end(other) &&
	       memcmp(pga_text_string(one), pga_text_string(other), length) == 0;
}

int pga_trimmed_restore(const char *path, const struct pga_text *before,
			const struct pga_text *kept, const char *trimmed, struct pga_text *after,
			struct pga_error *error)
{
	struct blocks blocks = {.list = NULL};
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text now = PGA_TEXT_EMPTY;
	struct pga_text missing = PGA_TEXT_EMPTY;
	struct pga_text gone = PGA_TEXT_EMPTY;
	struct pga_text without = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_root_pins(path, kept, &all, error) != 0 ||
	    pga_root_pins(path, before, &now, error) != 0 ||
	    find_blocks(&blocks, path, kept, error) != 0)
		goto done;
	choose(&all, pga_text_string(&now), false, &missing);
	choose(&missing, trimmed, true, &gone);
	copy_without(kept, &blocks, pga_text_string(&gone), &without);
	if (is_same(&without, before)) {
		pga_text_add_bytes(after, pga_text_string(kept), kept->length);
	} else {
		pga_text_add_bytes(after, pga_text_string(before), before->length);
		add_missing(kept, &blocks, pga_text_string(&gone), after);
	}
	result = after->failed || gone.failed || missing.failed || without.failed || all.failed ||
			 now.failed
		     ? pga_fail_memory(error)
		     : 0;
done:
	free(blocks.list);
	pga_text_free(&all);
	pga_text_free(&now);
	pga_text_free(&missing);
	pga_text_free(&gone);
	pga_text_free(&without);
	return result;
}

int pga_trimmed_list(const char *path, const struct pga_text *content,
		     struct pga_certificate **certificates, size_t *count, struct pga_error *error)
{
	struct blocks blocks = {.list = NULL};
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text pem = PGA_TEXT_EMPTY;
	int result = -1;

	*count = 0;
	*certificates = NULL;
	if (pga_root_pins(path, content, &all, error) != 0 ||
	    find_blocks(&blocks, path, content, error) != 0)
		goto done;
	*certificates = calloc(blocks.count + 1, sizeof **certificates);
	result = *certificates != NULL ? 0 : pga_fail_memory(error);
	for (size_t i = 0; result == 0 && i < blocks.count; i++) {
		const struct block *block = &blocks.list[i];

		pga_text_free(&pem);
		pga_text_add_bytes(&pem, content->bytes + block->start, block->end - block->start);
		result = pem.failed ? pga_fail_memory(error)
				    : pga_certificate_read(&(*certificates)[*count], path,
							   pem.bytes, pem.length, error);
		if (result == 0)
			(*count)++;
	}
done:
	free(blocks.list);
	pga_text_free(&all);
	pga_text_free(&pem);
	return result;
}
