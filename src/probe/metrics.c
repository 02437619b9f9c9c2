#include "probe/metrics.h"

#include "base/printable.h"

#include <arpa/inet.h>
#include <math.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum metric {
	SUCCESS,
	DURATION,
	DNS_LOOKUP,
	EARLIEST_EXPIRY,
	CHAIN_EXPIRY,
	CHAIN_INFO,
	TLS_VERSION,
	TLS_CIPHER,
	PHASE_CONNECT,
	PHASE_TLS,
	RESULT,
	VERIFIED,
	ANCHOR_PINNED,
	GRADE,
	PLAINTEXT,
	GSS,
	DIRECT,
	CHANNEL_BINDING,
	NAME_ONLY_COMMON,
	CRL_NEXT_UPDATE,
	METRICS
};

struct family {
	const char *name;
	const char *help;
	const char *label; /* of this one of several values of the same metric; or NULL */
};

/* Units are seconds, as Prometheus has it. */
static const struct family families[METRICS] = {
    [SUCCESS] = {"probe_success",
		 "Whether TLS stands and its chain is verified for the host, as policy and pins "
		 "want it.",
		 NULL},
    [DURATION] = {"probe_duration_seconds", "How long the whole probe took.", NULL},
    [DNS_LOOKUP] = {"probe_dns_lookup_time_seconds", "How long looking up the host took.", NULL},
    [EARLIEST_EXPIRY] = {"probe_ssl_earliest_cert_expiry",
			 "When the first of the certificates ends that the server shows, in unix "
			 "time.",
			 NULL},
    [CHAIN_EXPIRY] = {"probe_ssl_last_chain_expiry_timestamp_seconds",
		      "When the first certificate of the verified chain ends, its root among them, "
		      "in unix time.",
		      NULL},
    [CHAIN_INFO] = {"probe_ssl_last_chain_info", "The server's own certificate.", NULL},
    [TLS_VERSION] = {"probe_tls_version_info", "The version of TLS.", NULL},
    [TLS_CIPHER] = {"probe_tls_cipher_info", "The cipher.", NULL},
    [PHASE_CONNECT] = {"pganchor_probe_phase_duration_seconds", "How long each step took.",
		       "connect"},
    [PHASE_TLS] = {"pganchor_probe_phase_duration_seconds", "How long each step took.", "tls"},
    [RESULT] = {"pganchor_probe_result_info",
		"What came of asking for TLS, and why the chain is not verified.", NULL},
    [VERIFIED] = {"pganchor_probe_verified",
		  "Whether the chain is verified for the host, as policy and pins want it.", NULL},
    [ANCHOR_PINNED] = {"pganchor_probe_anchor_pinned",
		       "Whether the verified chain ends in an anchor that is valid for the host.",
		       NULL},
    [GRADE] = {"pganchor_probe_grade",
	       "What the server is worth to a client: 1 is A, 2 is B, and so on to 6, which is F.",
	       NULL},
    [PLAINTEXT] = {"pganchor_probe_plaintext_accepted",
		   "Whether the server lets a client go on without encryption.", NULL},
    [GSS] = {"pganchor_probe_gssapi_encryption", "Whether the server takes GSSAPI encryption.",
	     NULL},
    [DIRECT] = {"pganchor_probe_direct_tls", "Whether the server takes TLS without an SSLRequest.",
		NULL},
    [CHANNEL_BINDING] = {"pganchor_probe_channel_binding",
			 "Whether libpq's channel binding works with the server's certificate.",
			 NULL},
    [NAME_ONLY_COMMON] = {"pganchor_probe_common_name_only",
			  "Whether the certificate names the host in its common name alone, which "
			  "many drivers do not look at.",
			  NULL},
    [CRL_NEXT_UPDATE] =
	{"pganchor_probe_crl_next_update_timestamp_seconds",
	 "When the first of the CRLs of this chain has to be replaced, in unix time.", NULL},
};

struct pga_metrics_row {
	char *labels;           /* of every value: target="…",service="…" */
	double values[METRICS]; /* NaN: there is none */
	char *info[METRICS];    /* labels of a value of its own; or NULL */
};

/* Backslash, quotation mark and line end are escaped; what is no UTF-8 is not allowed, and shown as
 * \xNN. */
static void add_label(struct pga_text *labels, const char *name, const char *value)
{
	struct pga_text printable = PGA_TEXT_EMPTY;
	const char *rest;

	pga_text_add_printable(&printable, value, "\n");
	labels->failed = labels->failed || printable.failed;
	pga_text_addf(labels, "%s%s=\"", labels->length > 0 ? "," : "", name);
	for (rest = pga_text_string(&printable); *rest != '\0'; rest++) {
		if (*rest == '\\' || *rest == '"')
			pga_text_addf(labels, "\\%c", *rest);
		else if (*rest == '\n')
			pga_text_add(labels, "\\n");
		else
			pga_text_add_bytes(labels, rest, 1);
	}
	pga_text_add(labels, "\"");
	pga_text_free(&printable);
}

