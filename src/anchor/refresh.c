#include "anchor/refresh.h"

#include "anchor/own_file.h"
#include "anchor/proof.h"
#include "anchor/server_keys.h"
#include "anchor/source.h"
#include "base/file.h"
#include "base/printable.h"
#include "ca/stepca.h"
#include "ca/url.h"
#include "tls/server_chain.h"

#include <openssl/x509_vfy.h>

#include <stdlib.h>
#include <string.h>

extern const struct pga_source pga_source_file;
extern const struct pga_source pga_source_https;

#define DEFAULT_PORT 5432U

/* ---- the roots of a source ---- */

static struct pga_refreshed_root *find(const struct pga_refreshed *source, const char *digits)
{
	for (size_t i = 0; i < source->count; i++)
		if (strcmp(source->roots[i].digits, digits) == 0)
			return &source->roots[i];
	return NULL;
}

static struct pga_refreshed_root *grow(struct pga_refreshed *source)
{
	struct pga_refreshed_root *grown =
	    reallocarray(source->roots, source->count + 1, sizeof *grown);

	if (grown == NULL)
		return NULL;
	source->roots = grown;
	memset(&grown[source->count], 0, sizeof *grown);
	return &grown[source->count++];
}

static bool is_expired(const struct pga_certificate *certificate)
{
	return X509_cmp_current_time(X509_get0_notAfter(certificate->x509)) < 0;
}

/* The anchor's root out of its own file, or out of another's that it has joined. */
static void read_certificate(const struct pga_refreshed *source, struct pga_refreshed_root *root)
{
	for (size_t i = 0; i < source->anchor_count && root->certificate.x509 == NULL; i++) {
		struct pga_own_file file = {.count = 0};
		struct pga_text content = PGA_TEXT_EMPTY;
		struct pga_certificate *held = NULL;
		struct pga_error ignored;
		char *path = pga_pin_own_file(source->anchors[i]);

		if (path != NULL && pga_file_read(path, &content, NULL, &ignored) == 0 &&
		    pga_own_file_read(&file, &content))
			held = pga_own_file_find(&file, root->digits);
		if (held != NULL) {
			root->certificate = *held;
			memset(held, 0, sizeof *held);
		}
		pga_own_file_free(&file);
		pga_text_free(&content);
		free(path);
	}
}

static int add_pinned(struct pga_refreshed *source, struct pga_error *error)
{
	for (size_t i = 0; i < source->anchor_count; i++) {
		struct pga_refreshed_root *root = grow(source);

		if (root == NULL)
			return pga_fail_memory(error);
		root->state = PGA_ROOT_UNASKED;
		root->pin = source->anchors[i];
		memcpy(root->digits, root->pin->pin, sizeof root->digits);
		root->name = strdup(root->pin->name);
		if (root->name == NULL)
			return pga_fail_memory(error);
		read_certificate(source, root);
		root->expired = root->certificate.x509 != NULL && is_expired(&root->certificate);
	}
	return 0;
}

/* One that the source has, which is taken out of shown. state: of one that is not pinned. */
static int add_shown(struct pga_refreshed *source, struct pga_certificate *shown,
		     enum pga_refreshed_state state, struct pga_error *error)
{
	struct pga_refreshed_root *root = find(source, shown->pin);

	if (root == NULL) {
		root = grow(source);
		if (root == NULL)
			return pga_fail_memory(error);
		root->state = state;
		memcpy(root->digits, shown->pin, sizeof root->digits);
	} else if (root->state == PGA_ROOT_UNASKED) {
		root->state = PGA_ROOT_KNOWN;
	}
	if (root->certificate.x509 == NULL) {
		root->certificate = *shown;
		memset(shown, 0, sizeof *shown);
	}
	root->expired = is_expired(&root->certificate);
	return 0;
}

/* What is pinned and was not shown has gone. */
static void settle(struct pga_refreshed *source)
{
	source->asked = true;
	for (size_t i = 0; i < source->count; i++)
		if (source->roots[i].state == PGA_ROOT_UNASKED)
			source->roots[i].state = PGA_ROOT_WITHDRAWN;
}

/* ---- a step-ca ---- */

/* The roots by which the CA can be verified; with what to do where there is none. */
static int roots_of(const struct pga_refreshed *source, struct pga_text *pem,
		    struct pga_error *error)
{
	const struct pga_refreshed_root *expired = NULL;
	struct pga_text hint = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < source->count; i++) {
		const struct pga_refreshed_root *root = &source->roots[i];

		if (root->certificate.x509 != NULL && root->expired)
			expired = root;
		else if (root->certificate.x509 != NULL)
			pga_text_add(pem, root->certificate.pem);
	}
	if (pem->failed)
		return pga_fail_memory(error);
	if (pem->length > 0)
		return 0;
	pga_text_addf(
	    &hint,
	    "get the fingerprint of the CA's present root from who runs it, by a way that "
	    "you trust: pganchor bootstrap --ca-url %s --fingerprint HEX%s",
	    source->record.location, source->roots[0].pin->system ? " --system" : "");
	if (expired != NULL)
		(void)pga_fail(
		    error, pga_text_string(&hint),
		    "%s: the root of anchor %s has expired on %s, and proves nothing that "
		    "the CA says",
		    source->record.location, expired->name, expired->certificate.not_after);
	else
		(void)pga_fail(error, pga_text_string(&hint),
			       "%s: the root of anchor %s is not in its own file, and so the CA "
			       "cannot be verified",
			       source->record.location, source->roots[0].name);
	pga_text_free(&hint);
	return -1;
}

