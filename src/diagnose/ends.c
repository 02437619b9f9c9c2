#include "diagnose/ends.h"

#include "policy/trust.h"
#include "tls/at_time.h"
#include "tls/certificate.h"
#include "tls/twins.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

const char *pga_end_kind_word(enum pga_end_kind kind)
{
	static const char *const words[] = {
	    [PGA_END_LEAF] = "leaf",       [PGA_END_INTERMEDIATE] = "intermediate",
	    [PGA_END_ROOT] = "root",       [PGA_END_CRL] = "crl",
	    [PGA_END_NO_ROOT] = "no-root", [PGA_END_NOT_PINNED] = "root-not-pinned",
	    [PGA_END_REFUSED] = "refused",
	};

	return words[kind];
}

struct pga_end *pga_ends_add(struct pga_ends *ends, size_t server, enum pga_end_kind kind,
			     time_t at, const char *subject, const char *reason)
{
	struct pga_end *grown = reallocarray(ends->list, ends->count + 1, sizeof *grown);
	struct pga_end *end;

	if (grown == NULL)
		return NULL;
	ends->list = grown;
	end = &grown[ends->count];
	memset(end, 0, sizeof *end);
	end->server = server;
	end->kind = kind;
	end->at = at;
	end->subject = strdup(subject);
	end->reason = strdup(reason);
	if (end->subject != NULL && end->reason != NULL) {
		ends->count++;
		return end;
	}
	free(end->subject);
	free(end->reason);
	return NULL;
}

void pga_ends_free(struct pga_ends *ends)
{
	for (size_t i = 0; i < ends->count; i++) {
		free(ends->list[i].subject);
		free(ends->list[i].reason);
	}
	free(ends->list);
	memset(ends, 0, sizeof *ends);
}

/* The moments at which something changes. */
struct moments {
	time_t *list;
	size_t count;
	bool failed;
};

static void add_moment(struct moments *moments, const struct pga_ends_question *question, time_t at)
{
	time_t *grown;

	if (at <= question->now || at > question->last || moments->failed)
		return;
	grown = reallocarray(moments->list, moments->count + 1, sizeof *grown);
	if (grown == NULL) {
		moments->failed = true;
		return;
	}
	moments->list = grown;
	grown[moments->count++] = at;
}

/* Whether the date itself is still good is OpenSSL's to say, and not the same in every release. */
static void add_date(struct moments *moments, const struct pga_ends_question *question,
		     const ASN1_TIME *date)
{
	const time_t at = pga_time_of(date);

	if (at == 0)
		return;
	add_moment(moments, question, at);
	add_moment(moments, question, at + 1);
}

static void add_certificate(struct moments *moments, const struct pga_ends_question *question,
			    const X509 *certificate)
{
	add_date(moments, question, X509_get0_notBefore(certificate));
	add_date(moments, question, X509_get0_notAfter(certificate));
}

static int earlier_first(const void *one, const void *other)
{
	const time_t a = *(const time_t *)one;
	const time_t b = *(const time_t *)other;

	return (a > b) - (a < b);
}

/* In their order; some may be there twice. */
static int find_moments(const struct pga_ends_question *question, struct moments *moments)
{
	const STACK_OF(X509_OBJECT) *objects =
	    X509_STORE_get0_objects(SSL_CTX_get_cert_store(question->trusted->tls));

	for (int i = 0; i < sk_X509_num(question->chain); i++)
		add_certificate(moments, question, sk_X509_value(question->chain, i));
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
		const X509 *certificate = X509_OBJECT_get0_X509(object);
		const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(object);

		if (certificate != NULL)
			add_certificate(moments, question, certificate);
		if (crl == NULL)
			continue;
		add_date(moments, question, X509_CRL_get0_lastUpdate(crl));
		add_date(moments, question, X509_CRL_get0_nextUpdate(crl));
	}
	if (moments->count > 1)
		qsort(moments->list, moments->count, sizeof *moments->list, earlier_first);
	return moments->failed ? -1 : 0;
}

bool pga_pinned_after(const struct pga_pins *pins, const struct pga_root_changes *changes,
		      const char *pin, const char *host)
{
	if (pga_root_is_without(changes, pin))
		return false;
	return pga_root_is_with(changes, pin) || pga_root_is_valid_for(pins, pin, host);
}

