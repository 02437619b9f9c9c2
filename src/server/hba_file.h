/* pg_hba.conf, as PostgreSQL reads it, and where each byte of it stands: what edits it changes the
 * bytes of one word and no other. */
#ifndef PGA_SERVER_HBA_FILE_H
#define PGA_SERVER_HBA_FILE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* One word: "a b" is one, and @file is the words of that file, which are not read here. */
struct pga_hba_token {
	char *value;  /* without quotes, and with the lines joined that it stands on */
	bool quoted;  /* it begins with a quote: no keyword, no @file */
	size_t start; /* in the file: its first byte, a quote maybe */
	size_t end;   /* behind its last one */
	size_t tail;  /* behind the last byte that belongs to the value: what is put here is
			 appended to the value */
};

/* Words with commas between. */
struct pga_hba_field {
	struct pga_hba_token *tokens;
	size_t count;
};

enum pga_hba_kind {
	PGA_HBA_EMPTY, /* blanks and comments */
	PGA_HBA_RULE,
	PGA_HBA_INCLUDE, /* include, include_if_exists, include_dir: 16 and later */
	PGA_HBA_ODD,     /* what the server refuses, or takes from an @file */
};

enum pga_hba_type {
	PGA_HBA_LOCAL,
	PGA_HBA_HOST,
	PGA_HBA_HOSTSSL,
	PGA_HBA_HOSTNOSSL,
	PGA_HBA_HOSTGSSENC,
	PGA_HBA_HOSTNOGSSENC,
	PGA_HBA_TYPES
};
extern const char *const pga_hba_types[PGA_HBA_TYPES]; /* "local", … */

/* A line with those that continue it, to the end of the last one. The bytes of all of them are the
 * file. */
struct pga_hba_line {
	enum pga_hba_kind kind;
	size_t number; /* of the first, from 1: as pg_hba_file_rules has it */
	size_t start;  /* in the file */
	size_t length; /* with the line ends */
	struct pga_hba_field *fields;
	size_t count;

	/* Of a rule. Where the server takes a field from an @file, it is NULL here. */
	enum pga_hba_type type;
	const struct pga_hba_field *databases;
	const struct pga_hba_field *users;
	const struct pga_hba_token *address; /* not of local */
	const struct pga_hba_token *mask;    /* of an address without "/" */
	const struct pga_hba_token *method;
};

struct pga_hba_file {
	struct pga_text bytes;
	struct pga_hba_line *lines;
	size_t count;
};

/* Reads these bytes as a server of this release (15) does. Returns -1 for NUL bytes, behind which
 * no line can be told from another, and for want of memory. To be freed in either case. */
int pga_hba_read(struct pga_hba_file *file, const char *path, const char *bytes, size_t length,
		 int version, struct pga_error *error);
void pga_hba_free(struct pga_hba_file *file);

/* Whether a word is this keyword: in quotes it is a name. */
bool pga_hba_is_keyword(const struct pga_hba_token *token, const char *word);

/* Whether a rule is for connections that can come over a network: a TCP rule whose addresses are
 * not all of the loopback, nor the server's own (samehost). What cannot be told is. */
bool pga_hba_is_remote(const struct pga_hba_line *line);

/* Whether a rule lets somebody in who is not encrypted by TLS or GSSAPI, over TCP. */
bool pga_hba_lets_plain_in(const struct pga_hba_line *line);

/* Whether a rule keeps out whoever it is for. */
bool pga_hba_rejects(const struct pga_hba_line *line);

#endif
