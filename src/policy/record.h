/* The form of the audit log: one line for each connection that mode = audit lets through, of words
 * key="value". The gate writes them (gate/audit_log.c), and `pganchor log` reads them back
 * (diagnose/audit_log.c):
 *
 *   pganchor[71]: audit: time="1795331163" program="psql" pid="71" argc="2" arguments="host=*"
 *
 * and so on. In a value quotes, backslashes and all that is not printable ASCII are \xNN, since
 * syslog daemons change control characters each in its own way; one that was too long ends in
 * "...". */
#ifndef PGA_POLICY_RECORD_H
#define PGA_POLICY_RECORD_H

#include "base/text.h"
#include "policy/setting_rules.h"

#include <stddef.h>

#define PGA_RECORD_TAG  "pganchor" /* what syslog calls the sender */
#define PGA_RECORD_MARK "audit:"   /* how the message begins */

/* How a reason begins that is about a server: behind it comes its host, and a colon. */
#define PGA_RECORD_REFUSED "pganchor refused the server "
#define PGA_RECORD_WARNED  "pganchor let through the server "

/* The words of a line, in their order behind time and pid. */
enum pga_word {
	PGA_WORD_PROGRAM,
	PGA_WORD_ARGC,
	PGA_WORD_ARGUMENTS,
	PGA_WORD_HOST, /* from here on libpq's settings, under their own names */
	PGA_WORD_HOSTADDR,
	PGA_WORD_PORT,
	PGA_WORD_USER,
	PGA_WORD_DBNAME,
	PGA_WORD_SERVICE,
	PGA_WORD_REASONS =
	    PGA_WORD_SERVICE + PGA_LOGGED_COUNT + 1, /* behind those that are judged */
	PGA_WORDS,
};

/* The key of a word, such as "host". */
const char *pga_word_key(enum pga_word word);

/* The keys of the two that are no words of what connections have in common. */
#define PGA_RECORD_TIME "time" /* seconds since 1970 */
#define PGA_RECORD_PID  "pid"

/* Adds ` key="value"`, of the value no more than these bytes. */
void pga_record_add(struct pga_text *line, const char *key, const char *value, size_t most);

/* Reads one ` key="value"`, undoing \xNN: adds to value. Returns what comes behind it, NULL where
 * there is none. The key is not ended by a NUL. */
const char *pga_record_next(const char *at, const char **key, size_t *key_length,
			    struct pga_text *value);

#endif
