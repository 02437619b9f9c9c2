#include "cert/local_ca.h"

#include "base/file.h"
#include "base/paths.h"
#include "base/text.h"
#include "base/transaction.h"
#include "cert/key.h"
#include "cert/sign.h"
#include "policy/pins.h"
#include "tls/at_time.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of a clock that is behind in some container on this machine. */
#define BACKDATE 60

/* It is signed anew with so much of its time left, in seconds, so that it outlives what it signs.
 */
#define LEAST (90L * 86400)

/* A constraint of a DNS name is that host and all below it. */
static const struct pga_extension extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_name_constraints, "critical,permitted;DNS:localhost,permitted;DNS:test,"
			   "permitted;IP:127.0.0.0/255.0.0.0,"
			   "permitted;IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"},
    {NID_subject_key_identifier, "hash"},
};

static int find_paths(struct pga_local_ca *ca, const char *directory, struct pga_error *error)
{
	char *own = directory == NULL ? pga_user_config(PGA_LOCAL_CA_DIRECTORY) : NULL;
	struct pga_text path = PGA_TEXT_EMPTY;

	if (directory == NULL && own == NULL)
		return pga_fail_home(error);
	pga_text_addf(&path, "%s/" PGA_LOCAL_CA_KEY, own != NULL ? own : directory);
	ca->key_path = pga_text_take(&path);
	pga_text_addf(&path, "%s/" PGA_LOCAL_CA_CRT, own != NULL ? own : directory);
	ca->crt_path = pga_text_take(&path);
	free(own);
	return ca->key_path != NULL && ca->crt_path != NULL ? 0 : pga_fail_memory(error);
}

/* A key that others can read may be theirs by now. */
static int check_mode(const char *path, int file, struct pga_error *error)
{
	static const char hint[] =
	    "if somebody may have read it: pganchor ca local remove, and make "
	    "another; else chmod 600";
	struct stat status;

	if (fstat(file, &status) != 0)
		return pga_fail_errno(error, NULL, "%s", path);
	if (geteuid() != 0 && status.st_uid != geteuid())
		return pga_fail(error, "make one of your own: pganchor ca local",
				"%s: the CA's key belongs to somebody else", path);
	if ((status.st_mode & 077) != 0)
		return pga_fail(error, hint,
				"%s: others than its owner can read the CA's key (mode %04o)", path,
				(unsigned)status.st_mode & 07777);
	return 0;
}

/* *found is false where there is none. */
static int read_key(struct pga_local_ca *ca, bool *found, struct pga_error *error)
{
	const int file = open(ca->key_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct pga_text pem = PGA_TEXT_EMPTY;
	struct pga_file_identity stamp;

	*found = file >= 0;
	if (file < 0)
		return errno == ENOENT
			   ? 0
			   : pga_fail_errno(error, NULL, "could not read \"%s\"", ca->key_path);
	if (check_mode(ca->key_path, file, error) == 0 &&
	    pga_file_read_open(file, ca->key_path, &pem, &stamp, error) == 0)
		ca->key = pga_key_read(pga_text_string(&pem), pem.length, ca->key_path, NULL, NULL,
				       error);
	pga_text_wipe(&pem);
	(void)close(file);
	return ca->key != NULL ? 0 : -1;
}

/* Whether it is bound by these very constraints, and every client has to know them. */
static bool is_bound(const X509 *root)
{
	const int at = X509_get_ext_by_NID(root, NID_name_constraints, -1);
	X509_EXTENSION *extension = at >= 0 ? X509_get_ext(root, at) : NULL;
	X509_EXTENSION *own = NULL;
	bool bound;

	if (extension == NULL || X509_get_ext_by_NID(root, NID_name_constraints, at) >= 0)
		return false;
	for (size_t i = 0; own == NULL && i < sizeof extensions / sizeof extensions[0]; i++)
		if (extensions[i].nid == NID_name_constraints)
			own = X509V3_EXT_conf_nid(NULL, NULL, NID_name_constraints,
						  extensions[i].value);
	bound = own != NULL &&
		X509_EXTENSION_get_critical(extension) == X509_EXTENSION_get_critical(own) &&
		ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(extension),
				      X509_EXTENSION_get_data(own)) == 0;
	X509_EXTENSION_free(own);
	ERR_clear_error();
	return bound;
}

