/* lego (go-acme.github.io): answers by itself, writes into a web server's directory, and knows the
 * providers of many a DNS. */
#include "cert/acme_running.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CERTIFICATES "certificates"
#define ROOTS        "LEGO_CA_CERTIFICATES"

static bool is_certificate(const char *name)
{
	const size_t length = strlen(name);
	const char issuer[] = ".issuer.crt";

	return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".crt") == 0 &&
	       (length < sizeof issuer || strcmp(name + length - (sizeof issuer - 1), issuer) != 0);
}

/* Each certificate that lego has put there: removed, or read. Returns how many there were, -1 with
 * the reason. */
static int each_certificate(const char *certificates, struct pga_text *content,
			    struct pga_error *error)
{
	DIR *directory = opendir(certificates);
	const struct dirent *entry;
	int count = 0;

	while (directory != NULL && count >= 0 && (entry = readdir(directory)) != NULL) {
		char *path = is_certificate(entry->d_name)
				 ? pga_acme_join(certificates, entry->d_name)
				 : NULL;

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

static int run(struct pga_acme_running *running, struct pga_error *error)
{
	const struct pga_acme *acme = running->acme;
	const char *argv[20] = {"lego",    "--accept-tos",  "--server", acme->url,
				"--email", acme->email,     "--path",   running->directory,
				"--csr",   running->request};
	size_t count = 10;

	choose_challenge(acme, argv + count);
	while (argv[count] != NULL)
		count++;
	argv[count] = "run";
	return pga_acme_run(running, argv, error);
}

static int read_chain(const struct pga_acme_running *running, const char *certificates,
		      struct pga_text *chain, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	int result = -1;
	const int count = each_certificate(certificates, &content, error);

	if (count == 1)
		result = pga_acme_take(running, &content, chain, error);
	else if (count >= 0)
		(void)pga_fail(error, "is it another version of lego?",
			       "%s: lego has put %d certificates there, and not one", certificates,
			       count);
	pga_text_free(&content);
	return result;
}

int pga_acme_by_lego(struct pga_acme_running *running, struct pga_text *chain,
		     struct pga_error *error)
{
	char *certificates = pga_acme_join(running->directory, CERTIFICATES);
	int result = -1;

	if (certificates == NULL)
		return pga_fail_memory(error);
	/* What an earlier run has left is none of this one's. */
	(void)each_certificate(certificates, NULL, error);
	/* Without, lego trusts the system's CAs, or those that its user has it trust. */
	if (running->acme->roots == NULL ||
	    pga_acme_settings_add(&running->settings, ROOTS, running->roots, error) == 0)
		result = run(running, error);
	if (result == 0)
		result = read_chain(running, certificates, chain, error);
	(void)each_certificate(certificates, NULL, NULL);
	free(certificates);
	return result;
}
