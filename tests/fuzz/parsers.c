/* Coverage-guided fuzzing of what pganchor parses and edits itself: a libFuzzer program with a
 * target for each format. It takes its target from the name that it is called by: tests/fuzz/run.sh
 * builds it and links a name for each.
 *
 * A target has the fuzzer's bytes, ended by a NUL of its own, and asserts what has to be true of
 * any bytes. */
#include "anchor/anchors_conf.h"
#include "anchor/crls.h"
#include "anchor/source_records.h"
#include "audit/mask.h"
#include "audit/pgbouncer_file.h"
#include "ca/base64url.h"
#include "ca/jwe.h"
#include "ca/jws.h"
#include "ca/step_config.h"
#include "ca/stepca_answers.h"
#include "ca/team.h"
#include "ca/url.h"
#include "cert/cluster.h"
#include "cert/lifetime.h"
#include "cert/record.h"
#include "clients/jdbc_url.h"
#include "clients/jsonc.h"
#include "diagnose/accepted.h"
#include "tls/bundle.h"
#include "tls/certificate.h"
#include "tls/crl.h"
#include "tls/fingerprint.h"
#include "tls/host_name.h"
#include "tls/minisign.h"
#include "anchor/root_crt.h"
#include "base/host.h"
#include "base/ini.h"
#include "base/manifest.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"
#include "password/ask_passfile.h"
#include "password/passfile.h"
#include "policy/known_servers.h"
#include "policy/passwords.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/record.h"
#include "policy/secrets.h"
#include "probe/http_request.h"
#include "probe/startup.h"
#include "profile/applied.h"
#include "profile/profile.h"
#include "server/hba_edit.h"
#include "server/hosts_file.h"
#include "service/rewrite.h"
#include "service/servicefile.h"
#include "service/settings.h"

#include <errno.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "parsers.c:%d: not so: %s\n", __LINE__, #condition); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const char *directory; /* for files; run.sh makes it */

static struct pga_text text_of(const char *bytes, size_t length)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&text, bytes, length);
	return text;
}

static bool same_text(const struct pga_text *a, const struct pga_text *b)
{
	return a->length == b->length &&
	       memcmp(pga_text_string(a), pga_text_string(b), a->length) == 0;
}

/* ---- ini: no byte is lost, and every part of a line lies in it ---- */

static bool lies_in(struct pga_ini_span part, struct pga_ini_span whole)
{
	return part.length == 0 || (part.bytes >= whole.bytes &&
				    part.bytes + part.length <= whole.bytes + whole.length);
}

static void fuzz_ini(const char *bytes, size_t length)
{
	static const enum pga_ini_dialect dialects[] = {PGA_INI_CONF, PGA_INI_PGSERVICE};

	for (size_t i = 0; i < 2; i++) {
		struct pga_ini_reader reader = pga_ini_start(bytes, length, dialects[i]);
		struct pga_ini_line line;
		size_t position = 0;
		size_t number = 0;

		while (pga_ini_next(&reader, &line)) {
			HOLDS(line.whole.bytes == bytes + position && line.whole.length > 0);
			HOLDS(line.number == ++number);
			HOLDS(lies_in(line.name, line.whole) && lies_in(line.value, line.whole));
			HOLDS(line.kind != PGA_INI_SETTING || line.name.length > 0 ||
			      dialects[i] == PGA_INI_CONF);
			position += line.whole.length;
			HOLDS(memchr(line.whole.bytes, '\n', line.whole.length - 1) == NULL);
		}
		HOLDS(position == length);
	}
}

/* ---- policy: what is no policy is refused, and what is one has a value for each key ---- */

static void write_file(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	HOLDS(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

static void fuzz_policy(const char *bytes, size_t length)
{
	static char path[128];
	struct pga_policy policy;
	struct pga_policy again;
	struct pga_error error;
	struct pga_text more = PGA_TEXT_EMPTY;
	const char *value;
	const char *other;
	int read;

	if (path[0] == '\0') {
		(void)snprintf(path, sizeof path, "%s/pganchor", directory);
		HOLDS(mkdir(path, 0700) == 0 && setenv("XDG_CONFIG_HOME", directory, 1) == 0);
		(void)snprintf(path, sizeof path, "%s/pganchor/policy.conf", directory);
	}
	write_file(path, bytes, length);
	read = pga_policy_load(&policy, &error);
	HOLDS(read == 0 ||
	      (error.message[0] != '\0' && strlen(error.message) < sizeof error.message));
	HOLDS(read != 0 || memchr(bytes, '\0', length) == NULL);
	for (size_t i = 0; read == 0 && pga_policy_key(&policy, i, &value) != NULL; i++)
		HOLDS(value[0] != '\0');
	if (read == 0)
		(void)pga_policy_exempts(&policy, "db.example.com");
	/* Comments and blank lines say nothing. */
	pga_text_add(&more, "# x = y\n \t\n");
	pga_text_add_bytes(&more, bytes, length);
	write_file(path, more.bytes, more.length);
	HOLDS(pga_policy_load(&again, &error) == read);
	for (size_t i = 0; read == 0 && pga_policy_key(&policy, i, &value) != NULL; i++)
		HOLDS(pga_policy_key(&again, i, &other) != NULL && strcmp(value, other) == 0);
	pga_text_free(&more);
	pga_policy_free(&again);
	pga_policy_free(&policy);
}

/* ---- pins: what was read can be written and read again, and found ---- */

static void write_pins(const struct pga_pins *pins, struct pga_text *text)
{
	for (size_t i = 0; i < pins->count; i++) {
		const struct pga_pin *pin = &pins->pins[i];

		pga_text_addf(text,
			      "[%s]\npin = %s\nhosts = %s\nsource = %s\nscope = %s\npinned = %s\n",
			      pin->name, pin->pin, pin->hosts, pin->source,
			      pin->scoped ? "scoped" : "root.crt", pin->pinned);
	}
}

static bool same_pin(const struct pga_pin *a, const struct pga_pin *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->pin, b->pin) == 0 &&
	       strcmp(a->hosts, b->hosts) == 0 && strcmp(a->source, b->source) == 0 &&
	       strcmp(a->pinned, b->pinned) == 0 && a->scoped == b->scoped;
}

static void fuzz_pins(const char *bytes, size_t length)
{
	struct pga_pins pins;
	struct pga_pins again;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (pga_pins_parse(&pins, "anchors.conf", bytes, length, &error) != 0) {
		HOLDS(error.message[0] != '\0');
		return;
	}
	for (size_t i = 0; i < pins.count; i++) {
		const struct pga_pin *pin = &pins.pins[i];

		HOLDS(pga_pin_name_is_valid(pin->name) && pin->hosts[0] != '\0');
		HOLDS(strlen(pin->pin) == PGA_PIN_LENGTH &&
		      strspn(pin->pin, "0123456789abcdef") == PGA_PIN_LENGTH);
		HOLDS(pga_pins_find(&pins, pin->pin) == pin &&
		      pga_pins_named(&pins, pin->name) == pin);
	}
	HOLDS(pga_pins_find(&pins, "no pin") == NULL && pga_pins_named(&pins, "no/name") == NULL);
	write_pins(&pins, &text);
	HOLDS(pga_pins_parse(&again, "again", pga_text_string(&text), text.length, &error) == 0);
	HOLDS(again.count == pins.count);
	for (size_t i = 0; i < pins.count; i++)
		HOLDS(same_pin(&pins.pins[i], &again.pins[i]));
	pga_text_free(&text);
	pga_pins_free(&again);
	pga_pins_free(&pins);
}

/* ---- known_servers: what was read can be written and read again, and says what its lines say ----
 */

static void write_known(const struct pga_known_servers *known, struct pga_text *text)
{
	for (size_t i = 0; i < known->count; i++)
		pga_known_servers_add_line(text, known->keys[i].state, &known->keys[i].shown,
					   known->keys[i].time, known->keys[i].program);
}

/* What the last line of this key says, found in the slowest way. */
static bool is_good(const struct pga_known_servers *known, const struct pga_shown_key *shown)
{
	bool good = false;

	for (size_t i = 0; i < known->count; i++)
		if (pga_key_is_of_server(&known->keys[i].shown, shown) &&
		    strcmp(known->keys[i].shown.key, shown->key) == 0)
			good = known->keys[i].state == PGA_KEY_SEEN ||
			       known->keys[i].state == PGA_KEY_ACCEPTED;
	return good;
}

static void fuzz_known_servers(const char *bytes, size_t length)
{
	const struct pga_policy policy = {.continuity_key = PGA_CONTINUITY_SERVER};
	struct pga_known_servers known = {0};
	struct pga_known_servers again = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (pga_known_servers_parse(&known, "known_servers.conf", bytes, length, &error) != 0) {
		pga_known_servers_free(&known);
		return;
	}
	write_known(&known, &text);
	HOLDS(pga_known_servers_parse(&again, "again", pga_text_string(&text), text.length,
				      &error) == 0);
	HOLDS(again.count == known.count);
	for (size_t i = 0; i < known.count; i++) {
		const struct pga_shown_key *shown = &known.keys[i].shown;

		/* Names and programs that are longer than what is kept end in "...". */
		if (strlen(known.keys[i].host) > 1000 || strlen(known.keys[i].program) > 200)
			continue;
		HOLDS(again.keys[i].state == known.keys[i].state &&
		      again.keys[i].time == known.keys[i].time &&
		      strcmp(again.keys[i].host, known.keys[i].host) == 0 &&
		      strcmp(again.keys[i].program, known.keys[i].program) == 0 &&
		      memcmp(again.keys[i].shown.key, shown->key, sizeof shown->key) == 0 &&
		      memcmp(again.keys[i].shown.issuer, shown->issuer, sizeof shown->issuer) == 0);
		HOLDS((pga_known_servers_judge(&known, NULL, &policy, shown) == PGA_SERVER_KNOWN) ==
		      is_good(&known, shown));
	}
	pga_text_free(&text);
	pga_known_servers_free(&again);
	pga_known_servers_free(&known);
}

/* ---- passwords: what was read can be written and read again; the first that fits counts ---- */

static void fuzz_passwords(const char *bytes, size_t length)
{
	struct pga_passwords passwords = {0};
	struct pga_passwords again = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (pga_passwords_parse(&passwords, "passwords.conf", bytes, length, &error) == 0) {
		for (size_t i = 0; i < passwords.count; i++)
			pga_password_entry_add_line(&text, &passwords.entries[i]);
		HOLDS(pga_passwords_parse(&again, "again", pga_text_string(&text), text.length,
					  &error) == 0);
		HOLDS(again.count == passwords.count);
		for (size_t i = 0; i < passwords.count; i++) {
			const struct pga_password_entry *entry = &passwords.entries[i];
			const struct pga_password_entry *first;

			HOLDS(pga_password_entry_is(entry, &again.entries[i]));
			if (entry->kind != PGA_SECRET_PASSWORD)
				continue;
			HOLDS(pga_password_entry_covers(entry, entry) &&
			      pga_password_entry_meets(entry, entry));
			first = pga_password_for(&passwords, entry->words[PGA_SECRET_HOST],
						 entry->words[PGA_SECRET_PORT],
						 entry->words[PGA_SECRET_DBNAME],
						 entry->words[PGA_SECRET_USER]);
			HOLDS(first != NULL && first <= entry &&
			      pga_password_entry_covers(first, entry));
		}
	}
	pga_text_free(&text);
	pga_passwords_free(&again);
	pga_passwords_free(&passwords);
}

/* ---- passfile: of each line libpq reads the same password ---- */

/* What is one host, by TCP, of one port. */
static bool is_one_server(const struct pga_password_entry *entry)
{
	const char *host = entry->words[PGA_SECRET_HOST];

	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		if (entry->words[word][0] == '\0')
			return false;
	return host[0] != '/' && host[0] != '@' && strchr(host, ',') == NULL &&
	       strchr(entry->words[PGA_SECRET_PORT], ',') == NULL;
}

static void fuzz_passfile(const char *bytes, size_t length)
{
	struct pga_passfile file = {0};
	struct pga_error error;
	size_t end = 0;

	HOLDS(pga_passfile_read(&file, bytes, length, &error) == 0);
	for (size_t i = 0; i < file.count; i++) {
		const struct pga_passfile_line *line = &file.lines[i];
		bool gives = false;

		HOLDS(line->start >= end && line->end > line->start && line->end <= length);
		end = line->end;
		if (i > 3 || line->starred || !is_one_server(&line->entry) ||
		    memchr(bytes + line->start, '\0', line->end - line->start) != NULL)
			continue;
		HOLDS(pga_passfile_gives(bytes + line->start, line->end - line->start, &line->entry,
					 line->password, &gives, &error) == 0);
		HOLDS(gives);
	}
	pga_passfile_free(&file);
}

/* ---- anchors_conf: the section has what was set, and all else is as it was ---- */

/* Every line but those of the section. */
static void lines_of_others(const struct pga_text *text, const char *name, struct pga_text *others)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(text), text->length, PGA_INI_CONF);
	struct pga_ini_line line;
	bool inside = false;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			inside = pga_ini_equals(line.name, name);
		if (!inside)
			pga_text_add_bytes(others, line.whole.bytes, line.whole.length);
	}
}

