/* What pganchor has put into a root.crt taken out again. */
#include "anchor/root_crt.h"

#include "tls/root_pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A run of the file's bytes. */
struct run {
	size_t start;
	size_t length;
};

/* A comment line of ours and the certificate below it, which are to go. */
struct own {
	struct run line;
	struct run block;
	bool endless; /* the line above had no end before it was put there */
};

static size_t end_of(struct run run)
{
	return run.start + run.length;
}

/* The line that begins there, with its line end. */
static struct run line_at(const struct pga_text *content, size_t start)
{
	const char *end = memchr(content->bytes + start, '\n', content->length - start);

	return (struct run){start, end != NULL ? (size_t)(end - content->bytes) + 1 - start
					       : content->length - start};
}

/* The line without its line end. */
static struct run without_end(const struct pga_text *content, struct run line)
{
	while (line.length > 0 && strchr("\r\n", content->bytes[end_of(line) - 1]) != NULL)
		line.length--;
	return line;
}

/* What ends in a line end, without that one. */
static struct run without_last_end(const struct pga_text *content, struct run part)
{
	if (part.length > 0 && content->bytes[end_of(part) - 1] == '\n')
		part.length--;
	if (part.length > 0 && content->bytes[end_of(part) - 1] == '\r')
		part.length--;
	return part;
}

static bool begins_with(const struct pga_text *content, struct run line, const char *text)
{
	return line.length >= strlen(text) &&
	       memcmp(content->bytes + line.start, text, strlen(text)) == 0;
}

/* The next line, from there on, that is this text, or with whole unset begins with it; length 0
 * where there is none. */
static struct run find_line(const struct pga_text *content, size_t from, const char *text,
			    bool whole)
{
	struct run line = {from, 0};

	while (end_of(line) < content->length) {
		line = line_at(content, end_of(line));
		if (begins_with(content, line, text) &&
		    (!whole || without_end(content, line).length == strlen(text)))
			return line;
	}
	return (struct run){content->length, 0};
}

/* The next certificate from there on, with both of its lines; length 0 where there is none. */
static struct run find_certificate(const struct pga_text *content, size_t from)
{
	const struct run begin = find_line(content, from, "-----BEGIN CERTIFICATE-----", true);
	const struct run end = find_line(content, begin.start, "-----END CERTIFICATE-----", true);

	return (struct run){begin.start, end.length > 0 ? end_of(end) - begin.start : 0};
}

/* Adds the pins of the certificates of this part; those of one that cannot be read are none.
 * Returns how many. */
static size_t pins_of(const struct pga_text *content, struct run part, struct pga_text *pins)
{
	const size_t before = pins->length;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	pga_text_add_bytes(&text, content->bytes + part.start, part.length);
	if (pga_root_pins("", &text, pins, &error) != 0 && !pins->failed && pins->bytes != NULL) {
		pins->length = before;
		pins->bytes[before] = '\0';
	}
	pins->failed = pins->failed || text.failed;
	pga_text_free(&text);
	return (pins->length - before) / (PGA_PIN_LENGTH + 1);
}

static bool is_certificate(const struct pga_text *content, struct run block, const char *pin,
			   bool *failed)
{
	struct pga_text found = PGA_TEXT_EMPTY;
	const bool same = pins_of(content, block, &found) == 1 &&
			  strncmp(pga_text_string(&found), pin, PGA_PIN_LENGTH) == 0;

	*failed = *failed || found.failed;
	pga_text_free(&found);
	return same;
}

/* Whose comment line it is; NULL where it is none of these. */
static struct pga_root_crt_cut *owner_of(const struct pga_text *content, struct run line,
					 struct pga_root_crt_cut *cuts, size_t count, bool *endless)
{
	const size_t heading = strlen(PGA_ROOT_CRT_HEADING);
	const size_t mark = strlen(PGA_ROOT_CRT_ENDLESS);
	struct run name = without_end(content, line);

	name.start += heading;
	name.length -= name.length < heading ? name.length : heading;
	*endless = name.length > mark &&
		   memcmp(content->bytes + end_of(name) - mark, PGA_ROOT_CRT_ENDLESS, mark) == 0;
	name.length -= *endless ? mark : 0;
	for (size_t i = 0; i < count; i++)
		if (!cuts[i].cut && strlen(cuts[i].name) == name.length &&
		    memcmp(content->bytes + name.start, cuts[i].name, name.length) == 0)
			return &cuts[i];
	return NULL;
}

/* What is to go, in the order of the file, and how many. libpq need not get as far as a block that
 * looks like one: wanted are the pins of all that it gets to, and becomes those that stay. */
