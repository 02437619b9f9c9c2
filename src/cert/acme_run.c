/* A client of ACME is run, and what it says is looked at. */
#include "cert/acme_running.h"

#include "base/edit.h"
#include "base/paths.h"
#include "base/printable.h"
#include "base/subprocess.h"
#include "tls/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_WHY 400

char *pga_acme_join(const char *directory, const char *name)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	pga_text_addf(&path, "%s/%s", directory, name);
	return pga_text_take(&path);
}

static int find_place(struct pga_acme_running *running, const char *name, struct pga_error *error)
{
	struct pga_text below = PGA_TEXT_EMPTY;

	pga_text_addf(&below, PGA_ACME_DIRECTORY "/%s", name);
	running->directory = below.failed ? NULL : pga_user_config(pga_text_string(&below));
	pga_text_free(&below);
	if (running->directory == NULL) {
		(void)pga_fail_home(error);
		return -1;
	}
	running->request = pga_acme_join(running->directory, "request.pem");
	running->roots = pga_acme_join(running->directory, "roots.pem");
	return running->request != NULL && running->roots != NULL ? 0 : pga_fail_memory(error);
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

/* ---- a client ---- */

/* The last line that says something, without lego's date in front of it, and without secrets: they
 * are hidden before it is cut, where one could be cut, too. */
static void add_reason(const struct pga_acme_settings *settings, const struct pga_subprocess *child,
		       struct pga_text *why)
{
	const char *rest = pga_text_string(&child->errors);
	struct pga_text last = PGA_TEXT_EMPTY;
	struct pga_text shown = PGA_TEXT_EMPTY;
	const char *line;
	size_t length;
	char *hidden;

	while (pga_next_line(&rest, &line, &length)) {
		if (length == 0)
			continue;
		pga_text_free(&last);
		pga_text_add_bytes(&last, line, length);
	}
	line = pga_text_string(&last);
	if (last.length > 20 && line[4] == '/' && line[19] == ' ')
		line += 20;
	while (pga_is_blank(*line))
		line++;
	hidden = pga_acme_settings_hide(settings, line);
	pga_text_add_printable(&shown, hidden != NULL ? hidden : "", "");
	pga_text_add_shortened(why, pga_text_string(&shown), LONGEST_WHY);
	why->failed = why->failed || hidden == NULL || last.failed || shown.failed;
	free(hidden);
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

static int explain(const struct pga_acme_running *running, const char *program,
		   const struct pga_subprocess *child, int started, const struct pga_error *why_not,
		   struct pga_error *error)
{
	const struct pga_acme *acme = running->acme;
	struct pga_text why = PGA_TEXT_EMPTY;

	if (child->late)
		return pga_fail(error, "nothing was changed; try again",
				"%s: %s was not done within %u seconds, and was ended", acme->url,
				program, acme->seconds);
	if (started != 0)
		return pga_fail(error,
				"it speaks ACME: apt install lego, or see "
				"https://go-acme.github.io/lego",
				"%s could not be run: %s", program, why_not->message);
	if (child->status > 128)
		return pga_fail(error, "nothing was changed; try again",
				"%s: %s was ended by signal %d", acme->url, program,
				child->status - 128);
	add_reason(&running->settings, child, &why);
	if (why.failed)
		(void)pga_fail_memory(error);
	else if (why.length == 0)
		(void)pga_fail(error, "nothing was changed", "%s: %s failed, and does not say why",
			       acme->url, program);
	else
		(void)pga_fail(error, advice(pga_text_string(&child->errors)), "%s: %s", acme->url,
			       pga_text_string(&why));
	pga_text_free(&why);
	return -1;
}

static long long now_in_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int pga_acme_run(struct pga_acme_running *running, const char *const *argv, struct pga_error *error)
{
	const long long left = running->deadline - now_in_seconds();
	struct pga_subprocess child;
	struct pga_error why;
	int result;

	if (pga_acme_settings_set(&running->settings, error) != 0)
		return -1;
	result = pga_subprocess_run_group(left > 1 ? (unsigned)left : 1, argv, &child, &why);
	pga_acme_settings_unset(&running->settings);
	if (result != 0 || child.status != 0)
		result = explain(running, argv[0], &child, result, &why, error);
	pga_subprocess_free(&child);
	return result;
}

int pga_acme_take(const struct pga_acme_running *running, const struct pga_text *bytes,
		  struct pga_text *chain, struct pga_error *error)
{
	const struct pga_acme *acme = running->acme;
	struct pga_bundle bundle = {.count = 0};
	struct pga_error why;
	int result = pga_bundle_read(&bundle, "it", pga_text_string(bytes), bytes->length, &why);

	if (result != 0)
		(void)pga_fail(error, "nothing was changed; is it another version?",
			       "%s: what %s has brought is no certificate: %s", acme->url,
			       acme->client[0] != '\0' ? acme->client : PGA_ACME_LEGO, why.message);
	for (size_t i = 0; i < bundle.count && result == 0; i++)
		pga_text_add(chain, bundle.certificates[i].pem);
	if (result == 0 && chain->failed)
		result = pga_fail_memory(error);
	pga_bundle_free(&bundle);
	return result;
}

/* ---- which one ---- */

/* Whether a program of this name is in PATH. */
static bool is_there(const char *name)
{
	const char *directories = getenv("PATH");
	bool there = false;

	while (directories != NULL && !there) {
		const size_t length = strcspn(directories, ":");
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_add_bytes(&path, directories, length);
		pga_text_addf(&path, "/%s", name);
		there = access(pga_text_string(&path), X_OK) == 0;
		pga_text_free(&path);
		directories = directories[length] == ':' ? directories + length + 1 : NULL;
	}
	return there;
}

int pga_acme_choose_client(struct pga_acme *acme, struct pga_error *error)
{
	const bool uacme = !is_there(PGA_ACME_LEGO) && is_there(PGA_ACME_UACME);

	return pga_cert_record_set(&acme->client, uacme ? PGA_ACME_UACME : PGA_ACME_LEGO, error);
}

int pga_acme_issue(const struct pga_acme *acme, const char *name, const char *csr,
		   struct pga_text *chain, struct pga_error *error)
{
	struct pga_acme_running running = {.acme = acme,
					   .deadline = now_in_seconds() + acme->seconds};
	int result = -1;

	if (find_place(&running, name, error) == 0 &&
	    write_file(running.request, csr, error) == 0 &&
	    (acme->roots == NULL || write_file(running.roots, acme->roots, error) == 0) &&
	    (acme->settings[0] == '\0' ||
	     pga_acme_settings_read(&running.settings, acme->settings, error) == 0))
		result = strcmp(acme->client, PGA_ACME_UACME) == 0
			     ? pga_acme_by_uacme(&running, chain, error)
			     : pga_acme_by_lego(&running, chain, error);
	pga_acme_settings_free(&running.settings);
	free(running.directory);
	free(running.request);
	free(running.roots);
	return result;
}
