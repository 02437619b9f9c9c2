/* Who the server is, and who is asking; its settings, its roles and its certificate. */
#include "audit/collect.h"

#include "audit/mask.h"
#include "tls/at_time.h"
#include "tls/certificate.h"
#include "tls/certificate_text.h"
#include "tls/twins.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SETTINGS 200
#define MOST_ROLES    10000

static const char who[] =
    "SELECT pg_catalog.current_setting('server_version'), "
    "pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(), "
    "current_user, pg_catalog.current_database(), pg_catalog.host(pg_catalog.inet_server_addr()), "
    "pg_catalog.current_setting('cluster_name'), "
    "(SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) "
    "current_user), pg_catalog.pg_has_role('pg_monitor', 'USAGE'), pg_catalog.pg_backend_pid()";

struct asking {
	struct pga_audit *audit;
	long process; /* that the server says it is by the protocol */
};

static void take_who(void *context, const PGresult *row)
{
	const struct asking *asking = context;
	struct pga_audit *audit = asking->audit;

	audit->release = pga_audit_column(audit, row, 0);
	audit->version = (int)pga_audit_number(row, 1);
	audit->standby = pga_audit_true(row, 2);
	audit->user = pga_audit_column(audit, row, 3);
	audit->database = pga_audit_column(audit, row, 4);
	audit->address = pga_audit_column(audit, row, 5);
	audit->cluster = pga_audit_masked(audit, row, 6);
	audit->superuser = pga_audit_true(row, 7);
	audit->monitor = audit->superuser || pga_audit_true(row, 8);
	audit->pooled = pga_audit_number(row, 9) != asking->process;
}

int pga_audit_collect_server(struct pga_audit *audit, struct pga_audit_connection *connection,
			     struct pga_error *error)
{
	const char *host = PQhost(connection->connection);
	const char *port = PQport(connection->connection);

	struct asking asking = {audit, PQbackendPID(connection->connection)};

	audit->now = time(NULL);
	audit->host = pga_audit_copy(audit, host != NULL ? host : "");
	audit->port = pga_audit_copy(audit, port != NULL ? port : "");
	if (pga_audit_ask(connection, who, 1, take_who, &asking, error) != 0)
		return -1;
	if (audit->release == NULL || audit->user == NULL)
		return audit->failed ? pga_fail_memory(error)
				     : pga_fail(error, NULL, "it does not say who it is");
	if (audit->pooled)
		pga_audit_not_seen(audit,
				   "how clients, and the server, are connected to the pooler",
				   "a connection pooler answers in the server's place: the "
				   "certificate is the pooler's, and the sessions are its own",
				   "");
	else if (audit->protocol != NULL && audit->protocol[0] == '\0')
		pga_audit_not_seen(audit, "the certificate that it shows over the network",
				   "the audit came by a Unix-domain socket, or without TLS", "");
	return 0;
}

static const char settings[] =
    "SELECT name, setting, source, sourcefile, pending_restart, sourceline "
    "FROM pg_catalog.pg_settings "
    "WHERE name OPERATOR(pg_catalog.~) '^ssl' OR name OPERATOR(pg_catalog.=) ANY (ARRAY["
    "'password_encryption', 'listen_addresses', 'hba_file', 'hosts_file', 'data_directory', "
    "'allow_alter_system', 'krb_server_keyfile', 'md5_password_warnings', 'log_connections']) "
    "ORDER BY name";

static void take_setting(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_setting *setting =
	    pga_audit_grow(audit, &audit->settings, &audit->setting_count, sizeof *setting);
	struct pga_text value = PGA_TEXT_EMPTY;

	if (setting == NULL)
		return;
	setting->name = pga_audit_column(audit, row, 0);
	pga_audit_mask_setting(&value, pga_audit_value(row, 0), pga_audit_value(row, 1));
	setting->value = pga_audit_take_text(audit, &value);
	setting->source = pga_audit_column(audit, row, 2);
	setting->file = pga_audit_column(audit, row, 3);
	setting->pending = pga_audit_true(row, 4);
	setting->line = pga_audit_number(row, 5);
}

int pga_audit_collect_settings(struct pga_audit *audit, struct pga_audit_connection *connection,
			       struct pga_error *error)
{
	const int asked =
	    pga_audit_ask(connection, settings, MOST_SETTINGS, take_setting, audit, error);
	const char *data = pga_audit_setting(audit, "data_directory");
	const char *hba = pga_audit_setting(audit, "hba_file");

	audit->data = pga_audit_copy(audit, data != NULL ? data : "");
	audit->hba_file = pga_audit_copy(audit, hba != NULL ? hba : "");
	if (asked > 0)
		pga_audit_not_seen(audit, "the settings", error->message, "");
	else if (asked == 0 && hba == NULL)
		pga_audit_not_seen(audit, "the settings that name files",
				   "only pg_read_all_settings sees them", "GRANT pg_monitor TO %s");
	return asked < 0 ? -1 : 0;
}

static void take_role(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	char **role =
	    pga_audit_grow(audit, &audit->md5_roles, &audit->md5_role_count, sizeof *role);

	if (role != NULL)
		*role = pga_audit_column(audit, row, 0);
}

