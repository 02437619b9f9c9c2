/* What the verdict looks at: a row for each setting. A new rule is its row here and its judge in
 * policy/verdict.c; a message, explain, `service show` and the audit log read the rest. */
#ifndef PGA_POLICY_SETTING_RULES_H
#define PGA_POLICY_SETTING_RULES_H

#include <stddef.h>

/* What is so of a rule. */
#define PGA_RULE_SOCKETS 1 /* it is for a connection by a socket, too */
#define PGA_RULE_KEPT    2 /* what an entry has of it goes into the command that writes it anew */
#define PGA_RULE_STRICT  4 /* so it does, unless it is weak; explain shows it where it is said */

/* RULE(setting, judge, strong, suspect, logged, flags), in the order in which a message gives the
 * reasons:
 * strong: what to write where it is weak; "": nothing, leave it out
 * suspect: a value with one of these characters in it can be more than it says, and is masked
 * (policy/shown.c)
 * logged: which word of the audit log it is, behind those that say whose connection it is; 0: none
 */
#define PGA_SETTING_RULES(RULE)                                                  \
	RULE(host, judge_host, "", "", 0, PGA_RULE_SOCKETS | PGA_RULE_KEPT)      \
	RULE(hostaddr, judge_hostaddr, "", "", 0, PGA_RULE_KEPT)                 \
	RULE(sslmode, judge_sslmode, "verify-full", "=", 1, 0)                   \
	RULE(gssencmode, judge_gss, "disable", "=", 3, 0)                        \
	RULE(ssl_min_protocol_version, judge_min_tls, "", "=", 4, 0)             \
	RULE(ssl_max_protocol_version, judge_max_tls, "", "=", 5, 0)             \
	RULE(channel_binding, judge_binding, "require", "=", 6, PGA_RULE_STRICT) \
	RULE(require_auth, judge_auth, "", "=", 7, PGA_RULE_STRICT)              \
	RULE(sslrootcert, judge_roots, "", "=@", 2, PGA_RULE_KEPT)               \
	RULE(sslkeylogfile, judge_key_log, "", "", 0, 0)                         \
	RULE(oauth_ca_file, judge_oauth_roots, "", "", 0, PGA_RULE_SOCKETS)      \
	RULE(PGOAUTHDEBUG, judge_oauth_debug, "", "", 0, PGA_RULE_SOCKETS)

#define PGA_NAME_RULE(setting, ...) PGA_RULE_OF_##setting,
/* A sum. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define PGA_ADD_LOGGED(setting, judge, strong, suspect, logged, flags) ((logged) > 0 ? 1 : 0) +

enum { PGA_SETTING_RULES(PGA_NAME_RULE) PGA_SETTING_RULE_COUNT };

enum { PGA_LOGGED_COUNT = PGA_SETTING_RULES(PGA_ADD_LOGGED) 0 };

/* No addresses: they would have to be relocated in every program that loads the gate. */
struct pga_setting_rule {
	char setting[25]; /* libpq's keyword, or the name of a variable */
	char strong[12];
	char suspect[3];
	unsigned char logged;
	unsigned char flags;
};

/* The row of a setting; NULL where the verdict does not look at it. */
const struct pga_setting_rule *pga_setting_rule(const char *setting);

/* Which row it is, of a setting that has one. */
size_t pga_setting_rule_index(const char *setting);

/* The setting that is this word (1 to PGA_LOGGED_COUNT) of the audit log. */
const char *pga_setting_logged(int word);

#endif