static void fuzz_anchors_conf(const char *bytes, size_t length)
{
	static const char pin[] =
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	static const struct pga_anchor_setting settings[] = {
	    {"pin", pin}, {"hosts", "*.example"}, {"source", NULL}, {"scope", "scoped"}};
	struct pga_text before = text_of(bytes, length);
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_text again = PGA_TEXT_EMPTY;
	struct pga_text others_before = PGA_TEXT_EMPTY;
	struct pga_text others_after = PGA_TEXT_EMPTY;
	struct pga_pins pins;
	struct pga_pins changed;
	struct pga_error error;
	char *hosts;

	pga_anchors_conf_set(&before, "ca", settings, 4, &after);
	pga_anchors_conf_set(&after, "ca", settings, 4, &again);
	HOLDS(same_text(&after, &again));
	lines_of_others(&before, "ca", &others_before);
	lines_of_others(&after, "ca", &others_after);
	HOLDS(others_after.length >= others_before.length &&
	      memcmp(pga_text_string(&others_after), pga_text_string(&others_before),
		     others_before.length) == 0);
	if (pga_pins_parse(&pins, "before", bytes, length, &error) == 0) {
		const struct pga_pin *owner = pga_pins_find(&pins, pin);

		if (owner == NULL || strcmp(owner->name, "ca") == 0) {
			HOLDS(pga_pins_parse(&changed, "after", pga_text_string(&after),
					     after.length, &error) == 0);
			HOLDS(strcmp(pga_pins_named(&changed, "ca")->pin, pin) == 0);
			HOLDS(strcmp(pga_pins_named(&changed, "ca")->hosts, "*.example") == 0);
			HOLDS(pga_pins_named(&changed, "ca")->scoped);
			for (size_t i = 0; i < pins.count; i++)
				HOLDS(strcmp(pins.pins[i].name, "ca") == 0 ||
				      same_pin(&pins.pins[i],
					       pga_pins_named(&changed, pins.pins[i].name)));
			pga_pins_free(&changed);
		}
		pga_pins_free(&pins);
	}
	hosts = pga_anchors_conf_hosts(bytes, &error);
	HOLDS(hosts == NULL || (hosts[0] != '\0' && strpbrk(hosts, "\n\t,") == NULL));
	free(hosts);
	pga_text_free(&before);
	pga_text_free(&after);
	pga_text_free(&again);
	pga_text_free(&others_before);
	pga_text_free(&others_after);
}

/* ---- certificate: one that is taken is the same when read again, and can be shown ---- */

/* What is drawn as nothing, turns the direction of writing or ends a line, of two and three bytes;
 * of four, the first three. */
static bool is_hidden(const unsigned char *at)
{
	static const char *const whole[] = {
	    "\xC2\xAD",     "\xCD\x8F",     "\xD8\x9C",     "\xE1\x85\x9F", "\xE1\x85\xA0",
	    "\xE1\x9E\xB4", "\xE1\x9E\xB5", "\xE3\x85\xA4", "\xEF\xBB\xBF", "\xEF\xBE\xA0"};
	static const struct {
		const char *start;
		unsigned char first;
		unsigned char last;
	} ranges[] = {{"\xE1\xA0", 0x8B, 0x8F},     {"\xE2\x80", 0x8B, 0x8F},
		      {"\xE2\x80", 0xA8, 0xAE},     {"\xE2\x81", 0xA0, 0xAF},
		      {"\xEF\xB8", 0x80, 0x8F},     {"\xEF\xBF", 0xB0, 0xBB},
		      {"\xF0\x9B\xB2", 0xA0, 0xA3}, {"\xF0\x9D\x85", 0xB3, 0xBA}};

	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
		if (strncmp((const char *)at, whole[i], strlen(whole[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		const size_t length = strlen(ranges[i].start);

		if (strncmp((const char *)at, ranges[i].start, length) == 0 &&
		    at[length] >= ranges[i].first && at[length] <= ranges[i].last)
			return true;
	}
	/* U+E0000 to U+E0FFF */
	return at[0] == 0xF3 && at[1] == 0xA0;
}

/* Otherwise than base/printable.c does it: by the table of well-formed bytes in Unicode's
 * chapter 3.
 */
static bool is_harmless(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t more = *at < 0x80 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;

		if (*at < 0x20 || *at == 0x7F || (*at >= 0x80 && *at < 0xC2) || *at > 0xF4)
			return false;
		if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
		    (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F) ||
		    (at[0] == 0xC2 && at[1] < 0xA0))
			return false;
		if (is_hidden(at))
			return false;
		for (at++; more > 0; more--, at++)
			if ((*at & 0xC0) != 0x80)
				return false;
	}
	return true;
}

static void check_certificate(const char *pem, size_t length)
{
	struct pga_certificate certificate;
	struct pga_certificate again;
	struct pga_error error;

	if (pga_certificate_read(&certificate, "the fuzzer", pem, length, &error) != 0) {
		HOLDS(error.message[0] != '\0' && certificate.x509 == NULL);
		return;
	}
	HOLDS(is_harmless(certificate.subject) && is_harmless(certificate.issuer));
	HOLDS(strlen(certificate.subject) <= 4 * PGA_LONGEST_SHOWN + 3 &&
	      strlen(certificate.pin) == PGA_PIN_LENGTH);
	(void)pga_certificate_check_anchor(&certificate, "the fuzzer", &error);
	HOLDS(pga_certificate_read(&again, "again", certificate.pem, strlen(certificate.pem),
				   &error) == 0);
	HOLDS(strcmp(again.pin, certificate.pin) == 0 && strcmp(again.pem, certificate.pem) == 0);
	pga_certificate_free(&again);
	pga_certificate_free(&certificate);
}

/* Half of the inputs are the DER form, which the fuzzer would not find in base64. */
static void fuzz_certificate(const char *bytes, size_t length)
{
	BIO *bio;
	char *pem;
	long pem_length;

	if (length == 0 || (unsigned char)bytes[0] != 0x30) {
		check_certificate(bytes, length);
		return;
	}
	bio = BIO_new(BIO_s_mem());
	HOLDS(bio != NULL && PEM_write_bio(bio, "CERTIFICATE", "", (const unsigned char *)bytes,
					   (long)length) > 0);
	HOLDS(BIO_puts(bio, "") == 0 && BIO_write(bio, "", 1) == 1);
	pem_length = BIO_get_mem_data(bio, &pem) - 1;
	check_certificate(pem, (size_t)pem_length);
	BIO_free(bio);
}

/* ---- root_crt: what stood there before stands there after, and what was added can be cut ---- */

static struct pga_certificate *own_certificate(void)
{
	static struct pga_certificate certificate;
	struct pga_error error;
	EVP_PKEY *key;
	X509 *x509;
	BIO *bio;
	char *pem;

	if (certificate.x509 != NULL)
		return &certificate;
	key = EVP_EC_gen("P-256");
	x509 = X509_new();
	HOLDS(key != NULL && x509 != NULL);
	HOLDS(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
					 (const unsigned char *)"fuzz", -1, -1, 0));
	HOLDS(X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL &&
	      X509_gmtime_adj(X509_getm_notAfter(x509), 1000) != NULL);
	HOLDS(X509_set_pubkey(x509, key) && X509_sign(x509, key, EVP_sha256()));
	bio = BIO_new(BIO_s_mem());
	HOLDS(PEM_write_bio_X509(bio, x509) && BIO_write(bio, "", 1) == 1);
	(void)BIO_get_mem_data(bio, &pem);
	HOLDS(pga_certificate_read(&certificate, "own", pem, strlen(pem), &error) == 0);
	BIO_free(bio);
	X509_free(x509);
	EVP_PKEY_free(key);
	return &certificate;
}

