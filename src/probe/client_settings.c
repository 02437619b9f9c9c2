#include "probe/client_settings.h"

#include "policy/linked.h"
#include "service/check.h"
#include "tls/dial.h"
#include "tls/handshake.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pga_client_settings {
	char **keywords; /* ended by NULL */
	char **values;
	bool requires_gss;
	char *home; /* libpq's; NULL: there is none */
	char *key;  /* those of the session: others are probed alike */
};

/* Where libpq 18 writes the keys of its sessions, and those of this one to nowhere. */
#define LOG_OF_KEYS "sslkeylogfile"

/* What a handshake that is made here does as libpq does it; or what says nothing without the rest.
 */
static bool is_known_here(const char *keyword)
{
	static const char *const known[] = {
	    "sslmode",     "sslrootcert",    "sslcrl",
	    "sslcrldir",   "sslnegotiation", "ssl_min_protocol_version",
	    "sslpassword", "sslkey",         "ssl_max_protocol_version",
	    "sslsni",      "sslcompression", LOG_OF_KEYS,
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(keyword, known[i]) == 0)
			return true;
	return false;
}

static bool is_default(const PQconninfoOption *option)
{
	return option->val == NULL || option->val[0] == '\0' ||
	       (option->compiled != NULL && strcmp(option->val, option->compiled) == 0);
}

/* libpq shows its own file of a certificate where none is named. Without a home it says itself what
 * comes of that. Returns -1 for want of memory. */
static int may_have_certificate(struct pga_roots *roots, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	int may;

	if (roots->home == NULL)
		roots->home = pga_libpq_home(&ignored);
	if (roots->home == NULL)
		return 1;
	pga_text_addf(&path, "%s/.postgresql/postgresql.crt", roots->home);
	may = path.failed ? pga_fail_memory(error) : access(pga_text_string(&path), F_OK) == 0;
	pga_text_free(&path);
	return may;
}

static bool requires_gss(const struct pga_effective *effective)
{
	const char *mode = pga_effective_value(effective, "gssencmode");

	return mode != NULL && strcmp(mode, "require") == 0;
}

/* Returns 1 where libpq has to be asked, 0 where not, -1 for want of memory. */
static int says_more(const struct pga_effective *effective, struct pga_roots *roots,
		     struct pga_error *error)
{
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL; option++)
		if (strncmp(option->keyword, "ssl", 3) == 0 && !is_known_here(option->keyword) &&
		    !is_default(option))
			return 1;
	return requires_gss(effective) ? 1 : may_have_certificate(roots, error);
}

/* With a password, which goes nowhere before the startup packet, libpq looks for none. */
static const char *value_of(const PQconninfoOption *option, const struct pga_host *host)
{
	if (strcmp(option->keyword, "host") == 0)
		return host->name;
	if (strcmp(option->keyword, "hostaddr") == 0)
		return host->address;
	if (strcmp(option->keyword, "port") == 0)
		return host->port;
	if (strcmp(option->keyword, "password") == 0)
		return "-";
	if (strcmp(option->keyword, LOG_OF_KEYS) == 0)
		return NULL;
	return strncmp(option->keyword, "service", strlen("service")) == 0 ? NULL : option->val;
}

static int copy(struct pga_client_settings *settings, const struct pga_effective *effective,
		const struct pga_host *host)
{
	size_t count = 0;

	while (effective->options[count].keyword != NULL)
		count++;
	settings->keywords = calloc(count + 1, sizeof(char *));
	settings->values = calloc(count + 1, sizeof(char *));
	if (settings->keywords == NULL || settings->values == NULL)
		return -1;
	for (size_t i = 0, k = 0; i < count; i++) {
		const char *value = value_of(&effective->options[i], host);

		if (value == NULL)
			continue;
		settings->values[k] = strdup(value);
		settings->keywords[k] = strdup(effective->options[i].keyword);
		if (settings->values[k] == NULL || settings->keywords[k++] == NULL)
			return -1;
	}
	return 0;
}

static char *key_of(const struct pga_effective *effective)
{
	struct pga_text key = PGA_TEXT_EMPTY;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL; option++)
		if (option->val != NULL && (strncmp(option->keyword, "ssl", 3) == 0 ||
					    strcmp(option->keyword, "gssencmode") == 0))
			pga_text_addf(&key, "%s=%s\n", option->keyword, option->val);
	return pga_text_take(&key);
}

int pga_client_settings_of(struct pga_probe_target *target, const struct pga_effective *effective,
			   const struct pga_host *host, struct pga_roots *roots,
			   struct pga_error *error)
{
	const char *sni = pga_effective_value(effective, "sslsni");
	const int more = pga_demands_tls(effective) ? says_more(effective, roots, error) : 0;
	struct pga_error ignored;

	target->unnamed = sni != NULL && strcmp(sni, "0") == 0;
	if (more <= 0)
		return more;
	target->settings = calloc(1, sizeof *target->settings);
	if (target->settings == NULL || copy(target->settings, effective, host) != 0)
		return pga_fail_memory(error);
	target->settings->requires_gss = requires_gss(effective);
	target->settings->key = key_of(effective);
	if (roots->home == NULL)
		roots->home = pga_libpq_home(&ignored);
	target->settings->home = roots->home != NULL ? strdup(roots->home) : NULL;
	if (roots->home != NULL && target->settings->home == NULL)
		return pga_fail_memory(error);
	return target->settings->key != NULL ? 0 : pga_fail_memory(error);
}

