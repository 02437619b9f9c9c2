#include "anchor/crl_source.h"

#include "base/file.h"
#include "base/printable.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char unverified[] =
    "neither a pinned root nor the system's CAs have signed the certificate of whoever answers. A "
    "CRL is signed itself: download it in another way, and give the file";

bool pga_crl_source_is_address(const char *source)
{
	return strncasecmp(source, "http://", 7) == 0 || strncasecmp(source, "https://", 8) == 0;
}

/* It becomes a line of crls.conf. */
static int check_characters(const char *text, struct pga_error *error)
{
	unsigned point;

	if (text[0] == '\0')
		return pga_fail(error, "such as http://ca.example.com/root.crl, or a file",
				"an empty address");
	for (const char *at = text; *at != '\0';) {
		const size_t length = pga_character(at, &point);

		if (length == 0 || pga_steers(point))
			return pga_fail(error, NULL,
					"%s: control characters and what is no UTF-8 have no "
					"place in the address or name of a CRL",
					text);
		at += length;
	}
	return 0;
}

static int check_address(const char *address, struct pga_error *error)
{
	const char *host = strstr(address, "://") + 3;
	const size_t length = strcspn(host, "/?#");

	if (strpbrk(address, " \t") != NULL || length == 0)
		return pga_fail(error, "such as http://ca.example.com/root.crl",
				"%s: not the address of a CRL", address);
	/* The text itself is not shown: it may hold a password. */
	if (memchr(host, '@', length) != NULL)
		return pga_fail(error, "such as http://ca.example.com/root.crl",
				"a user or a password has no place in the address of a CRL");
	return 0;
}

char *pga_crl_source_read(const char *typed, struct pga_error *error)
{
	char *made;

	if (check_characters(typed, error) != 0)
		return NULL;
	if (pga_crl_source_is_address(typed)) {
		if (check_address(typed, error) != 0)
			return NULL;
		made = strdup(typed);
	} else if (strcmp(typed, "-") == 0) {
		made = strdup("");
	} else {
		made = realpath(typed, NULL);
		if (made == NULL && errno != ENOMEM) {
			(void)pga_fail_errno(error, "a URL begins with http:// or https://", "%s",
					     typed);
			return NULL;
		}
	}
	if (made == NULL)
		(void)pga_fail_memory(error);
	return made;
}

/* All that is pinned, for the CA's own address. */
static int add_roots(const struct pga_pins *pins, struct pga_text *roots)
{
	for (size_t i = 0; i < pins->count; i++) {
		char *path = pga_pin_own_file(&pins->pins[i]);
		struct pga_error unread;

		if (path != NULL && pga_file_read(path, roots, NULL, &unread) == 0)
			pga_text_add(roots, "\n");
		free(path);
	}
	return roots->failed ? -1 : 0;
}

static int get(const struct pga_http *http, const char *address, const struct pga_pins *pins,
	       struct pga_text *body, struct pga_error *error)
{
	struct pga_http_request request = {
	    .url = address,
	    .trust = PGA_HTTP_BY_SYSTEM,
	    .limit = PGA_CRL_SIZE,
	    .plain = true,
	    .of_file = true,
	    .if_not_found = "the CA has no CRL there; ask who runs it for the address of one",
	    .if_unverified = unverified,
	};
	struct pga_text roots = PGA_TEXT_EMPTY;
	int result;

	if (add_roots(pins, &roots) != 0) {
		pga_text_free(&roots);
		return pga_fail_memory(error);
	}
	if (roots.length > 0)
		request.roots = pga_text_string(&roots);
	result = pga_http_get(http, &request, body, error);
	if (result != 0 && request.roots != NULL && strcmp(error->hint, unverified) == 0) {
		request.roots = NULL;
		pga_text_free(body);
		result = pga_http_get(http, &request, body, error);
	}
	pga_text_free(&roots);
	return result;
}

static int read_open(int file, const char *name, struct pga_text *bytes, struct pga_error *error)
{
	char part[65536];
	ssize_t count;

	while ((count = read(file, part, sizeof part)) > 0 && bytes->length <= PGA_CRL_SIZE)
		pga_text_add_bytes(bytes, part, (size_t)count);
	if (count < 0)
		return pga_fail_errno(error, NULL, "%s", name);
	if (bytes->length > PGA_CRL_SIZE)
		return pga_fail(error, "nothing was changed", "%s: larger than %zu MiB", name,
				PGA_CRL_SIZE / 1024 / 1024);
	return bytes->failed ? pga_fail_memory(error) : 0;
}

static int read_file(const char *path, struct pga_text *bytes, struct pga_error *error)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int result;

	if (file < 0 || fstat(file, &status) != 0)
		result = pga_fail_errno(error, "a URL begins with http:// or https://", "%s", path);
	else if (!S_ISREG(status.st_mode))
		result = pga_fail(error, "\"-\" reads from standard input", "%s: not a file", path);
	else
		result = read_open(file, path, bytes, error);
	if (file >= 0)
		(void)close(file);
	return result;
}

int pga_crl_source_fetch(const struct pga_http *http, const char *source,
			 const struct pga_pins *pins, struct pga_crl_list *list,
			 struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result;

	memset(list, 0, sizeof *list);
	if (source[0] == '\0')
		result = read_open(STDIN_FILENO, "standard input", &bytes, error);
	else if (pga_crl_source_is_address(source))
		result = get(http, source, pins, &bytes, error);
	else
		result = read_file(source, &bytes, error);
	if (result == 0)
		result = pga_crl_list_read(list, source[0] != '\0' ? source : "standard input",
					   pga_text_string(&bytes), bytes.length, error) == 0
			     ? 0
			     : -1;
	pga_text_free(&bytes);
	return result;
}
