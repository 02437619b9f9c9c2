#include "cli/issue_files.h"

#include "base/terminal.h"
#include "cert/lifetime.h"
#include "cert/placing.h"
#include "cert/state.h"
#include "cli/cmd_cert.h"
#include "cli/question.h"
#include "policy/pins.h"

#include <openssl/err.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_NAME "client" /* of the pair that libpq finds by itself */

static int find_paths(struct pga_issue_files *files, const struct pga_issue_place *place,
		      struct pga_error *error)
{
	files->is_default = place->certificate == NULL;
	if (files->is_default)
		return pga_cert_default_paths(&files->certificate, &files->key, error);
	files->certificate = pga_cert_path(place->certificate, error);
	if (files->certificate == NULL)
		return -1;
	files->key = pga_cert_path(place->key, error);
	if (files->key == NULL)
		return -1;
	if (!pga_cert_record_can_say(files->certificate) || !pga_cert_record_can_say(files->key))
		return pga_fail(
		    error, "choose another name",
		    "%s: a control character in it, or a blank at its end, could not be "
		    "kept in " PGA_CERTS_FILE,
		    pga_cert_record_can_say(files->key) ? files->certificate : files->key);
	return strcmp(files->certificate, files->key) != 0
		   ? 0
		   : pga_fail(error, NULL, "%s: two files are wanted, and this is one", files->key);
}

/* An address of mail is a fine name for a user, and none for a file of systemd's. */
static int find_name(struct pga_issue_files *files, const struct pga_issue_place *place,
		     const char *subject, struct pga_error *error)
{
	const char *name = place->as != NULL   ? place->as
			   : files->is_default ? DEFAULT_NAME
					       : subject;

	if (!pga_pin_name_is_valid(name))
		return pga_fail(error, "say how it is to be called here: --as NAME",
				"%s: a name has letters, digits, \".\", \"_\" and \"-\" alone",
				name);
	files->name = strdup(name);
	return files->name != NULL ? 0 : pga_fail_memory(error);
}

/* The directory of the key, or of one above it that is there. */
static uid_t owner_above(const char *path)
{
	char *copy = strdup(path);
	char *at = copy;
	struct stat status;
	uid_t owner = geteuid();

	while (at != NULL && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		at = dirname(at);
		if (stat(at, &status) == 0) {
			owner = status.st_uid;
			break;
		}
	}
	free(copy);
	return owner;
}

static int take_owner(struct pga_pair_files *pair, const char *words, struct pga_error *error)
{
	char *user = strdup(words);
	char *group = user != NULL ? strchr(user, ':') : NULL;
	const struct passwd *account;
	const struct group *of = NULL;
	int result = -1;

	if (user == NULL)
		return pga_fail_memory(error);
	if (group != NULL)
		*group++ = '\0';
	account = getpwnam(user);
	if (account != NULL && group != NULL)
		of = getgrnam(group);
	if (geteuid() != 0)
		(void)pga_fail(error, "run it with sudo", "--owner is for root");
	else if (account == NULL)
		(void)pga_fail(error, NULL, "--owner: there is no user %s", user);
	else if (group != NULL && of == NULL)
		(void)pga_fail(error, NULL, "--owner: there is no group %s", group);
	else
		result = 0;
	if (result == 0) {
		pair->owned = true;
		pair->owner = account->pw_uid;
		pair->group = of != NULL ? of->gr_gid : account->pw_gid;
		/* The server lets a group read a key of root's alone. */
		if (account->pw_uid == 0 && of != NULL)
			pair->key_mode = 0640;
	}
	free(user);
	return result;
}

static int find_owner(struct pga_issue_files *files, const struct pga_issue_place *place,
		      struct pga_error *error)
{
	files->pair = (struct pga_pair_files){
	    .certificate = files->certificate, .key = files->key, .key_mode = 0600};
	if (place->owner != NULL)
		return take_owner(&files->pair, place->owner, error);
	if (files->server && geteuid() == 0 && owner_above(files->key) == 0)
		return pga_fail(error,
				"say whose they are to be: --owner postgres, or --owner "
				"root:ssl-cert",
				"%s: its directory is root's, and a server that is not root "
				"could not read the key",
				files->key);
	return 0;
}

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static int fail_known_as(const char *certificate, const char *name, struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_addf(&hint, "issue it under that name: --as %s", name);
	(void)pga_fail(error, pga_text_string(&hint), "%s: it is known as %s", certificate, name);
	pga_text_free(&hint);
	return -1;
}

bool pga_issue_files_are_ours(const struct pga_issue_files *files)
{
	const struct pga_cert_files names = {files->certificate, files->key, files->server};
	const struct pga_cert_record *record = &files->record;
	char digest[PGA_KEY_DIGEST + 1] = "";
	struct pga_cert_state state;
	struct pga_error ignored;
	const X509 *leaf;
	bool ours = false;

	if (strcmp(record->key, files->key) != 0 ||
	    strcmp(record->certificate, files->certificate) != 0)
		return false;
	if (!is_there(files->certificate) && !is_there(files->key))
		return true;
	/* What a killed run has left. */
	if (record->placing[0] != '\0' &&
	    pga_cert_record_key_there(record, digest, &ignored) == 0 && digest[0] != '\0' &&
	    strstr(record->placing, digest) != NULL)
		return true;
	if (pga_cert_look(&names, time(NULL), &state, &ignored) == 0) {
		leaf = pga_cert_leaf(&state);
		ours = pga_cert_record_made(record, leaf) &&
		       (state.encrypted || !is_there(files->key) ||
			(state.key != NULL && X509_check_private_key(leaf, state.key) == 1));
	}
	ERR_clear_error();
	pga_cert_state_free(&state);
	return ours;
}