static size_t find_own(const struct pga_text *content, struct pga_root_crt_cut *cuts, size_t count,
		       struct own *found, struct pga_text *wanted)
{
	struct pga_text passed = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct run line = {0, 0};
	size_t behind = 0; /* the last block that goes */
	size_t taken = 0;  /* of wanted, up to there */
	size_t own = 0;
	bool failed = false;

	while (own < count) {
		struct pga_root_crt_cut *cut;
		struct run block;
		size_t before;
		bool endless;

		line = find_line(content, end_of(line), PGA_ROOT_CRT_HEADING, false);
		if (line.length == 0)
			break;
		cut = owner_of(content, line, cuts, count, &endless);
		block = find_certificate(content, end_of(line));
		if (cut == NULL || block.length == 0 ||
		    !is_certificate(content, block, cut->pin, &failed))
			continue;
		before = (taken +
			  pins_of(content, (struct run){behind, block.start - behind}, &passed)) *
			 (PGA_PIN_LENGTH + 1);
		if (before + PGA_PIN_LENGTH >= wanted->length ||
		    strncmp(wanted->bytes + before, cut->pin, PGA_PIN_LENGTH) != 0)
			continue;
		pga_text_add_bytes(&rest, wanted->bytes + taken * (PGA_PIN_LENGTH + 1),
				   before - taken * (PGA_PIN_LENGTH + 1));
		taken = before / (PGA_PIN_LENGTH + 1) + 1;
		behind = end_of(block);
		cut->cut = true;
		found[own++] = (struct own){line, block, endless};
	}
	if (wanted->length > taken * (PGA_PIN_LENGTH + 1))
		pga_text_add(&rest, wanted->bytes + taken * (PGA_PIN_LENGTH + 1));
	rest.failed = rest.failed || failed || passed.failed;
	pga_text_free(&passed);
	pga_text_free(wanted);
	*wanted = rest;
	return own;
}

/* Bytes that stay. *owed is the line end in front of them that was put there with what is gone: it
 * stays for them. A comment line of ours notes that in its turn. */
static void add_part(const struct pga_text *before, struct run part, struct run *owed,
		     struct pga_text *after)
{
	const struct run line = line_at(before, part.start);
	const struct run words = without_end(before, line);

	if (part.length == 0)
		return;
	if (owed->length > 0) {
		pga_text_add_bytes(after, before->bytes + owed->start, owed->length);
		if (begins_with(before, line, PGA_ROOT_CRT_HEADING) && line.length <= part.length) {
			pga_text_add_bytes(after, before->bytes + words.start, words.length);
			pga_text_add(after, PGA_ROOT_CRT_ENDLESS);
			part.length -= words.length;
			part.start += words.length;
		}
	}
	owed->length = 0;
	pga_text_add_bytes(after, before->bytes + part.start, part.length);
}

static void add_rest(const struct pga_text *before, const struct own *own, size_t count,
		     struct pga_text *after)
{
	struct run owed = {0, 0};
	size_t position = 0;

	for (size_t i = 0; i < count; i++) {
		struct run part = {position, own[i].line.start - position};
		const struct run kept = own[i].endless ? without_last_end(before, part) : part;

		add_part(before, kept, &owed, after);
		if (kept.length < part.length)
			owed = (struct run){end_of(kept), part.length - kept.length};
		add_part(
		    before,
		    (struct run){end_of(own[i].line), own[i].block.start - end_of(own[i].line)},
		    &owed, after);
		position = end_of(own[i].block);
	}
	add_part(before, (struct run){position, before->length - position}, &owed, after);
}

void pga_root_crt_rename(const struct pga_text *before, const char *name, const char *new_name,
			 struct pga_text *after)
{
	struct pga_root_crt_cut one = {.name = name};
	struct run line = {0, 0};
	bool endless;

	while (end_of(line) < before->length) {
		line = line_at(before, end_of(line));
		if (begins_with(before, line, PGA_ROOT_CRT_HEADING) &&
		    owner_of(before, line, &one, 1, &endless) != NULL) {
			const size_t behind = strlen(PGA_ROOT_CRT_HEADING) + strlen(name);

			pga_text_addf(after, PGA_ROOT_CRT_HEADING "%s", new_name);
			pga_text_add_bytes(after, before->bytes + line.start + behind,
					   line.length - behind);
		} else {
			pga_text_add_bytes(after, before->bytes + line.start, line.length);
		}
	}
}

int pga_root_crt_cut_all(const char *path, const struct pga_text *before,
			 struct pga_root_crt_cut *cuts, size_t count, struct pga_text *after,
			 struct pga_error *error)
{
	struct own *own = calloc(count + 1, sizeof *own);
	struct pga_text wanted = PGA_TEXT_EMPTY;
	size_t found;
	int result = -1;

