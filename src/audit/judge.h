/* What was seen, as findings. Each adds those of its subject. */
#ifndef PGA_AUDIT_JUDGE_H
#define PGA_AUDIT_JUDGE_H

#include "audit/audit.h"

/* Want of memory is remembered in the audit (`failed`). */
void pga_audit_judge_sessions(struct pga_audit *audit);
void pga_audit_judge_outward(struct pga_audit *audit);
void pga_audit_judge_rules(struct pga_audit *audit);
void pga_audit_judge_certificate(struct pga_audit *audit);
void pga_audit_judge_settings(struct pga_audit *audit);
void pga_audit_judge_unseen(struct pga_audit *audit);

/* Adds to the last finding, as what mends it, "COMMAND OPERAND", which a shell reads back. */
void pga_audit_hint_command(struct pga_audit *audit, const char *command, const char *operand);

/* All of them, in the order of their subjects. */
void pga_audit_judge(struct pga_audit *audit);

#endif
