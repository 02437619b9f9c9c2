/* What was issued, put in its place. */
#include "cli/issue_files.h"

#include "base/edit.h"
#include "base/file.h"
#include "base/terminal.h"
#include "base/transaction.h"
#include "cert/placing.h"
#include "tls/certificate.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What is asked for, over what is known already. */
static int fill_record(struct pga_issue_files *files, const struct pga_reload *reload,
		       const X509 *certificate, struct pga_error *error)
{
	struct pga_cert_record *record = &files->record;
	char pin[PGA_PIN_LENGTH + 1];
	const struct {
		char **text;
		const char *value;
	} texts[] = {
	    {&record->certificate, files->certificate},
	    {&record->key, files->key},
	    {&record->exec, reload->exec},
	    {&record->reload, reload->unit},
	    {&record->signal, reload->signal},
	    {&record->prove, reload->prove},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].value != NULL &&
		    pga_cert_record_set(texts[i].text, texts[i].value, error) != 0)
			return -1;
	record->server = files->server;
	if (pga_certificate_pin(certificate, pin) != 0)
		return pga_fail_memory(error);
	return pga_cert_record_set(&record->made, pin, error);
}

/* That it is about to take the place of the one before, so that the next run knows either, whenever
 * this one is killed. */
static int note_next(struct pga_issue_files *files, const X509 *certificate,
		     struct pga_error *error)
{
	struct pga_cert_record *record = &files->record;
	struct pga_text both = PGA_TEXT_EMPTY;
	char pin[PGA_PIN_LENGTH + 1];
	int result = -1;

	if (!files->known || record->made[0] == '\0')
		return 0;
	if (pga_certificate_pin(certificate, pin) == 0)
		pga_text_addf(&both, "%.*s %s", PGA_PIN_LENGTH, record->made, pin);
	if (both.length == 0 || both.failed)
		(void)pga_fail_memory(error);
	else if (pga_cert_record_set(&record->made, pga_text_string(&both), error) == 0)
		result = pga_cert_record_note(record, error);
	pga_text_free(&both);
	return result;
}

int pga_issue_files_of_stepca(struct pga_issue_files *files, const struct pga_issuer *issuer,
			      struct pga_error *error)
{
	struct pga_cert_record *record = &files->record;
	/* The name is the CA's to choose, and known for the next time alone. */
	const char *provisioner =
	    issuer->provisioner != NULL && pga_cert_record_can_say(issuer->provisioner->name)
		? issuer->provisioner->name
		: "";

	return pga_cert_record_set(&record->way, PGA_CERT_WAY_STEPCA, error) == 0 &&
		       pga_cert_record_set(&record->ca, issuer->authority.url, error) == 0 &&
		       pga_cert_record_set(&record->anchor, issuer->authority.anchor, error) == 0 &&
		       pga_cert_record_set(&record->provisioner, provisioner, error) == 0 &&
		       pga_cert_record_set(&record->account, "", error) == 0
		   ? 0
		   : -1;
}

/* The bytes of what is there, to bring it back, and whose key it is. */
static int read_old(struct pga_issue_files *files, struct pga_error *error)
{
	struct stat status;
	bool found = false;

	pga_text_free(&files->old_chain);
	pga_text_wipe(&files->old_key);
	files->old_pair = files->pair;
	if (pga_file_read(files->certificate, &files->old_chain, &found, error) != 0 ||
	    pga_file_read(files->key, &files->old_key, &found, error) != 0)
		return -1;
	if (stat(files->key, &status) != 0)
		return 0;
	files->old_pair.key_mode = status.st_mode & 0777;
	files->old_pair.owner = status.st_uid;
	files->old_pair.group = status.st_gid;
	return 0;
}