int pga_client_settings_compare(const struct pga_client_settings *a,
				const struct pga_client_settings *b)
{
	return strcmp(a != NULL ? a->key : "", b != NULL ? b->key : "");
}

static const char *setting(const struct pga_client_settings *settings, const char *keyword)
{
	for (size_t i = 0; settings->keywords[i] != NULL; i++)
		if (strcmp(settings->keywords[i], keyword) == 0 && settings->values[i][0] != '\0')
			return settings->values[i];
	return NULL;
}

static int note_question(char *room, int size, int writing, void *asked)
{
	(void)writing;
	if (size > 0)
		room[0] = '\0';
	*(bool *)asked = true;
	return 0;
}

/* Whether somebody has to say the passphrase of the key, where libpq looks for it. */
static bool wants_passphrase(const struct pga_client_settings *settings)
{
	const char *named = setting(settings, "sslkey");
	struct pga_text path = PGA_TEXT_EMPTY;
	bool asked = false;
	BIO *file;

	if (setting(settings, "sslpassword") != NULL)
		return false;
	if (named != NULL)
		pga_text_add(&path, named);
	else if (settings->home != NULL)
		pga_text_addf(&path, "%s/.postgresql/postgresql.key", settings->home);
	file = path.length > 0 && !path.failed ? BIO_new_file(pga_text_string(&path), "r") : NULL;
	if (file != NULL)
		EVP_PKEY_free(PEM_read_bio_PrivateKey(file, NULL, note_question, &asked));
	(void)BIO_free(file);
	ERR_clear_error();
	pga_text_free(&path);
	return asked;
}

/* Whether whatever is in the way is there without what libpq alone knows, too: the network, a
 * server that has gone meanwhile. */
static bool fails_without(const struct pga_client_settings *settings, long long deadline)
{
	const long long left = (deadline - pga_dial_now()) / 1000;
	struct pga_handshake handshake;
	struct pga_error ignored;
	const char **keywords;
	const char **values;
	size_t count = 0;
	bool fails = true;

	while (settings->keywords[count] != NULL)
		count++;
	keywords = calloc(count + 2, sizeof *keywords);
	values = calloc(count + 2, sizeof *values);
	count = 0;
	for (size_t i = 0; keywords != NULL && values != NULL && settings->keywords[i] != NULL; i++)
		if (strncmp(settings->keywords[i], "ssl", 3) != 0 ||
		    is_known_here(settings->keywords[i])) {
			keywords[count] = settings->keywords[i];
			values[count++] = settings->values[i];
		}
	if (keywords != NULL && values != NULL && left > 0) {
		/* Nor one in the home: libpq goes on without a file that is not there. */
		keywords[count] = "sslcert";
		values[count++] = "/dev/null/none";
		fails = pga_handshake(&(struct pga_parameters){keywords, values, 0}, (int)left,
				      &handshake, &ignored) != 0;
		pga_handshake_free(&handshake);
	}
	free(keywords);
	free(values);
	return fails;
}

/* Whether what libpq refuses is a matter of the settings. A host that was named by itself has been
 * verified by more roots than libpq has. */
static bool counts(const struct pga_probe_target *target, const struct pga_handshake *handshake)
{
	const struct pga_trusted *trusted = &target->trust->trusted;

	return target->trust->key[0] != '+' ||
	       (handshake->verify_result == X509_V_OK && trusted->why.length == 0);
}

static int refuse(struct pga_probe *probe, const char *words, struct pga_error *error)
{
	probe->refusal = strdup(words);
	if (probe->refusal == NULL)
		return pga_fail_memory(error);
	probe->verified = false;
	probe->verified_by_libpq = false;
	probe->fault = PGA_FAULT_SETTINGS;
	return 0;
}

int pga_client_settings_try(const struct pga_probe_target *target, struct pga_probe *probe,
			    long long deadline, struct pga_error *error)
{
	const struct pga_client_settings *settings = target->settings;
	const long long left = (deadline - pga_dial_now()) / 1000;
	const struct pga_parameters parameters = {(const char *const *)settings->keywords,
						  (const char *const *)settings->values, 0};
	struct pga_handshake handshake;
	struct pga_error refused;
	int result = 0;

	if (settings->requires_gss)
		return refuse(probe, "gssencmode=require asks for GSSAPI encryption, and no TLS",
			      error);
	/* Whoever connects has it, and it is not for here to ask for. */
	if (wants_passphrase(settings))
		return 0;
	if (pga_handshake(&parameters, left > 0 ? (int)left : 1, &handshake, &refused) != 0 &&
	    counts(target, &handshake) && !fails_without(settings, deadline))
		result = refuse(probe, refused.message, error);
	pga_handshake_free(&handshake);
	return result;
}

void pga_client_settings_free(struct pga_client_settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; settings->values != NULL && settings->keywords != NULL &&
			   (settings->values[i] != NULL || settings->keywords[i] != NULL);
	     i++) {
		free(settings->keywords[i]);
		free(settings->values[i]);
	}
	free(settings->keywords);
	free(settings->values);
	free(settings->home);
	free(settings->key);
	free(settings);
}
