/* Reads the lines of an INI file without changing or losing a byte: every line keeps its place, its
 * line end and its blanks, so that an editor of the file can copy what it does not touch. */
#ifndef PGA_BASE_INI_H
#define PGA_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

enum pga_ini_dialect {
	PGA_INI_CONF,      /* ours: blanks around "=" and behind a value do not count */
	PGA_INI_PGSERVICE, /* libpq's parseServiceFile: no blanks around "=", "[name]" counts up to
			      its first match */
};

enum pga_ini_kind {
	PGA_INI_BLANK,
	PGA_INI_COMMENT, /* starts with "#" */
	PGA_INI_SECTION, /* [name] */
	PGA_INI_SETTING, /* key=value */
	PGA_INI_OTHER,   /* anything else: an error in our files, an ldap lookup or an error in
			    libpq's */
};

/* A run of bytes inside the file; not ended by a NUL. */
struct pga_ini_span {
	const char *bytes;
	size_t length;
};

struct pga_ini_line {
	enum pga_ini_kind kind;
	size_t number;             /* from 1 */
	struct pga_ini_span whole; /* the line with its line end */
	struct pga_ini_span name;  /* the section's name, or the setting's key */
	struct pga_ini_span value; /* the setting's value */
};

struct pga_ini_reader {
	const char *bytes;
	size_t length;
	size_t position; /* where the next line starts */
	size_t number;   /* of the line read last */
	enum pga_ini_dialect dialect;
};

/* Starts at the first line of the bytes, which must outlive the reader and its lines. */
struct pga_ini_reader pga_ini_start(const char *bytes, size_t length, enum pga_ini_dialect dialect);

/* Reads the next line; false at the end. Never fails: what is no INI is a line of kind
 * PGA_INI_OTHER. */
bool pga_ini_next(struct pga_ini_reader *reader, struct pga_ini_line *line);

/* Whether the span holds exactly this string. */
bool pga_ini_equals(struct pga_ini_span span, const char *string);

/* A copy of the span as a C string, which the caller frees; NULL when memory ran out. */
char *pga_ini_copy(struct pga_ini_span span);

#endif
