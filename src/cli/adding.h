/* What `pganchor bootstrap` and `pganchor anchor add` share: a root is fetched from a source,
 * shown, proven, pinned and installed. */
#ifndef PGA_CLI_ADDING_H
#define PGA_CLI_ADDING_H

#include "anchor/anchor_name.h"
#include "anchor/anchors.h"
#include "anchor/source.h"
#include "cli/bootstrap_copy.h"
#include "cli/options.h"
#include "cli/sources.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_SOURCE_NUMBER(source, ...) PGA_SOURCE_NUMBER_##source

enum { PGA_SOURCES(PGA_SOURCE_NUMBER), PGA_SOURCE_OPTIONS };

/* As many sources as one word may mean. */
#define PGA_MOST_MEANT 4

struct pga_adding {
	const struct pga_command *command;

	/* As typed; target of the options. */
	const char *locations[PGA_SOURCE_OPTIONS];
	const char *fingerprint;
	const char *name;
	const char *hosts;
	const char *ca_file;
	const char *host;
	bool all;
	bool scoped;
	bool unscoped;
	bool system;
	bool replace;
	bool pin_existing;
	bool no_timer; /* bootstrap's */
	bool yes;
	bool dry_run;
	bool json;

	/* Read from them. */
	const char *typed;                              /* the location; NULL: none was given */
	bool guessed;                                   /* it is a word without an option */
	const struct pga_source *meant[PGA_MOST_MEANT]; /* asked in turn */
	const char *taken_for[PGA_MOST_MEANT];
	size_t meant_count;
	struct pga_source_request request;
	char whole_digest[PGA_PIN_LENGTH + 1]; /* with --all: that all bytes have to have */
	char *host_patterns;                   /* NULL: not given */
	char *ca_path;                         /* of ca_file, from the root directory on */

	struct pga_candidates found;
	bool of_bundle;                  /* roots[0] was one of several */
	char made_name[PGA_ANCHOR_NAME]; /* of roots[0] */
	size_t left_out; /* certificates that can be no anchor, beside those that can */
	struct pga_followed_copy copy;

	/* For another command, which reports itself: what is said of root.crt and other roots is
	 * none of its business. A root that is pinned already stays as it is, and has to be valid
	 * for the hosts. */
	bool for_host;
	char *installed; /* the anchor's name; the caller's to free. NULL: none */
	bool pinned;     /* it is new */
};

/* The same for a command that has filled in what is typed: word is the source. Frees all else.
 * Returns the exit status. */
int pga_adding_run_as(struct pga_adding *adding, const char *word);

/* Runs either command. Returns the exit status. */
int pga_adding_run(const struct pga_command *command, int argc, char **argv);

/* ---- adding_sources.c ---- */

/* Finds which source is meant, by the options or the word. Returns the exit status. */
int pga_adding_find_source(struct pga_adding *adding, const char *word);

/* Asks those that are meant, in turn, until one has certificates. */
int pga_adding_fetch(struct pga_adding *adding, struct pga_error *error);

/* ---- adding_choice.c ---- */

/* Of what was fetched, leaves the one root that is meant in front: the only one that can be an
 * anchor, the one by which --host's server is verified, or the one that is chosen on the terminal.
 */
int pga_adding_choose(struct pga_adding *adding, struct pga_error *error);

/* ---- adding_all.c ---- */

/* Pins all that can be anchors, once the user or the digest of all bytes says so. Returns the exit
 * status, or -1 with the reason. */
int pga_adding_all(struct pga_adding *adding, struct pga_error *error);

/* ---- adding_host.c ---- */

/* Whether the text is HOST or HOST:PORT, with brackets around an IPv6 address that has a port.
 */
int pga_adding_check_host(const char *text, struct pga_error *error);

/* Finds the root that the chain of this server ends in, as libpq verifies it with these roots:
 * *index. The chain that it showed becomes the candidates'. Returns -1 with the reason. */
int pga_adding_find_by_host(const char *host, struct pga_candidates *found, size_t *index,
			    struct pga_error *error);

#endif