static char *own_labels(const struct pga_fleet_server *server)
{
	struct pga_text labels = PGA_TEXT_EMPTY;

	add_label(&labels, "target", server->label);
	if (server->services[0] != '\0')
		add_label(&labels, "service", server->services);
	if (server->target->address[0] != '\0')
		add_label(&labels, "hostaddr", server->target->address);
	return pga_text_take(&labels);
}

static void add_address(struct pga_text *text, const ASN1_OCTET_STRING *address)
{
	const int length = ASN1_STRING_length(address);
	char shown[INET6_ADDRSTRLEN];

	if ((length == 4 || length == 16) &&
	    inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), shown,
		      sizeof shown) != NULL)
		pga_text_addf(text, "%s%s", text->length > 0 ? "," : "", shown);
}

static void add_dns(struct pga_text *text, const ASN1_IA5STRING *name)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(name);
	const size_t length = (size_t)ASN1_STRING_length(name);

	if (memchr(bytes, '\0', length) != NULL)
		return;
	pga_text_add(text, text->length > 0 ? "," : "");
	pga_text_add_bytes(text, bytes, length);
}

/* The names that the certificate is for, "," between, as blackbox_exporter writes them. */
static void add_names(struct pga_text *labels, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct pga_text text = PGA_TEXT_EMPTY;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			add_dns(&text, name->d.dNSName);
		else if (name->type == GEN_IPADD)
			add_address(&text, name->d.iPAddress);
	}
	labels->failed = labels->failed || text.failed;
	add_label(labels, "subjectalternative", pga_text_string(&text));
	pga_text_free(&text);
	GENERAL_NAMES_free(names);
}

static void add_serial(struct pga_text *labels, X509 *certificate)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *hex = number != NULL ? BN_bn2hex(number) : NULL;

	for (char *c = hex; c != NULL && *c != '\0'; c++)
		*c = pga_lower(*c);
	labels->failed = labels->failed || hex == NULL;
	add_label(labels, "serialnumber",
		  hex == NULL                       ? ""
		  : hex[0] == '0' && hex[1] != '\0' ? hex + 1
						    : hex);
	OPENSSL_free(hex);
	BN_free(number);
}

static char *chain_labels(const struct pga_probe_certificate *own)
{
	struct pga_text labels = PGA_TEXT_EMPTY;

	add_label(&labels, "fingerprint_sha256", own->certificate.pin);
	add_label(&labels, "subject", own->certificate.subject);
	add_label(&labels, "issuer", own->certificate.issuer);
	add_serial(&labels, own->certificate.x509);
	add_names(&labels, own->certificate.x509);
	return pga_text_take(&labels);
}

static char *one_label(const char *name, const char *value)
{
	struct pga_text labels = PGA_TEXT_EMPTY;

	add_label(&labels, name, value);
	return pga_text_take(&labels);
}

static char *result_labels(const struct pga_probe *probe)
{
	struct pga_text labels = PGA_TEXT_EMPTY;

	add_label(&labels, "answer", pga_probe_answer_word(probe->answer));
	add_label(&labels, "fault", pga_probe_fault_word(probe->fault));
	return pga_text_take(&labels);
}

/* Go's crypto/tls calls it "TLS 1.3", and so blackbox_exporter does. */
static char *version_label(const char *protocol)
{
	struct pga_text version = PGA_TEXT_EMPTY;
	const bool modern = strncmp(protocol, "TLSv", 4) == 0;
	char *labels;

	pga_text_addf(&version, modern ? "TLS %s" : "%s", modern ? protocol + 4 : protocol);
	labels = version.failed ? NULL : one_label("version", pga_text_string(&version));
	pga_text_free(&version);
	return labels;
}

static double said(enum pga_probe_said said)
{
	return said == PGA_PROBE_NOT_SAID ? (double)NAN : said == PGA_PROBE_YES ? 1 : 0;
}

/* NaN is no value. */
static double earlier(double one, double other)
{
	return isnan(one) || other < one ? other : one;
}

/* In unix time; NaN for a date that cannot be read. */
static double moment_of(const ASN1_TIME *time)
{
	struct tm date;

	return time != NULL && ASN1_TIME_to_tm(time, &date) == 1 ? (double)timegm(&date)
								 : (double)NAN;
}

static bool has_issuer(const struct pga_probe *probe, const X509_NAME *issuer)
{
	for (size_t i = 0; i < probe->length; i++)
		if (X509_NAME_cmp(issuer, X509_get_issuer_name(probe->chain[i].certificate.x509)) ==
		    0)
			return true;
	return false;
}

/* Of those that whoever has signed a certificate of this chain has signed. */
static double first_update(const struct pga_probe_trust *trust, const struct pga_probe *probe)
{
	X509_STORE *store;
	const STACK_OF(X509_OBJECT) * objects;
	double first = (double)NAN;

	if (!trust->crls || trust->trusted.tls == NULL)
		return first;
	store = SSL_CTX_get_cert_store(trust->trusted.tls);
	(void)X509_STORE_lock(store);
	objects = X509_STORE_get0_objects(store);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));

		if (crl != NULL && has_issuer(probe, X509_CRL_get_issuer(crl)))
			first = earlier(first, moment_of(X509_CRL_get0_nextUpdate(crl)));
	}
	(void)X509_STORE_unlock(store);
	return first;
}

