#include "anchor/anchors.h"

#include "anchor/anchors_conf.h"
#include "anchor/own_file.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "ca/url.h"
#include "base/manifest.h"
#include "base/paths.h"
#include "policy/linked.h"
#include "policy/pins.h"
#include "policy/system_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANCHORS_CONF, SOURCES_CONF, NAME_CRT, ROOT_CRT, FILES };

struct installing {
	const struct pga_anchor *anchor;
	const char *hosts; /* that are to be written; NULL: those that it has, or every host */
	struct pga_anchoring *done;
	struct pga_transaction_file files[FILES]; /* in the order in which they are locked */
	struct pga_pins pins;
	const struct pga_pin *same;   /* the section that has the pin; NULL: none yet */
	const struct pga_pin *before; /* the section that has the name; NULL: none yet */
};

static int copy(char **to, const char *from, struct pga_error *error)
{
	*to = strdup(from);
	return *to != NULL ? 0 : pga_fail_memory(error);
}

/* Of one that is not there yet, the directory tells. */
int pga_anchor_check_owners(const char *path, struct pga_error *error)
{
	static const char stake[] = "the system's anchors";
	struct pga_text directory = PGA_TEXT_EMPTY;
	int result = -1;

	pga_text_add_bytes(&directory, path, (size_t)(strrchr(path, '/') - path));
	if (directory.failed)
		(void)pga_fail_memory(error);
	else
		result = pga_system_check_ownership(pga_text_string(&directory), stake, error);
	pga_text_free(&directory);
	return result == 0 ? pga_system_check_ownership(path, stake, error) : -1;
}

/* A file of the user's is for the user to read, and one of the system's for all. */
static struct pga_transaction_file *begin(struct installing *installing, int which,
					  struct pga_anchor_file *file, char *path, mode_t mode,
					  struct pga_error *error)
{
	struct pga_transaction_file *begun = &installing->files[which];