static void check_cut(const struct pga_text *before, const char *pin)
{
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool cut;
	size_t kept = 0;

	if (pga_root_crt_cut("root.crt", before, "ca", pin, &after, &cut, &error) == 0 && !cut) {
		HOLDS(same_text(before, &after));
	} else if (cut && after.length < before->length && !after.failed) {
		/* Bytes are gone, and none has come or moved. */
		for (size_t i = 0; i < before->length && kept < after.length; i++)
			if (before->bytes[i] == after.bytes[kept])
				kept++;
		HOLDS(kept == after.length);
	}
	pga_text_free(&after);
}

static void fuzz_root_crt(const char *bytes, size_t length)
{
	const struct pga_certificate *certificate = own_certificate();
	struct pga_text before = text_of(bytes, length);
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_text back = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool holds;
	bool cut;

	check_cut(&before, certificate->pin);
	if (pga_root_crt_add("root.crt", &before, "ca", certificate, &after, &error) == 0) {
		HOLDS(after.length > before.length && memcmp(after.bytes, bytes, length) == 0);
		HOLDS(pga_root_crt_look_for("root.crt", &after, certificate->pin, &holds, &error) ==
			  0 &&
		      holds);
		/* Unless the name stood there already: then that one is looked at. */
		if (strstr(bytes, "# pganchor anchor ca\n") == NULL && strlen(bytes) == length) {
			HOLDS(pga_root_crt_cut("root.crt", &after, "ca", certificate->pin, &back,
					       &cut, &error) == 0 &&
			      cut);
			HOLDS(back.length >= length &&
			      memcmp(pga_text_string(&back), bytes, length) == 0);
			HOLDS(back.length == length || (length > 0 && bytes[length - 1] != '\n' &&
							back.length == length + 1));
		}
	}
	pga_text_free(&before);
	pga_text_free(&after);
	pga_text_free(&back);
}

/* ---- fingerprint ---- */

static void fuzz_fingerprint(const char *bytes, size_t length)
{
	char pin[PGA_PIN_LENGTH + 1];
	char again[PGA_PIN_LENGTH + 1];
	char coloured[PGA_PIN_LENGTH * 2];
	struct pga_error error;
	size_t digits = 0;
	char *at = coloured;

	(void)length;
	if (pga_fingerprint_parse(bytes, pin, &error) != 0)
		return;
	HOLDS(strlen(pin) == PGA_PIN_LENGTH && strspn(pin, "0123456789abcdef") == PGA_PIN_LENGTH);
	HOLDS(pga_fingerprint_parse(pin, again, &error) == 0 && strcmp(pin, again) == 0);
	for (; digits < PGA_PIN_LENGTH; digits++) {
		if (digits > 0 && digits % 2 == 0)
			*at++ = ':';
		*at++ = (char)(pin[digits] >= 'a' ? pin[digits] - 'a' + 'A' : pin[digits]);
	}
	*at = '\0';
	HOLDS(pga_fingerprint_parse(coloured, again, &error) == 0 && strcmp(pin, again) == 0);
	/* The digits of the text are the pin's, and it has no others. */
	digits = 0;
	for (const char *from = strchr(bytes, '=') != NULL ? strchr(bytes, '=') + 1 : bytes;
	     *from != '\0'; from++)
		digits += strchr("0123456789abcdefABCDEF", *from) != NULL;
	HOLDS(digits >= PGA_PIN_LENGTH);
}

/* ---- ca_url: one form for each address ---- */

static void fuzz_ca_url(const char *bytes, size_t length)
{
	struct pga_ca_url ca = {NULL, NULL};
	struct pga_ca_url again = {NULL, NULL};
	struct pga_error error;
	char *name;

	(void)length;
	if (pga_ca_url_read(&ca, bytes, &error) != 0) {
		HOLDS(error.message[0] != '\0');
		return;
	}
	HOLDS(strncmp(ca.url, "https://", 8) == 0 && ca.host[0] != '\0' &&
	      ca.url[strlen(ca.url) - 1] != '/');
	HOLDS(strpbrk(ca.url, " \t\r\n#?") == NULL &&
	      strpbrk(ca.host, "[]/@ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	HOLDS(pga_ca_url_read(&again, ca.url, &error) == 0);
	HOLDS(strcmp(ca.url, again.url) == 0 && strcmp(ca.host, again.host) == 0);
	name = pga_ca_url_name(&ca);
	HOLDS(name != NULL);
	free(name);
	pga_ca_url_free(&ca);
	pga_ca_url_free(&again);
}

/* ---- host: the first line a list of patterns, the second a host ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool ends_in(const char *host, size_t host_length, const char *tail, size_t length)
{
	for (size_t i = 0; i < length && host_length >= length; i++)
		if (lower(host[host_length - length + i]) != lower(tail[i]))
			return false;
	return host_length >= length;
}

static bool is_meant(const char *pattern, size_t length, const char *host)
{
	size_t host_length = strlen(host);

	host_length -= host_length > 0 && host[host_length - 1] == '.';
	length -= length > 0 && pattern[length - 1] == '.';
	if (length == 0 || host_length == 0)
		return false;
	if (length == 1 && pattern[0] == '*')
		return true;
	if (length > 2 && pattern[0] == '*' && pattern[1] == '.')
		return host_length >= length && ends_in(host, host_length, pattern + 1, length - 1);
	return host_length == length && ends_in(host, host_length, pattern, length);
}

static void fuzz_host(const char *bytes, size_t length)
{
	const char *newline = strchr(bytes, '\n');
	char *patterns = newline != NULL ? strndup(bytes, (size_t)(newline - bytes)) : strdup("*");
	const char *host = newline != NULL ? newline + 1 : bytes;
	struct pga_host_set set;
	bool meant = false;
	bool answer;

	(void)length;
	HOLDS(patterns != NULL);
	for (const char *at = patterns + strspn(patterns, " \t,"); *at != '\0';
	     at += strspn(at, " \t,")) {
		meant = meant || is_meant(at, strcspn(at, " \t,"), host);
		at += strcspn(at, " \t,");
	}
	answer = pga_host_matches_any(patterns, host);
	HOLDS(answer == meant);
	HOLDS(pga_host_set_make(&set, patterns, strlen(patterns)) == 0);
	HOLDS(pga_host_set_has(&set, host) == meant);
	pga_host_set_free(&set);
	free(patterns);
}

/* ---- service: libpq itself reads the entry as it was meant, and every other one as before ---- */

#define PROBE "parsers-asks-for-the-settings"

/* What libpq makes of a service of the file: its settings, or its error without the numbers of
 * lines. */
static void ask_libpq(const struct pga_text *file, const char *name, struct pga_text *answer)
{
	const char *const keywords[] = {"service", "password", "user", "target_session_attrs",
					NULL};
	const char *const values[] = {name, "-", "u", PROBE, NULL};
	char path[128];
	PGconn *conn;
	PQconninfoOption *options;
	bool taken;

	(void)snprintf(path, sizeof path, "%s/services", directory);
	write_file(path, pga_text_string(file), file->length);
	HOLDS(setenv("PGSERVICEFILE", path, 1) == 0);
	conn = PQconnectStartParams(keywords, values, 0);
	HOLDS(conn != NULL);
	taken = strstr(PQerrorMessage(conn), PROBE) != NULL;
	if (!taken)
		for (const char *at = PQerrorMessage(conn); *at != '\0'; at++)
			if (*at < '0' || *at > '9')
				pga_text_add_bytes(answer, at, 1);
	options = PQconninfo(conn);
	for (const PQconninfoOption *at = options; taken && at != NULL && at->keyword != NULL; at++)
		if (at->val != NULL)
			pga_text_addf(answer, "%s='%s'\n", at->keyword, at->val);
	PQconninfoFree(options);
	PQfinish(conn);
}

static void same_for_libpq(const struct pga_text *before, const struct pga_text *after,
			   const char *name)
{
	struct pga_text was = PGA_TEXT_EMPTY;
	struct pga_text is = PGA_TEXT_EMPTY;

	ask_libpq(before, name, &was);
	ask_libpq(after, name, &is);
	HOLDS(same_text(&was, &is));
	pga_text_free(&was);
	pga_text_free(&is);
}

/* libpq gives up at a line that is longer than it reads; the tool says so before it writes. */
static bool has_long_line(const char *bytes)
{
	for (; *bytes != '\0'; bytes += strcspn(bytes, "\n"), bytes += *bytes == '\n')
		if (strcspn(bytes, "\n") >= PGA_SERVICE_LINE_LIMIT)
			return true;
	return false;
}

static void check_others(const struct pga_text *before, const struct pga_text *after,
			 const char *added)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_PGSERVICE);
	struct pga_ini_line line;

	for (int looked_at = 0; looked_at < 4 && pga_ini_next(&reader, &line);) {
		char *name;

		if (line.kind != PGA_INI_SECTION || line.name.bytes == NULL ||
		    pga_ini_equals(line.name, added))
			continue;
		name = pga_ini_copy(line.name);
		HOLDS(name != NULL);
		same_for_libpq(before, after, name);
		free(name);
		looked_at++;
	}
	same_for_libpq(before, after, "missing");
}

static void check_added(const struct pga_text *after, const char *name)
{
	struct pga_text answer = PGA_TEXT_EMPTY;

	ask_libpq(after, name, &answer);
	HOLDS(strstr(pga_text_string(&answer), "\nhost='new'\n") != NULL);
	HOLDS(strstr(pga_text_string(&answer), "\nport='1'\n") != NULL);
	HOLDS(strstr(pga_text_string(&answer), "\nsslmode='verify-full'\n") != NULL);
	HOLDS(strstr(pga_text_string(&answer), "dbname='u'\n") != NULL ||
	      strstr(pga_text_string(&answer), "dbname=") == NULL);
	pga_text_free(&answer);
}