	for (size_t i = 0; i < count; i++)
		cuts[i].cut = false;
	if (own == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (pga_root_pins(path, before, &wanted, error) != 0)
		goto done;
	if (before->length == 0) {
		result = 0;
		goto done;
	}
	found = find_own(before, cuts, count, own, &wanted);
	if (wanted.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	add_rest(before, own, found, after);
	if (after->failed)
		(void)pga_fail_memory(error);
	else
		result = found > 0 ? pga_root_crt_check(path, after, &wanted, error) : 0;
done:
	pga_text_free(&wanted);
	free(own);
	return result;
}

/* The anchor's name in this comment line, and the pin of the certificate below it. Both are the
 * caller's to free, after an error too; *pin is NULL where there is no certificate. Returns -1 for
 * want of memory. */
static int read_own(const struct pga_text *content, struct run line, char **name, char **pin)
{
	const struct run block = find_certificate(content, end_of(line));
	const size_t heading = strlen(PGA_ROOT_CRT_HEADING);
	const struct run words = without_end(content, line);
	struct pga_text pins = PGA_TEXT_EMPTY;
	char *end;

	*name = *pin = NULL;
	errno = 0;
	if (block.length > 0 && pins_of(content, block, &pins) == 1)
		*pin = strndup(pga_text_string(&pins), PGA_PIN_LENGTH);
	pga_text_free(&pins);
	*name = strndup(content->bytes + words.start + heading,
			words.length > heading ? words.length - heading : 0);
	end = *name != NULL ? strstr(*name, PGA_ROOT_CRT_ENDLESS) : NULL;
	if (end != NULL)
		*end = '\0';
	return errno != ENOMEM ? 0 : -1;
}

int pga_root_crt_blocks(const struct pga_text *content, struct pga_root_crt_block **blocks,
			size_t *count, struct pga_error *error)
{
	struct run line = {0, 0};
	size_t most = 0;

	*count = 0;
	while ((line = find_line(content, end_of(line), PGA_ROOT_CRT_HEADING, false)).length > 0)
		most++;
	*blocks = calloc(most + 1, sizeof **blocks);
	if (*blocks == NULL)
		return pga_fail_memory(error);
	line = (struct run){0, 0};
	for (size_t i = 0; i < most; i++) {
		struct pga_root_crt_block *block = &(*blocks)[*count];

		line = find_line(content, end_of(line), PGA_ROOT_CRT_HEADING, false);
		if (read_own(content, line, &block->name, &block->pin) != 0) {
			(*count)++; /* it is freed with the others */
			(void)pga_fail_memory(error);
			return -1;
		}
		if (block->name != NULL && block->pin != NULL) {
			(*count)++;
			continue;
		}
		free(block->name);
		free(block->pin);
		*block = (struct pga_root_crt_block){NULL, NULL};
	}
	return 0;
}

void pga_root_crt_blocks_free(struct pga_root_crt_block *blocks, size_t count)
{
	for (size_t i = 0; blocks != NULL && i < count; i++) {
		free(blocks[i].name);
		free(blocks[i].pin);
	}
	free(blocks);
}

int pga_root_crt_cut_every(const char *path, const struct pga_text *before, const char *spared,
			   struct pga_text *after, struct pga_error *error)
{
	struct pga_root_crt_block *blocks = NULL;
	struct pga_root_crt_cut *cuts = NULL;
	size_t all = 0;
	size_t count = 0;
	int result = pga_root_crt_blocks(before, &blocks, &all, error);

	if (result == 0)
		cuts = calloc(all + 1, sizeof *cuts);
	if (result == 0 && cuts == NULL)
		result = pga_fail_memory(error);
	for (size_t i = 0; cuts != NULL && i < all; i++)
		if (strstr(spared, blocks[i].pin) == NULL)
			cuts[count++] =
			    (struct pga_root_crt_cut){.name = blocks[i].name, .pin = blocks[i].pin};
	if (result == 0)
		result = pga_root_crt_cut_all(path, before, cuts, count, after, error);
	free(cuts);
	pga_root_crt_blocks_free(blocks, all);
	return result;
}

int pga_root_crt_cut(const char *path, const struct pga_text *before, const char *name,
		     const char *pin, struct pga_text *after, bool *cut, struct pga_error *error)
{
	struct pga_root_crt_cut one = {.name = name, .pin = pin};
	const int result = pga_root_crt_cut_all(path, before, &one, 1, after, error);

	*cut = result == 0 && one.cut;
	return result;
}