/* What the gate says of a chain that libpq verifies (policy/trust.h), twins and all. *pin is that
 * of the root. */
static int is_pinned(const struct pga_ends_question *question, const struct pga_verified *verified,
		     char pin[PGA_PIN_LENGTH + 1], bool *pinned, struct pga_error *error)
{
	struct pga_twins twins = {0};
	int result;

	if (pga_certificate_pin(sk_X509_value(verified->chain, sk_X509_num(verified->chain) - 1),
				pin) != 0)
		return pga_fail_memory(error);
	*pinned = pga_pinned_after(question->pins, question->changes, pin, question->host);
	if (*pinned)
		return 0;
	result = pga_twins_of_chain(verified->chain, SSL_CTX_get_cert_store(question->trusted->tls),
				    &twins, error);
	for (size_t i = 0; i < twins.count; i++)
		*pinned = *pinned || pga_pinned_after(question->pins, question->changes,
						      twins.pins[i], question->host);
	pga_twins_free(&twins);
	return result;
}

static enum pga_end_kind kind_of(const struct pga_fault *fault)
{
	if (pga_fault_is_of_crl(fault))
		return PGA_END_CRL;
	if (pga_fault_is_no_root(fault))
		return PGA_END_NO_ROOT;
	if (!pga_fault_is_of_time(fault) && fault->code != X509_V_ERR_CERT_REVOKED)
		return PGA_END_REFUSED;
	if (fault->certificate != NULL &&
	    (X509_get_extension_flags(fault->certificate) & EXFLAG_SS) != 0)
		return PGA_END_ROOT;
	return fault->depth == 0 ? PGA_END_LEAF : PGA_END_INTERMEDIATE;
}

static char *subject_of(const struct pga_fault *fault)
{
	if (fault->crl != NULL)
		return pga_x509_name(X509_CRL_get_issuer(fault->crl));
	if (fault->certificate == NULL)
		return strdup("");
	/* A CRL that is not there is that of the certificate's issuer. */
	return pga_x509_name(pga_fault_is_of_crl(fault)
				 ? X509_get_issuer_name(fault->certificate)
				 : X509_get_subject_name(fault->certificate));
}

/* One walk through the moments. The ends that it has added and that are not over. */
struct walk {
	const struct pga_ends_question *question;
	struct pga_ends *ends;
	size_t first;
	time_t at;
};

static struct pga_end *find_open(const struct walk *walk, enum pga_end_kind kind, const char *id)
{
	for (size_t i = walk->first; i < walk->ends->count; i++) {
		struct pga_end *end = &walk->ends->list[i];

		if (end->until == 0 && end->kind == kind && strcmp(end->id, id) == 0)
			return end;
	}
	return NULL;
}

static bool any_open(const struct walk *walk)
{
	for (size_t i = walk->first; i < walk->ends->count; i++)
		if (walk->ends->list[i].until == 0)
			return true;
	return false;
}

static bool has_fault(const struct pga_verified *verified, const struct pga_end *end)
{
	for (size_t i = 0; i < verified->count; i++)
		if (kind_of(&verified->faults[i]) == end->kind &&
		    strcmp(verified->faults[i].id, end->id) == 0)
			return true;
	return false;
}

/* Those of which nothing is to be seen any more. */
static void close_ends(const struct walk *walk, const struct pga_verified *verified,
		       const char *unpinned)
{
	for (size_t i = walk->first; i < walk->ends->count; i++) {
		struct pga_end *end = &walk->ends->list[i];
		const bool goes_on = end->kind == PGA_END_NOT_PINNED
					 ? unpinned != NULL && strcmp(unpinned, end->id) == 0
					 : has_fault(verified, end);

		if (end->until == 0 && !goes_on)
			end->until = walk->at;
	}
}

/* Everything that is wrong then is the leaf's. */
static bool new_leaf_helps(const struct pga_verified *verified, const char *unpinned)
{
	bool helps = unpinned == NULL && verified->count > 0;

	for (size_t i = 0; i < verified->count; i++)
		helps = helps && kind_of(&verified->faults[i]) == PGA_END_LEAF;
	return helps;
}