/* Another CA's files are not to be taken for these: it might sign for the world. */
static int check(const struct pga_local_ca *ca, struct pga_error *error)
{
	const X509 *root = ca->root.x509;

	if (EVP_PKEY_eq(ca->key, X509_get0_pubkey(root)) != 1)
		return pga_fail(error,
				"pganchor ca local remove takes both away, and pganchor ca local "
				"makes a new one",
				"%s: it is not the key of %s", ca->key_path, ca->crt_path);
	if (X509_check_ca(ca->root.x509) != 1 || X509_get_pathlen(ca->root.x509) != 0 ||
	    !is_bound(root))
		return pga_fail(
		    error,
		    "pganchor ca local remove takes it away, and pganchor ca local makes a new one",
		    "%s: no local CA of pganchor's: it has to be a CA with pathlen 0 and "
		    "name constraints to localhost and test",
		    ca->crt_path);
	return 0;
}

int pga_local_ca_open(struct pga_local_ca *ca, const char *directory, struct pga_error *error)
{
	struct pga_text pem = PGA_TEXT_EMPTY;
	bool has_key = false;
	bool has_crt = false;
	int result = -1;

	memset(ca, 0, sizeof *ca);
	if (find_paths(ca, directory, error) != 0 || read_key(ca, &has_key, error) != 0 ||
	    pga_file_read(ca->crt_path, &pem, &has_crt, error) != 0)
		goto done;
	if (!has_crt) {
		/* A key alone is what a process that was killed has left: it is used. */
		result = 0;
	} else if (!has_key) {
		(void)pga_fail(
		    error,
		    "pganchor ca local remove takes it away, and pganchor ca local makes a "
		    "new one",
		    "%s: it is missing, and %s is there", ca->key_path, ca->crt_path);
	} else if (pga_certificate_read(&ca->root, ca->crt_path, pga_text_string(&pem), pem.length,
					error) == 0 &&
		   check(ca, error) == 0) {
		ca->found = true;
		result = 0;
	}
done:
	pga_text_free(&pem);
	return result;
}

void pga_local_ca_free(struct pga_local_ca *ca)
{
	free(ca->key_path);
	free(ca->crt_path);
	EVP_PKEY_free(ca->key);
	pga_certificate_free(&ca->root);
	memset(ca, 0, sizeof *ca);
}

int pga_fail_no_local_ca(const struct pga_local_ca *ca, struct pga_error *error)
{
	return pga_fail(error, "pganchor ca local makes one", "%s: there is no local CA",
			ca->crt_path);
}

static time_t end_of(const struct pga_local_ca *ca)
{
	return pga_time_of(X509_get0_notAfter(ca->root.x509));
}

bool pga_local_ca_is_due(const struct pga_local_ca *ca)
{
	const time_t whole = end_of(ca) - pga_time_of(X509_get0_notBefore(ca->root.x509));
	const long third = (long)(whole / 3);

	return end_of(ca) < time(NULL) + (third < LEAST ? third : LEAST);
}

/* Letters that any reader of certificates can show. */
static void add_plain(struct pga_text *text, const char *word)
{
	for (const char *at = word; *at != '\0' && at - word < 24; at++) {
		const bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
				   (*at >= '0' && *at <= '9') || strchr("._-", *at) != NULL;

		pga_text_addf(text, "%c", plain ? *at : '-');
	}
}