static void fill_chain(struct pga_metrics_row *row, const struct pga_probe *probe)
{
	for (size_t i = 0; i < probe->length; i++) {
		const struct pga_probe_certificate *certificate = &probe->chain[i];

		if (certificate->sent)
			row->values[EARLIEST_EXPIRY] =
			    earlier(row->values[EARLIEST_EXPIRY], (double)certificate->not_after);
		if (certificate->is_root && probe->verified_by_libpq)
			row->values[ANCHOR_PINNED] =
			    certificate->anchor != NULL && certificate->anchor_is_for_host;
	}
	if (probe->verified_by_libpq && probe->earliest != 0)
		row->values[CHAIN_EXPIRY] = (double)probe->earliest;
	row->values[NAME_ONLY_COMMON] = probe->names == NULL || probe->names[0] == '\0';
}

static void fill_session(struct pga_metrics_row *row, const struct pga_fleet_server *server,
			 const struct pga_probe *probe)
{
	row->values[PHASE_CONNECT] = probe->connected;
	row->values[PHASE_TLS] = probe->shaken;
	row->values[CHANNEL_BINDING] = probe->no_digest == NULL;
	row->values[CRL_NEXT_UPDATE] = first_update(server->target->trust, probe);
	row->values[TLS_VERSION] = row->values[TLS_CIPHER] = 1;
	row->info[TLS_VERSION] = version_label(probe->protocol);
	row->info[TLS_CIPHER] = one_label("cipher", probe->cipher);
	if (probe->length == 0)
		return;
	row->values[CHAIN_INFO] = 1;
	row->info[CHAIN_INFO] = chain_labels(&probe->chain[0]);
	fill_chain(row, probe);
}

/* Whether memory ran out for some label. */
static bool lacks_labels(const struct pga_metrics_row *row)
{
	static const enum metric labelled[] = {CHAIN_INFO, TLS_VERSION, TLS_CIPHER, RESULT};

	for (size_t i = 0; i < sizeof labelled / sizeof labelled[0]; i++)
		if (!isnan(row->values[labelled[i]]) && row->info[labelled[i]] == NULL)
			return true;
	return row->labels == NULL;
}

struct pga_metrics_row *pga_metrics_row(const struct pga_fleet_server *server,
					const struct pga_probe *probe,
					const struct pga_grade *grade)
{
	struct pga_metrics_row *row = calloc(1, sizeof *row);
	const bool stands = probe->answer == PGA_PROBE_TLS;

	if (row == NULL)
		return NULL;
	for (size_t i = 0; i < METRICS; i++)
		row->values[i] = (double)NAN;
	row->labels = own_labels(server);
	row->values[SUCCESS] = row->values[VERIFIED] = stands && probe->verified;
	row->values[DURATION] = probe->all;
	row->values[DNS_LOOKUP] = probe->resolved;
	row->values[RESULT] = 1;
	row->info[RESULT] = result_labels(probe);
	if (grade->letter >= 'A' && grade->letter <= 'F')
		row->values[GRADE] = grade->letter - 'A' + 1;
	row->values[PLAINTEXT] = said(probe->plain);
	row->values[GSS] = said(probe->gss);
	row->values[DIRECT] = said(probe->direct);
	if (stands)
		fill_session(row, server, probe);
	if (!lacks_labels(row))
		return row;
	pga_metrics_row_free(row);
	return NULL;
}

void pga_metrics_row_free(struct pga_metrics_row *row)
{
	if (row == NULL)
		return;
	for (size_t i = 0; i < METRICS; i++)
		free(row->info[i]);
	free(row->labels);
	free(row);
}

static void add_value(struct pga_text *text, enum metric metric, const struct pga_metrics_row *row)
{
	const double value = row->values[metric];
	const char *label = families[metric].label;

	pga_text_addf(text, "%s{%s", families[metric].name, row->labels);
	if (label != NULL)
		pga_text_addf(text, ",phase=\"%s\"", label);
	if (row->info[metric] != NULL)
		pga_text_addf(text, ",%s", row->info[metric]);
	pga_text_addf(text, "} %.*f\n", value == (double)(long long)value ? 0 : 6, value);
}

/* What has no value for any server is left out. Those of one name stand together. */
void pga_metrics_add(struct pga_text *text, struct pga_metrics_row *const *rows, size_t count)
{
	const char *shown = "";

	for (size_t metric = 0; metric < METRICS; metric++)
		for (size_t i = 0; i < count; i++) {
			const char *name = families[metric].name;

			if (isnan(rows[i]->values[metric]))
				continue;
			if (strcmp(name, shown) != 0)
				pga_text_addf(text, "# HELP %s %s\n# TYPE %s gauge\n", name,
					      families[metric].help, name);
			shown = name;
			add_value(text, (enum metric)metric, rows[i]);
		}
}
