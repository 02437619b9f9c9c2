/* What is hazardous on this machine: a table of checks, each of which adds findings. */
#ifndef PGA_DIAGNOSE_DOCTOR_H
#define PGA_DIAGNOSE_DOCTOR_H

#include "base/error.h"
#include "diagnose/accepted.h"
#include "diagnose/doctor_entries.h"
#include "diagnose/status.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "report/finding.h"
#include "service/list.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* What the checks look at, read once. What could not be read is empty, and told by a finding. */
struct pga_doctor {
	time_t now;
	bool online; /* servers may be asked */
	bool quick;  /* for status: no check that is slow */
	struct pga_policy policy;
	struct pga_pins pins;
	bool broken;                  /* policy or pins cannot be read: both are empty */
	struct pga_service_file user; /* pg_service.conf, with .found */
	struct pga_service_file system;
	bool services_unread;             /* one of them could not be read */
	struct pga_service_list services; /* of both files, judged without the environment */
	struct pga_entry_facts *entries;  /* of each of services; NULL where quick */
	struct pga_status status;         /* what status shows */
	struct pga_accepted accepted;
	struct pga_findings findings; /* the worst first, then in the order of the checks */
};

/* A check. */
struct pga_check {
	const char *subject;  /* of its findings, in a word: "environment" */
	const char *looks_at; /* what is fine where it finds nothing: "no variable weakens libpq" */
	bool online;          /* it asks servers: with --online alone */
	bool slow;            /* it starts programs, or reads a lot: not for status */
	const char *more;     /* what doctor looks at here and status does not, in a word; NULL:
				 nothing */
	/* Adds what it finds, each with its id, subject, message, detail (why it matters), hint
	 * (the command that mends it, in front of whatever else is said), object and fix where it
	 * has them. What cannot be looked at is a finding, too (pga_check_failed()). Returns -1 for
	 * want of memory alone. */
	int (*run)(const struct pga_doctor *doctor, struct pga_findings *findings,
		   struct pga_error *error);
};

/* All of them, in the order in which findings of one weight are told; run is NULL behind the last.
 */
extern const struct pga_check pga_checks[];

/* What each check came to, in the order of pga_checks. */
enum pga_check_result {
	PGA_CHECK_SKIPPED, /* not asked for */
	PGA_CHECK_FINE,    /* nothing worse than a note */
	PGA_CHECK_FOUND,
};

/* The most checks that there are. */
#define PGA_CHECKS_MOST 64

struct pga_checkup {
	enum pga_check_result results[PGA_CHECKS_MOST];
};

/* Adds that something could not be looked at: the object is what, the reason the error's. */
void pga_check_failed(struct pga_findings *findings, const char *subject, const char *object,
		      const struct pga_error *error);

/* Reads what the checks look at. online and quick are set before. To be freed in either case. */
int pga_doctor_begin(struct pga_doctor *doctor, struct pga_error *error);

/* Runs the checks, and puts their findings in order. The environment is as the user has it. */
int pga_doctor_run(struct pga_doctor *doctor, struct pga_checkup *checkup, struct pga_error *error);

/* The open findings by their severity, and those of them that --fix mends; and the accepted ones.
 */
struct pga_doctor_counts {
	size_t of[PGA_SEVERITY_ERROR + 1];
	size_t accepted;
	size_t fixable;
};
void pga_doctor_count(const struct pga_doctor *doctor, struct pga_doctor_counts *counts);

/* The worst of the findings that nobody has accepted. */
enum pga_severity pga_doctor_worst(const struct pga_doctor *doctor);

void pga_doctor_free(struct pga_doctor *doctor);

#endif