static void fuzz_service(const char *bytes, size_t length)
{
	static const char *const names[] = {"b", "a b", "[x", "\xC3\xBC"};
	const char *name = names[length % 4];
	struct pga_settings settings = {.items = NULL};
	struct pga_service_edit edit;
	struct pga_service_edit out;
	struct pga_text before = text_of(bytes, length);
	struct pga_text missing = PGA_TEXT_EMPTY;
	struct pga_text was = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (pga_service_text_check("services", bytes, length, &error) != 0) {
		pga_text_free(&before);
		return;
	}
	HOLDS(pga_settings_add(&settings, "host", "new", &error) == 0);
	HOLDS(pga_settings_add(&settings, "port", "1", &error) == 0);
	HOLDS(pga_settings_add(&settings, "sslmode", "verify-full", &error) == 0);
	HOLDS(pga_service_replace(bytes, length, name, &settings, &edit, &error) == 0);
	/* An ldap line would have libpq ask a server. */
	if (strstr(bytes, "ldap") == NULL && !has_long_line(bytes)) {
		if (edit.sections > 0) {
			check_added(&edit.bytes, name);
			check_others(&before, &edit.bytes, name);
			HOLDS(pga_service_take_out(bytes, length, name, &out, &error) == 0);
			ask_libpq(&out.bytes, name, &missing);
			HOLDS(strstr(pga_text_string(&missing), "not found") != NULL);
			check_others(&before, &out.bytes, name);
		} else {
			pga_service_edit_free(&edit);
			HOLDS(pga_service_append(bytes, length, name, &settings, &edit, &error) ==
			      0);
			HOLDS(edit.bytes.length > length &&
			      memcmp(edit.bytes.bytes, bytes, length) == 0);
			check_added(&edit.bytes, name);
			check_others(&before, &edit.bytes, name);
			HOLDS(pga_service_take_out(edit.bytes.bytes, edit.bytes.length, name, &out,
						   &error) == 0);
			HOLDS(out.sections == 1);
			check_others(&before, &out.bytes, name);
		}
		pga_service_edit_free(&out);
	}
	pga_service_edit_free(&edit);
	pga_settings_free(&settings);
	pga_text_free(&before);
	pga_text_free(&missing);
	pga_text_free(&was);
}

/* ---- printable ---- */

static void fuzz_printable(const char *bytes, size_t length)
{
	char *shown = pga_printable(bytes);
	char *again;

	(void)length;
	HOLDS(shown != NULL && is_harmless(shown));
	again = pga_printable(shown);
	HOLDS(again != NULL && strcmp(shown, again) == 0);
	HOLDS(!is_harmless(bytes) || strcmp(shown, bytes) == 0);
	free(again);
	free(shown);
}

/* ---- secrets: what stands behind "password=" is in nothing that is shown ---- */

#define SECRET "hUnT3r2"

static void check_hidden(struct pga_text *shown)
{
	HOLDS(!shown->failed && strstr(pga_text_string(shown), SECRET) == NULL);
	pga_text_free(shown);
}

/* libpq's own words about the string, and its settings where it takes it. */
static void check_what_libpq_says(const char *given)
{
	struct pga_effective effective = {0};
	struct pga_text shown = PGA_TEXT_EMPTY;
	char *said = NULL;

	effective.options = PQconninfoParse(given, &said);
	if (said != NULL) {
		pga_text_add_masked_message(&shown, said, given);
		check_hidden(&shown);
		PQfreemem(said);
		return;
	}
	HOLDS(effective.options != NULL && pga_effective_mask(&effective) == 0);
	for (const PQconninfoOption *option = effective.options; option->keyword != NULL; option++)
		if (option->val != NULL)
			HOLDS(strcmp(option->keyword, "password") != 0 || option->val[0] == '\0' ||
			      strcmp(option->val, PGA_MASK) == 0);
	PQconninfoFree(effective.options);
}

static void fuzz_secrets(const char *bytes, size_t length)
{
	/* What is in front of the password, what is behind it, and a message. */
	const size_t front = strlen(bytes);
	const char *behind = front < length ? bytes + front + 1 : "";
	const size_t both = front < length ? front + 1 + strlen(behind) : front;
	const char *message = both < length ? bytes + both + 1 : behind;
	struct pga_text given = PGA_TEXT_EMPTY;
	struct pga_text shown = PGA_TEXT_EMPTY;

	/* What the fuzzer itself writes is not hidden. */
	if (strstr(bytes, SECRET) != NULL || strstr(behind, SECRET) != NULL)
		return;
	pga_text_addf(&given, "%s password=" SECRET "%s", bytes, behind);
	pga_text_add_masked(&shown, pga_text_string(&given));
	check_hidden(&shown);
	pga_text_add_masked_message(&shown, pga_text_string(&given), NULL);
	check_hidden(&shown);
	check_what_libpq_says(pga_text_string(&given));
	check_what_libpq_says(bytes);
	pga_text_add_masked_line(&shown, bytes, length);
	pga_text_add_masked_message(&shown, message, bytes);
	HOLDS(!shown.failed);
	pga_text_free(&shown);
	pga_text_free(&given);
}

/* ---- record: what is written is read again ---- */

static void fuzz_record(const char *bytes, size_t length)
{
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_text value = PGA_TEXT_EMPTY;
	const char *key;
	const char *hint;
	size_t key_length;

	pga_record_add(&line, "host", bytes, length);
	hint = pga_record_next(pga_text_string(&line), &key, &key_length, &value);
	HOLDS(hint != NULL && *hint == '\0' && key_length == 4 && strncmp(key, "host", 4) == 0);
	HOLDS(strcmp(pga_text_string(&value), bytes) == 0);
	HOLDS(line.length <= strlen(" host=\"\"") + 4 * length);
	pga_text_free(&line);
	for (hint = bytes; hint != NULL;) {
		const char *at = hint;

		pga_text_free(&value);
		hint = pga_record_next(at, &key, &key_length, &value);
		HOLDS(hint == NULL || (hint > at && hint <= bytes + length));
		HOLDS(key >= at && key + key_length <= bytes + length);
	}
	pga_text_free(&value);
}

/* ---- lengths: every length of every text that comes from outside ---- */

#define LONGEST 600

/* Whether the text is the string, or as many of its whole characters as fit into `most` and "...".
 */
static bool is_shortened(const char *text, const char *string, size_t most)
{
	const size_t length = strlen(text);

	if (strlen(string) <= most)
		return strcmp(text, string) == 0;
	return length >= 3 && length - 3 <= most && length >= most &&
	       strcmp(text + length - 3, "...") == 0 && strncmp(text, string, length - 3) == 0;
}

static void check_shortened(const char *bytes, size_t length)
{
	static const size_t limits[] = {0, 1, 2, 3, 64, PGA_LONGEST_SHOWN, LONGEST};

	(void)length;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_shortened(&text, bytes, limits[i]);
		HOLDS(is_shortened(pga_text_string(&text), bytes, limits[i]));
		HOLDS(!is_harmless(bytes) || is_harmless(pga_text_string(&text)));
		pga_text_free(&text);
	}
}

/* Messages with the text behind so much else that it is cut at each of its bytes. */
static void check_message(const char *bytes, size_t length)
{
	char before[sizeof((struct pga_error *)NULL)->message];
	struct pga_error error;

	(void)length;
	memset(before, '.', sizeof before);
	before[sizeof before - LONGEST / 2] = '\0';
	(void)pga_fail(&error, bytes, "%s%s", before, bytes);
	HOLDS(is_shortened(error.message, error.message, sizeof error.message - 1));
	HOLDS(!is_harmless(bytes) || is_harmless(error.message));
	errno = ENOENT;
	(void)pga_fail_errno(&error, NULL, "%s%s", before, bytes);
	HOLDS(strlen(error.message) < sizeof error.message &&
	      strcmp(error.message + strlen(error.message) - strlen(strerror(ENOENT)),
		     strerror(ENOENT)) == 0);
	HOLDS(!is_harmless(bytes) || is_harmless(error.message));
}

/* A certificate whose subject and issuer have the text in them. */
static void check_name(const char *bytes, size_t length)
{
	X509 *x509 = X509_dup(own_certificate()->x509);
	X509_NAME *name = X509_NAME_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	HOLDS(x509 != NULL && name != NULL && bio != NULL);
	HOLDS(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
					 (const unsigned char *)bytes, (int)length, -1, 0));
	/* OpenSSL takes no name that is no UTF-8. */
	if (X509_set_subject_name(x509, name) && X509_set_issuer_name(x509, name)) {
		/* What is kept of its old form goes. */
		HOLDS(i2d_re_X509_tbs(x509, NULL) > 0);
		HOLDS(PEM_write_bio_X509(bio, x509) && BIO_write(bio, "", 1) == 1);
		(void)BIO_get_mem_data(bio, &pem);
		check_certificate(pem, strlen(pem));
	}
	ERR_clear_error();
	BIO_free(bio);
	X509_NAME_free(name);
	X509_free(x509);
}

/* The text of this many bytes, filled with the fuzzer's, between what stands before and behind it.
 */
static void try_length(void (*fuzz)(const char *bytes, size_t length), const char *before,
		       const char *filling, size_t filling_length, size_t length,
		       const char *behind)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *exact;

	pga_text_add(&text, before);
	for (size_t i = 0; i < length; i++)
		pga_text_add_bytes(&text, filling + i % filling_length, 1);
	pga_text_add(&text, behind);
	/* Not a byte more than the text has: ASan sees who reads behind it. */
	exact = strdup(pga_text_string(&text));
	HOLDS(!text.failed && exact != NULL);
	fuzz(exact, strlen(exact));
	free(exact);
	pga_text_free(&text);
}