/* What has ended before now has its own date. */
static time_t moment_of(const struct walk *walk, const struct pga_fault *fault)
{
	const time_t date = pga_fault_date(fault);
	const bool has_ended =
	    fault->code == X509_V_ERR_CERT_HAS_EXPIRED || fault->code == X509_V_ERR_CRL_HAS_EXPIRED;

	return walk->at == walk->question->now && has_ended && date != 0 ? date : walk->at;
}

static int open_end(const struct walk *walk, const struct pga_fault *fault, bool behind,
		    bool new_leaf)
{
	char *subject = subject_of(fault);
	struct pga_end *end = NULL;

	if (subject != NULL)
		end = pga_ends_add(walk->ends, walk->question->server, kind_of(fault),
				   moment_of(walk, fault), subject,
				   X509_verify_cert_error_string(fault->code));
	free(subject);
	if (end == NULL)
		return -1;
	memcpy(end->id, fault->id, sizeof end->id);
	end->behind = behind;
	end->new_leaf = new_leaf;
	return 0;
}

static int open_unpinned(const struct walk *walk, const struct pga_verified *verified,
			 const char *unpinned, bool behind)
{
	char *subject = pga_x509_name(X509_get_subject_name(
	    sk_X509_value(verified->chain, sk_X509_num(verified->chain) - 1)));
	struct pga_end *end = NULL;

	if (subject != NULL)
		end =
		    pga_ends_add(walk->ends, walk->question->server, PGA_END_NOT_PINNED, walk->at,
				 subject, "the root is not pinned for this host (trust = pinned)");
	free(subject);
	if (end == NULL)
		return -1;
	memcpy(end->id, unpinned, sizeof end->id);
	end->behind = behind;
	return 0;
}

static int compare(const struct walk *walk, const struct pga_verified *verified,
		   const char *unpinned)
{
	const bool new_leaf = new_leaf_helps(verified, unpinned);
	bool behind;

	close_ends(walk, verified, unpinned);
	behind = any_open(walk);
	for (size_t i = 0; i < verified->count; i++) {
		const struct pga_fault *fault = &verified->faults[i];

		if (find_open(walk, kind_of(fault), fault->id) == NULL &&
		    open_end(walk, fault, behind, new_leaf) != 0)
			return -1;
	}
	if (unpinned != NULL && find_open(walk, PGA_END_NOT_PINNED, unpinned) == NULL)
		return open_unpinned(walk, verified, unpinned, behind || verified->count > 0);
	return 0;
}

static bool has_root(const struct pga_verified *verified)
{
	for (size_t i = 0; i < verified->count; i++)
		if (pga_fault_is_no_root(&verified->faults[i]))
			return false;
	return sk_X509_num(verified->chain) > 0;
}

static int look_at(const struct walk *walk, struct pga_error *error)
{
	const struct pga_ends_question *question = walk->question;
	char pin[PGA_PIN_LENGTH + 1] = "";
	struct pga_verified verified;
	bool pinned = true;
	int result = pga_verify_at(question->chain, question->trusted->tls, question->as_server,
				   walk->at, &verified, error);

	if (result == 0 && question->pins != NULL && has_root(&verified))
		result = is_pinned(question, &verified, pin, &pinned, error);
	if (result == 0 && compare(walk, &verified, pinned ? NULL : pin) != 0)
		result = pga_fail_memory(error);
	pga_verified_free(&verified);
	return result;
}

int pga_ends_find(const struct pga_ends_question *question, struct pga_ends *ends,
		  struct pga_error *error)
{
	struct walk walk = {.question = question, .ends = ends, .first = ends->count};
	struct moments moments = {.list = NULL};
	int result = 0;

	if (find_moments(question, &moments) != 0)
		result = pga_fail_memory(error);
	walk.at = question->now;
	if (result == 0)
		result = look_at(&walk, error);
	for (size_t i = 0; result == 0 && i < moments.count; i++) {
		if (i > 0 && moments.list[i] == moments.list[i - 1])
			continue;
		walk.at = moments.list[i];
		result = look_at(&walk, error);
	}
	free(moments.list);
	return result;
}
