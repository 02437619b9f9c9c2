/* The roots in libpq's root.crt, read as libpq reads them and edited without touching what
 * pganchor did not put there. Bytes in, bytes out: nothing here opens a file. */
#ifndef PGA_ANCHOR_ROOT_CRT_H
#define PGA_ANCHOR_ROOT_CRT_H

#include "tls/certificate.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* What is said besides of a file that has them. */
#define PGA_ROOT_CRT_NUL \
	" (it has NUL bytes, at which OpenSSL stops reading: is it UTF-16, or what a crash left?)"

/* Whether it has NUL bytes. */
bool pga_root_crt_has_nul(const struct pga_text *content);

/* *found: whether the certificate with this pin (NULL: any at all) is among those of the file; path
 * is for messages. Returns -1 for a file that libpq could not read; *found means nothing then. */
int pga_root_crt_look_for(const char *path, const struct pga_text *content, const char *pin,
			  bool *found, struct pga_error *error);

/* Adds to after what stands in before, and behind it a comment line that names the anchor and the
 * certificate. Returns -1, with the reason, unless every certificate of before and the new one can
 * be read from it. */
int pga_root_crt_add(const char *path, const struct pga_text *before, const char *name,
		     const struct pga_certificate *certificate, struct pga_text *after,
		     struct pga_error *error);

/* The comment line above a certificate that pganchor has put there begins so, and goes on with the
 * anchor's name; where the line above it had no end before, with this behind it. */
#define PGA_ROOT_CRT_HEADING "# pganchor anchor "
#define PGA_ROOT_CRT_ENDLESS " (the line above had no end)"

/* The same for many, of which those are added that are not there yet: *any says whether there were
 * such. The file is read three times, however many they are. */
struct pga_root_crt_entry {
	const char *name; /* of the anchor */
	const struct pga_certificate *certificate;
};
int pga_root_crt_add_many(const char *path, const struct pga_text *before,
			  const struct pga_root_crt_entry *entries, size_t count,
			  struct pga_text *after, bool *any, struct pga_error *error);

/* A certificate that pga_root_crt_add() may have put there. */
struct pga_root_crt_cut {
	const char *name; /* of the anchor */
	const char *pin;
	bool cut; /* it was there */
};

/* Adds to after what stands in before, but for the comment lines and the certificates that
 * pga_root_crt_add() put there under these names, where they have these pins. What has come between
 * the two stays; where that is another certificate, both stay. The line end that was missing is
 * missing again, unless something has come behind it. */
int pga_root_crt_cut_all(const char *path, const struct pga_text *before,
			 struct pga_root_crt_cut *cuts, size_t count, struct pga_text *after,
			 struct pga_error *error);

/* A comment line of ours with the certificate below it. */
struct pga_root_crt_block {
	char *name; /* of the anchor, as it stands there */
	char *pin;
};

/* All of them, in the order of the bytes; to be freed after an error too. Returns -1 for want of
 * memory. */
int pga_root_crt_blocks(const struct pga_text *content, struct pga_root_crt_block **blocks,
			size_t *count, struct pga_error *error);
void pga_root_crt_blocks_free(struct pga_root_crt_block *blocks, size_t count);

/* The same of all of them, whatever their names are, but for those with these pins, one a line. */
int pga_root_crt_cut_every(const char *path, const struct pga_text *before, const char *spared,
			   struct pga_text *after, struct pga_error *error);

/* The same of one. */
int pga_root_crt_cut(const char *path, const struct pga_text *before, const char *name,
		     const char *pin, struct pga_text *after, bool *cut, struct pga_error *error);

/* Adds to after what stands in before, with the new name in the comment lines of this one. Want of
 * memory is after->failed. */
void pga_root_crt_rename(const struct pga_text *before, const char *name, const char *new_name,
			 struct pga_text *after);

/* Reads composed bytes back as libpq will, and compares their certificates with the pins that have
 * to be there, one a line. Returns -1 where they are not the same. */
int pga_root_crt_check(const char *path, const struct pga_text *composed,
		       const struct pga_text *wanted, struct pga_error *error);

#endif
