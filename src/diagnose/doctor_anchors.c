/* Anchors, and the roots that libpq trusts besides. */
#include "diagnose/doctor_checks.h"

#include "anchor/known_roots.h"
#include "anchor/unpinned.h"
#include "base/shell_word.h"
#include "diagnose/anchor_findings.h"
#include "diagnose/doctor_paths.h"
#include "policy/linked.h"
#include "policy/trust.h"
#include "service/uses.h"
#include "tls/name_constraints.h"

#include <openssl/objects.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each root of a file that is read costs a connection 0.2 ms: with more than these it is felt. */
#define MANY_ROOTS 20

/* A file of all public CAs has about 150: who has that needs no list of them. */
#define MOST_NAMED 8

static const char *option_of(const struct pga_pin *pin)
{
	return pin->system ? " --system" : "";
}

static bool is_over(const struct pga_certificate *certificate)
{
	return X509_cmp_current_time(X509_get0_notAfter(certificate->x509)) < 0;
}

/* Of what is wrong with a root that is in date. */
static void judge_strength(const struct pga_pin *pin, const struct pga_certificate *certificate,
			   struct pga_findings *findings)
{
	struct pga_error error;

	/* An end is told by pga_anchors_judge(). */
	if (is_over(certificate) ||
	    pga_certificate_check_anchor(certificate, pin->name, &error) == 0)
		return;
	pga_findings_add(findings, PGA_ANCHOR_WEAK, PGA_SEVERITY_ERROR, PGA_ABOUT_ANCHORS,
			 "anchor %s would not be taken for one today", pin->name);
	pga_findings_detail(findings, "%s", error.message);
	pga_findings_hint(findings, "pganchor anchor remove %s%s: when its CA has another root",
			  pin->name, option_of(pin));
	pga_findings_object(findings, "%s", pin->name);
}

/* Nobody relies on a root's own signature; but a CA that signs itself so may sign others so. */
static void judge_digest(const struct pga_pin *pin, const struct pga_certificate *certificate,
			 struct pga_findings *findings)
{
	int digest = NID_undef;

	if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate->x509), &digest, NULL) != 1 ||
	    (digest != NID_sha1 && digest != NID_md5))
		return;
	pga_findings_add(findings, PGA_ANCHOR_SIGNED_BY_SHA1, PGA_SEVERITY_NOTE, PGA_ABOUT_ANCHORS,
			 "the root of anchor %s is signed with %s", pin->name, OBJ_nid2sn(digest));
	pga_findings_detail(findings,
			    "its own signature protects nothing, but a CA of that age may "
			    "sign its servers so, too, and OpenSSL refuses those");
	pga_findings_object(findings, "%s", pin->name);
}

/* The hosts of the services that use it, as words; nothing where there are none. */
static void add_used_hosts(const struct pga_uses *uses, const struct pga_pin *pin,
			   struct pga_text *words)
{
	struct pga_error ignored;
	size_t count = 0;
	const struct pga_use **of = pga_uses_of(uses, pin, &count, &ignored);

	for (size_t i = 0; of != NULL && i < count; i++)
		for (size_t k = 0; k < of[i]->hosts.count; k++) {
			struct pga_text word = PGA_TEXT_EMPTY;

			pga_text_add(&word, " ");
			pga_text_add_shell_word(&word, pga_host_label(&of[i]->hosts.items[k]));
			if (strstr(pga_text_string(words), pga_text_string(&word)) == NULL)
				pga_text_add(words, pga_text_string(&word));
			words->failed = words->failed || word.failed;
			pga_text_free(&word);
		}
	free(of);
}

static int judge_hosts(const struct pga_uses *uses, const struct pga_pin *pin,
		       const struct pga_certificate *certificate, struct pga_findings *findings,
		       struct pga_error *error)
{
	struct pga_text may = PGA_TEXT_EMPTY;
	struct pga_text hosts = PGA_TEXT_EMPTY;
	bool any;

	if (strcmp(pin->hosts, "*") != 0)
		return 0;
	if (pga_name_constraints_tell(certificate, &may, error) != 0) {
		pga_text_free(&may);
		return -1;
	}
	any = strcmp(pga_text_string(&may), "any host") == 0;
	add_used_hosts(uses, pin, &hosts);
	pga_findings_add(findings, any ? PGA_ANCHOR_UNCONSTRAINED : PGA_ANCHOR_ANY_HOST,
			 any ? PGA_SEVERITY_WARNING : PGA_SEVERITY_NOTE, PGA_ABOUT_ANCHORS,
			 "anchor %s is for every host", pin->name);
	if (any)
		pga_findings_detail(findings, "its CA may sign for any host, too: who holds its "
					      "key can stand in for every server of yours");
	else
		pga_findings_detail(findings, "its CA may sign for %s alone",
				    pga_text_string(&may));
	pga_findings_hint(findings, "pganchor anchor set-hosts %s%s%s%s", pin->name,
			  hosts.length > 0 ? pga_text_string(&hosts) : " '*.example.com'",
			  option_of(pin),
			  hosts.length > 0 ? ": those that services connect to"
					   : ": with the hosts that it is for");
	pga_findings_object(findings, "%s", pin->name);
	findings->failed = findings->failed || hosts.failed;
	pga_text_free(&may);
	pga_text_free(&hosts);
	return 0;
}

