#include "cert/local_before.h"

#include "base/file.h"
#include "cert/local_serve.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#define HEAD \
	"# " PGA_SERVED_CONF " as it was before pganchor ca local serve: --undo brings it back\n"
#define AFTER   "# sha256 of what it was then: "
#define ABSENT  "# there was none\n"
#define PRESENT "# it follows\n"

/* Those that serve sets. That of CAs for clients is ours where it names our file alone. */
static const struct pga_cluster_setting ours[] = {
    {"ssl_cert_file", NULL}, {"ssl_key_file", NULL}, {"ssl", NULL}};
static const struct pga_cluster_setting client_ca[] = {{"ssl_ca_file", NULL}};
#define OURS (sizeof ours / sizeof ours[0])

static int hash(const struct pga_text *bytes, char hex[65], struct pga_error *error)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(pga_text_string(bytes), bytes->length, sum, &length, EVP_sha256(), NULL) !=
	    1)
		return pga_fail_memory(error);
	pga_hex(sum, length, hex);
	return 0;
}

/* The rest behind these words, or NULL. */
static const char *behind(const char *at, const char *words)
{
	const size_t length = strlen(words);

	return at != NULL && strncmp(at, words, length) == 0 ? at + length : NULL;
}

static void parse(struct pga_served_before *before, const struct pga_text *text)
{
	const char *at = behind(behind(pga_text_string(text), HEAD), AFTER);
	const size_t length = at != NULL ? strcspn(at, "\n") : 0;
	const char *rest;

	if (length == 0 || length >= sizeof before->after || at[length] == '\0')
		return;
	memcpy(before->after, at, length);
	at += length + 1;
	before->found = behind(at, ABSENT) != NULL;
	rest = behind(at, PRESENT);
	if (rest == NULL)
		return;
	before->found = before->existed = true;
	pga_text_add_bytes(&before->conf, rest,
			   text->length - (size_t)(rest - pga_text_string(text)));
}

int pga_served_before_read(const struct pga_cluster *cluster, struct pga_served_before *before,
			   struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	bool found = false;
	int result;

	memset(before, 0, sizeof *before);
	result = pga_cluster_read(cluster, PGA_SERVED_BEFORE, &text, &found, error);
	if (result == 0 && found) {
		parse(before, &text);
		if (before->conf.failed)
			result = pga_fail_memory(error);
	}
	pga_text_free(&text);
	return result;
}

void pga_served_before_free(struct pga_served_before *before)
{
	pga_text_free(&before->conf);
	memset(before, 0, sizeof *before);
}

static bool names(const char *line, size_t length, const char *file)
{
	return memmem(line, length, file, strlen(file)) != NULL;
}

bool pga_served_names_ours(const struct pga_text *conf)
{
	const char *rest = pga_text_string(conf);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		if (pga_cluster_line_sets(line, length, ours, 1) &&
		    names(line, length, PGA_SERVED_CRT))
			return true;
	return false;
}

/* With the lines that set TLS, or without; those of CAs for clients where they name our file, or
 * (with other_cas) another. */
static void add_lines(const struct pga_text *conf, bool with, bool other_cas, struct pga_text *to)
{
	const char *rest = pga_text_string(conf);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		const bool is_ca = pga_cluster_line_sets(line, length, client_ca, 1);
		const bool sets = pga_cluster_line_sets(line, length, ours, OURS) ||
				  (is_ca && (other_cas || names(line, length, PGA_SERVED_CA)));

		if (sets != with)
			continue;
		pga_text_add_bytes(to, line, length);
		pga_text_add(to, "\n");
	}
}

/* Whether it sets CAs for clients, and they are ours. */
static bool has_our_ca(const struct pga_text *conf)
{
	const char *rest = pga_text_string(conf);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		if (pga_cluster_line_sets(line, length, client_ca, 1) &&
		    names(line, length, PGA_SERVED_CA))
			return true;
	return false;
}

/* Whoever else has changed it since serve did is to keep that. */
static int check_lost(const struct pga_served_before *before, const struct pga_text *conf,
		      bool again, bool *lost, struct pga_error *error)
{
	char now[65];

	if (hash(conf, now, error) != 0)
		return -1;
	*lost = strcmp(before->after, now) != 0 &&
		!(again && strcmp(before->after, PGA_SERVED_AT_IT) == 0);
	return 0;
}

int pga_served_before_compose(const struct pga_served_before *before, bool existed,
			      const struct pga_text *conf, const struct pga_text *after, bool again,
			      struct pga_text *bytes, struct pga_error *error)
{
	const bool is_ours = pga_served_names_ours(conf);
	const bool is_kept = before->found && is_ours;
	char hex[65] = PGA_SERVED_AT_IT;
	bool lost = false;

	if ((after != NULL && hash(after, hex, error) != 0) ||
	    (is_kept && check_lost(before, conf, again, &lost, error) != 0))
		return -1;
	pga_text_addf(bytes, HEAD AFTER "%s\n%s", lost ? PGA_SERVED_LOST : hex,
		      (is_kept ? before->existed : existed) ? PRESENT : ABSENT);
	if (is_kept)
		pga_text_add_bytes(bytes, pga_text_string(&before->conf), before->conf.length);
	else if (is_ours)
		add_lines(conf, false, false, bytes);
	else
		pga_text_add_bytes(bytes, pga_text_string(conf), conf->length);
	return bytes->failed ? pga_fail_memory(error) : 0;
}

int pga_served_before_restore(const struct pga_served_before *before, const struct pga_text *conf,
			      bool *gone, struct pga_text *bytes, struct pga_error *error)
{
	char now[65];

	*gone = false;
	if (hash(conf, now, error) != 0)
		return -1;
	if (before->found && strcmp(now, before->after) == 0) {
		*gone = !before->existed;
		pga_text_add_bytes(bytes, pga_text_string(&before->conf), before->conf.length);
	} else if (!pga_served_names_ours(conf)) {
		/* Somebody has set it to another pair since, or to none. */
		pga_text_add_bytes(bytes, pga_text_string(conf), conf->length);
	} else {
		add_lines(conf, false, false, bytes);
		add_lines(&before->conf, true, has_our_ca(conf), bytes);
	}
	return bytes->failed ? pga_fail_memory(error) : 0;
}
