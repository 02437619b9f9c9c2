/* The manifest, $XDG_CONFIG_HOME/pganchor/manifest: what pganchor has made in a home, and what it
 * found there, so that "pganchor uninstall" can put the home back. It only grows, a line for each
 * note: a word for the kind, and fields with a blank between, in which bytes that are blanks,
 * controls or "%" are written as %XX. What is not understood is passed over.
 *
 *   directory PATH                 was made
 *   file PATH                      was made
 *   found PATH SIZE DIGEST TIME    was there, and was changed; as it was before
 *   service PATH NAME DIGEST       an entry of a service file was added
 *   replaced PATH NAME DIGEST      an entry was written in the place of one that was there
 *   trimmed PATH PIN               a root was taken out of a file of roots
 *   root PATH PIN                  a root was put into a file of roots
 *
 * Nothing is removed because the manifest names it: it says which of the things that pganchor
 * knows as its own were not there before. */
#ifndef PGA_BASE_MANIFEST_H
#define PGA_BASE_MANIFEST_H

#include "base/directory.h"
#include "base/edit.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum pga_note_kind {
	PGA_NOTE_DIRECTORY,
	PGA_NOTE_FILE,
	PGA_NOTE_FOUND,
	PGA_NOTE_SERVICE,
	PGA_NOTE_REPLACED,
	PGA_NOTE_TRIMMED,
	PGA_NOTE_ROOT,
};

struct pga_note {
	enum pga_note_kind kind;
	char *path;
	char *name;               /* of a service, the pin of a root; or NULL */
	size_t size;              /* of a file that was found */
	uint64_t digest;          /* of its bytes, or of the entry's lines */
	struct timespec modified; /* when it had been changed last */
};

struct pga_manifest {
	char *path;
	bool found; /* there is one */
	struct pga_note *notes;
	size_t count;
};

/* Where it is while what it names is removed, its own directory too: in the home. The caller frees
 * it; NULL as pga_home() is. */
char *pga_manifest_aside(void);

/* Adds the note that the directory was made to noting.lines. */
void pga_manifest_note_directory(struct pga_text *text, const char *path);

/* Reads the one aside and the one in its place; none has no notes. */
int pga_manifest_load(struct pga_manifest *manifest, struct pga_error *error);

/* Takes the notes from its bytes. Returns -1 for want of memory. */
int pga_manifest_parse(struct pga_manifest *manifest, const char *bytes, size_t length);

void pga_manifest_free(struct pga_manifest *manifest);

/* Whether there is such a note of this path. */
bool pga_manifest_has(const struct pga_manifest *manifest, enum pga_note_kind kind,
		      const char *path);

/* Of bytes, to tell whether they are the same; no guard against somebody who wants it to be. (64
 * bits of FNV-1a.) */
uint64_t pga_manifest_digest(const char *bytes, size_t length);

/* Adds the note that the entry has been written to text, for pga_edit.notes. */
void pga_manifest_note_service(struct pga_text *text, const char *path, const char *name,
			       bool replaced, const struct pga_text *lines);

/* Adds the note that the root with this pin goes out of the file. */
void pga_manifest_note_trimmed(struct pga_text *text, const char *path, const char *pin);

/* Adds the note that the root with this pin comes into the file: by that it is known while the pin
 * itself is not written yet. */
void pga_manifest_note_root(struct pga_text *text, const char *path, const char *pin);

/* Whether it was put there. */
bool pga_manifest_has_root(const struct pga_manifest *manifest, const char *path, const char *pin);

/* Adds the pins that went out of the file, one a line. Want of memory is pins->failed. */
void pga_manifest_trimmed(const struct pga_manifest *manifest, const char *path,
			  struct pga_text *pins);

/* Add a field with the blank before it, and the beginning of a note: for noting.c, and for who
 * keeps notes of the same form elsewhere. */
void pga_manifest_add_field(struct pga_text *text, const char *field);
void pga_manifest_add_note(struct pga_text *text, enum pga_note_kind kind, const char *path);

/* The next field of a line that ends there, with its bytes as they were, which the caller frees;
 * NULL at the end, with *at there, or for want of memory. */
char *pga_manifest_take_field(const char **at, const char *end);

/* What is about to be done, all zero at first. noting.c has the functions. */
struct pga_noting {
	struct pga_text lines;
	int failure; /* errno: its place could not be found, or memory ran out; or 0 */

	/* What follows is this module's own. */
	char *home;
	char *config;
	struct pga_directory directory;
	struct pga_made made;
	int file;      /* -1: none */
	size_t before; /* its length, and when it was changed */
	struct timespec modified;
	bool made_file;
};

/* Adds what the edit, which has begun, is about to make or change: where that is below the home or
 * XDG_CONFIG_HOME, or the user's service file, and not unnoted. */
void pga_noting_add(struct pga_noting *noting, const struct pga_edit *edit);

/* Writes it, before it is done: a process that is killed meanwhile leaves a note of what is not
 * there, and not the other way round. A failure is told by a warning, which needs no memory. */
void pga_noting_write(struct pga_noting *noting);

/* Takes the notes back where it was not done, and frees all. */
void pga_noting_end(struct pga_noting *noting, bool done);

#endif
