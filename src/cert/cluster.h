/* A PostgreSQL server by its data directory: whose it is, and whether it runs. */
#ifndef PGA_CERT_CLUSTER_H
#define PGA_CERT_CLUSTER_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct pga_cluster {
	char *directory; /* absolute, without a link in it */
	uid_t owner;
	gid_t group;
	int version;      /* 15 */
	pid_t postmaster; /* 0: it does not run */
	bool left;        /* postmaster.pid is there, and no such process: it has crashed, or runs
			     where it cannot be seen, such as in a container */
	unsigned port;    /* while it runs */
	char *socket_directory; /* of its first Unix-domain socket; "": none */
};

/* Returns -1 for what is no data directory, of a release before 10 (which does not load its
 * certificate anew), or not this user's to change. To be freed in either case. */
int pga_cluster_look(struct pga_cluster *cluster, const char *path, struct pga_error *error);
void pga_cluster_free(struct pga_cluster *cluster);

/* The data directory is its owner's, who may put a link to anything there: root reads as the owner,
 * all groups included, between these two. (What root writes goes through base/edit.h, which follows
 * no such link, and need not be the owner's to write.) May be nested. Of anybody else, nothing
 * changes. Returns -1 with the reason, and then all is as before. */
#define PGA_GROUPS_AT_MOST 256

struct pga_as_owner {
	bool changed;
	gid_t group;
	int count;
	gid_t groups[PGA_GROUPS_AT_MOST];
};

int pga_cluster_as_owner(const struct pga_cluster *cluster, struct pga_as_owner *as,
			 struct pga_error *error);
void pga_cluster_as_before(const struct pga_as_owner *as);

/* Adds a file of the directory to text, read as its owner; see pga_file_read(). */
struct pga_text;
int pga_cluster_read(const struct pga_cluster *cluster, const char *name, struct pga_text *text,
		     bool *found, struct pga_error *error);

/* DIRECTORY/NAME. The caller frees it; NULL for want of memory. */
char *pga_cluster_file(const struct pga_cluster *cluster, const char *name);

/* The setting of postgresql.auto.conf that a line sets, and its value: what ALTER SYSTEM writes,
 * NAME = 'VALUE'. */
struct pga_cluster_setting {
	const char *name;  /* NULL: it stays as it is */
	const char *value; /* NULL: it is not set */
};

/* Whether such a line sets one of these. */
bool pga_cluster_line_sets(const char *line, size_t length,
			   const struct pga_cluster_setting *settings, size_t count);

/* Adds to after the bytes of such a file with these settings, as ALTER SYSTEM would; every other
 * line is kept. Want of memory is after->failed. */
void pga_cluster_set(const struct pga_text *before, const struct pga_cluster_setting *settings,
		     size_t count, struct pga_text *after);

#endif