/* Not the passwords, nor what they are stored as, is asked for. */
int pga_audit_collect_roles(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error)
{
	const int asked = pga_audit_ask(
	    connection,
	    "SELECT rolname FROM pg_catalog.pg_authid WHERE rolpassword OPERATOR(pg_catalog.~) "
	    "'^md5[0-9a-f]{32}$' ORDER BY rolname",
	    MOST_ROLES, take_role, audit, error);

	if (asked > 0)
		pga_audit_not_seen(audit, "which passwords are stored as MD5", error->message, "");
	return asked < 0 ? -1 : 0;
}

/* By the measures of probe's grades. A root's signature of itself is looked at by nobody. */
static char *weakness_of(struct pga_audit *audit, X509 *x509)
{
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	const bool is_root =
	    X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0;
	struct pga_text weak = PGA_TEXT_EMPTY;
	int digest = NID_undef;

	if (key == NULL || EVP_PKEY_get_security_bits(key) < 112)
		pga_text_addf(&weak, "its key has %d bits",
			      key != NULL ? EVP_PKEY_get_bits(key) : 0);
	if (!is_root && OBJ_find_sigid_algs(X509_get_signature_nid(x509), &digest, NULL) == 1 &&
	    (digest == NID_sha1 || digest == NID_md5))
		pga_text_addf(&weak, "%sit is signed by %s", weak.length > 0 ? ", and " : "",
			      OBJ_nid2ln(digest));
	if (weak.length > 0)
		return pga_audit_take_text(audit, &weak);
	audit->failed = audit->failed || weak.failed;
	pga_text_free(&weak);
	return NULL;
}

static void add_certificate(struct pga_audit *audit, X509 *x509)
{
	struct pga_audit_certificate *item;
	struct pga_certificate certificate;
	struct pga_text key = PGA_TEXT_EMPTY;
	struct pga_text signature = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	char *names;

	if (pga_certificate_of(&certificate, x509, &ignored) != 0) {
		audit->failed = true;
		return;
	}
	item = pga_audit_grow(audit, &audit->chain, &audit->chain_length, sizeof *item);
	if (item != NULL) {
		pga_certificate_tell_key(&certificate, &key);
		pga_certificate_tell_signature(&certificate, &signature);
		/* Without memory for them, it would be said that it has none. */
		names = pga_x509_alternative_names(x509);
		audit->failed = audit->failed || names == NULL;
		item->subject = pga_audit_copy(audit, certificate.subject);
		item->issuer = pga_audit_copy(audit, certificate.issuer);
		item->names = pga_audit_copy(audit, names != NULL ? names : "");
		item->from = pga_audit_copy(audit, certificate.not_before);
		item->to = pga_audit_copy(audit, certificate.not_after);
		item->key = pga_audit_copy(audit, pga_text_string(&key));
		item->signature = pga_audit_copy(audit, pga_text_string(&signature));
		item->pin = pga_audit_copy(audit, certificate.pin);
		item->weak = weakness_of(audit, x509);
		item->begins = pga_time_of(X509_get0_notBefore(x509));
		item->ends = pga_time_of(X509_get0_notAfter(x509));
		free(names);
	}
	audit->failed = audit->failed || key.failed || signature.failed;
	pga_text_free(&key);
	pga_text_free(&signature);
	pga_certificate_free(&certificate);
}

void pga_audit_collect_chain(struct pga_audit *audit, const struct pga_audit_connection *connection,
			     const struct pga_pins *pins)
{
	const SSL *ssl = PQsslStruct(connection->connection, "OpenSSL");
	const char *host = PQhost(connection->connection);
	STACK_OF(X509) *shown = ssl != NULL ? SSL_get_peer_cert_chain(ssl) : NULL;
	STACK_OF(X509) *verified = ssl != NULL ? SSL_get0_verified_chain(ssl) : NULL;
	const int length = sk_X509_num(verified);
	char pin[PGA_PIN_LENGTH + 1] = "";
	const struct pga_pin *anchor = NULL;
	char *root = NULL;

	for (int i = 0; i < sk_X509_num(shown); i++)
		add_certificate(audit, sk_X509_value(shown, i));
	if (length > 0 && SSL_get_verify_result(ssl) == X509_V_OK) {
		X509 *last = sk_X509_value(verified, length - 1);

		root = pga_x509_name(X509_get_subject_name(last));
		audit->failed = audit->failed || root == NULL;
		(void)pga_certificate_pin(last, pin);
	}
	audit->root = pga_audit_copy(audit, root != NULL ? root : "");
	audit->root_pin = pga_audit_copy(audit, pin);
	/* Or of a twin of the root, by which the gate takes the session as well. */
	if (pin[0] != '\0')
		anchor = pga_session_pinned(ssl, pins, host != NULL ? host : "");
	audit->anchor = pga_audit_copy(audit, anchor != NULL ? anchor->name : "");
	audit->protocol = pga_audit_copy(audit, ssl != NULL ? SSL_get_version(ssl) : "");
	audit->cipher = pga_audit_copy(audit, ssl != NULL ? SSL_get_cipher_name(ssl) : "");
	free(root);
}