/* "alice@laptop": whose it is, when several are looked at. */
static X509_NAME *make_subject(struct pga_error *error)
{
	const struct passwd *user = getpwuid(geteuid());
	struct pga_text name = PGA_TEXT_EMPTY;
	char host[256] = "";
	X509_NAME *subject = NULL;

	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	host[strcspn(host, ".")] = '\0';
	add_plain(&name, user != NULL ? user->pw_name : "user");
	pga_text_add(&name, "@");
	add_plain(&name, host[0] != '\0' ? host : "localhost");
	if (!name.failed)
		subject = pga_common_name(PGA_LOCAL_CA_ORGANISATION, pga_text_string(&name));
	if (subject == NULL)
		(void)pga_fail_memory(error);
	pga_text_free(&name);
	return subject;
}

/* The certificate of this key; one that is there keeps its name. */
static int sign(struct pga_local_ca *ca, EVP_PKEY *key, long lifetime, struct pga_certificate *root,
		struct pga_error *error)
{
	X509_NAME *subject =
	    ca->found ? X509_NAME_dup(X509_get_subject_name(ca->root.x509)) : make_subject(error);
	const time_t now = time(NULL);
	const struct pga_to_be_signed what = {.subject = subject,
					      .key = key,
					      .signer = key,
					      .from = now - BACKDATE,
					      .until = now + lifetime,
					      .extensions = extensions,
					      .count = sizeof extensions / sizeof extensions[0]};
	X509 *made = NULL;
	int result = -1;

	if (subject == NULL)
		return ca->found ? pga_fail_memory(error) : -1;
	made = pga_sign(&what, error);
	if (made != NULL && pga_certificate_of(root, made, error) == 0)
		result = pga_certificate_check_anchor(root, "the local CA", error);
	X509_free(made);
	X509_NAME_free(subject);
	return result;
}

/* The files as they are to be: a key that is NULL stays as it is, and with crt NULL both go. */
static int write_files(const struct pga_local_ca *ca, const struct pga_text *key, const char *crt,
		       bool is_new, struct pga_error *error)
{
	struct pga_transaction_file files[2] = {{.committed = false}};
	struct pga_transaction_file *const order[2] = {&files[0], &files[1]};
	int result = -1;

	if (pga_edit_begin(&files[0].edit, ca->key_path, 0600, error) != 0 ||
	    pga_edit_begin(&files[1].edit, ca->crt_path, 0644, error) != 0)
		goto done;
	if (is_new && ((key != NULL && files[0].edit.existed) || files[1].edit.existed)) {
		(void)pga_fail(error, "run it again; nothing was changed",
			       "%s: somebody else has just made one", ca->crt_path);
		goto done;
	}
	if (key != NULL) {
		pga_text_add_bytes(&files[0].after, pga_text_string(key), key->length);
		if (pga_transaction_put(&files[0], error) != 0)
			goto done;
	}
	if (crt != NULL) {
		pga_text_add(&files[1].after, crt);
		if (pga_transaction_put(&files[1], error) != 0)
			goto done;
	} else {
		files[0].change = files[0].edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
		files[1].change = files[1].edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	}
	result = pga_transaction_write(order, 2, error);
done:
	for (int i = 2; i-- > 0;) {
		pga_text_wipe(&files[i].after);
		pga_text_wipe(&files[i].edit.before);
		pga_transaction_end(&files[i]);
	}
	return result;
}

/* The pin of the CA that is there; or else one that it had, since it is another now, and whoever
 * was to pin that was killed. */
static const struct pga_pin *find_pin(const struct pga_local_ca *ca, const struct pga_pins *pins)
{
	const struct pga_pin *former = NULL;

	for (size_t i = pins->system_count; i < pins->count; i++) {
		const struct pga_pin *pin = &pins->pins[i];

		if (ca->found && strcmp(pin->pin, ca->root.pin) == 0)
			return pin;
		if (former == NULL && strcmp(pin->source, PGA_LOCAL_CA_SOURCE) == 0)
			former = pin;
	}
	return former;
}

