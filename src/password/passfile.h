/* libpq's password file, as passwordFromFile() and pwdfMatchesString() of libpq's fe-connect.c read
 * it (the same from version 13 to 18). Only what is done with it by then is ours: what libpq itself
 * makes of a line is asked before the line is taken out (import.c). */
#ifndef PGA_PASSWORD_PASSFILE_H
#define PGA_PASSWORD_PASSFILE_H

#include "base/error.h"
#include "policy/passwords.h"

#include <stdbool.h>
#include <stddef.h>

/* A line that libpq takes a password from: HOST:PORT:DBNAME:USER:PASSWORD. */
struct pga_passfile_line {
	size_t number; /* from 1 */
	size_t start;  /* where in the file's bytes */
	size_t end;    /* behind its line end */
	/* Its words are those of the line without "\", and "*" where any fits: only then, unless
	 * starred. */
	struct pga_password_entry entry;
	bool starred; /* a word is a star that stands for itself ("\*"), which no entry can say */
	char *password;
};

struct pga_passfile {
	struct pga_passfile_line *lines; /* comments and what libpq makes nothing of left out */
	size_t count;
};

/* Reads the bytes. Returns -1 for want of memory; to be freed in either case. */
int pga_passfile_read(struct pga_passfile *file, const char *bytes, size_t length,
		      struct pga_error *error);

/* Whether libpq takes this line for every connection that the entry is for, where no line stands
 * above it. An entry's "*" is any. */
bool pga_passfile_line_covers(const struct pga_passfile_line *line,
			      const struct pga_password_entry *entry);

/* The first line that some connection takes which fits the entry; NULL where there is none. */
const struct pga_passfile_line *pga_passfile_for(const struct pga_passfile *file,
						 const struct pga_password_entry *entry);

/* Overwrites the passwords. */
void pga_passfile_free(struct pga_passfile *file);

#endif