	file->path = path;
	if (path == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (installing->anchor->system && pga_anchor_check_owners(path, error) != 0)
		return NULL;
	if (pga_edit_begin_in(&begun->edit, path, mode, installing->anchor->system ? 0755 : 0700,
			      error) == 0)
		return begun;
	if (installing->anchor->system && geteuid() != 0)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo");
	return NULL;
}

static int begin_conf(struct installing *installing, struct pga_error *error)
{
	const bool system = installing->anchor->system;
	char *path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");
	const struct pga_transaction_file *conf;

	if (path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	conf = begin(installing, ANCHORS_CONF, &installing->done->conf, path, system ? 0644 : 0600,
		     error);
	if (conf == NULL)
		return -1;
	return pga_pins_parse_file(&installing->pins, path,
				   conf->edit.existed ? pga_text_string(&conf->edit.before) : NULL,
				   conf->edit.before.length, system, error);
}

/* What the user asks for is weighed against what is pinned under the name already. */
static int compare_with_known(const struct installing *installing, struct pga_error *error)
{
	const struct pga_anchor *anchor = installing->anchor;
	const struct pga_pin *before = installing->before;
	const char *pin = anchor->proof.root->pin;

	if (before == NULL || anchor->replace)
		return 0;
	if (strcmp(before->pin, pin) != 0)
		return pga_fail(error,
				"choose another --name, or --replace it, if that CA has a new root",
				"anchor %s: the name is taken by another root, %s, from %s",
				before->name, before->pin, before->source);
	if (anchor->hosts != NULL && strcmp(anchor->hosts, before->hosts) != 0)
		return pga_fail(error, "--replace changes that",
				"anchor %s: pinned already, for the hosts %s", before->name,
				before->hosts);
	if (anchor->scoped && !before->scoped)
		return pga_fail(error, "--scoped --replace takes it out of there",
				"anchor %s: pinned already, and installed in root.crt",
				before->name);
	return 0;
}

/* Finds the anchor's name and what it is to be. */
static int settle(struct installing *installing, struct pga_error *error)
{
	const struct pga_anchor *anchor = installing->anchor;
	struct pga_anchoring *done = installing->done;
	const struct pga_pin *same = pga_pins_find(&installing->pins, anchor->proof.root->pin);
	const char *name = anchor->name;

	if (name == NULL)
		name = same != NULL ? same->name : anchor->fallback_name;
	if (!pga_pin_name_is_valid(name))
		return pga_fail(error, "such as --name company",
				"--name: %s: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with "
				"neither . nor - in front",
				name);
	if (same != NULL && strcmp(same->name, name) != 0)
		return pga_fail(error,
				"leave --name out, or use that one; \"pganchor anchor rename\" "
				"gives it another",
				"anchor %s: this root is pinned already, as %s", name, same->name);
	installing->same = same;
	installing->before = pga_pins_named(&installing->pins, name);
	installing->hosts = anchor->hosts == NULL && same == NULL && installing->before == NULL
				? anchor->new_hosts
				: anchor->hosts;
	if (compare_with_known(installing, error) != 0)
		return -1;
	if (anchor->proof.chain_root != NULL && same == NULL && installing->before != NULL &&
	    strcmp(anchor->proof.chain_root->pin, installing->before->pin) == 0)
		return pga_fail(
		    error,
		    "give the new root a --name of its own, and leave --replace out "
		    "until the CA and its servers have moved to it",
		    "anchor %s: the CA's own TLS still comes from the root that would be "
		    "replaced",
		    name);
	done->known = same != NULL;
	/* What the user has limited is widened by a word of theirs alone. */
	done->kept_scoped = !anchor->scoped && !anchor->unscoped && !anchor->system &&
			    installing->before != NULL && installing->before->scoped;
	done->system = anchor->system;
	done->scoped = anchor->scoped || anchor->system || done->kept_scoped;
	if (!done->known && installing->before != NULL &&
	    copy(&done->replaced, installing->before->pin, error) != 0)
		return -1;
	if (copy(&done->name, name, error) != 0 ||
	    copy(&done->source, same != NULL ? same->source : anchor->source, error) != 0)
		return -1;
	if (installing->hosts != NULL)
		return copy(&done->hosts, installing->hosts, error);
	return copy(&done->hosts, installing->before != NULL ? installing->before->hosts : "*",
		    error);
}

/* Whether the section has the scope that the anchor is to have; the system's have none to say. */
static bool has_scope(const struct pga_pin *pin, const struct pga_anchoring *done)
{
	return done->system || pin->scoped == done->scoped;
}

static int compose_conf(struct installing *installing, struct pga_error *error)
{
	const struct pga_anchoring *done = installing->done;
	const struct pga_certificate *certificate = installing->anchor->proof.root;
	struct pga_transaction_file *conf = &installing->files[ANCHORS_CONF];
	const struct pga_text *before = &conf->edit.before;
	struct pga_pins pins;
	const struct pga_pin *pin;
	char pinned[PGA_CERTIFICATE_DATE];
	bool right;

	pga_x509_now(pinned);
	/* Where the pin is known, what is only for the reader stays as it is. */
	const struct pga_anchor_setting settings[] = {
	    {"source", done->known ? NULL : done->source},
	    {"hosts", installing->hosts},
	    {"scope", done->system   ? NULL
		      : done->scoped ? "scoped"
				     : "root.crt"},
	    {"pinned", done->known ? NULL : pinned},
	    {"subject", done->known ? NULL : certificate->subject},
	    {"not-after", done->known ? NULL : certificate->not_after},
	    {"pin", certificate->pin}, /* last: policy/pins.h */
	};

	if (installing->same != NULL && has_scope(installing->same, done) &&
	    strcmp(installing->same->hosts, done->hosts) == 0)
		return 0;
	pga_anchors_conf_set(before, done->name, settings, sizeof settings / sizeof settings[0],
			     &conf->after);
	if (pga_transaction_put(conf, error) != 0 ||
	    pga_pins_parse(&pins, conf->edit.path, pga_text_string(&conf->after),
			   conf->after.length, error) != 0)
		return -1;
	/* Read back as the gate will. */
	pin = pga_pins_find(&pins, certificate->pin);
	right = pin != NULL && strcmp(pin->name, done->name) == 0 &&
		strcmp(pin->hosts, done->hosts) == 0 && has_scope(pin, done);
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: the new section does not read back as it should",
				conf->edit.path);
}

static bool is_same(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

/* Whether the anchor's record stays as it is: a known one's that says the same already, or is of
 * another source than this. */
static bool record_stays(const struct installing *installing,
			 const struct pga_source_record *before,
			 const struct pga_source_record *record)
{
	const struct pga_anchoring *done = installing->done;

	if (!done->known)
		return false;
	if (before == NULL)
		return !pga_ca_url_is_same(done->source, installing->anchor->source);
	return !is_same(before->kind, record->kind) ||
	       !is_same(before->location, record->location) ||
	       (is_same(before->ca_file, record->ca_file) && is_same(before->etag, record->etag) &&
		is_same(before->digest, record->digest));
}

static int compose_sources(struct installing *installing, struct pga_error *error)
{
	const struct pga_anchoring *done = installing->done;
	struct pga_source_record record = installing->anchor->record;
	struct pga_source_records records = {.path = NULL};
	const struct pga_source_record *before;
	struct pga_transaction_file *sources;
	char written[PGA_CERTIFICATE_DATE];
	char *path;
	int result = -1;

	if (record.kind == NULL)
		return 0;
	path = pga_source_records_path(done->system, error);
	if (path == NULL)
		return -1;
	if (record.location == NULL)
		record.location = installing->anchor->source;
	pga_x509_now(written);
	record.checked = record.changed = written;
	sources = begin(installing, SOURCES_CONF, &installing->done->sources, path,
			done->system ? 0644 : 0600, error);
	if (sources == NULL ||
	    pga_source_records_parse(&records, pga_text_string(&sources->edit.before),
				     sources->edit.before.length, error) != 0)
		goto done;
	before = pga_source_records_of(&records, done->name);
	if (record_stays(installing, before, &record)) {
		result = 0;
		goto done;
	}
	if (done->known && before != NULL && is_same(before->digest, record.digest))
		record.changed = before->changed;
	pga_source_records_set(&sources->edit.before, done->name, &record, &sources->after);
	result = pga_transaction_put(sources, error);
done:
	pga_source_records_free(&records);
	return result;
}

/* Whether the anchor's own file holds its certificate, and no other but those that join it as the
 * pins are. */
static bool crt_is_right(const struct installing *installing, const struct pga_text *content)
{
	struct pga_pin anchor = {.hosts = installing->done->hosts,
				 .system = installing->done->system};

	memcpy(anchor.pin, installing->anchor->proof.root->pin, sizeof anchor.pin);
	return pga_own_file_is_right(content, &anchor, &installing->pins);
}

static int compose_crt(struct installing *installing, struct pga_error *error)
{
	const struct pga_certificate *certificate = installing->anchor->proof.root;
	const struct pga_pin named = {.name = installing->done->name,
				      .system = installing->anchor->system};
	struct pga_transaction_file *crt = begin(installing, NAME_CRT, &installing->done->crt,
						 pga_pin_own_file(&named), 0644, error);

	if (crt == NULL)
		return -1;
	if (crt->edit.existed && crt_is_right(installing, &crt->edit.before))
		return 0;
	if (crt->edit.existed && installing->before == NULL && !installing->anchor->replace)
		return pga_fail(error, "move it away, choose another --name, or --replace it",
				"%s: there is such a file, and it is no anchor's", crt->edit.path);
	pga_text_add(&crt->after, certificate->pem);
	return pga_transaction_put(crt, error);
}

/* Takes out the certificate that pganchor put into root.crt for this anchor and that is not to be
 * there any more; rest gets what stays. */
static int cut_old(struct installing *installing, const struct pga_edit *edit,
		   struct pga_text *rest, bool *cut, struct pga_error *error)
{
	struct pga_anchoring *done = installing->done;
	const char *old = done->replaced;

	*cut = false;
	if (old == NULL && done->scoped)
		old = installing->anchor->proof.root->pin;
	if (old == NULL) {
		pga_text_add_bytes(rest, pga_text_string(&edit->before), edit->before.length);
		return rest->failed ? pga_fail_memory(error) : 0;
	}
	if (pga_root_crt_cut(edit->path, &edit->before, done->name, old, rest, cut, error) != 0)
		return -1;
	return pga_root_crt_look_for(edit->path, rest, old, &done->old_stays, error);
}

/* The new root.crt is rest, which the certificate that is not to be there was cut from. libpq takes
 * a root.crt without any certificate for a fault, in every connection that uses TLS at all; one
 * that would be empty goes. */
static int put_rest(struct pga_transaction_file *root, struct pga_text *rest,
		    struct pga_error *error)
{
	bool any;

	if (pga_root_crt_look_for(root->edit.path, rest, NULL, &any, error) != 0)
		return -1;
	if (!any && rest->length > 0)
		return pga_fail(error, "move the file away; nothing was changed",
				"%s: without this root, there would be none in it, and libpq would "
				"refuse it",
				root->edit.path);
	pga_text_add_bytes(&root->after, pga_text_string(rest), rest->length);
	if (pga_transaction_put(root, error) != 0)
		return -1;
	if (!any)
		root->change = PGA_REMOVED;
	return 0;
}

static struct pga_transaction_file *begin_root(struct installing *installing,
					       struct pga_error *error)
{
	char *path = pga_root_crt_path(error);
	struct pga_transaction_file *root;

	if (path == NULL)
		return NULL;
	root = begin(installing, ROOT_CRT, &installing->done->root_crt, path, 0644, error);
	/* The machine's roots, often; a root of PostgreSQL's own is not to be one for all. */
	if (installing->files[ROOT_CRT].edit.leads_outside)
		(void)snprintf(error->hint, sizeof error->hint,
			       "--scoped needs no root.crt; or replace the link by a copy of the "
			       "file. Nothing was changed");
	return root;
}

static int compose_root(struct installing *installing, struct pga_error *error)
{
	struct pga_anchoring *done = installing->done;
	const struct pga_certificate *certificate = installing->anchor->proof.root;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_transaction_file *root;
	bool holds = false;
	bool cut = false;
	int result = -1;

	/* A scoped anchor has nothing to do with root.crt, but for one that was there before. */
	if (done->system ||
	    (done->scoped && (installing->before == NULL || installing->before->scoped)))
		return 0;
	root = begin_root(installing, error);
	if (root == NULL || cut_old(installing, &root->edit, &rest, &cut, error) != 0 ||
	    pga_root_crt_look_for(root->edit.path, &rest, certificate->pin, &holds, error) != 0)
		goto done;
	if (!done->scoped && !holds) {
		pga_manifest_note_root(&root->edit.notes, root->edit.path, certificate->pin);
		result = pga_root_crt_add(root->edit.path, &rest, done->name, certificate,
					  &root->after, error) == 0
			     ? pga_transaction_put(root, error)
			     : -1;
	} else {
		result = cut ? put_rest(root, &rest, error) : 0;
	}
done:
	pga_text_free(&rest);
	return result;
}

/* What is in the file, or is to be. */
static struct pga_proof_file to_prove(const struct pga_transaction_file *file)
{
	if (file->change == PGA_UNCHANGED)
		return (struct pga_proof_file){file->edit.path, file->edit.path,
					       &file->edit.before};
	return (struct pga_proof_file){file->edit.path, file->edit.staged_path, &file->after};
}

/* A scoped anchor's root.crt is about other roots. */
static int prove(const struct installing *installing, struct pga_error *error)
{
	const struct pga_proof_file own = to_prove(&installing->files[NAME_CRT]);
	struct pga_proof_file root_crt = {NULL, NULL, NULL};

	if (!installing->done->scoped)
		root_crt = to_prove(&installing->files[ROOT_CRT]);
	return pga_proof_files(&installing->anchor->proof, &own, &root_crt,
			       &installing->done->crl_fault, error);
}

/* The pin comes last: while it is missing, the command can simply be run again. root.crt comes
 * first, as the one whose rename can fail (where it is a mount of its own, as in a container). */
static int write_all(struct installing *installing, bool dry_run, struct pga_error *error)
{
	struct pga_transaction_file *order[FILES] = {
	    &installing->files[ROOT_CRT], &installing->files[NAME_CRT],
	    &installing->files[SOURCES_CONF], &installing->files[ANCHORS_CONF]};

	if (dry_run)
		return prove(installing, error);
	if (pga_transaction_stage(order, FILES, error) != 0 || prove(installing, error) != 0)
		return -1;
	return pga_transaction_commit(order, FILES, error);
}

int pga_anchor_install(const struct pga_anchor *anchor, bool dry_run, struct pga_anchoring *done,
		       struct pga_error *error)
{
	struct installing installing = {.anchor = anchor, .done = done};
	int result = -1;

	memset(done, 0, sizeof *done);
	if (begin_conf(&installing, error) == 0 && settle(&installing, error) == 0 &&
	    compose_conf(&installing, error) == 0 && compose_sources(&installing, error) == 0 &&
	    compose_crt(&installing, error) == 0 && compose_root(&installing, error) == 0 &&
	    write_all(&installing, dry_run, error) == 0)
		result = 0;
	done->conf.change = installing.files[ANCHORS_CONF].change;
	done->crt.change = installing.files[NAME_CRT].change;
	done->root_crt.change = installing.files[ROOT_CRT].change;
	done->sources.change = installing.files[SOURCES_CONF].change;
	/* The last first: a directory that was made for it stands in one that was made for another.
	 */
	for (int i = FILES; i-- > 0;)
		pga_transaction_end(&installing.files[i]);
	pga_pins_free(&installing.pins);
	if (result != 0)
		pga_anchoring_free(done);
	return result;
}

void pga_anchoring_free(struct pga_anchoring *done)
{
	free(done->name);
	free(done->source);
	free(done->hosts);
	free(done->replaced);
	free(done->crl_fault);
	free(done->conf.path);
	free(done->crt.path);
	free(done->root_crt.path);
	free(done->sources.path);
	memset(done, 0, sizeof *done);
}
