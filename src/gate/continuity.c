/* A CA that is broken into, or mistaken, signs the right name for the wrong key: chain, host and
 * pin are all as they should be. What nobody can have signed for him is the server's own key: so
 * the user's known_servers.conf says which ones a server has shown, as ssh's known_hosts does. */
#include "gate/continuity.h"

#include "base/append.h"
#include "base/paths.h"
#include "base/printable.h"
#include "gate/libpq.h"
#include "gate/rules.h"
#include "policy/known_servers.h"
#include "policy/record.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY_LIMIT 65536 /* bytes of a SubjectPublicKeyInfo: an RSA key of 16,384 bits has 2,086 */

/* The SHA-256 of a certificate's SubjectPublicKeyInfo. */
static bool key_of(const struct gate_libpq *libpq, const void *certificate,
		   char hex[PGA_PIN_LENGTH + 1])
{
	const void *key = certificate != NULL ? libpq->X509_get_X509_PUBKEY(certificate) : NULL;
	const int length = key != NULL ? libpq->i2d_X509_PUBKEY(key, NULL) : 0;
	unsigned char digest[64]; /* EVP_MAX_MD_SIZE */
	unsigned digest_length = 0;
	unsigned char *der;
	unsigned char *at;
	bool done = false;

	if (length <= 0 || length > KEY_LIMIT)
		return false;
	at = der = malloc((size_t)length);
	if (der != NULL && libpq->i2d_X509_PUBKEY(key, &at) == length &&
	    libpq->EVP_Digest(der, (size_t)length, digest, &digest_length, libpq->EVP_sha256(),
			      NULL) == 1 &&
	    digest_length == PGA_PIN_LENGTH / 2) {
		pga_hex(digest, digest_length, hex);
		done = true;
	}
	free(der);
	return done;
}

static bool can_look(const struct gate_libpq *libpq)
{
	return libpq->SSL_get0_verified_chain != NULL && libpq->OPENSSL_sk_num != NULL &&
	       libpq->OPENSSL_sk_value != NULL && libpq->X509_get_X509_PUBKEY != NULL &&
	       libpq->i2d_X509_PUBKEY != NULL && libpq->EVP_Digest != NULL &&
	       libpq->EVP_sha256 != NULL && libpq->ERR_set_mark != NULL &&
	       libpq->ERR_pop_to_mark != NULL;
}

/* A certificate that nobody else has signed is its own issuer. */
static bool look(const struct gate_libpq *libpq, const PGconn *conn, const void *ssl,
		 struct pga_shown_key *shown)
{
	const char *port = libpq->PQport(conn);
	const void *chain;
	int count;
	bool seen;

	if (!can_look(libpq) || port == NULL)
		return false;
	shown->port = port[0] != '\0' ? (unsigned)strtoul(port, NULL, 10) : PGA_DEFAULT_PORT;
	chain = libpq->SSL_get0_verified_chain(ssl);
	count = chain != NULL ? libpq->OPENSSL_sk_num(chain) : 0;
	/* What fails here must not be in OpenSSL's queue when libpq asks about its SSL_write(). */
	(void)libpq->ERR_set_mark();
	seen = count > 0 && key_of(libpq, libpq->OPENSSL_sk_value(chain, 0), shown->key) &&
	       key_of(libpq, libpq->OPENSSL_sk_value(chain, count > 1 ? 1 : 0), shown->issuer);
	(void)libpq->ERR_pop_to_mark();
	return seen;
}

/* The program's file: what it calls itself is in memory that it may have written anything into, a
 * connection string with its password too. */
static void add_program(struct pga_text *name)
{
	char path[4096];
	const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	const char *slash;

	if (length <= 0)
		return;
	path[length] = '\0';
	slash = strrchr(path, '/');
	pga_text_add(name, slash != NULL ? slash + 1 : path);
}

/* Adds the line that this key wants. What other processes have added since the rules were read
 * counts: two that meet a server for the first time at once must not both believe it. */
static int remember(const struct gate_rules *rules, const struct pga_shown_key *shown,
		    enum pga_familiarity *familiarity, struct pga_error *error)
{
	const char *path = rules->known.file.path;
	struct pga_known_servers now = {0};
	struct pga_text program = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_append append;
	int result = -1;

