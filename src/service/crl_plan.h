/* One change of the CRLs that are in place: of crls.conf, the files that libpq reads, and the
 * entries of services that name them, all of which change together or not at all. */
#ifndef PGA_SERVICE_CRL_PLAN_H
#define PGA_SERVICE_CRL_PLAN_H

#include "anchor/crls.h"
#include "base/error.h"
#include "base/text.h"
#include "base/transaction.h"
#include "tls/crl.h"

#include <stdbool.h>
#include <stddef.h>

/* A file of CRLs that is to change. */
struct pga_crl_target {
	char *path;
	char *anchor; /* NULL: root.crl */
	struct pga_transaction_file file;
	bool begun;
};

enum pga_crl_fate {
	PGA_CRL_STAYS,
	PGA_CRL_CHECKED, /* its source has no other */
	PGA_CRL_PUT,
	PGA_CRL_IS_USERS, /* was to be put, and is there: by the user, whose it stays */
	PGA_CRL_DROPPED,
};

struct pga_crl_step {
	enum pga_crl_fate fate; /* of the record with the same index */
	char *pem;              /* of one that is put */
	bool same;              /* it is the one that the record has */
	bool added;             /* there was none for this scope in this file */
	bool lost;              /* what is in the file is not what was put there, or nothing is */
};

struct pga_crl_plan {
	struct pga_crls crls; /* as they are to be, those that are dropped among them still */
	struct pga_crl_step *steps;
	struct pga_crl_target *targets;
	size_t target_count;
	struct pga_transaction_file conf;
	bool conf_begun;
	struct pga_transaction_file services;
	bool services_begun;
	struct pga_text bound;   /* names of services that get sslcrl, one a line */
	struct pga_text unbound; /* that lose it */
	struct pga_transaction_file **order;
	size_t order_count;
};

/* Locks and reads crls.conf. pga_crl_plan_end() is due in either case. */
int pga_crl_plan_begin(struct pga_crl_plan *plan, struct pga_error *error);

/* What is to be put in place. */
struct pga_crl_entry {
	const struct pga_crl *crl;
	const char *source;
	const char *anchor; /* "" where it is none's */
	bool scoped;
	const char *key;
};

/* Whether the CRL is an earlier one than the record's: then fills error, which has no hint. */
bool pga_crl_is_older(const struct pga_crl_record *record, const struct pga_crl *crl,
		      struct pga_error *error);

/* Puts it in the place of the one that is for the same, or beside the others. *record is its index.
 * Returns -1 for an earlier one, too. */
int pga_crl_plan_put(struct pga_crl_plan *plan, const struct pga_crl_entry *entry, size_t *record,
		     struct pga_error *error);
void pga_crl_plan_drop(struct pga_crl_plan *plan, size_t record);

/* Notes that its source was asked just now and has no other. */
void pga_crl_plan_checked(struct pga_crl_plan *plan, size_t record);

/* Composes the files of CRLs that change, where those who come later can try them, and crls.conf.
 * A record that is lost is noted as such: nothing of it is in its file to be taken out or replaced.
 */
int pga_crl_plan_compose(struct pga_crl_plan *plan, struct pga_error *error);

/* The target with this path, whoever it is called by; NULL where that file does not change. */
struct pga_crl_target *pga_crl_plan_target(const struct pga_crl_plan *plan, const char *path);

/* Gives the user's entry of this name the file as its sslcrl, or with path NULL takes the one away
 * that names a file that goes. */
int pga_crl_plan_bind(struct pga_crl_plan *plan, const char *service, const char *path,
		      struct pga_error *error);
int pga_crl_plan_unbind_all(struct pga_crl_plan *plan, struct pga_error *error);

/* The files in the order in which they are to be written: what crls.conf says of a CRL has to be
 * there before it, and be gone after it. Returns -1 for want of memory. */
int pga_crl_plan_order(struct pga_crl_plan *plan, struct pga_error *error);

void pga_crl_plan_end(struct pga_crl_plan *plan);

#endif
