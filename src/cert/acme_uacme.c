/* uacme (ndilieto.github.io/uacme): small, and for the directory of a web server alone, into which
 * the script that comes with it writes. */
#include "cert/acme_running.h"

#include "base/file.h"
#include "base/subprocess.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOTS     "UACME_CAINFO"
#define CHALLENGE "UACME_CHALLENGE_PATH"

/* Where its script is, in the order of looking. */
static const char *const scripts[] = {"/usr/share/uacme/uacme.sh",
				      "/usr/local/share/uacme/uacme.sh"};

static const char lego_instead[] = "apt install lego";

/* The numbers behind "version "; 0 for each that is not there. */
static void read_version(const char *text, unsigned long version[3])
{
	const char *at = text + strlen("version ");
	char *end;

	for (size_t i = 0; i < 3 && *at >= '0' && *at <= '9'; i++) {
		version[i] = strtoul(at, &end, 10);
		at = *end == '.' ? end + 1 : end;
	}
}

/* Before 1.7.6 nothing but the system's store could tell it a CA's root. */
static int check_version(struct pga_error *error)
{
	const char *const argv[] = {"uacme", "--version", NULL};
	struct pga_subprocess child;
	unsigned long version[3] = {0, 0, 0};
	int result = pga_subprocess_run(argv, NULL, &child, error);
	const char *text = result == 0 ? strstr(pga_text_string(&child.output), "version ") : NULL;

	if (result == 0 && text == NULL)
		text = strstr(pga_text_string(&child.errors), "version ");
	if (text != NULL)
		read_version(text, version);
	if (result == 0 && version[0] * 1000000 + version[1] * 1000 + version[2] < 1007006)
		result =
		    pga_fail(error, lego_instead,
			     "uacme %lu.%lu.%lu is too old: from 1.7.6 on it takes the root of "
			     "a CA",
			     version[0], version[1], version[2]);
	pga_subprocess_free(&child);
	return result;
}

static const char *find_script(void)
{
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		if (access(scripts[i], X_OK) == 0)
			return scripts[i];
	return NULL;
}

/* .well-known/acme-challenge below it, which the script does not make. The caller frees it. */
static char *make_directory(const char *webroot, struct pga_error *error)
{
	char *known = pga_acme_join(webroot, ".well-known");
	char *challenge = known != NULL ? pga_acme_join(known, "acme-challenge") : NULL;

	if (challenge == NULL) {
		(void)pga_fail_memory(error);
	} else if ((mkdir(known, 0755) != 0 && errno != EEXIST) ||
		   (mkdir(challenge, 0755) != 0 && errno != EEXIST)) {
		(void)pga_fail_errno(error,
				     "it is to be the directory of a web server, for this "
				     "user to write",
				     "could not make %s", challenge);
		free(challenge);
		challenge = NULL;
	}
	free(known);
	return challenge;
}

/* An account is made once. */
static int make_account(struct pga_acme_running *running, const char *directory,
			struct pga_error *error)
{
	const char *const argv[] = {"uacme",      "--yes",
				    "--confdir",  directory,
				    "--acme-url", running->acme->url,
				    "new",        running->acme->email,
				    NULL};
	char *key = pga_acme_join(directory, "private/key.pem");
	int result = 0;

	if (key == NULL)
		return pga_fail_memory(error);
	/* One that was made, and could not be registered, is of no use. */
	if (access(key, F_OK) != 0) {
		result = pga_acme_run(running, argv, error);
		if (result != 0)
			(void)unlink(key);
	}
	free(key);
	return result;
}

/* What it has issued stands beside the request. */
static int read_chain(const struct pga_acme_running *running, const char *path,
		      struct pga_text *chain, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	int result = pga_file_read(path, &content, NULL, error);

	if (result == 0)
		result = pga_acme_take(running, &content, chain, error);
	pga_text_free(&content);
	return result;
}

static int issue(struct pga_acme_running *running, const char *directory, struct pga_text *chain,
		 struct pga_error *error)
{
	const char *script = find_script();
	const char *const argv[] = {"uacme",      "--force",          "--confdir", directory,
				    "--acme-url", running->acme->url, "--hook",    script,
				    "issue",      running->request,   NULL};
	char *path = pga_acme_join(running->directory, "request-cert.pem");
	int result = -1;

	if (path == NULL)
		return pga_fail_memory(error);
	(void)unlink(path);
	if (script == NULL)
		(void)pga_fail(error, lego_instead, "%s: uacme's script is not there", scripts[0]);
	else if (make_account(running, directory, error) == 0 &&
		 pga_acme_run(running, argv, error) == 0)
		result = read_chain(running, path, chain, error);
	(void)unlink(path);
	free(path);
	return result;
}

int pga_acme_by_uacme(struct pga_acme_running *running, struct pga_text *chain,
		      struct pga_error *error)
{
	struct pga_acme_settings *settings = &running->settings;
	char *directory;
	char *challenge;
	int result = -1;

	if (running->acme->webroot[0] == '\0')
		return pga_fail(error, lego_instead,
				"uacme works with the directory of a web server alone: --http-01 "
				"/var/www/html");
	if (check_version(error) != 0)
		return -1;
	directory = pga_acme_join(running->directory, "uacme");
	challenge = directory != NULL ? make_directory(running->acme->webroot, error) : NULL;
	if (directory == NULL)
		(void)pga_fail_memory(error);
	if (challenge != NULL &&
	    pga_acme_settings_add(settings, CHALLENGE, challenge, error) == 0 &&
	    (running->acme->roots == NULL ||
	     pga_acme_settings_add(settings, ROOTS, running->roots, error) == 0))
		result = issue(running, directory, chain, error);
	free(directory);
	free(challenge);
	return result;
}
