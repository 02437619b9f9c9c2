/* passwords.conf: for which connections the user's keyring holds a password. No secret is in it:
 * it is there so that a connection without one asks nobody. One line an entry, in the file's order:
 *
 *     password host="HOST" port="PORT" dbname="NAME" user="USER"
 *
 * each as the password file of libpq has it, where "*" stands for any; and of the passphrase of a
 * private key
 *
 *     passphrase file="PATH"
 *
 * The values are written as those of policy/record.h. Kept by the tool, read by the gate.
 *
 * The keyring has a third kind, of which no line says anything: the copy of the pins of an
 * anchors.conf (password/pins_copy.h), which the gate does not look at. */
#ifndef PGA_POLICY_PASSWORDS_H
#define PGA_POLICY_PASSWORDS_H

#include "base/error.h"
#include "base/text.h"
#include "base/userfile.h"
#include "policy/effective.h"
#include "policy/hostlist.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_PASSWORDS_FILE "passwords.conf" /* of the user's configuration */
#define PGA_PASSWORD_ANY   "*"

enum pga_secret_kind {
	PGA_SECRET_PASSWORD,
	PGA_SECRET_PASSPHRASE,
	PGA_SECRET_PINS, /* "file" is the anchors.conf */
	PGA_SECRET_KINDS,
};

/* The words of all kinds, by which the keyring knows an entry, too. */
enum pga_secret_word {
	PGA_SECRET_HOST,
	PGA_SECRET_PORT,
	PGA_SECRET_DBNAME,
	PGA_SECRET_USER,
	PGA_SECRET_FILE,
	PGA_SECRET_WORDS,
};

struct pga_password_entry {
	enum pga_secret_kind kind;
	char *words[PGA_SECRET_WORDS]; /* NULL: none of this kind's */
	size_t line;
};

struct pga_passwords {
	struct pga_password_entry *entries; /* in the order of the lines */
	size_t count;
	size_t room;               /* for so many: this module's own */
	struct pga_user_file file; /* what pga_passwords_reload() has read */
};

/* "password", "passphrase", "pins"; and "host", …. */
const char *pga_secret_kind_name(enum pga_secret_kind kind);

/* The kind of this name; PGA_SECRET_KINDS where it is none's. */
enum pga_secret_kind pga_secret_kind_of(const char *name, size_t length);

const char *pga_secret_word_name(enum pga_secret_word word);

/* Whether an entry of this kind has this word. */
bool pga_secret_has_word(enum pga_secret_kind kind, enum pga_secret_word word);

/* Whether passwords.conf has a line for each of this kind. */
bool pga_secret_is_indexed(enum pga_secret_kind kind);

/* Adds what the lines say; path is for messages. Blank ones and those that begin with # say
 * nothing. Returns -1 for any other, with its number. */
int pga_passwords_parse(struct pga_passwords *passwords, const char *path, const char *bytes,
			size_t length, struct pga_error *error);

/* Reads the user's file; none, or no home, is no entry. before: as base/userfile.h; NULL for the
 * first time. Returns -1 as pga_passwords_parse() does, and for a file that cannot be read; to be
 * freed in either case. */
int pga_passwords_reload(struct pga_passwords *passwords, const struct pga_passwords *before,
			 struct pga_error *error);

/* Whether the file has not changed since. */
bool pga_passwords_are_fresh(const struct pga_passwords *passwords);

/* Another entry behind the others, all zero, to be filled. NULL for want of memory. */
struct pga_password_entry *pga_passwords_add(struct pga_passwords *passwords);

void pga_passwords_free(struct pga_passwords *passwords);

/* The entry for a connection, which is the first that fits, as libpq takes the first line of its
 * password file that does (passwordFromFile()); NULL where there is none. It compares byte by byte,
 * as libpq does. host: the name or else the address that a connection was given; port "" is 5432.
 */
const struct pga_password_entry *pga_password_for(const struct pga_passwords *passwords,
						  const char *host, const char *port,
						  const char *dbname, const char *user);

/* The same for one host of a connection with these settings. */
const struct pga_password_entry *pga_password_for_host(const struct pga_passwords *passwords,
						       const struct pga_host *host,
						       const struct pga_effective *effective);

/* The entry of a private key's passphrase; NULL where there is none. */
const struct pga_password_entry *pga_passphrase_for(const struct pga_passwords *passwords,
						    const char *file);

/* Whether both are the same entry. */
bool pga_password_entry_is(const struct pga_password_entry *one,
			   const struct pga_password_entry *other);

/* Of two passwords: whether the one is for every connection that the other is for; and whether some
 * connection has both. */
bool pga_password_entry_covers(const struct pga_password_entry *one,
			       const struct pga_password_entry *other);
bool pga_password_entry_meets(const struct pga_password_entry *one,
			      const struct pga_password_entry *other);

/* Adds what `pganchor password` is to be told of the entry, as a shell's words: "db.example.com -p
 * 5433 -U joe", "--key FILE". */
void pga_password_entry_add_words(struct pga_text *text, const struct pga_password_entry *entry);

/* Adds the entry as the keyring is asked for it: the ATTRIBUTES of secret/protocol.h. */
void pga_password_entry_add_fields(struct pga_text *text, const struct pga_password_entry *entry);

/* Adds the entry's line, with its line end. */
void pga_password_entry_add_line(struct pga_text *text, const struct pga_password_entry *entry);

#endif