static int look_at_records(struct pga_issue_files *files, struct pga_error *error)
{
	struct pga_cert_records records;
	const struct pga_cert_record *named;
	const struct pga_cert_record *of_file;
	int result = -1;

	if (pga_cert_records_read(&records, error) != 0)
		goto done;
	named = pga_cert_record_named(&records, files->name);
	of_file = pga_cert_record_of_file(&records, files->certificate);
	if (named != NULL && strcmp(named->certificate, files->certificate) != 0)
		(void)pga_fail(error, "call it otherwise: --as NAME",
			       "there is a certificate %s already: %s", named->name,
			       named->certificate);
	else if (of_file != NULL && strcmp(of_file->name, files->name) != 0)
		(void)fail_known_as(files->certificate, of_file->name, error);
	else
		result = named != NULL ? pga_cert_record_copy(&files->record, named, error)
				       : pga_cert_record_begin(&files->record, files->name, error);
	files->recorded = named != NULL && named->placing[0] == '\0';
	/* A pair that is being placed, as who placed it was killed, is one of its own likewise. */
	files->known = result == 0 && named != NULL && pga_issue_files_are_ours(files);
done:
	pga_cert_records_free(&records);
	return result;
}

/* What is there and was not put there by pganchor is somebody's. */
static int ask_to_replace(const struct pga_issue_files *files, const struct pga_issue_place *place,
			  struct pga_error *error)
{
	static const char way[] = "with --force, both are replaced, and copies stay beside them";
	const char *there = is_there(files->certificate) ? files->certificate : files->key;
	struct pga_text question = PGA_TEXT_EMPTY;
	struct pga_question asking;
	struct pga_answer answer;
	int result;

	if (!files->replaces || files->known || place->force)
		return 0;
	if (!pga_question_possible())
		return pga_fail(error, way, "%s: it is there already, and not by pganchor", there);
	if (pga_question_begin(&asking, way, error) != 0)
		return -1;
	pga_text_addf(&question, "%s is there already. Replace it (a copy stays)? [yes/no] ",
		      there);
	result = pga_question_ask(&asking, pga_text_string(&question), &answer, error);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, way, "not wanted by you; nothing was changed");
	pga_question_end(&asking);
	pga_text_free(&question);
	return result;
}

/* What is to be there could not be written: known before the CA is asked, by a token that it takes
 * once, say. */
static int check_directory(const char *path, struct pga_error *error)
{
	char *at = realpath(path, NULL);
	struct stat status;
	int result = 0;

	if (at == NULL)
		at = strdup(path);
	if (at == NULL)
		return pga_fail_memory(error);
	do {
		(void)dirname(at);
	} while (stat(at, &status) != 0 && errno == ENOENT && strcmp(at, "/") != 0 &&
		 strcmp(at, ".") != 0);
	if (faccessat(AT_FDCWD, at, W_OK | X_OK, AT_EACCESS) != 0)
		result = pga_fail_errno(
		    error,
		    "nothing was changed, and no CA was asked; run this as the directory's owner",
		    "could not write a new file in %s", at);
	free(at);
	return result;
}

int pga_issue_files_find(struct pga_issue_files *files, const struct pga_issue_place *place,
			 const char *subject, bool server, struct pga_error *error)
{
	memset(files, 0, sizeof *files);
	files->server = server;
	if (find_paths(files, place, error) != 0 || find_name(files, place, subject, error) != 0 ||
	    find_owner(files, place, error) != 0 || look_at_records(files, error) != 0)
		return -1;
	if (check_directory(files->key, error) != 0 ||
	    check_directory(files->certificate, error) != 0)
		return -1;
	files->replaces = is_there(files->certificate) || is_there(files->key);
	return ask_to_replace(files, place, error);
}

void pga_issue_files_free(struct pga_issue_files *files)
{
	free(files->name);
	free(files->certificate);
	free(files->key);
	pga_cert_record_free(&files->record);
	pga_text_free(&files->kept);
	pga_text_free(&files->old_chain);
	pga_text_wipe(&files->old_key);
	memset(files, 0, sizeof *files);
}

void pga_issue_warn_of_clock(const struct pga_issuer *issuer)
{
	const long ahead = pga_stepca_ahead(issuer->provisioners.date, issuer->provisioners.here);
	struct pga_text span = PGA_TEXT_EMPTY;

	if (labs(ahead) <= PGA_ISSUE_LEEWAY)
		return;
	pga_lifetime_tell(labs(ahead), &span);
	pga_print_warning("the clock of this machine is %s %s that of the CA\n    set it: what is "
			  "issued %s",
			  pga_text_string(&span), ahead > 0 ? "behind" : "ahead of",
			  ahead > 0 ? "counts as not yet valid here"
				    : "seems to end earlier than it does");
	pga_text_free(&span);
}
