#include "cert/acme.h"

#include "anchor/known_roots.h"
#include "base/edit.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/printable.h"
#include "base/subprocess.h"
#include "ca/url.h"
#include "cert/words.h"
#include "policy/pins.h"
#include "tls/bundle.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM      "lego"
#define CERTIFICATES "certificates"
#define ROOTS        "LEGO_CA_CERTIFICATES"
#define LONGEST_WHY  400

int pga_acme_begin(struct pga_acme *acme, struct pga_error *error)
{
	char **const texts[] = {&acme->url, &acme->listen, &acme->webroot,
				&acme->dns, &acme->email,  &acme->anchor};

	memset(acme, 0, sizeof *acme);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (pga_cert_record_set(texts[i], "", error) != 0)
			return -1;
	return 0;
}

void pga_acme_free(struct pga_acme *acme)
{
	free(acme->url);
	free(acme->listen);
	free(acme->webroot);
	free(acme->dns);
	free(acme->email);
	free(acme->anchor);
	free(acme->roots);
	memset(acme, 0, sizeof *acme);
}

/* ---- in a record: three words, of which the first says what the second is ---- */

static const char *way_of(const struct pga_acme *acme)
{
	return acme->dns[0] != '\0' ? "dns-01" : acme->webroot[0] != '\0' ? "webroot" : "http-01";
}

/* Quoted as words.h reads it. */
static void add_word(struct pga_text *words, const char *word)
{
	pga_text_add(words, words->length > 0 ? " \"" : "\"");
	for (; *word != '\0'; word++)
		pga_text_addf(words, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
	pga_text_add(words, "\"");
}

int pga_acme_put(const struct pga_acme *acme, struct pga_cert_record *record,
		 struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	int result = -1;

	add_word(&words, way_of(acme));
	add_word(&words, acme->dns[0] != '\0'       ? acme->dns
			 : acme->webroot[0] != '\0' ? acme->webroot
						    : acme->listen);
	add_word(&words, acme->email);
	if (words.failed)
		(void)pga_fail_memory(error);
	else if (pga_cert_record_set(&record->way, PGA_CERT_WAY_ACME, error) == 0 &&
		 pga_cert_record_set(&record->ca, acme->url, error) == 0 &&
		 pga_cert_record_set(&record->anchor, acme->anchor, error) == 0 &&
		 pga_cert_record_set(&record->provisioner, "", error) == 0)
		result = pga_cert_record_set(&record->account, pga_text_string(&words), error);
	pga_text_free(&words);
	return result;
}

int pga_acme_of_record(const struct pga_cert_record *record, struct pga_acme *acme,
		       struct pga_error *error)
{
	struct pga_words words = {.count = 0};
	char **where = NULL;
	int result = -1;

	if (pga_acme_begin(acme, error) != 0)
		return -1;
	if (pga_words_split(record->account, &words, error) == 0 && words.count == 3)
		where = strcmp(words.words[0], "dns-01") == 0    ? &acme->dns
			: strcmp(words.words[0], "webroot") == 0 ? &acme->webroot
								 : &acme->listen;
	if (where == NULL)
		(void)pga_fail(error, "pganchor cert issue --acme makes it anew",
			       "%s: it is not known how its CA is to see whose name it is",
			       record->name);
	else if (pga_cert_record_set(where, words.words[1], error) == 0 &&
		 pga_cert_record_set(&acme->email, words.words[2], error) == 0 &&
		 pga_cert_record_set(&acme->url, record->ca, error) == 0)
		result = record->anchor[0] != '\0'
			     ? pga_acme_find_roots(acme, record->anchor, error)
			     : 0;
	pga_words_free(&words);
	return result;
}

/* ---- whom to trust ---- */

/* https://HOST:PORT of an address. The caller frees it. */
static char *origin_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL ? strndup(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/"))
			    : strdup(url);
}

static const struct pga_pin *find_pin(const struct pga_pins *pins, const char *anchor,
				      const char *origin)
{
	if (anchor != NULL)
		return pga_pins_named(pins, anchor);
	for (size_t i = 0; i < pins->count; i++)
		if (pga_ca_url_is_same(pins->pins[i].source, origin))
			return &pins->pins[i];
	return NULL;
}

static int take_root(const struct pga_pins *pins, const struct pga_pin *pin, struct pga_acme *acme,
		     struct pga_error *error)
{
	struct pga_certificate root;
	int result;

	if (!pga_known_root_read(pin, pins, &root))
		return pga_fail(error, "pganchor anchor verify",
				"%s: the file of this anchor does not have its root", pin->name);
	acme->roots = strdup(root.pem);
	pga_certificate_free(&root);
	result = pga_cert_record_set(&acme->anchor, pin->name, error);
	return acme->roots != NULL ? result : pga_fail_memory(error);
}

int pga_acme_find_roots(struct pga_acme *acme, const char *anchor, struct pga_error *error)
{
	struct pga_pins pins;
	const struct pga_pin *pin;
	char *origin = origin_of(acme->url);
	int result = -1;

	if (origin == NULL)
		return pga_fail_memory(error);
	if (pga_pins_load(&pins, NULL, error) == 0) {
		pin = find_pin(&pins, anchor, origin);
		if (pin != NULL)
			result = take_root(&pins, pin, acme, error);
		else
			result = anchor == NULL ? 0
						: pga_fail(error, "pganchor anchor list shows them",
							   "%s: no anchor has this name", anchor);
	}
	pga_pins_free(&pins);
	free(origin);
	return result;
}

/* ---- lego ---- */

/* What is kept for one certificate: the account's key, and what is handed over. */
struct place {
	char *directory;
	char *request;
	char *roots;
	char *certificates;
};

static char *join(const char *directory, const char *name)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	pga_text_addf(&path, "%s/%s", directory, name);
	return pga_text_take(&path);
}