static bool is_wanted(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* Of a server that does not run yet nothing can be proved. */
static int tell_and_prove(struct pga_issue_files *files, const struct pga_reload *reload,
			  const X509 *certificate, bool was_shown, struct pga_error *error)
{
	struct pga_error why;

	if (pga_reload_is_any(reload)) {
		const int done = pga_reload_do(reload, error);

		/* A server that answers runs, and the file is another's. */
		if (done < 0 || (done > 0 && was_shown))
			return -1;
		if (done > 0)
			pga_print_warning("%s\n    what does not run starts with the new one",
					  error->message);
		files->reloaded = done == 0;
	}
	if (!is_wanted(reload->prove))
		return 0;
	if (pga_reload_prove(reload, certificate, was_shown ? PGA_RELOAD_SECONDS : 0, &why) == 0) {
		files->proved = true;
		return 0;
	}
	if (was_shown) {
		*error = why;
		return -1;
	}
	pga_print_warning(
	    "%s\n    no server was there before either: pganchor probe %s shows what it "
	    "shows once it is",
	    why.message, reload->prove);
	return 0;
}

/* The new pair may stay: it is known by now. */
static void take_back(struct pga_issue_files *files, const struct pga_issued *issued,
		      const struct pga_reload *reload, bool *is_back, struct pga_error *error)
{
	const struct pga_error told = *error;
	struct pga_error why;
	int result;

	if (files->old_chain.length == 0 || files->old_key.length == 0) {
		(void)pga_fail(error, told.hint, "%s; the new pair stays: there was none before",
			       told.message);
		return;
	}
	result = pga_pair_replace(&files->old_pair, &issued->chain, &files->old_chain,
				  &files->old_key, &why);
	if (result > 0) {
		(void)pga_fail(error, told.hint,
			       "%s; and somebody else has changed it meanwhile, which stays",
			       told.message);
		return;
	}
	if (result != 0) {
		(void)pga_fail(error, told.hint,
			       "%s; and what was there before could not be brought back: %s",
			       told.message, why.message);
		return;
	}
	*is_back = true;
	pga_pair_remove_copies(&files->kept);
	if (pga_reload_is_any(reload) && pga_reload_do(reload, &why) < 0)
		(void)pga_fail(error, told.hint, "%s; what was there before is back, but %s",
			       told.message,
			       strcmp(why.message, told.message) == 0 ? "what uses it was not told"
								      : why.message);
	else
		(void)pga_fail(error, told.hint, "%s; what was there before is back", told.message);
}

/* What is new is known before it is there: whoever is killed in between leaves a pair that cert
 * status and the next cert issue know. */
static int announce(struct pga_issue_files *files, const EVP_PKEY *key, struct pga_error *error)
{
	struct pga_cert_record *record = &files->record;
	char digest[PGA_KEY_DIGEST + 1];
	char both[2 * PGA_KEY_DIGEST + 2];

	if (files->recorded)
		return 0;
	if ((record->placing[0] != '\0' &&
	     pga_cert_record_key_there(record, files->left, error) != 0) ||
	    pga_key_digest(key, digest, error) != 0)
		return -1;
	(void)snprintf(both, sizeof both, "%s%s%s", digest, files->left[0] != '\0' ? " " : "",
		       files->left);
	return pga_cert_record_set(&record->placing, both, error) == 0
		   ? pga_cert_record_put(record, error)
		   : -1;
}

/* Whoever reads it leaves it out, where it stays: the pair is not there. */
static void take_back_announcement(struct pga_issue_files *files)
{
	struct pga_error ignored;

	if (files->recorded)
		return;
	if (files->left[0] == '\0')
		(void)pga_cert_record_drop(files->name, &ignored);
	else if (pga_cert_record_set(&files->record.placing, files->left, &ignored) == 0)
		(void)pga_cert_record_put(&files->record, &ignored);
}

/* The certificate first: a key alone troubles nobody. */
static int remove_pair(const struct pga_issue_files *files, struct pga_error *error)
{
	const char *const paths[] = {files->certificate, files->key};
	int result = 0;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0] && result == 0; i++) {
		struct pga_transaction_file file = {.committed = false};
		struct pga_transaction_file *const one[] = {&file};

		result = pga_edit_begin(&file.edit, paths[i], 0600, error);
		if (result == 0 && file.edit.existed) {
			file.change = PGA_REMOVED;
			result = pga_transaction_write(one, 1, error);
		}
		pga_text_wipe(&file.edit.before);
		pga_transaction_end(&file);
	}
	return result;
}

