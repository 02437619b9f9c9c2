/* What the parts of the judgement on a pgbouncer.ini share. */
#ifndef PGA_AUDIT_PGBOUNCER_H
#define PGA_AUDIT_PGBOUNCER_H

#include "audit/audit.h"
#include "audit/pgbouncer_file.h"
#include "server/hba_file.h"

struct pga_pgbouncer_judging {
	struct pga_audit *audit;
	const struct pga_pgbouncer *ini;
	const struct pga_policy *policy;
	struct pga_hba_file rules; /* of auth_hba_file, where that is what counts */
	bool has_rules;
	bool remote; /* it listens to others than its own machine */
	bool plain;  /* somebody gets in who is remote, without TLS */
};

/* Begins a finding about a place: "FILE:LINE: WHAT". */
void pga_pgbouncer_find(struct pga_audit *audit, enum pga_finding_id id, enum pga_severity severity,
			const struct pga_pgbouncer_place *place, const char *what);

/* The whole of a setting, with its default where it has one; "" else. Of the file, or of this
 * program. */
const char *pga_pgbouncer_value(const struct pga_pgbouncer *ini, enum pga_pgbouncer_key key);

/* Whether that is this value, in any case; whether it is anything. */
bool pga_pgbouncer_is(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key,
		      const char *value);
bool pga_pgbouncer_is_set(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key);

/* A finding about a setting, with its line as it is and, but for NULL, as it should be. */
void pga_pgbouncer_find_setting(const struct pga_pgbouncer_judging *judging, enum pga_finding_id id,
				enum pga_severity severity, enum pga_pgbouncer_key key,
				const char *better, const char *what);

/* Judges the servers that it connects to. */
void pga_pgbouncer_judge_servers(const struct pga_pgbouncer_judging *judging);

/* What clients there are: "remote" and "plain" of what is judged. */
bool pga_pgbouncer_listens_to_others(const struct pga_pgbouncer_judging *judging);
bool pga_pgbouncer_lets_plain_in(const struct pga_pgbouncer_judging *judging);
/* Judges how they get in, by those two. */
void pga_pgbouncer_judge_clients(const struct pga_pgbouncer_judging *judging);

/* Says whether somebody remote gets in without TLS by the rules, and judges these. */
bool pga_pgbouncer_rules_let_plain_in(const struct pga_pgbouncer_judging *judging);
void pga_pgbouncer_judge_rules(const struct pga_pgbouncer_judging *judging);

/* Judges all of it. */
void pga_pgbouncer_judge(struct pga_pgbouncer_judging *judging);

#endif