#define A_PIN "pin = 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static void fuzz_lengths(const char *bytes, size_t length)
{
	static const struct {
		void (*fuzz)(const char *bytes, size_t length);
		const char *before;
		const char *behind;
	} places[] = {
	    {fuzz_ini, "[", "]\na = b\n"},
	    {fuzz_ini, "[a]\n", " = b\n"},
	    {fuzz_ini, "[a]\nb = ", "\n"},
	    {fuzz_policy, "", " = x\n"},
	    {fuzz_policy, "mode = ", "\n"},
	    {fuzz_policy, "allow-weak = *.", "\n"},
	    {fuzz_pins, "[", "]\n" A_PIN},
	    {fuzz_pins, "[a]\n" A_PIN, " = b\n"},
	    {fuzz_pins, "[a]\npin = ", "\n"},
	    {fuzz_pins, "[a]\n" A_PIN "hosts = ", "\n"},
	    {fuzz_pins, "[a]\n" A_PIN "source = ", "\n"},
	    {fuzz_anchors_conf, "[", "]\n" A_PIN},
	    {fuzz_anchors_conf, "*.", ".example"},
	    {fuzz_root_crt, "# pganchor anchor ", "\n"},
	    {fuzz_fingerprint, "", ""},
	    {fuzz_fingerprint, "sha256 Fingerprint=", ""},
	    {fuzz_ca_url, "https://", ""},
	    {fuzz_ca_url, "https://ca.example:", "/"},
	    {fuzz_ca_url, "https://ca.example/", ""},
	    {fuzz_host, "*.", "\ndb.example"},
	    {fuzz_host, "*.example db.*\n", ""},
	    {fuzz_service, "[", "]\nhost=a\n"},
	    {fuzz_service, "[b]\n", "=c\n"},
	    {fuzz_service, "[b]\nhost=", "\n"},
	    {fuzz_printable, "", ""},
	    {check_shortened, "", ""},
	    {check_message, "", ""},
	    {check_name, "", ""},
	};
	const size_t filling = length < 16 ? length : 16;

	if (filling == 0 || memchr(bytes, '\0', filling) != NULL)
		return;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		for (size_t n = 0; n <= LONGEST; n++)
			try_length(places[i].fuzz, places[i].before, bytes, filling, n,
				   places[i].behind);
}

/* ---- step_config, team: what is taken is a pin, and text that fits into C's; a stranger's words
 * are not in a message ---- */

static bool is_pin(const char *pin)
{
	return strlen(pin) == PGA_PIN_LENGTH && strspn(pin, "0123456789abcdef") == PGA_PIN_LENGTH;
}

static void fuzz_step_config(const char *bytes, size_t length)
{
	struct pga_step_config config = {.pin = ""};
	struct pga_step_context context;
	struct pga_error error = {"", ""};

	if (pga_step_defaults_parse(&config, "defaults.json", bytes, length, &error) != 0)
		HOLDS(strncmp(error.message, "defaults.json", strlen("defaults.json")) == 0);
	else
		HOLDS(config.pin[0] == '\0' || is_pin(config.pin));
	HOLDS(config.ca_url == NULL || config.ca_url[0] != '\0');
	pga_step_config_free(&config);
	if (pga_step_contexts_parse(&context, NULL, "contexts.json", bytes, length, &error) != 0) {
		HOLDS(strncmp(error.message, "contexts.json", strlen("contexts.json")) == 0);
	} else {
		HOLDS(context.name != NULL && context.authority[0] != '\0' &&
		      context.authority[0] != '.' && strchr(context.authority, '/') == NULL);
		HOLDS(context.profile == NULL || strchr(context.profile, '/') == NULL);
	}
	pga_step_context_free(&context);
}

static void fuzz_team(const char *bytes, size_t length)
{
	struct pga_team team;
	struct pga_error error = {"", ""};
	char *address;

	if (pga_team_parse(&team, "team", bytes, length, &error) == 0)
		HOLDS(is_pin(team.pin) && team.ca_url != NULL);
	else
		HOLDS(strncmp(error.message, "team: ", strlen("team: ")) == 0);
	pga_team_free(&team);
	address = pga_team_address("https://x/<>/<>", bytes, &error);
	HOLDS(address == NULL || (strncmp(address, "https://x/", strlen("https://x/")) == 0 &&
				  strpbrk(address, "<>?#@\n ") == NULL));
	free(address);
}

/* ---- crl, crls_conf ---- */

/* What is put behind a file of the user's, and taken out again, leaves it as it was. */
static void check_blocks(const struct pga_crl *crl, const char *bytes, size_t length)
{
	char name[] = "a";
	struct pga_crl_record record = {.name = name};
	struct pga_crl_block block = {&record, crl->pem};
	struct pga_text before = text_of(bytes, length);
	struct pga_text after = text_of(bytes, length);
	struct pga_text back = PGA_TEXT_EMPTY;
	struct pga_error error;

	memcpy(record.digest, crl->digest, sizeof record.digest);
	pga_crl_blocks_add(&block, 1, &after, &record.joined);
	/* Unless there was such a block: then that one goes, too. */
	if (memmem(bytes, length, "# pganchor crl a\n", 17) == NULL) {
		HOLDS(pga_crl_blocks_cut(&after, &block, 1, &back, &error) == 0);
		HOLDS(block.pem != NULL && strcmp(block.pem, crl->pem) == 0);
		HOLDS(same_text(&before, &back));
		free(block.pem);
	}
	pga_text_free(&before);
	pga_text_free(&after);
	pga_text_free(&back);
}

static void fuzz_crl(const char *bytes, size_t length)
{
	struct pga_crl_list list;
	struct pga_crl_list again;
	struct pga_error error = {"", ""};
	const int result = pga_crl_list_read(&list, "whose", bytes, length, &error);

	HOLDS(ERR_peek_error() == 0);
	HOLDS(result == 0 ? list.count > 0
			  : list.count == 0 && strncmp(error.message, "whose: ", 7) == 0);
	for (size_t i = 0; i < list.count; i++) {
		const struct pga_crl *crl = &list.crls[i];

		HOLDS(is_pin(crl->digest) && is_pin(crl->scope) && is_harmless(crl->issuer));
		HOLDS(crl->point == NULL || is_harmless(crl->point));
		HOLDS(crl->revoked >= 0 &&
		      strspn(crl->number, "0123456789ABCDEF") == strlen(crl->number));
		HOLDS(pga_crl_list_read(&again, "", crl->pem, strlen(crl->pem), &error) == 0);
		HOLDS(again.count == 1 && strcmp(again.crls[0].digest, crl->digest) == 0);
		pga_crl_list_free(&again);
		(void)pga_crl_check(crl, "whose", &error);
		check_blocks(crl, bytes, length);
	}
	pga_crl_list_free(&list);
}

/* What is enough to know stays so, whatever comes behind it. */
static void fuzz_startup(const char *bytes, size_t length)
{
	const unsigned char *answer = (const unsigned char *)bytes;
	struct pga_probe_startup startup = {.asked = true};

	for (size_t part = 0; part <= length; part++) {
		struct pga_probe_startup early = {.asked = true};

		if (!pga_startup_read(answer, part, &early))
			continue;
		HOLDS(early.auth != PGA_ASKS_UNKNOWN);
		HOLDS(pga_startup_read(answer, length, &startup) && startup.auth == early.auth);
		HOLDS(strlen(early.sqlstate) == 0 || strlen(early.sqlstate) == 5);
		return;
	}
	HOLDS(!pga_startup_read(answer, length, &startup));
}

static void fuzz_crls_conf(const char *bytes, size_t length)
{
	struct pga_text before = text_of(bytes, length);
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text twice = PGA_TEXT_EMPTY;
	struct pga_crls crls;
	struct pga_crls again;
	struct pga_error error = {"", ""};

	if (pga_crls_parse(&crls, "crls.conf", bytes, length, &error) != 0) {
		HOLDS(strncmp(error.message, "crls.conf", strlen("crls.conf")) == 0);
	} else {
		pga_crls_compose(&before, &crls, &once);
		HOLDS(pga_crls_parse(&again, "crls.conf", pga_text_string(&once), once.length,
				     &error) == 0);
		HOLDS(again.count == crls.count);
		pga_crls_compose(&once, &again, &twice);
		HOLDS(same_text(&once, &twice));
		for (size_t i = 0; i < crls.count; i++)
			HOLDS(pga_pin_name_is_valid(crls.records[i].name) &&
			      strcmp(crls.records[i].source, again.records[i].source) == 0 &&
			      is_pin(crls.records[i].digest));
		pga_crls_free(&again);
	}
	pga_crls_free(&crls);
	pga_text_free(&before);
	pga_text_free(&once);
	pga_text_free(&twice);
}

/* postgresql.auto.conf: what serve sets, it sets once; and taken out again, all else is as it was.
 */
static void fuzz_auto_conf(const char *bytes, size_t length)
{
	static const struct pga_cluster_setting set[] = {
	    {"ssl", "on"}, {"ssl_cert_file", "it's"}, {"ssl_key_file", "key"}};
	static const struct pga_cluster_setting none[] = {
	    {"ssl", NULL}, {"ssl_cert_file", NULL}, {"ssl_key_file", NULL}};
	struct pga_text before = text_of(bytes, strnlen(bytes, length));
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text twice = PGA_TEXT_EMPTY;
	struct pga_text without = PGA_TEXT_EMPTY;
	struct pga_text taken_out = PGA_TEXT_EMPTY;
	long seconds;

	pga_cluster_set(&before, set, 3, &once);
	pga_cluster_set(&once, set, 3, &twice);
	HOLDS(same_text(&once, &twice));
	pga_cluster_set(&before, none, 3, &without);
	pga_cluster_set(&once, none, 3, &taken_out);
	HOLDS(same_text(&without, &taken_out));
	if (pga_lifetime_read(pga_text_string(&before), &seconds))
		HOLDS(seconds > 0 && seconds <= 36525L * 86400);
	pga_text_free(&before);
	pga_text_free(&once);
	pga_text_free(&twice);
	pga_text_free(&without);
	pga_text_free(&taken_out);
}

/* pg_hba.conf: its lines are all of its bytes, each word lies in its line; and with TLS required,
 * every line is where it was and says the same, but for its type. */
static void hold_hba(const struct pga_hba_file *file)
{
	size_t position = 0;

	for (size_t i = 0; i < file->count; i++) {
		const struct pga_hba_line *line = &file->lines[i];

		HOLDS(line->start == position && line->length > 0);
		position += line->length;
		for (size_t k = 0; k < line->count; k++)
			for (size_t m = 0; m < line->fields[k].count; m++) {
				const struct pga_hba_token *token = &line->fields[k].tokens[m];

				HOLDS(token->start >= line->start && token->start < token->end &&
				      token->end <= position && token->tail <= token->end);
			}
	}
	HOLDS(position == file->bytes.length);
}