static void tell_missing(const struct pga_pin *pin, struct pga_findings *findings)
{
	char *path = pga_pin_own_file(pin);

	pga_findings_add(findings, PGA_ANCHOR_FILE_DIFFERS, PGA_SEVERITY_WARNING, PGA_ABOUT_ANCHORS,
			 "the file of anchor %s does not have the root that is pinned", pin->name);
	pga_findings_detail(findings, "%s: a service that names it does not connect",
			    path != NULL ? path : "its path cannot be told");
	pga_findings_hint(findings, "pganchor anchor refresh %s%s: where it came from an address",
			  pin->name, option_of(pin));
	pga_findings_object(findings, "%s", pin->name);
	free(path);
}

static int judge_anchor(const struct pga_doctor *doctor, const struct pga_uses *uses,
			const struct pga_pin *pin, struct pga_findings *findings,
			struct pga_error *error)
{
	struct pga_certificate certificate;
	int result;

	if (!pga_known_root_read(pin, &doctor->pins, &certificate)) {
		tell_missing(pin, findings);
		return 0;
	}
	judge_strength(pin, &certificate, findings);
	judge_digest(pin, &certificate, findings);
	result = judge_hosts(uses, pin, &certificate, findings, error);
	pga_certificate_free(&certificate);
	return result;
}

int pga_check_anchors(const struct pga_doctor *doctor, struct pga_findings *findings,
		      struct pga_error *error)
{
	struct pga_hidden_environment hidden;
	struct pga_uses uses = {.count = 0};
	char *root_crt;
	int result = 0;

	if (doctor->pins.count == 0)
		return 0;
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	root_crt = pga_libpq_file("root.crt", error);
	result = pga_uses_find(&uses, &doctor->user, &doctor->system, &doctor->policy,
			       &doctor->pins, root_crt != NULL ? root_crt : "", error);
	for (size_t i = 0; result == 0 && i < doctor->pins.count; i++)
		result = judge_anchor(doctor, &uses, &doctor->pins.pins[i], findings, error);
	pga_uses_free(&uses);
	pga_restore_environment(&hidden);
	free(root_crt);
	if (result == 0 && findings->failed)
		return pga_fail_memory(error);
	return result;
}

static void tell_unpinned(const char *path, const struct pga_certificate *root, size_t count,
			  struct pga_findings *findings)
{
	if (root != NULL)
		pga_findings_add(findings, PGA_ROOT_NOT_PINNED, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ROOTS, "%s trusts %s, which nobody has pinned", path,
				 root->subject);
	else
		pga_findings_add(findings, PGA_ROOT_NOT_PINNED, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ROOTS, "%s trusts %zu roots that nobody has pinned",
				 path, count);
	pga_findings_detail(findings, root != NULL
					  ? "without the gate, its CA may stand in for any "
					    "server; with it, its servers are refused"
					  : "without the gate, each of these CAs may stand in for "
					    "any server; with it, their servers are refused");
	pga_findings_hint(findings, "pganchor bootstrap --pin-existing: pins what is in root.crt");
	pga_findings_object(findings, "%s", root != NULL ? root->pin : path);
}

static void judge_roots(const char *path, const struct pga_unpinned_roots *unpinned,
			struct pga_findings *findings)
{
	if (unpinned->count > MOST_NAMED)
		tell_unpinned(path, NULL, unpinned->count, findings);
	for (size_t i = 0; i < unpinned->count && unpinned->count <= MOST_NAMED; i++)
		tell_unpinned(path, &unpinned->roots[i], 1, findings);
	if (unpinned->count + unpinned->pinned > MANY_ROOTS) {
		pga_findings_add(findings, PGA_BUNDLE_LARGE, PGA_SEVERITY_NOTE, PGA_ABOUT_ROOTS,
				 "%s has %zu roots", path, unpinned->count + unpinned->pinned);
		pga_findings_detail(findings, "libpq reads all of them for every connection, which "
					      "takes it about 0.2 ms each");
		pga_findings_hint(findings, "pganchor anchor trim root.crt: takes out what no "
					    "server of the services needs");
		pga_findings_object(findings, "%s", path);
	}
	if (unpinned->readable) {
		pga_findings_add(findings, PGA_ROOT_CRT_CHANGES, PGA_SEVERITY_NOTE, PGA_ABOUT_ROOTS,
				 "%s makes sslmode=require verify the CA, and prefer fall back to "
				 "no TLS",
				 path);
		pga_findings_detail(findings,
				    "libpq verifies by it whatever sslmode says, but for the name: "
				    "a server that any of its CAs has signed is taken for yours "
				    "by require, and with one that none has, prefer goes on in "
				    "plain text");
		pga_findings_object(findings, "%s", path);
	}
}

int pga_check_root_crt(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	struct pga_unpinned_roots unpinned = {.roots = NULL};
	char *path = pga_libpq_file("root.crt", error);
	int result = 0;

	if (path != NULL && access(path, F_OK) == 0)
		result = pga_unpinned_roots_read(&unpinned, path, &doctor->pins, error);
	if (result == 0 && path != NULL)
		judge_roots(path, &unpinned, findings);
	pga_unpinned_roots_free(&unpinned);
	free(path);
	if (result == 0 && findings->failed)
		return pga_fail_memory(error);
	return result;
}