static int find_place(struct place *place, const char *name, struct pga_error *error)
{
	struct pga_text below = PGA_TEXT_EMPTY;

	pga_text_addf(&below, PGA_ACME_DIRECTORY "/%s", name);
	place->directory = below.failed ? NULL : pga_user_config(pga_text_string(&below));
	pga_text_free(&below);
	if (place->directory == NULL) {
		(void)pga_fail_home(error);
		return -1;
	}
	place->request = join(place->directory, "request.pem");
	place->roots = join(place->directory, "roots.pem");
	place->certificates = join(place->directory, CERTIFICATES);
	if (place->request != NULL && place->roots != NULL && place->certificates != NULL)
		return 0;
	(void)pga_fail_memory(error);
	return -1;
}

static void free_place(struct place *place)
{
	free(place->directory);
	free(place->request);
	free(place->roots);
	free(place->certificates);
}

static int write_file(const char *path, const char *text, struct pga_error *error)
{
	struct pga_edit edit;
	int result = -1;

	if (pga_edit_begin(&edit, path, 0600, error) != 0)
		return -1;
	edit.unnoted = true;
	if (pga_edit_stage(&edit, text, strlen(text), error) == 0)
		result = pga_edit_commit(&edit, error);
	pga_edit_end(&edit);
	return result;
}

static bool is_certificate(const char *name)
{
	const size_t length = strlen(name);
	const char issuer[] = ".issuer.crt";

	return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".crt") == 0 &&
	       (length < sizeof issuer || strcmp(name + length - (sizeof issuer - 1), issuer) != 0);
}

/* Each certificate that lego has put there: removed, or read. Returns how many there were, -1 with
 * the reason. */
static int each_certificate(const struct place *place, struct pga_text *content,
			    struct pga_error *error)
{
	DIR *directory = opendir(place->certificates);
	const struct dirent *entry;
	int count = 0;

	while (directory != NULL && count >= 0 && (entry = readdir(directory)) != NULL) {
		char *path =
		    is_certificate(entry->d_name) ? join(place->certificates, entry->d_name) : NULL;

		if (path == NULL)
			continue;
		count++;
		if (content == NULL)
			(void)unlink(path);
		else if (pga_file_read(path, content, NULL, error) != 0)
			count = -1;
		free(path);
	}
	if (directory != NULL)
		(void)closedir(directory);
	return count;
}

/* The last line that says something, without lego's date in front of it. */
static void add_reason(const struct pga_subprocess *child, struct pga_text *why)
{
	const char *rest = pga_text_string(&child->errors);
	struct pga_text last = PGA_TEXT_EMPTY;
	struct pga_text shown = PGA_TEXT_EMPTY;
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		if (length == 0)
			continue;
		pga_text_free(&last);
		pga_text_add_bytes(&last, line, length);
	}
	line = pga_text_string(&last);
	if (last.length > 20 && line[4] == '/' && line[19] == ' ')
		line += 20;
	pga_text_add_printable(&shown, line, "");
	pga_text_add_shortened(why, pga_text_string(&shown), LONGEST_WHY);
	pga_text_free(&shown);
	pga_text_free(&last);
}

