#include "audit/pgbouncer_settings.h"

#include "audit/pgbouncer_database.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No file that somebody wrote has so many. */
#define MOST_DATABASES 100000

const char *const pga_pgbouncer_keys[PGA_PGBOUNCER_KEYS] = {
    [PGA_PGBOUNCER_AUTH_FILE] = "auth_file",
    [PGA_PGBOUNCER_AUTH_HBA_FILE] = "auth_hba_file",
    [PGA_PGBOUNCER_AUTH_TYPE] = "auth_type",
    [PGA_PGBOUNCER_CLIENT_CA_FILE] = "client_tls_ca_file",
    [PGA_PGBOUNCER_CLIENT_CERT_FILE] = "client_tls_cert_file",
    [PGA_PGBOUNCER_CLIENT_CIPHERS] = "client_tls_ciphers",
    [PGA_PGBOUNCER_CLIENT_KEY_FILE] = "client_tls_key_file",
    [PGA_PGBOUNCER_CLIENT_PROTOCOLS] = "client_tls_protocols",
    [PGA_PGBOUNCER_CLIENT_SSLMODE] = "client_tls_sslmode",
    [PGA_PGBOUNCER_LISTEN_ADDR] = "listen_addr",
    [PGA_PGBOUNCER_SERVER_CA_FILE] = "server_tls_ca_file",
    [PGA_PGBOUNCER_SERVER_CERT_FILE] = "server_tls_cert_file",
    [PGA_PGBOUNCER_SERVER_CIPHERS] = "server_tls_ciphers",
    [PGA_PGBOUNCER_SERVER_KEY_FILE] = "server_tls_key_file",
    [PGA_PGBOUNCER_SERVER_PROTOCOLS] = "server_tls_protocols",
    [PGA_PGBOUNCER_SERVER_SSLMODE] = "server_tls_sslmode",
};

/* Of TLS, those that change nothing that is judged. */
static const char *const others[] = {"client_tls_dheparams", "client_tls_ecdhcurve",
				     "client_tls13_ciphers", "server_tls13_ciphers"};

char *pga_pgbouncer_copy(struct pga_pgbouncer *ini, const char *bytes, size_t length)
{
	char *text = strndup(bytes, length);

	ini->failed = ini->failed || text == NULL;
	return text;
}

static bool is(const char *word, const char *bytes, size_t length)
{
	return strlen(word) == length && memcmp(word, bytes, length) == 0;
}

static void forget(struct pga_pgbouncer_setting *setting)
{
	free(setting->value);
	*setting = (struct pga_pgbouncer_setting){.value = NULL};
}

/* What has no default (auth_file) stays. */
void pga_pgbouncer_begin_anew(struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		if (ini->set[i].value == NULL || i == PGA_PGBOUNCER_AUTH_FILE)
			continue;
		forget(&ini->lost[i]);
		ini->lost[i] = ini->set[i];
		ini->set[i] = (struct pga_pgbouncer_setting){.value = NULL};
	}
}

static bool is_one_of(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(words[i], word) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(words, word) is_one_of(words, sizeof(words) / sizeof *(words), word)

static bool is_value(enum pga_pgbouncer_key key, const char *value)
{
	static const char *const modes[] = {"disable", "allow",     "prefer",
					    "require", "verify-ca", "verify-full"};
	static const char *const types[] = {"any", "trust", "plain", "md5",          "cert",
					    "hba", "ldap",  "pam",   "scram-sha-256"};

	switch (key) {
	case PGA_PGBOUNCER_CLIENT_SSLMODE:
	case PGA_PGBOUNCER_SERVER_SSLMODE:
		return IS_ONE_OF(modes, value);
	case PGA_PGBOUNCER_AUTH_TYPE:
		return IS_ONE_OF(types, value);
	default:
		return true;
	}
}

static const char *set(struct pga_pgbouncer *ini, enum pga_pgbouncer_key key,
		       const struct pga_pgbouncer_place *at, const char *value, size_t length)
{
	struct pga_pgbouncer_setting *setting = &ini->set[key];
	bool quoted;

	forget(setting);
	forget(&ini->lost[key]);
	setting->value = pga_pgbouncer_copy(ini, value, length);
	setting->at = *at;
	if (setting->value == NULL || is_value(key, setting->value))
		return NULL;
	quoted = strpbrk(setting->value, ";#'\"") != NULL;
	forget(setting);
	return quoted ? "a value that pgbouncer does not know: quotes belong to it, and so does "
			"what stands behind it as a comment"
		      : "a value that pgbouncer does not know";
}

/* Names of another case are others; of TLS, all are known. */
const char *pga_pgbouncer_take_setting(struct pga_pgbouncer *ini,
				       const struct pga_pgbouncer_place *at, const char *name,
				       size_t length, const char *value, size_t value_length)
{
	struct pga_text key = PGA_TEXT_EMPTY;
	const char *word;
	bool unknown;

	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++)
		if (is(pga_pgbouncer_keys[i], name, length))
			return set(ini, (enum pga_pgbouncer_key)i, at, value, value_length);
	for (size_t i = 0; i < length; i++)
		pga_text_addf(&key, "%c", pga_lower(name[i]));
	word = pga_text_string(&key);
	unknown = !IS_ONE_OF(others, word) &&
		  (strstr(word, "tls") != NULL || strstr(word, "ssl") != NULL);
	ini->failed = ini->failed || key.failed;
	pga_text_free(&key);
	return unknown ? "a setting of TLS that pgbouncer does not know" : NULL;
}

const char *pga_pgbouncer_add_database(struct pga_pgbouncer *ini,
				       const struct pga_pgbouncer_place *at, const char *name,
				       size_t length, const char *value, size_t value_length)
{
	struct pga_pgbouncer_database *grown =
	    ini->database_count < MOST_DATABASES
		? reallocarray(ini->databases, ini->database_count + 1, sizeof *grown)
		: NULL;
	struct pga_pgbouncer_database *database;
	const char *wrong;

	if (grown == NULL) {
		ini->failed = true;
		return NULL;
	}
	ini->databases = grown;
	database = &grown[ini->database_count++];
	*database = (struct pga_pgbouncer_database){.at = *at};
	database->name = pga_pgbouncer_copy(ini, name, length);
	wrong = pga_pgbouncer_take_database(database, value, value_length, &ini->failed);
	/* What is for all others is looked at when somebody asks for one. */
	return is("*", name, length) ? NULL : wrong;
}
