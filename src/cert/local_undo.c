/* What serve has done is undone. */
#include "cert/local_serve.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/transaction.h"
#include "cert/cluster_sql.h"
#include "cert/key.h"
#include "cert/local_before.h"
#include "cert/local_ca.h"
#include "cert/local_proof.h"
#include "tls/x509_pem.h"

#include <openssl/err.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* How often a server that shows it yet is looked at again. */
#define TRIES 20

/* The last first: what keeps the configuration goes when nothing else is left to be undone. */
enum { AUTO_CONF, CRT, KEY, CA, KEPT, FILES };

struct undo {
	struct pga_unserving *done;
	struct pga_transaction_file files[FILES];
	X509 *leaf; /* that the server shows by now */
};

static int begin_files(struct undo *undo, struct pga_error *error)
{
	static const char *const names[FILES] = {[AUTO_CONF] = PGA_SERVED_CONF,
						 [CRT] = PGA_SERVED_CRT,
						 [KEY] = PGA_SERVED_KEY,
						 [CA] = PGA_SERVED_CA,
						 [KEPT] = PGA_SERVED_BEFORE};

	for (int i = 0; i < FILES; i++) {
		char *path = pga_cluster_file(&undo->done->cluster, names[i]);
		int result = path != NULL ? pga_edit_begin(&undo->files[i].edit, path, 0600, error)
					  : pga_fail_memory(error);

		undo->files[i].edit.unnoted = true;
		free(path);
		if (result != 0)
			return -1;
		if (i != AUTO_CONF && undo->files[i].edit.existed) {
			undo->files[i].change = PGA_REMOVED;
			undo->done->found = true;
		}
	}
	return 0;
}

static void end_files(struct undo *undo)
{
	for (int i = FILES; i-- > 0;) {
		pga_text_wipe(&undo->files[i].edit.before);
		pga_transaction_end(&undo->files[i]);
	}
	X509_free(undo->leaf);
}

static void read_leaf(struct undo *undo)
{
	const struct pga_text *pem = &undo->files[CRT].edit.before;

	undo->leaf = pga_x509_of_pem(pga_text_string(pem), pem->length);
}

/* Whether a local CA has signed it: by its name, since the CA itself may be gone by now. */
static bool is_of_local_ca(const X509 *leaf)
{
	char organisation[sizeof PGA_LOCAL_CA_ORGANISATION + 1] = "";

	return X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_organizationName,
					 organisation, sizeof organisation) > 0 &&
	       strcmp(organisation, PGA_LOCAL_CA_ORGANISATION) == 0;
}

/* Whether it is the key of another certificate than of ours. */
static bool is_other_key(const struct undo *undo)
{
	const struct pga_edit *edit = &undo->files[KEY].edit;
	struct pga_error ignored;
	EVP_PKEY *key = pga_key_read(pga_text_string(&edit->before), edit->before.length,
				     edit->path, NULL, NULL, &ignored);
	const bool other = key == NULL || X509_check_private_key(undo->leaf, key) != 1;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return other;
}

/* What somebody has put in their place since is theirs, and stays: of a key there may be no copy.
 */
static void leave_others(struct undo *undo)
{
	struct pga_transaction_file *crt = &undo->files[CRT];
	struct pga_transaction_file *key = &undo->files[KEY];

	if (!crt->edit.existed)
		return;
	undo->done->found =
	    undo->files[CA].edit.existed || undo->files[KEPT].edit.existed || undo->done->restored;
	if (undo->leaf == NULL || !is_of_local_ca(undo->leaf)) {
		crt->change = key->change = PGA_UNCHANGED;
		undo->done->left = true;
		return;
	}
	undo->done->found = true;
	if (key->edit.existed && is_other_key(undo)) {
		key->change = PGA_UNCHANGED;
		undo->done->left = true;
	}
}

static int compose(struct undo *undo, struct pga_error *error)
{
	struct pga_transaction_file *file = &undo->files[AUTO_CONF];
	struct pga_text *conf = &file->edit.before;
	struct pga_served_before before;
	bool gone = false;
	int result = -1;

	if (memchr(pga_text_string(conf), '\0', conf->length) != NULL)
		return pga_fail(error, "the server could not read it either; nothing was changed",
				"%s: it has NUL bytes", file->edit.path);
	if (pga_served_before_read(&undo->done->cluster, &before, error) == 0)
		result = pga_served_before_restore(&before, conf, &gone, &file->after, error);
	undo->done->exactly = before.found && result == 0 &&
			      file->after.length == before.conf.length &&
			      memcmp(pga_text_string(&file->after), pga_text_string(&before.conf),
				     before.conf.length) == 0;
	pga_served_before_free(&before);
	if (result != 0)
		return -1;
	if (gone)
		file->change = file->edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	else if (file->after.length != conf->length ||
		 memcmp(pga_text_string(&file->after), pga_text_string(conf), conf->length) != 0)
		result = pga_transaction_put(file, error);
	undo->done->restored = file->change != PGA_UNCHANGED;
	undo->done->found = undo->done->found || undo->done->restored;
	return result;
}