static const char *advice(const char *why)
{
	static const struct {
		const char *says, *hint;
	} known[] = {
	    {"bind: permission denied",
	     "a port below 1024 is root's: run it with sudo, or give another one to which port 80 "
	     "is handed on: --http-01 :8080"},
	    {"bind: address already in use",
	     "something has the port: where it is a web server, give its directory: --http-01 "
	     "/var/www/html"},
	    {"acme:error:connection",
	     "the CA has to reach port 80 of the name, from where it is: does a firewall let it?"},
	    {"acme:error:dns", "the CA has to find the name in DNS"},
	    {"rejectedIdentifier", "the CA does not sign for this name: ask who runs it"},
	    {"rateLimited", "wait as long as it says"},
	    {"x509: certificate signed by unknown authority",
	     "pin the CA's root, and name it: --ca ANCHOR"},
	    {"unrecognized DNS provider", "lego dnshelp lists them"},
	    {"some credentials information are missing",
	     "they are variables of the environment: lego dnshelp -c PROVIDER"},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strstr(why, known[i].says) != NULL)
			return known[i].hint;
	return "nothing was changed";
}

static int explain(const struct pga_acme *acme, const struct pga_subprocess *child, int started,
		   const struct pga_error *why_not, struct pga_error *error)
{
	struct pga_text why = PGA_TEXT_EMPTY;

	if (child->late)
		return pga_fail(error, "nothing was changed; try again",
				"%s: lego was not done within %d seconds", acme->url,
				PGA_ACME_SECONDS);
	if (started != 0)
		return pga_fail(error,
				"it speaks ACME: apt install lego, or see "
				"https://go-acme.github.io/lego",
				"lego could not be run: %s", why_not->message);
	add_reason(child, &why);
	(void)pga_fail(error, advice(pga_text_string(&child->errors)), "%s: %s", acme->url,
		       pga_text_string(&why));
	pga_text_free(&why);
	return -1;
}

/* The option that says how, of a challenge; four words at the most, and NULL behind them. */
static void choose_challenge(const struct pga_acme *acme, const char *words[4])
{
	memset(words, 0, 4 * sizeof *words);
	if (acme->dns[0] != '\0') {
		words[0] = "--dns";
		words[1] = acme->dns;
		return;
	}
	words[0] = "--http";
	words[1] = acme->webroot[0] != '\0' ? "--http.webroot" : "--http.port";
	words[2] = acme->webroot[0] != '\0' ? acme->webroot : acme->listen;
}

static int run(const struct pga_acme *acme, const struct place *place, struct pga_error *error)
{
	const char *argv[20] = {PROGRAM,   "--accept-tos", "--server", acme->url,
				"--email", acme->email,    "--path",   place->directory,
				"--csr",   place->request};
	struct pga_subprocess child;
	struct pga_error why;
	size_t count = 10;
	int result;

	choose_challenge(acme, argv + count);
	while (argv[count] != NULL)
		count++;
	argv[count] = "run";
	result = pga_subprocess_run_for(PGA_ACME_SECONDS, argv, NULL, &child, &why);
	if (result != 0 || child.status != 0)
		result = explain(acme, &child, result, &why, error);
	pga_subprocess_free(&child);
	return result;
}

/* Whoever hands it over need not know PEM as libpq does: each certificate is read and written. */
static int read_chain(const struct place *place, const char *url, struct pga_text *chain,
		      struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_bundle bundle = {.count = 0};
	int result = -1;
	const int count = each_certificate(place, &content, error);

	if (count == 1)
		result =
		    pga_bundle_read(&bundle, url, pga_text_string(&content), content.length, error);
	else if (count >= 0)
		(void)pga_fail(error, "is it another version of lego?",
			       "%s: lego has put %d certificates there, and not one",
			       place->certificates, count);
	for (size_t i = 0; i < bundle.count && result == 0; i++)
		pga_text_add(chain, bundle.certificates[i].pem);
	if (result == 0 && chain->failed)
		result = pga_fail_memory(error);
	pga_bundle_free(&bundle);
	pga_text_free(&content);
	return result;
}

int pga_acme_issue(const struct pga_acme *acme, const char *name, const char *csr,
		   struct pga_text *chain, struct pga_error *error)
{
	struct place place = {NULL, NULL, NULL, NULL};
	int result = -1;

	if (find_place(&place, name, error) != 0 || write_file(place.request, csr, error) != 0 ||
	    (acme->roots != NULL && write_file(place.roots, acme->roots, error) != 0))
		goto done;
	/* Without, lego trusts the system's CAs, or those that its user has it trust. */
	if (acme->roots != NULL && setenv(ROOTS, place.roots, 1) != 0) {
		(void)pga_fail_memory(error);
		goto done;
	}
	/* What an earlier run has left is none of this one's. */
	(void)each_certificate(&place, NULL, error);
	if (run(acme, &place, error) == 0)
		result = read_chain(&place, acme->url, chain, error);
	(void)each_certificate(&place, NULL, error);
	if (acme->roots != NULL)
		(void)unsetenv(ROOTS);
done:
	free_place(&place);
	return result;
}