static void hold_same_rule(const struct pga_hba_line *before, const struct pga_hba_line *after)
{
	HOLDS(before->number == after->number);
	if (pga_hba_becomes(before) == PGA_HBA_COMMENTED_OUT) {
		HOLDS(after->kind == PGA_HBA_EMPTY);
		return;
	}
	HOLDS(before->kind == after->kind && before->count == after->count);
	HOLDS(!pga_hba_is_remote(after) || !pga_hba_lets_plain_in(after) ||
	      pga_hba_becomes(before) == PGA_HBA_CANNOT);
	for (size_t i = 0; i < before->count; i++) {
		HOLDS(before->fields[i].count == after->fields[i].count);
		for (size_t k = 0; k < before->fields[i].count; k++)
			HOLDS((i == 0 && pga_hba_becomes(before) == PGA_HBA_NEEDS_TLS) ||
			      strcmp(before->fields[i].tokens[k].value,
				     after->fields[i].tokens[k].value) == 0);
	}
}

static void fuzz_hba(const char *bytes, size_t length)
{
	static const int versions[] = {13, 15, 16};

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		struct pga_hba_file before;
		struct pga_hba_file after = {.count = 0};
		struct pga_text once = PGA_TEXT_EMPTY;
		struct pga_text twice = PGA_TEXT_EMPTY;
		struct pga_error error;

		if (pga_hba_read(&before, "pg_hba.conf", bytes, length, versions[i], &error) == 0) {
			hold_hba(&before);
			(void)pga_hba_require_tls(&before, &once);
			HOLDS(pga_hba_read(&after, "pg_hba.conf", pga_text_string(&once),
					   once.length, versions[i], &error) == 0);
			hold_hba(&after);
			HOLDS(before.count == after.count);
			for (size_t k = 0; k < before.count; k++)
				hold_same_rule(&before.lines[k], &after.lines[k]);
			HOLDS(pga_hba_require_tls(&after, &twice) == 0);
			HOLDS(same_text(&once, &twice));
		} else {
			HOLDS(memchr(bytes, '\0', length) != NULL);
		}
		pga_hba_free(&before);
		pga_hba_free(&after);
		pga_text_free(&once);
		pga_text_free(&twice);
	}
}

static int open_nothing(const char *path, struct pga_text *bytes, struct pga_error *error)
{
	(void)bytes;
	return pga_fail(error, NULL, "%s", path);
}

/* pgbouncer.ini: each thing is told of a line that is there, and what is wrong quotes nothing. */
static void fuzz_pgbouncer(const char *bytes, size_t length)
{
	struct pga_pgbouncer ini;
	long lines = 1;

	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	pga_pgbouncer_read(&ini, "/pgbouncer.ini", bytes, length, open_nothing);
	HOLDS(ini.failed || ini.file_count == 1);
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		HOLDS(ini.set[i].value == NULL ||
		      (ini.set[i].at.line >= 1 && ini.set[i].at.line <= lines));
		HOLDS(ini.lost[i].value == NULL || ini.lost[i].at.line <= ini.section.line);
		HOLDS(ini.lost[i].value == NULL || ini.set[i].value == NULL);
	}
	for (size_t i = 0; i < ini.database_count; i++)
		HOLDS(ini.failed ||
		      (ini.databases[i].name[0] != '\0' && ini.databases[i].at.line <= lines));
	HOLDS(ini.fault == NULL || (ini.fault_at.line >= 1 && ini.fault_at.line <= lines));
	pga_pgbouncer_free(&ini);
}

static void check_host(const struct pga_server_hosts *hosts, const struct pga_server_host *host,
		       size_t lines)
{
	const struct pga_server_host *found = pga_server_host_for(hosts, host->name);

	HOLDS(host->line >= 1 && host->line <= lines && host->chain == NULL &&
	      host->leaf[0] == '\0');
	/* The first of a name is shown to who calls it. */
	HOLDS(!pga_server_host_is_name(host) || pga_host_is_address(host->name) ||
	      (found != NULL && found <= host && strcasecmp(found->name, host->name) == 0));
}

/* Behind the key, an authority: a backslash at the end would go on in the next line. */
static void add_host(struct pga_text *text, const struct pga_server_host *host)
{
	const char *const words[] = {host->name, host->certificate, host->key};

	for (size_t i = 0; i < 3; i++) {
		pga_audit_add_word(text, words[i]);
		pga_text_add(text, " ");
	}
	pga_text_add(text, host->passphrase ? "root.crt echo\n" : "root.crt\n");
}

/* No other file is there. */
static int read_hosts(void *context, const char *path, struct pga_text *bytes, bool *found,
		      struct pga_error *error)
{
	const struct pga_text *only = context;

	(void)error;
	*found = strcmp(path, "pg_hosts.conf") == 0;
	if (*found)
		pga_text_add_bytes(bytes, pga_text_string(only), only->length);
	return bytes->failed ? -1 : 0;
}

static int list_no_hosts(void *context, const char *path, struct pga_text *names,
			 struct pga_error *error)
{
	(void)context;
	(void)path;
	(void)names;
	(void)error;
	return 0;
}

static int parse_hosts(struct pga_server_hosts *hosts, struct pga_text *text)
{
	const struct pga_hba_source source = {
	    .read = read_hosts, .list = list_no_hosts, .context = text};
	struct pga_error error = {.message = ""};
	const int result = pga_server_hosts_parse(hosts, &source, "pg_hosts.conf", &error);

	HOLDS(result == 0 || strncmp(error.message, "pg_hosts.conf", 13) == 0);
	return result;
}

/* Whatever the words are, each is found in its place, and the line by the name in any case. */
static void check_one_host(const char *bytes, size_t length)
{
	char *name = strndup(bytes, strcspn(bytes, "\n"));
	char *certificate = malloc(length + 2);
	char *key = malloc(length + 2);
	const struct pga_server_host written = {
	    .name = name, .certificate = certificate, .key = key, .passphrase = length % 2 == 0};
	struct pga_server_hosts hosts;
	struct pga_text text = PGA_TEXT_EMPTY;

	HOLDS(name != NULL && certificate != NULL && key != NULL);
	(void)sprintf(certificate, "c%s", name);
	(void)sprintf(key, "%sk", name);
	add_host(&text, &written);
	HOLDS(parse_hosts(&hosts, &text) == 0);
	HOLDS(hosts.count == 1 && strcmp(hosts.list[0].name, name) == 0);
	HOLDS(strcmp(hosts.list[0].certificate, certificate) == 0);
	HOLDS(strcmp(hosts.list[0].key, key) == 0);
	HOLDS(hosts.list[0].passphrase == written.passphrase);
	for (char *at = name; *at != '\0'; at++)
		*at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
	HOLDS(pga_host_is_address(name) || pga_server_host_for(&hosts, name) == &hosts.list[0]);
	pga_server_hosts_free(&hosts);
	pga_text_free(&text);
	free(name);
	free(certificate);
	free(key);
}

/* pg_hosts.conf: each name is of a line that is there, and finds its line; and a file that has each
 * in a line of its own says the same. */
static void fuzz_hosts(const char *bytes, size_t length)
{
	struct pga_server_hosts hosts;
	struct pga_server_hosts again;
	struct pga_text text = text_of(bytes, length);
	size_t lines = 1;

	check_one_host(bytes, length);
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	if (parse_hosts(&hosts, &text) != 0) {
		pga_text_free(&text);
		pga_server_hosts_free(&hosts);
		return;
	}
	pga_text_free(&text);
	for (size_t i = 0; i < hosts.count; i++) {
		check_host(&hosts, &hosts.list[i], lines);
		add_host(&text, &hosts.list[i]);
	}
	HOLDS(parse_hosts(&again, &text) == 0 && again.count == hosts.count);
	for (size_t i = 0; i < hosts.count; i++) {
		const struct pga_server_host *one = &hosts.list[i];
		const struct pga_server_host *other = &again.list[i];

		HOLDS(other->line == i + 1 && one->passphrase == other->passphrase);
		HOLDS(strcmp(one->name, other->name) == 0);
		HOLDS(strcmp(one->certificate, other->certificate) == 0);
		HOLDS(strcmp(one->key, other->key) == 0);
	}
	pga_text_free(&text);
	pga_server_hosts_free(&again);
	pga_server_hosts_free(&hosts);
}

static void fuzz_certs_conf(const char *bytes, size_t length)
{
	struct pga_text before = text_of(bytes, length);
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text twice = PGA_TEXT_EMPTY;
	struct pga_cert_records records;
	struct pga_cert_records again;
	struct pga_error error = {"", ""};

	if (pga_cert_records_parse(&records, "certs.conf", bytes, length, &error) != 0) {
		HOLDS(strncmp(error.message, "certs.conf", strlen("certs.conf")) == 0);
	} else {
		HOLDS(pga_cert_records_compose("certs.conf", &before, NULL, "", &once, &error) ==
		      0);
		HOLDS(pga_cert_records_parse(&again, "certs.conf", pga_text_string(&once),
					     once.length, &error) == 0);
		HOLDS(again.count == records.count);
		HOLDS(pga_cert_records_compose("certs.conf", &once, NULL, "", &twice, &error) == 0);
		HOLDS(same_text(&once, &twice));
		for (size_t i = 0; i < records.count; i++)
			HOLDS(pga_pin_name_is_valid(records.records[i].name) &&
			      strcmp(records.records[i].exec, again.records[i].exec) == 0 &&
			      records.records[i].certificate[0] == '/');
		pga_cert_records_free(&again);
	}
	pga_cert_records_free(&records);
	pga_text_free(&before);
	pga_text_free(&once);
	pga_text_free(&twice);
}

/* ---- http_request: what it finds is in the bytes, and a head is what ends in an empty line ----
 */

static void fuzz_http_request(const char *bytes, size_t length)
{
	const size_t ends = pga_http_head_length(bytes, length);
	struct pga_scrape_request request;
	const char *value;
	char *head;
	int status;

	HOLDS(ends <= length && (ends == 0 || memcmp(bytes + ends - 4, "\r\n\r\n", 4) == 0));
	if (ends == 0 || ends > PGA_HTTP_HEAD)
		return;
	/* No byte behind it is looked at, but for the NUL that is written there. */
	head = malloc(ends + 1);
	HOLDS(head != NULL);
	memcpy(head, bytes, ends);
	status = pga_http_request_read(head, ends, &request);
	HOLDS(status == 0 || status == 400 || status == 403 || status == 405 || status == 505);
	if (status == 0) {
		HOLDS(request.path[0] == '/' && strchr(request.path, '?') == NULL);
		HOLDS(strchr(request.path, ' ') == NULL && strchr(request.query, '\n') == NULL);
		HOLDS(request.time >= 0 && request.time <= 3600);
		if (pga_http_parameter(&request, "target", &value) == 0 && value != NULL)
			HOLDS(value > head && value + strlen(value) < head + ends);
	}
	free(head);
}