/* What cannot be loaded is not to stay. */
static void undo(struct pga_issue_files *files, struct pga_error *error)
{
	struct pga_text kept = PGA_TEXT_EMPTY;
	const struct pga_error told = *error;
	const bool was_there = files->old_chain.length > 0 && files->old_key.length > 0;
	struct pga_error why;

	if ((was_there ? pga_pair_write(&files->pair, &files->old_chain, &files->old_key, false,
					&kept, &why)
		       : remove_pair(files, &why)) == 0) {
		if (was_there)
			pga_pair_remove_copies(&files->kept);
		return;
	}
	(void)pga_fail(error, told.hint, "%s; and %s stays: %s", told.message, files->certificate,
		       why.message);
}

/* What is brought back is what was replaced, of one moment both: another pganchor waits meanwhile.
 */
static int replace(struct pga_issue_files *files, const struct pga_issued *issued,
		   struct pga_error *error)
{
	struct pga_edit guard = {.path = NULL};
	struct stat status;
	int result = -1;

	if (lstat(files->certificate, &status) == 0 &&
	    pga_edit_begin(&guard, files->certificate, 0644, error) != 0)
		return -1;
	if (read_old(files, error) == 0)
		result = pga_pair_write(&files->pair, &issued->chain, &issued->key, !files->known,
					&files->kept, error);
	pga_edit_end(&guard);
	return result;
}

static int write_pair(struct pga_issue_files *files, const struct pga_issued *issued,
		      const char *passphrase, struct pga_error *error)
{
	/* Where nothing can be put there, it is found now. */
	if (read_old(files, error) != 0 || pga_pair_tidy(&files->pair, error) != 0 ||
	    announce(files, issued->pkey, error) != 0)
		return -1;
	if (replace(files, issued, error) == 0) {
		if (pga_pair_load(&files->pair, passphrase, error) == 0)
			return 0;
		undo(files, error);
	}
	take_back_announcement(files);
	return -1;
}

/* It is there, and works: that it could not be noted is told, and no reason to undo it. */
static void complete_record(struct pga_issue_files *files)
{
	struct pga_cert_record *record = &files->record;
	struct pga_error why;

	record->failures = 0;
	record->tried[0] = '\0';
	record->revoked[0] = '\0';
	record->revoked_pin[0] = '\0';
	record->why[0] = '\0';
	record->placing[0] = '\0';
	pga_x509_now(record->renewed);
	if (pga_cert_record_put_issued(record, &why) == 0)
		return;
	if (files->recorded)
		pga_print_warning("what cert status and renew know of it is not up to date: %s\n"
				  "    pganchor cert add corrects it",
				  why.message);
	else
		pga_print_warning("when it was issued could not be noted: %s", why.message);
}

int pga_issue_files_write(struct pga_issue_files *files, const struct pga_issued *issued,
			  const char *passphrase, const struct pga_reload *asked,
			  struct pga_error *error)
{
	const struct pga_cert_record *record = &files->record;
	struct pga_reload reload;
	struct pga_error why;
	bool was_shown;
	bool is_back = false;

	/* Somebody may have put another pair there while the CA was asked. */
	files->known = files->known && pga_issue_files_are_ours(files);
	if (note_next(files, issued->certificate, error) != 0 ||
	    fill_record(files, asked, issued->certificate, error) != 0 ||
	    pga_cert_record_set_serial(&files->record, issued->certificate, error) != 0)
		return -1;
	reload = (struct pga_reload){record->exec, record->reload, record->signal, record->prove};
	was_shown = is_wanted(reload.prove) && pga_reload_answers(&reload, &why);
	if (write_pair(files, issued, passphrase, error) != 0)
		return -1;
	if (tell_and_prove(files, &reload, issued->certificate, was_shown, error) == 0) {
		complete_record(files);
		return 0;
	}
	take_back(files, issued, &reload, &is_back, error);
	if (is_back)
		take_back_announcement(files);
	return -1;
}