/* Of a root that the CA has and libpq could not use, nothing is pinned. */
static int judge_new(struct pga_refreshed *source, struct pga_error *error)
{
	for (size_t i = 0; i < source->count; i++) {
		struct pga_refreshed_root *root = &source->roots[i];
		struct pga_error why;

		if (root->state != PGA_ROOT_NEW ||
		    pga_certificate_check_anchor(&root->certificate, source->record.location,
						 &why) == 0)
			continue;
		root->state = PGA_ROOT_UNUSABLE;
		root->why = strdup(why.message);
		if (root->why == NULL)
			return pga_fail_memory(error);
	}
	return 0;
}

static void find_chain_root(struct pga_refreshed *source)
{
	for (size_t i = 0; i < source->count && source->chain_root == NULL; i++)
		if (source->roots[i].certificate.x509 != NULL && source->chain != NULL &&
		    pga_proof_ends_in(source->chain, &source->roots[i].certificate))
			source->chain_root = &source->roots[i];
}

/* Names of the new ones, after the anchor by which they are proven. */
static int name_new(const struct pga_refresh *refresh, struct pga_refreshed *source,
		    struct pga_error *error)
{
	const char **taken = calloc(source->count, sizeof *taken);
	int result = 0;

	if (taken == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; result == 0 && i < source->count; i++) {
		struct pga_refreshed_root *root = &source->roots[i];

		if (root->state == PGA_ROOT_NEW) {
			root->name =
			    pga_rotation_name(&refresh->pins, source->anchors[0]->name,
					      &root->certificate, refresh->system, taken, i, error);
			result = root->name != NULL ? 0 : -1;
		}
		taken[i] = root->name;
	}
	free(taken);
	return result;
}

/* As an address of a CA is written, without a slash at the end. NULL with the reason. */
static char *address_of(const struct pga_refreshed *source, struct pga_error *error)
{
	struct pga_ca_url url;
	char *address;

	if (pga_ca_url_read(&url, source->record.location, error) != 0)
		return NULL;
	address = url.url;
	url.url = NULL;
	pga_ca_url_free(&url);
	return address;
}

static int ask_stepca(struct pga_refreshed *source, const struct pga_http *http,
		      struct pga_error *error)
{
	struct pga_stepca_roots present = {.count = 0};
	struct pga_text pem = PGA_TEXT_EMPTY;
	char *address = NULL;
	int result = roots_of(source, &pem, error);

	if (result == 0) {
		address = address_of(source, error);
		result = address != NULL ? pga_stepca_present(http, address, pga_text_string(&pem),
							      &present, &source->chain, error)
					 : -1;
	}
	for (size_t i = 0; result == 0 && i < present.count; i++)
		result = add_shown(source, &present.roots[i], PGA_ROOT_NEW, error);
	if (result == 0)
		result = judge_new(source, error);
	source->unreached = present.unreached;
	pga_stepca_roots_free(&present);
	pga_text_free(&pem);
	free(address);
	return result;
}

/* ---- bytes: an address, a file ---- */

static int ask_bytes(struct pga_refreshed *source, const struct pga_http *http,
		     struct pga_error *error)
{
	const struct pga_source *kind =
	    strcmp(source->record.kind, "file") == 0 ? &pga_source_file : &pga_source_https;
	struct pga_source_request request = {
	    .source = kind, .http = *http, .ca_file = source->record.ca_file};
	struct pga_candidates found = {.count = 0};
	int result = kind->read(&request, source->record.location, error);

	if (result == 0)
		result = kind->fetch(&request, &found, error);
	if (result == 0) {
		source->held = found.count;
		source->etag = found.etag;
		found.etag = NULL;
		memcpy(source->digest, found.digest, sizeof source->digest);
		source->changed = source->record.digest != NULL &&
				  strcmp(source->record.digest, source->digest) != 0;
	}
	for (size_t i = 0; result == 0 && i < found.count; i++)
		if (find(source, found.roots[i].pin) != NULL || source->changed)
			result = add_shown(source, &found.roots[i], PGA_ROOT_SHOWN, error);
	pga_candidates_free(&found);
	pga_source_request_free(&request);
	return result;
}

/* ---- a server ---- */

static int ask_server(struct pga_refreshed *source, const struct pga_http *http,
		      struct pga_error *error)
{
	struct pga_key_choice server;
	int result;

	if (pga_key_choice_read(source->record.location, &server, error) != 0)
		return -1;
	const struct pga_server asked = {.host = server.host,
					 .port = server.port != 0 ? server.port : DEFAULT_PORT,
					 .way = PGA_SERVER_EITHER,
					 .connect_timeout = http->connect_timeout,
					 .max_time = http->max_time};

