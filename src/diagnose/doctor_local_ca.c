/* The development CA of one's own. */
#include "diagnose/doctor_checks.h"

#include "cert/local_ca.h"
#include "cert/record.h"
#include "cert/state.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <string.h>
#include <unistd.h>

#define ABOUT_LOCAL_CA "local CA"

static const char makes[] = "pganchor ca local create";

/* What OpenSSL takes for the system's roots holds this one. */
static bool is_in_system_store(const struct pga_local_ca *ca)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_OBJECT *object = NULL;
	bool there = false;

	if (store != NULL && context != NULL && X509_STORE_set_default_paths(store) == 1 &&
	    X509_STORE_CTX_init(context, store, NULL, NULL) == 1)
		object = X509_STORE_CTX_get_obj_by_subject(context, X509_LU_X509,
							   X509_get_subject_name(ca->root.x509));
	if (object != NULL)
		there = EVP_PKEY_eq(X509_get0_pubkey(X509_OBJECT_get0_X509(object)), ca->key) == 1;
	X509_OBJECT_free(object);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return there;
}

static void judge_store(const struct pga_local_ca *ca, struct pga_findings *findings)
{
	if (!is_in_system_store(ca))
		return;
	pga_findings_add(
	    findings, PGA_LOCAL_CA_IN_SYSTEM_STORE, PGA_SEVERITY_WARNING, ABOUT_LOCAL_CA,
	    "the local CA is among the roots that every program of this machine trusts");
	pga_findings_detail(findings, "it is for the servers of PostgreSQL that it was pinned for; "
				      "pganchor does not put it there");
	pga_findings_hint(findings, "take it out of there, as Debian's update-ca-certificates "
				    "does without its file in /usr/local/share/ca-certificates");
	pga_findings_object(findings, "%s", ca->crt_path);
}

static void judge_end(const struct pga_local_ca *ca, time_t now, struct pga_findings *findings)
{
	const bool ended = X509_cmp_time(X509_get0_notAfter(ca->root.x509), &now) < 0;

	if (!ended && !pga_local_ca_is_due(ca))
		return;
	pga_findings_add(findings, PGA_LOCAL_CA_ENDS,
			 ended ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, ABOUT_LOCAL_CA,
			 ended ? "the local CA ended %s"
			       : "the local CA is to be signed anew, and ends %s",
			 ca->root.not_after);
	pga_findings_detail(findings, "with the same key: what it has signed stays valid, or is so "
				      "again");
	pga_findings_hint(findings, "%s", makes);
	pga_findings_object(findings, "%s", ca->crt_path);
}

static void judge_pin(const struct pga_local_ca *ca, const struct pga_doctor *doctor,
		      struct pga_findings *findings)
{
	const struct pga_pin *pin = NULL;

	if (doctor->broken)
		return;
	for (size_t i = 0; i < doctor->pins.count && pin == NULL; i++)
		if (strcmp(doctor->pins.pins[i].pin, ca->root.pin) == 0)
			pin = &doctor->pins.pins[i];
	if (pin != NULL && pin->scoped)
		return;
	pga_findings_add(findings, pin == NULL ? PGA_LOCAL_CA_NOT_PINNED : PGA_LOCAL_CA_NOT_SCOPED,
			 pin == NULL ? PGA_SEVERITY_WARNING : PGA_SEVERITY_NOTE, ABOUT_LOCAL_CA,
			 pin == NULL ? "the local CA is not pinned"
				     : "the local CA is in root.crt, which is for all servers");
	if (pin == NULL) {
		pga_findings_detail(findings, "no connection takes what it has signed");
		pga_findings_hint(findings, "%s", makes);
	} else {
		pga_findings_detail(findings, "its name constraints keep it from signing for "
					      "others than this machine's");
		pga_findings_hint(
		    findings, "pganchor ca local remove --yes && %s: makes another, scoped", makes);
	}
	pga_findings_object(findings, "%s", pin == NULL ? ca->crt_path : pin->name);
}

/* A file that should show what it has signed has another's, or what a CA that is gone has signed.
 */
static int judge_signed(const struct pga_local_ca *ca, const struct pga_cert_record *record,
			time_t now, struct pga_findings *findings, struct pga_error *error)
{
	const struct pga_cert_files files = {record->certificate, record->key, record->server};
	struct pga_cert_state state;
	int result;

	if (strcmp(record->way, PGA_CERT_WAY_LOCAL) != 0 || record->ca[0] != '\0')
		return 0;
	result = pga_cert_look(&files, now, &state, error);
	if (result == 0 && pga_cert_leaf(&state) != NULL &&
	    (!ca->found || X509_verify(pga_cert_leaf(&state), ca->key) != 1)) {
		pga_findings_add(
		    findings, PGA_LOCAL_CA_HAS_NOT_SIGNED, PGA_SEVERITY_WARNING, ABOUT_LOCAL_CA,
		    "the certificate %s is not one of the local CA that there is", record->name);
		pga_findings_detail(findings,
				    "%s: whoever trusts the local CA refuses it, and it cannot be "
				    "renewed",
				    record->certificate);
		pga_findings_hint(findings, "pganchor cert forget %s: or bring back what was there",
				  record->name);
		pga_findings_object(findings, "%s", record->name);
	}
	ERR_clear_error();
	pga_cert_state_free(&state);
	return result;
}

static int judge_all_signed(const struct pga_local_ca *ca, time_t now,
			    struct pga_findings *findings, struct pga_error *error)
{
	struct pga_cert_records records;
	struct pga_error told; /* by the check of the certificates */
	int result = 0;

	if (pga_cert_records_read(&records, &told) == 0)
		for (size_t i = 0; i < records.count && result == 0; i++)
			result = judge_signed(ca, &records.records[i], now, findings, error);
	pga_cert_records_free(&records);
	return result;
}

int pga_check_local_ca(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	struct pga_local_ca ca;
	struct pga_error why;
	int result = 0;

	if (pga_local_ca_open(&ca, NULL, &why) != 0) {
		/* Without a home there is none. */
		if (ca.crt_path != NULL) {
			pga_findings_add(findings, PGA_LOCAL_CA_BROKEN, PGA_SEVERITY_ERROR,
					 ABOUT_LOCAL_CA, "the local CA cannot be used");
			pga_findings_detail(findings, "%s", why.message);
			pga_findings_hint(
			    findings, "pganchor ca local remove --yes && %s: makes another", makes);
			pga_findings_object(findings, "%s", ca.key_path);
		}
	} else {
		if (ca.found) {
			judge_end(&ca, doctor->now, findings);
			judge_pin(&ca, doctor, findings);
			if (!doctor->quick)
				judge_store(&ca, findings);
		}
		result = judge_all_signed(&ca, doctor->now, findings, error);
	}
	pga_local_ca_free(&ca);
	if (result != 0)
		return -1;
	return findings->failed ? pga_fail_memory(error) : 0;
}
