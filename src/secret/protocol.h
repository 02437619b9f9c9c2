/* How pganchor-secret, the one program that speaks with the keyring (the Secret Service of
 * freedesktop.org), is asked. It gets one request on its standard input, and ends.
 *
 * A request is a verb and what it is about, each ended by a NUL byte:
 *
 *   "get"      ATTRIBUTES            the secret on standard output, and nothing else
 *   "passfile" ATTRIBUTES…           of each, as often as there is one, the line for libpq's
 *                                    password file (HOST:PORT:DBNAME:USER:PASSWORD, with "\" before
 *                                    ":" and "\") on standard output
 *   "set"      ATTRIBUTES SECRET     keeps it, in the place of what was there
 *   "clear"    ATTRIBUTES            removes it
 *   "list"                           the ATTRIBUTES of all that is pganchor's, on standard output
 *   "state"                          nothing: whether the keyring can be asked, and is unlocked
 *   "unlock"                         has the desktop ask the user for the keyring's password
 *
 * ATTRIBUTES are a kind (policy/passwords.h) and the values of that kind's words, in their order.
 * Of the pins of a file, which are no password, the secret is a line of any length that fits.
 * In the keyring each is an attribute of the item: "kind" and the words by their names, all of
 * schema PGA_SECRET_SCHEMA. Nothing but "unlock" ever makes the desktop ask. Each request but that
 * has a time: "passfile", for which a program waits that connects, PGA_SECRET_LIMIT, and the
 * others, for which a user does, PGA_SECRET_PATIENCE. Where it is not done by then, the program
 * ends with PGA_SECRET_LATE. */
#ifndef PGA_SECRET_PROTOCOL_H
#define PGA_SECRET_PROTOCOL_H

#define PGA_SECRET_PROGRAM  "pganchor-secret" /* in LIBEXECDIR/pganchor */
#define PGA_SECRET_SCHEMA   "org.pganchor.Secret"
#define PGA_SECRET_LIMIT    1500 /* milliseconds */
#define PGA_SECRET_PATIENCE 5000

/* What it ends with. Where it is not PGA_SECRET_DONE, a line on standard error says why. */
enum pga_secret_status {
	PGA_SECRET_DONE = 0,   /* of "passfile": for each that was asked for there is one line */
	PGA_SECRET_NONE = 1,   /* there is no such item; of "passfile": of one or several. The lines
				  of the others are written */
	PGA_SECRET_LOCKED = 2, /* the keyring is locked */
	PGA_SECRET_ABSENT = 3, /* there is no keyring, or no bus to reach it by */
	PGA_SECRET_LATE = 4,   /* it has not answered in time */
	PGA_SECRET_FAILED = 5, /* anything else; a request that is none */
};

#endif