/* ---- bundle: each certificate once, and each what it is by itself ---- */

static void fuzz_bundle(const char *bytes, size_t length)
{
	struct pga_bundle bundle = {0};
	struct pga_bundle again = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error = {"", ""};
	const int result = pga_bundle_read(&bundle, "whose", bytes, length, &error);

	HOLDS(ERR_peek_error() == 0);
	HOLDS(result == 0
		  ? bundle.count > 0
		  : error.message[0] != '\0' && strlen(error.message) < sizeof error.message);
	for (size_t i = 0; result == 0 && i < bundle.count; i++) {
		const struct pga_certificate *certificate = &bundle.certificates[i];

		HOLDS(certificate->x509 != NULL && is_pin(certificate->pin));
		HOLDS(is_harmless(certificate->subject) && is_harmless(certificate->issuer));
		for (size_t k = 0; k < i; k++)
			HOLDS(strcmp(certificate->pin, bundle.certificates[k].pin) != 0);
		pga_text_add(&text, certificate->pem);
	}
	/* As PEM alone, they are the same ones in the same order. */
	if (result == 0) {
		HOLDS(pga_bundle_read(&again, "again", text.bytes, text.length, &error) == 0);
		HOLDS(again.count == bundle.count && !again.has_private_key);
		for (size_t i = 0; i < bundle.count; i++)
			HOLDS(strcmp(again.certificates[i].pin, bundle.certificates[i].pin) == 0);
	}
	pga_text_free(&text);
	pga_bundle_free(&again);
	pga_bundle_free(&bundle);
}

/* ---- source_records: what is written of one anchor is read again, and the others stay ---- */