	result = pga_server_chain(&asked, &source->chain, NULL, error);
	free(server.host);
	if (result != 0)
		return -1;
	find_chain_root(source);
	source->other = source->chain_root == NULL;
	/* What a server shows says nothing of the roots that it does not come from. */
	for (size_t i = 0; i < source->count; i++)
		source->roots[i].state = PGA_ROOT_KNOWN;
	return 0;
}

int pga_refresh_ask(const struct pga_refresh *refresh, struct pga_refreshed *source,
		    const struct pga_http *http, struct pga_error *error)
{
	int result = 0;

	if (add_pinned(source, error) != 0)
		return -1;
	if (source->way == PGA_ASK_STEPCA)
		result = ask_stepca(source, http, &source->error);
	else if (source->way == PGA_ASK_BYTES)
		result = ask_bytes(source, http, &source->error);
	else if (source->way == PGA_ASK_SERVER)
		result = ask_server(source, http, &source->error);
	else
		return 0;
	source->failed = result != 0;
	if (source->way != PGA_ASK_STEPCA)
		source->unreached = source->failed;
	if (result != 0)
		return 0;
	settle(source);
	find_chain_root(source);
	return name_new(refresh, source, error);
}

/* ---- what comes of it ---- */

/* A new one is valid for all that the anchors are from whose source it comes, and is in root.crt
 * where one of them is. */
static char *hosts_of(const struct pga_refreshed *source)
{
	struct pga_text hosts = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < source->anchor_count; i++) {
		bool there = false;

		for (size_t k = 0; k < i; k++)
			there = there ||
				strcmp(source->anchors[k]->hosts, source->anchors[i]->hosts) == 0;
		if (!there)
			pga_text_addf(&hosts, "%s%s", hosts.length > 0 ? " " : "",
				      source->anchors[i]->hosts);
	}
	return pga_text_take(&hosts);
}

static bool all_scoped(const struct pga_refreshed *source)
{
	bool scoped = true;

	for (size_t i = 0; i < source->anchor_count; i++)
		scoped = scoped && source->anchors[i]->scoped;
	return scoped;
}

/* Whether it is one of the source's anchors, or is to be. */
static bool is_member(const struct pga_refreshed_root *root)
{
	return root->pin != NULL || root->state == PGA_ROOT_NEW;
}

static struct pga_member member_of(const struct pga_refreshed *source,
				   const struct pga_refreshed_root *root, const char *hosts)
{
	struct pga_member member = {
	    .name = root->taken_by != NULL ? root->taken_by : root->name,
	    .root = root->certificate.x509 != NULL ? &root->certificate : NULL,
	    .hosts = root->pin != NULL ? root->pin->hosts : hosts,
	    .scoped = root->pin != NULL ? root->pin->scoped : all_scoped(source),
	    .present = root->state == PGA_ROOT_KNOWN || root->state == PGA_ROOT_NEW,
	    .added = root->pin == NULL,
	    .dropped = root->dropped,
	    .takes = root->taken_by != NULL ? root->name : NULL,
	};

	memcpy(member.pin, root->digits, sizeof member.pin);
	return member;
}

static int pin_all(const struct pga_refresh *refresh, struct pga_refreshed *source, bool dry_run,
		   struct pga_error *error)
{
	struct pga_member *members = calloc(source->count, sizeof *members);
	char *hosts = hosts_of(source);
	struct pga_rotation rotation = {
	    .members = members,
	    .source = source->record.location,
	    .record = source->record,
	    .system = refresh->system,
	    .chain = source->way == PGA_ASK_STEPCA ? source->chain : NULL,
	    .chain_root = source->chain_root != NULL ? &source->chain_root->certificate : NULL};
	int result;

	rotation.record.etag = source->etag;
	rotation.record.digest = source->digest;
	if (source->way == PGA_ASK_STEPCA)
		rotation.record.kind = "step-ca";
	if (members == NULL || hosts == NULL) {
		result = pga_fail_memory(error);
	} else {
		for (size_t i = 0; i < source->count; i++)
			if (is_member(&source->roots[i]))
				members[rotation.count++] =
				    member_of(source, &source->roots[i], hosts);
		free(source->rotated.crl_fault);
		result = pga_rotate(&rotation, dry_run, &source->rotated, error);
	}
	free(members);
	free(hosts);
	return result;
}

/* Whether there is anything that a rotation would do, without a look at the files: they are looked
 * at where a CA has several roots. */
static bool is_at_rest(const struct pga_refreshed *source)
{
	size_t members = 0;

	for (size_t i = 0; i < source->count; i++) {
		members += is_member(&source->roots[i]) ? 1 : 0;
		if (source->roots[i].state == PGA_ROOT_NEW || source->roots[i].dropped)
			return false;
	}
	return members < 2 || source->way != PGA_ASK_STEPCA;
}

void pga_refresh_pin(const struct pga_refresh *refresh, struct pga_refreshed *source, bool dry_run)
{
	if (!source->asked || is_at_rest(source))
		return;
	source->failed = pin_all(refresh, source, dry_run, &source->error) != 0;
}
