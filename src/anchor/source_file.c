/* A file of certificates, and standard input. */
#include "anchor/source_bytes.h"

#include "base/file.h"
#include "base/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIN_NAME "standard input"

static const char *fits_file(const char *word)
{
	struct stat status;

	if (strcmp(word, "-") == 0)
		return NULL;
	return stat(word, &status) == 0 || word[0] == '/' || word[0] == '.' ||
		       (strstr(word, "://") == NULL && pga_is_certificates_name(word, strlen(word)))
		   ? "a file of certificates"
		   : NULL;
}

/* What is kept in anchors.conf and sources.conf is a line. */
static int check_name(const char *path, struct pga_error *error)
{
	const char *at = path;
	unsigned point;

	while (*at != '\0') {
		const size_t length = pga_character(at, &point);

		if (length == 0 || pga_steers(point))
			return pga_fail(error,
					"give it another name, or standard input: pganchor anchor "
					"add - < FILE",
					"the name of the file holds a control character, or is not "
					"UTF-8");
		at += length;
	}
	if (path[0] == ' ' || (at != path && at[-1] == ' '))
		return pga_fail(error,
				"give it another name, or standard input: pganchor anchor add - < "
				"FILE",
				"the name of the file begins or ends with a blank");
	return 0;
}

/* The path from the root directory on, so that it can be read again from anywhere. Links stay: it
 * is what they lead to then that is wanted. */
static int read_path(struct pga_source_request *request, const char *typed, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *here = NULL;

	if (check_name(typed, error) != 0)
		return -1;
	if (typed[0] != '/') {
		here = getcwd(NULL, 0);
		if (here == NULL)
			return pga_fail_errno(error, "give the whole path of the file",
					      "could not find out the directory that this is");
		pga_text_addf(&path, "%s/", strcmp(here, "/") == 0 ? "" : here);
		free(here);
	}
	pga_text_add(&path, strncmp(typed, "./", 2) == 0 ? typed + 2 : typed);
	request->location = pga_text_take(&path);
	if (request->location == NULL)
		return pga_fail_memory(error);
	return check_name(request->location, error);
}

static int fetch_file(const struct pga_source_request *request, struct pga_candidates *candidates,
		      struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	bool found = false;
	int result = -1;

	if (pga_file_read(request->location, &bytes, &found, error) == 0)
		result = found ? pga_candidates_read(candidates, request->location, &bytes, error)
			       : pga_fail(error,
					  "check the path; of a certificate on the web, give the "
					  "whole address, with https://",
					  "%s: no such file", request->location);
	pga_text_free(&bytes);
	return result;
}

const struct pga_source pga_source_file = {
    .name = "file", .fits = fits_file, .read = read_path, .fetch = fetch_file};

static const char *fits_stdin(const char *word)
{
	return strcmp(word, "-") == 0 ? STDIN_NAME : NULL;
}

static int read_stdin_name(struct pga_source_request *request, const char *typed,
			   struct pga_error *error)
{
	(void)typed;
	request->location = strdup(STDIN_NAME);
	return request->location != NULL ? 0 : pga_fail_memory(error);
}

static int read_to_the_end(struct pga_text *bytes, struct pga_error *error)
{
	char part[16384];
	ssize_t got;

	do {
		got = read(STDIN_FILENO, part, sizeof part);
		if (got < 0 && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not read standard input");
		if (got > 0)
			pga_text_add_bytes(bytes, part, (size_t)got);
		if (bytes->failed)
			return pga_fail_memory(error);
		if (bytes->length > PGA_FILE_LIMIT)
			return pga_fail(error, NULL, "standard input: more than %zu MiB",
					PGA_FILE_LIMIT / 1024 / 1024);
	} while (got != 0);
	return 0;
}

static int fetch_stdin(const struct pga_source_request *request, struct pga_candidates *candidates,
		       struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result = read_to_the_end(&bytes, error);

	if (result == 0)
		result = pga_candidates_read(candidates, request->location, &bytes, error);
	pga_text_free(&bytes);
	return result;
}

const struct pga_source pga_source_stdin = {
    .name = "stdin", .fits = fits_stdin, .read = read_stdin_name, .fetch = fetch_stdin};