static bool same_value(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The values that are lines of text, as those of a record are. */
static bool same_source(const struct pga_source_record *a, const struct pga_source_record *b)
{
	return same_value(a->kind, b->kind) && same_value(a->location, b->location) &&
	       same_value(a->ca_file, b->ca_file) && same_value(a->etag, b->etag) &&
	       same_value(a->digest, b->digest) && same_value(a->checked, b->checked) &&
	       same_value(a->changed, b->changed);
}

static void check_other_sources(const struct pga_source_records *before,
				const struct pga_text *after, const char *name)
{
	struct pga_source_records records = {0};
	struct pga_error error;

	HOLDS(pga_source_records_parse(&records, pga_text_string(after), after->length, &error) ==
	      0);
	for (size_t i = 0; i < before->count; i++) {
		const char *other = before->sources[i].name;

		if (strcmp(other, name) == 0)
			continue;
		HOLDS(pga_source_records_of(&records, other) != NULL);
		HOLDS(same_source(pga_source_records_of(before, other),
				  pga_source_records_of(&records, other)));
	}
	pga_source_records_free(&records);
}

static void check_source(const struct pga_text *text, const struct pga_source_record *wanted)
{
	struct pga_source_records records = {0};
	const struct pga_source_record *found;
	struct pga_error error;

	HOLDS(pga_source_records_parse(&records, pga_text_string(text), text->length, &error) == 0);
	found = pga_source_records_of(&records, "ca");
	HOLDS(wanted != NULL ? found != NULL && same_source(found, wanted) : found == NULL);
	pga_source_records_free(&records);
}

static void fuzz_source_records(const char *bytes, size_t length)
{
	static const struct pga_source_record record = {
	    .kind = "https", .location = "https://ca.example/ca.pem", .digest = "00"};
	struct pga_source_records records = {0};
	struct pga_text before = text_of(bytes, length);
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text twice = PGA_TEXT_EMPTY;
	struct pga_text without = PGA_TEXT_EMPTY;
	struct pga_error error;

	HOLDS(pga_source_records_parse(&records, bytes, length, &error) == 0);
	for (size_t i = 0; i < records.count; i++)
		HOLDS(pga_source_records_of(&records, records.sources[i].name) != NULL);
	HOLDS(pga_source_records_of(&records, "no/name") == NULL ||
	      memmem(bytes, length, "no/name", 7) != NULL);
	pga_source_records_set(&before, "ca", &record, &once);
	check_source(&once, &record);
	check_other_sources(&records, &once, "ca");
	pga_source_records_set(&once, "ca", &record, &twice);
	HOLDS(same_text(&once, &twice));
	pga_source_records_drop(&once, "ca", &without);
	check_source(&without, NULL);
	check_other_sources(&records, &without, "ca");
	pga_text_free(&before);
	pga_text_free(&once);
	pga_text_free(&twice);
	pga_text_free(&without);
	pga_source_records_free(&records);
}

/* ---- manifest: what is a note is one of an absolute path, and what was noted is read again ----
 */

static void fuzz_manifest(const char *bytes, size_t length)
{
	struct pga_manifest manifest = {0};
	struct pga_manifest again = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text lines = text_of(bytes, length);
	struct pga_text path = PGA_TEXT_EMPTY;

	HOLDS(pga_manifest_parse(&manifest, bytes, length) == 0);
	for (size_t i = 0; i < manifest.count; i++) {
		const struct pga_note *note = &manifest.notes[i];

		HOLDS(note->path[0] == '/' && pga_manifest_has(&manifest, note->kind, note->path));
		HOLDS((note->name != NULL) == (note->kind >= PGA_NOTE_SERVICE));
	}
	/* Any text as a path and a name. */
	pga_text_addf(&path, "/%s", bytes);
	pga_manifest_note_directory(&text, pga_text_string(&path));
	pga_manifest_note_service(&text, pga_text_string(&path), pga_text_string(&path), false,
				  &lines);
	HOLDS(pga_manifest_parse(&again, pga_text_string(&text), text.length) == 0);
	HOLDS(again.count == 2 && again.notes[0].kind == PGA_NOTE_DIRECTORY &&
	      again.notes[1].kind == PGA_NOTE_SERVICE);
	HOLDS(strcmp(again.notes[0].path, pga_text_string(&path)) == 0 &&
	      strcmp(again.notes[1].path, pga_text_string(&path)) == 0 &&
	      strcmp(again.notes[1].name, pga_text_string(&path)) == 0 &&
	      again.notes[1].digest == pga_manifest_digest(bytes, length));
	pga_text_free(&text);
	pga_text_free(&lines);
	pga_text_free(&path);
	pga_manifest_free(&again);
	pga_manifest_free(&manifest);
}

/* ---- profile: what is read is complete, and no service of it is weak or holds a secret ---- */

static void check_profile_anchor(const struct pga_profile_anchor *anchor)
{
	size_t length;

	HOLDS(pga_pin_name_is_valid(anchor->name) && anchor->pin_count > 0);
	HOLDS((anchor->source != NULL) != (anchor->certificate.x509 != NULL));
	HOLDS(anchor->hosts[0] != '\0' &&
	      pga_host_bad_pattern(anchor->hosts, strlen(anchor->hosts), &length) == NULL);
	for (size_t i = 0; i < anchor->pin_count; i++)
		HOLDS(strspn(anchor->pins[i], "0123456789abcdef") == PGA_PIN_LENGTH);
}

static void check_profile_service(const struct pga_profile *profile,
				  const struct pga_profile_service *service)
{
	static char login[] = "somebody";
	static char home[] = "/home/somebody";
	const struct pga_profile_user user = {login, home};
	struct pga_settings settings = {NULL, 0};
	struct pga_error error;

	HOLDS(service->anchor == NULL ||
	      pga_profile_anchor_named(profile, service->anchor) != NULL);
	HOLDS(pga_profile_service_settings(service, &user, &settings, &error) == 0);
	HOLDS(pga_settings_value(&settings, "host") != NULL &&
	      pga_settings_value(&settings, "sslmode") == NULL &&
	      pga_settings_value(&settings, "sslrootcert") == NULL);
	for (size_t i = 0; i < settings.count; i++)
		HOLDS(!pga_keyword_is_secret(settings.items[i].keyword));
	pga_settings_free(&settings);
}

static void fuzz_profile(const char *bytes, size_t length)
{
	struct pga_profile profile;
	struct pga_error error = {.message = ""};

	if (pga_profile_read(&profile, "a profile", bytes, length, &error) != 0) {
		HOLDS(strncmp(error.message, "a profile", strlen("a profile")) == 0 &&
		      error.hint[0] != '\0');
		return;
	}
	HOLDS(pga_pin_name_is_valid(profile.name) && profile.version > 0);
	for (size_t i = 0; i < profile.anchor_count; i++)
		check_profile_anchor(&profile.anchors[i]);
	for (size_t i = 0; i < profile.service_count; i++)
		check_profile_service(&profile, &profile.services[i]);
	pga_profile_free(&profile);
}

/* ---- minisign: what is read is text, and no bytes are a signature of themselves ---- */

static void fuzz_minisign(const char *bytes, size_t length)
{
	struct pga_minisign_signature signature;
	struct pga_minisign_key key;
	struct pga_minisign_key again;
	struct pga_error error;

	if (pga_minisign_key_read(&key, "a key", bytes, length, &error) == 0) {
		HOLDS(pga_minisign_key_read(&again, "the key", key.text, strlen(key.text),
					    &error) == 0);
		HOLDS(memcmp(&key, &again, sizeof key) == 0);
	}
	if (pga_minisign_signature_read(&signature, "a signature", bytes, length, &error) != 0)
		return;
	for (const char *at = signature.comment; *at != '\0'; at++)
		HOLDS(((unsigned char)*at >= ' ' || *at == '\t') && *at != 0x7f);
	memset(&key, 0, sizeof key);
	memcpy(key.number, signature.number, sizeof key.number);
	HOLDS(pga_minisign_verify(&signature, &key, "a signature", bytes, length, &error) == -1);
	pga_minisign_signature_free(&signature);
}

/* ---- profiles_conf: what is written of one profile is read again, and the others stay ---- */

static void fuzz_profiles_conf(const char *bytes, size_t length)
{
	static char name[] = "acme";
	static char where[] = "/etc/acme.profile";
	const struct pga_fetched_profile fetched = {
	    .profile = {.name = name, .version = 7}, .where = where, .digest = "00"};
	struct pga_applied before = {.path = NULL};
	struct pga_applied after = {.path = NULL};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text lines = text_of(bytes, length);
	struct pga_error error;

	if (pga_applied_parse(&before, "a file", bytes, length, &error) == 0) {
		pga_applied_set(&lines, &fetched, "2026-11-22T06:00:00Z", &text);
		HOLDS(pga_applied_parse(&after, "a file", pga_text_string(&text), text.length,
					&error) == 0);
		HOLDS(pga_applied_has(&after, &fetched));
		for (size_t i = 0; i < before.count; i++) {
			const struct pga_applied_profile *one = &before.profiles[i];
			const struct pga_applied_profile *other =
			    pga_applied_named(&after, one->name);

			HOLDS(other != NULL && strcmp(one->key, other->key) == 0);
			HOLDS(strcmp(one->name, name) == 0 || one->version == other->version);
		}
	}
	pga_text_free(&text);
	pga_text_free(&lines);
	pga_applied_free(&after);
	pga_applied_free(&before);
}

/* ---- jsonc: of JSON every byte stays; it never grows, and has no comments after ---- */

static void fuzz_jsonc(const char *bytes, size_t length)
{
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text twice = PGA_TEXT_EMPTY;
	json_t *value = json_loadb(bytes, length, JSON_DECODE_ANY, NULL);

	pga_jsonc_strip(&once, bytes, length);
	HOLDS(!once.failed && once.length <= length);
	HOLDS(value == NULL ||
	      (once.length == length && memcmp(pga_text_string(&once), bytes, length) == 0));
	/* A mark may come behind the mark, and a comma before the one that went: none else goes. */
	pga_jsonc_strip(&twice, pga_text_string(&once), once.length);
	HOLDS(twice.length == once.length || twice.length + 3 == once.length);
	json_decref(value);
	pga_text_free(&once);
	pga_text_free(&twice);
}

/* ---- jdbc_url: what is read of an address was in it ---- */

static void fuzz_jdbc_url(const char *bytes, size_t length)
{
	struct pga_jdbc_url url;

	if (pga_jdbc_url_read(&url, bytes)) {
		const char *const parameters[] = {url.sslmode, url.ssl, url.sslfactory};

		HOLDS(!url.failed && strncmp(bytes, "jdbc:postgresql:", 16) == 0);
		HOLDS(url.host != NULL && strstr(bytes, url.host) != NULL);
		HOLDS(strpbrk(url.host, "/?") == NULL);
		for (size_t i = 0; i < 3; i++)
			HOLDS(parameters[i] == NULL ||
			      (strchr(bytes, '?') != NULL && strlen(parameters[i]) < length));
	} else {
		HOLDS(url.host == NULL && url.sslmode == NULL && !url.by_service);
	}
	pga_jdbc_url_free(&url);
}

/* ---- accepted: each line says what it accepts and why, and is told of where that is gone ---- */

static void fuzz_accepted(const char *bytes, size_t length)
{
	struct pga_accepted accepted = {.count = 0};
	struct pga_findings findings = {.count = 0};
	struct pga_error error;

	if (pga_accepted_parse(&accepted, "a file", bytes, length, &error) == 0) {
		for (size_t i = 0; i < accepted.count; i++) {
			const struct pga_acceptance *one = &accepted.list[i];

			HOLDS(one->words[PGA_ACCEPTED_ID] != NULL &&
			      one->words[PGA_ACCEPTED_REASON] != NULL);
			HOLDS((one->until != 0) == (one->words[PGA_ACCEPTED_UNTIL] != NULL));
		}
		pga_accepted_judge(&accepted, 1795331163, true, &findings);
		HOLDS(!findings.failed && findings.count == accepted.count);
	}
	pga_findings_free(&findings);
	pga_accepted_free(&accepted);
}

/* ---- jose: what a CA and who hands out tokens say; nothing is opened with a password that is not
 * its own, and what is a key signs ---- */

static void fuzz_jose(const char *bytes, size_t length)
{
	struct pga_text plain = PGA_TEXT_EMPTY;
	struct pga_text again = PGA_TEXT_EMPTY;
	struct pga_token token;
	struct pga_error error;
	json_t *jwk = json_loadb(bytes, length, 0, NULL);
	unsigned char *decoded;
	size_t size = 0;
	bool wrong = false;

	HOLDS(pga_jwe_open(bytes, "it", "not its password", 16, &plain, &wrong, &error) == -1);
	if (pga_token_read(&token, bytes, &error) == 0)
		HOLDS(json_is_object(token.claims));
	pga_token_free(&token);
	if (json_is_object(jwk)) {
		EVP_PKEY *key = pga_jwk_key(jwk, "it", &error);

		if (key != NULL && pga_jws_sign(key, NULL, jwk, &again, &error) == 0) {
			HOLDS(pga_token_read(&token, pga_text_string(&again), &error) == 0);
			pga_token_free(&token);
		}
		EVP_PKEY_free(key);
	}
	pga_text_free(&again);
	decoded = pga_base64url_decode(bytes, strlen(bytes), &size);
	if (decoded != NULL) {
		pga_base64url_add(&again, decoded, size);
		HOLDS(strcmp(pga_text_string(&again), bytes) == 0);
	}
	free(decoded);
	pga_text_free(&again);
	pga_text_free(&plain);
	json_decref(jwk);
}

/* ---- ca_answers: what a CA hands out is complete, and what it signed is certificates and nothing
 * else ---- */

static void check_provisioners(const char *bytes, size_t length)
{
	struct pga_provisioners provisioners = {.count = 0};
	struct pga_error error = {.message = ""};
	char *next = NULL;

	if (pga_provisioners_add(&provisioners, "a CA", bytes, length, &next, &error) != 0)
		HOLDS(error.message[0] != '\0' && next == NULL);
	else
		HOLDS(next == NULL || next[strspn(next, "0123456789abcdefABCDEF")] == '\0');
	for (size_t i = 0; i < provisioners.count; i++) {
		const struct pga_provisioner *one = &provisioners.list[i];
		const long spans[] = {one->least, one->most, one->usual};

		HOLDS(one->name != NULL && one->type != NULL);
		for (size_t k = 0; k < 3; k++)
			HOLDS(spans[k] >= 0 && spans[k] < 1000000000);
	}
	free(next);
	pga_provisioners_free(&provisioners);
}

static void check_signed(const struct pga_text *chain)
{
	struct pga_stepca_answer again = {.status = 0};
	struct pga_error error;
	json_t *said = json_pack("{s:[s]}", "certChain", pga_text_string(chain));
	struct pga_bundle bundle = {.count = 0};

	HOLDS(pga_bundle_read(&bundle, "a CA", pga_text_string(chain), chain->length, &error) == 0);
	HOLDS(bundle.count > 0 && !bundle.has_private_key);
	/* Several of them are not one. */
	if (said != NULL) {
		char *text = json_dumps(said, JSON_COMPACT);
		const bool one =
		    strstr(strstr(pga_text_string(chain), "-----END"), "-----BEGIN") == NULL;

		HOLDS(text != NULL && (pga_stepca_answer_read(&again, "a CA", text, strlen(text),
							      &error) == 0) == one);
		HOLDS(!one || same_text(chain, &again.chain));
		free(text);
	}
	json_decref(said);
	pga_bundle_free(&bundle);
	pga_stepca_answer_free(&again);
}

static void fuzz_ca_answers(const char *bytes, size_t length)
{
	struct pga_stepca_answer answer = {.status = 0};
	struct pga_error error = {.message = ""};

	check_provisioners(bytes, length);
	if (pga_stepca_answer_read(&answer, "a CA", bytes, length, &error) == 0)
		check_signed(&answer.chain);
	else
		HOLDS(error.message[0] != '\0');
	pga_stepca_answer_keep_words(&answer, bytes, length);
	HOLDS(answer.says.length <= 400 + 3);
	pga_stepca_answer_free(&answer);
}

/* ---- which ---- */

static const struct {
	const char *name;
	void (*fuzz)(const char *bytes, size_t length);
} targets[] = {
    {"ini", fuzz_ini},
    {"policy", fuzz_policy},
    {"pins", fuzz_pins},
    {"anchors_conf", fuzz_anchors_conf},
    {"certificate", fuzz_certificate},
    {"root_crt", fuzz_root_crt},
    {"fingerprint", fuzz_fingerprint},
    {"ca_url", fuzz_ca_url},
    {"host", fuzz_host},
    {"service", fuzz_service},
    {"printable", fuzz_printable},
    {"secrets", fuzz_secrets},
    {"record", fuzz_record},
    {"known_servers", fuzz_known_servers},
    {"passwords", fuzz_passwords},
    {"passfile", fuzz_passfile},
    {"step_config", fuzz_step_config},
    {"team", fuzz_team},
    {"crl", fuzz_crl},
    {"certs_conf", fuzz_certs_conf},
    {"auto_conf", fuzz_auto_conf},
    {"hba", fuzz_hba},
    {"hosts", fuzz_hosts},
    {"pgbouncer", fuzz_pgbouncer},
    {"crls_conf", fuzz_crls_conf},
    {"startup", fuzz_startup},
    {"bundle", fuzz_bundle},
    {"source_records", fuzz_source_records},
    {"manifest", fuzz_manifest},
    {"http_request", fuzz_http_request},
    {"profile", fuzz_profile},
    {"minisign", fuzz_minisign},
    {"profiles_conf", fuzz_profiles_conf},
    {"jsonc", fuzz_jsonc},
    {"jdbc_url", fuzz_jdbc_url},
    {"accepted", fuzz_accepted},
    {"lengths", fuzz_lengths},
    {"jose", fuzz_jose},
    {"ca_answers", fuzz_ca_answers},
};

static void (*target)(const char *bytes, size_t length);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *slash = strrchr((*argv)[0], '/');
	const char *name = slash != NULL ? slash + 1 : (*argv)[0];

	(void)argc;
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
		if (strcmp(targets[i].name, name) == 0)
			target = targets[i].fuzz;
	directory = getenv("PGANCHOR_FUZZ_DIRECTORY");
	HOLDS(target != NULL && directory != NULL && strlen(directory) < 80);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1);

	HOLDS(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	bytes[size] = '\0';
	target(bytes, size);
	free(bytes);
	return 0;
}