	/* Its caller has said where it connects to, and whom it believes there. */
	if (pga_is_secure_execution())
		return pga_fail(error, NULL, "a set-user-ID program adds none");
	if (path == NULL)
		return pga_fail(error, NULL, "this user has no home directory");
	if (gate_rules_are_of_another_root(rules))
		return pga_fail(error, NULL, "this process has changed its root directory");
	if (pga_append_begin(&append, path, PGA_FOR_THE_USER, error) != 0)
		return -1;
	if (pga_known_servers_parse(&now, path, pga_text_string(&append.content),
				    append.content.length, error) != 0)
		goto done;
	*familiarity = pga_known_servers_judge(&rules->known, &now, &rules->policy, shown);
	if (append.content.length == 0)
		pga_text_add(&line, "# The keys that PostgreSQL servers have shown: "
				    "pganchor-policy(5), continuity.\n");
	add_program(&program);
	pga_known_servers_add_line(&line,
				   *familiarity == PGA_SERVER_NEW ? PGA_KEY_SEEN : PGA_KEY_CHANGED,
				   shown, (long long)time(NULL), pga_text_string(&program));
	result = *familiarity == PGA_SERVER_NEW || *familiarity == PGA_SERVER_CHANGED
		     ? pga_append_lines(&append, &line, error)
		     : 0;
done:
	pga_text_free(&program);
	pga_text_free(&line);
	pga_known_servers_free(&now);
	pga_append_end(&append);
	return result;
}

static void begin_message(const struct gate_rules *rules, struct pga_text *message,
			  const struct pga_shown_key *shown)
{
	pga_text_add(message, rules->policy.continuity == PGA_CONTINUITY_REQUIRE
				  ? PGA_RECORD_REFUSED
				  : PGA_RECORD_WARNED);
	pga_text_add_printable(message, shown->host, "");
	pga_text_add(message, ": ");
}

static void complain(const struct gate_rules *rules, const struct pga_shown_key *shown,
		     struct pga_text *message)
{
	const char *note = pga_key_issuer_note(&rules->known, shown);
	struct pga_text command = PGA_TEXT_EMPTY;

	pga_key_add_accept(&command, &rules->known, shown, false);
	begin_message(rules, message, shown);
	pga_text_addf(message,
		      "its certificate is for another key than before (SHA-256 %s)%s%s\n"
		      "    somebody may be between you and the server, with a certificate that the "
		      "CA should not have signed;\n"
		      "    if who runs the server says that this is its new key, or another "
		      "server's of this name: %s%s",
		      shown->key, note[0] != '\0' ? ", signed " : "", note,
		      pga_key_is_of_the_system(&rules->known, shown)
			  ? "who runs this machine can\n    accept it for every user: "
			  : "",
		      pga_text_string(&command));
	pga_text_free(&command);
}

static void tell_not_remembered(const struct gate_rules *rules, const struct pga_shown_key *shown,
				const struct pga_error *error, struct pga_text *message)
{
	begin_message(rules, message, shown);
	pga_text_add(message, "its key could not be remembered (continuity): ");
	pga_text_add_printable(message, error->message, "");
	if (error->hint[0] != '\0')
		pga_text_addf(message, "\n    %s", error->hint);
}

bool gate_continuity_holds(const struct gate_libpq *libpq, const struct gate_rules *rules,
			   const PGconn *conn, const void *ssl, const char *host,
			   struct pga_text *message)
{
	const bool refuses = rules->policy.continuity == PGA_CONTINUITY_REQUIRE;
	struct pga_shown_key shown = {.host = host};
	enum pga_familiarity familiarity;
	struct pga_error error = {0};
	int result = 0;

	if (rules->policy.continuity == PGA_CONTINUITY_OFF)
		return true;
	if (!look(libpq, conn, ssl, &shown)) {
		begin_message(rules, message, &shown);
		pga_text_add(message, "the key of its certificate cannot be seen");
		return !refuses;
	}
	if (rules->known_broken &&
	    !(rules->known.users_broken && pga_key_is_of_the_system(&rules->known, &shown))) {
		result = -1;
		error = rules->known_error;
		familiarity = PGA_SERVER_NEW;
	} else {
		familiarity = pga_known_servers_judge(&rules->known, NULL, &rules->policy, &shown);
		if (!rules->known_broken &&
		    (familiarity == PGA_SERVER_NEW || familiarity == PGA_SERVER_CHANGED))
			result = remember(rules, &shown, &familiarity, &error);
	}
	if (familiarity == PGA_SERVER_CHANGED || familiarity == PGA_SERVER_REPORTED)
		complain(rules, &shown, message);
	else if (result != 0)
		tell_not_remembered(rules, &shown, &error, message);
	else
		return true;
	return !refuses;
}