/* One file as it was before, once more. */
static int take_back(struct pga_transaction_file *conf, struct pga_error *error)
{
	struct pga_transaction_file file = {.committed = false};
	struct pga_transaction_file *const files[1] = {&file};
	int result = pga_edit_begin(&file.edit, conf->edit.path, 0600, error);

	file.edit.unnoted = true;
	if (result == 0) {
		pga_text_add_bytes(&file.after, pga_text_string(&conf->edit.before),
				   conf->edit.before.length);
		result = pga_transaction_put(&file, error);
	}
	if (result == 0)
		result = pga_transaction_write(files, 1, error);
	pga_transaction_end(&file);
	return result;
}

/* Whether the server goes on with our pair: its configuration names it elsewhere, or it could not
 * load what it had before, and starts no more without it. */
static int check_it_is_gone(struct pga_cluster_session *session, const struct undo *undo,
			    struct pga_error *error)
{
	char *crt = pga_cluster_show(session, PGA_TLS_CERT, error);
	char *key = crt != NULL ? pga_cluster_show(session, PGA_TLS_KEY, error) : NULL;
	char *ca = key != NULL ? pga_cluster_show(session, PGA_TLS_CA, error) : NULL;
	int result = -1;

	if (ca == NULL)
		goto done;
	if (strstr(crt, PGA_SERVED_CRT) != NULL || strstr(key, PGA_SERVED_KEY) != NULL ||
	    strstr(ca, PGA_SERVED_CA) != NULL) {
		(void)pga_fail(error, NULL,
			       "its configuration names the pair in another file, too");
		goto done;
	}
	for (int tries = 0;
	     undo->leaf != NULL && pga_local_is_shown(undo->done->cluster.port, undo->leaf) == 1;
	     tries++) {
		if (tries == TRIES) {
			(void)pga_fail(error, NULL,
				       "it goes on showing it, since it could not load what it had "
				       "before");
			goto done;
		}
		(void)poll(NULL, 0, 100);
	}
	result = 0;
done:
	free(crt);
	free(key);
	free(ca);
	return result;
}

static int fail_running(struct pga_cluster_session *session, struct undo *undo,
			struct pga_error *error)
{
	const char *log = pga_cluster_log(session);
	const struct pga_error first = *error;
	struct pga_error why;

	if (undo->done->restored && (take_back(&undo->files[AUTO_CONF], &why) != 0 ||
				     pga_cluster_reload(session, &why) != 0))
		return pga_fail(error, "look at it", "%s; and %s stays as it was before: %s",
				first.message, undo->files[AUTO_CONF].edit.path, why.message);
	(void)pga_fail(error,
		       log[0] != '\0' ? "nothing was changed; the server's log says more"
				      : "nothing was changed",
		       "the server of %s cannot go without the pair: %s",
		       undo->done->cluster.directory, first.message);
	return -1;
}

/* First its configuration, which it loads; then what it shows no more goes. */
static int undo_running(struct undo *undo, struct pga_cluster_session *session,
			struct pga_error *error)
{
	struct pga_transaction_file *const conf[1] = {&undo->files[AUTO_CONF]};
	struct pga_transaction_file *const others[FILES - 1] = {
	    &undo->files[CRT], &undo->files[KEY], &undo->files[CA], &undo->files[KEPT]};

	if (pga_transaction_write(conf, 1, error) != 0)
		return -1;
	if (pga_cluster_reload(session, error) != 0 || check_it_is_gone(session, undo, error) != 0)
		return fail_running(session, undo, error);
	return pga_transaction_write(others, FILES - 1, error);
}

static int undo_all(struct undo *undo, const char *user, bool dry_run, struct pga_error *error)
{
	struct pga_transaction_file *const order[FILES] = {&undo->files[AUTO_CONF],
							   &undo->files[CRT], &undo->files[KEY],
							   &undo->files[CA], &undo->files[KEPT]};
	struct pga_cluster_session *session = NULL;
	sigset_t signals;
	int result = 0;

	if (undo->done->runs) {
		session = pga_local_enter(&undo->done->cluster, user, error);
		if (session == NULL)
			return -1;
	}
	if (!dry_run) {
		pga_signals_hold(&signals);
		result = session != NULL ? undo_running(undo, session, error)
					 : pga_transaction_write(order, FILES, error);
		pga_signals_release(&signals);
	}
	pga_cluster_leave(session);
	return result;
}

int pga_local_unserve(const char *directory, const char *user, bool dry_run,
		      struct pga_unserving *done, struct pga_error *error)
{
	struct undo undo = {.done = done};
	int result = -1;

	memset(done, 0, sizeof *done);
	if (pga_cluster_look(&done->cluster, directory, error) != 0)
		return -1;
	done->runs = done->cluster.postmaster != 0;
	if (begin_files(&undo, error) == 0 && compose(&undo, error) == 0) {
		read_leaf(&undo);
		leave_others(&undo);
		result = done->found ? undo_all(&undo, user, dry_run, error) : 0;
	}
	end_files(&undo);
	return result;
}

void pga_unserving_free(struct pga_unserving *done)
{
	pga_cluster_free(&done->cluster);
	memset(done, 0, sizeof *done);
}
