/* Every kind of finding there is, and the word by which programs know it: such a word stays.
 * pganchor(1), "Findings", says what each means. */
#ifndef PGA_REPORT_FINDING_IDS_H
#define PGA_REPORT_FINDING_IDS_H

#define PGA_FINDING_IDS(X)                                        \
	X(PGA_GATE_ACTIVE, "gate-active")                         \
	X(PGA_GATE_NOT_ACTIVE, "gate-not-active")                 \
	X(PGA_GATE_NOT_LOADED, "gate-not-loaded")                 \
	X(PGA_ACTIVATION_UNREADABLE, "activation-unreadable")     \
	X(PGA_POLICY_UNREADABLE, "policy-unreadable")             \
	X(PGA_PINS_UNREADABLE, "pins-unreadable")                 \
	X(PGA_AUDIT_MODE, "audit-mode")                           \
	X(PGA_AUDIT_NOT_LOGGED, "audit-not-logged")               \
	X(PGA_AUDIT_NOT_HEARD, "audit-not-heard")                 \
	X(PGA_PROGRAMS_WITHOUT_GATE, "programs-without-gate")     \
	X(PGA_PROGRAMS_PRIVILEGED, "programs-privileged")         \
	X(PGA_PROGRAMS_WITHOUT_MODULE, "programs-without-module") \
	X(PGA_PROGRAMS_TLS_HIDDEN, "programs-tls-hidden")         \
	X(PGA_PROGRAMS_UNSEEN, "programs-unseen")

#endif