static int find_anchor(const struct pga_local_ca *ca, struct pga_anchor *anchor,
		       struct pga_pins *pins, struct pga_error *error)
{
	const struct pga_pin *pin;

	if (pga_pins_load(pins, NULL, error) != 0)
		return -1;
	pin = find_pin(ca, pins);
	if (pin == NULL) {
		anchor->scoped = !anchor->unscoped;
		return 0;
	}
	if (anchor->name != NULL && strcmp(anchor->name, pin->name) != 0)
		return pga_fail(error, "pganchor anchor rename gives it another name",
				"anchor %s: the local CA is pinned already, as %s", anchor->name,
				pin->name);
	anchor->name = pin->name;
	anchor->replace = true;
	return 0;
}

/* Pins the root as the CA's; the files of the CA go back to what they were where that fails. */
static int install(struct pga_local_ca *ca, const struct pga_certificate *root,
		   const struct pga_text *key, const struct pga_anchor *anchor,
		   const struct pga_local_ca_wish *wish, struct pga_local_ca_made *made,
		   struct pga_error *error)
{
	const bool changes = made->created || made->renewed;
	struct pga_error why;
	struct pga_error first;

	if (pga_anchor_install(anchor, true, &made->anchoring, error) != 0)
		return -1;
	if (wish->dry_run)
		return 0;
	pga_anchoring_free(&made->anchoring);
	if (changes && write_files(ca, key, root->pem, made->created, error) != 0)
		return -1;
	if (pga_anchor_install(anchor, false, &made->anchoring, error) == 0)
		return 0;
	if (!changes ||
	    write_files(ca, NULL, made->renewed ? ca->root.pem : NULL, false, &why) == 0)
		return -1;
	first = *error;
	return pga_fail(error, "run it again: it pins what is there",
			"%s; and %s stays as it is now: %s", first.message, ca->crt_path,
			why.message);
}

int pga_local_ca_make(struct pga_local_ca *ca, const struct pga_local_ca_wish *wish,
		      struct pga_local_ca_made *made, struct pga_error *error)
{
	struct pga_anchor anchor = {.name = wish->anchor,
				    .fallback_name = PGA_LOCAL_CA_ANCHOR,
				    .source = PGA_LOCAL_CA_SOURCE,
				    .new_hosts = PGA_LOCAL_CA_HOSTS,
				    .unscoped = wish->unscoped};
	struct pga_certificate root = {.x509 = NULL};
	struct pga_pins pins = {.count = 0};
	struct pga_text pem = PGA_TEXT_EMPTY;
	EVP_PKEY *key = ca->key;
	int result = -1;

	memset(made, 0, sizeof *made);
	made->created = !ca->found;
	made->renewed = ca->found && (wish->renew || pga_local_ca_is_due(ca));
	if (key == NULL && ((key = pga_key_make(PGA_KEY_EC, error)) == NULL ||
			    pga_key_write(key, NULL, &pem, error) != 0))
		goto done;
	if ((made->created || made->renewed) && sign(ca, key, wish->lifetime, &root, error) != 0)
		goto done;
	anchor.proof.root = root.x509 != NULL ? &root : &ca->root;
	if (find_anchor(ca, &anchor, &pins, error) != 0 ||
	    install(ca, &root, pem.length > 0 ? &pem : NULL, &anchor, wish, made, error) != 0)
		goto done;
	result = 0;
	ca->found = true;
	ca->key = key;
	if (root.x509 != NULL) {
		pga_certificate_free(&ca->root);
		ca->root = root;
		memset(&root, 0, sizeof root);
	}
done:
	if (key != ca->key)
		EVP_PKEY_free(key);
	pga_certificate_free(&root);
	pga_pins_free(&pins);
	pga_text_wipe(&pem);
	if (result != 0)
		pga_local_ca_made_free(made);
	return result;
}

void pga_local_ca_made_free(struct pga_local_ca_made *made)
{
	pga_anchoring_free(&made->anchoring);
}
