/* Fetches a profile, and believes it or not. */
#include "profile/source.h"

#include "base/file.h"
#include "base/printable.h"
#include "base/text.h"
#include "ca/url.h"
#include "policy/system_files.h"
#include "profile/believe.h"
#include "tls/fingerprint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIN_NAME "standard input"

/* ---- standard input ---- */

static int read_stdin(struct pga_text *bytes, struct pga_error *error)
{
	char part[16384];
	ssize_t got;

	do {
		got = read(STDIN_FILENO, part, sizeof part);
		if (got < 0 && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not read " STDIN_NAME);
		if (got > 0)
			pga_text_add_bytes(bytes, part, (size_t)got);
		if (bytes->failed)
			return pga_fail_memory(error);
		/* Whatever comes behind: what is read is no profile already. */
	} while (got != 0 && bytes->length <= PGA_PROFILE_LIMIT);
	return 0;
}

static int fetch_stdin(const struct pga_profile_source *source, struct pga_believing *believing,
		       struct pga_error *error)
{
	if (source->public_key != NULL)
		return pga_fail(error,
				"give the profile as a file or an address, with its signature "
				"beside it as NAME.minisig",
				STDIN_NAME " has no signature beside it, and --public-key wants "
					   "one");
	believing->where = strdup(STDIN_NAME);
	if (believing->where == NULL)
		return pga_fail_memory(error);
	believing->otherwise = PGA_PROFILE_BY_USER;
	return read_stdin(&believing->bytes, error);
}

/* ---- a file ---- */

/* It is kept in a line. */
static bool is_text(const char *path)
{
	unsigned point;

	for (size_t length; *path != '\0'; path += length) {
		length = pga_character(path, &point);
		if (length == 0 || pga_steers(point))
			return false;
	}
	return true;
}

static char *whole_path(const char *typed, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *here = NULL;

	if (typed[0] != '/') {
		here = getcwd(NULL, 0);
		if (here == NULL) {
			(void)pga_fail_errno(error, "give the whole path of the file",
					     "could not find out the directory that this is");
			return NULL;
		}
		pga_text_addf(&path, "%s/", strcmp(here, "/") == 0 ? "" : here);
		free(here);
	}
	pga_text_add(&path, strncmp(typed, "./", 2) == 0 ? typed + 2 : typed);
	here = pga_text_take(&path);
	if (here == NULL)
		(void)pga_fail_memory(error);
	else if (!is_text(here)) {
		(void)pga_fail(error, "give it another name",
			       "the name of the file holds a control character, or is not UTF-8");
		free(here);
		here = NULL;
	}
	return here;
}

/* The administrator's own, by its path. */
static bool is_of_system(const char *path)
{
	struct pga_error ignored;

	return strncmp(path, PGA_PROFILE_DIRECTORY "/", strlen(PGA_PROFILE_DIRECTORY "/")) == 0 &&
	       pga_system_check_ownership(path, "the profile", &ignored) == 0;
}

static int fetch_file(const struct pga_profile_source *source, struct pga_believing *believing,
		      struct pga_error *error)
{
	struct pga_text beside = PGA_TEXT_EMPTY;
	bool found = false;
	int result = -1;

	believing->where = whole_path(source->word, error);
	if (believing->where == NULL)
		return -1;
	pga_text_addf(&beside, "%s" PGA_MINISIG, believing->where);
	if (beside.failed)
		(void)pga_fail_memory(error);
	else if (pga_file_read(believing->where, &believing->bytes, &found, error) == 0 && !found)
		(void)pga_fail(error,
			       "check the path; of a profile on the web, give the whole address, "
			       "with https://",
			       "%s: no such file", believing->where);
	else if (found)
		result = pga_file_read(pga_text_string(&beside), &believing->signature,
				       &believing->has_signature, error);
	believing->otherwise =
	    is_of_system(believing->where) ? PGA_PROFILE_BY_SYSTEM : PGA_PROFILE_BY_OWNER;
	pga_text_free(&beside);
	return result;
}

/* ---- an address ---- */

static int get(const struct pga_profile_source *source, const char *url, size_t limit,
	       const char *if_not_found, struct pga_text *bytes, struct pga_error *error)
{
	/* What is fetched proves itself, whoever has it. */
	const struct pga_http_request asked = {
	    .url = url,
	    .trust = source->ca_file != NULL ? PGA_HTTP_BY_FILE : PGA_HTTP_BY_NOBODY,
	    .ca_file = source->ca_file,
	    .limit = limit,
	    .of_file = true,
	    .if_not_found = if_not_found,
	    .if_unverified = "is it another CA's file? Without --ca-file, the digest or the "
			     "signature alone counts"};

	return pga_http_get(&source->http, &asked, bytes, error);
}

static int get_signature(const struct pga_profile_source *source, struct pga_believing *believing,
			 struct pga_error *error)
{
	struct pga_text url = PGA_TEXT_EMPTY;
	struct pga_error why;
	int result;

	if (strchr(believing->where, '?') != NULL)
		return pga_fail(error,
				"--sha256 HEX of the profile does without a signature; or give an "
				"address without a query",
				"%s: of an address with a query, nobody knows where its signature "
				"is",
				believing->where);
	pga_text_addf(&url, "%s" PGA_MINISIG, believing->where);
	if (url.failed)
		result = pga_fail_memory(error);
	else if (get(source, pga_text_string(&url), PGA_MINISIGN_LIMIT,
		     "the profile is not signed: ask who hands it out to sign it (minisign -S -m "
		     "FILE), or for its digest, and give that by --sha256 HEX",
		     &believing->signature, &why) == 0)
		result = 0;
	else
		result = pga_fail(error, why.hint, "could not get the profile's signature: %s",
				  why.message);
	believing->has_signature = result == 0;
	pga_text_free(&url);
	return result;
}

static int fetch_address(const struct pga_profile_source *source, struct pga_believing *believing,
			 struct pga_error *error)
{
	struct pga_ca_url url;
	int result;

	if (!pga_ca_url_is_https(source->word))
		/* The text itself is not shown: it may hold a password. */
		return pga_fail(error, "such as https://intra.example.com/acme.profile",
				"the address of the profile: only https is possible");
	if (pga_ca_url_read_file(&url, source->word, error) != 0)
		return -1;
	believing->where = url.url;
	url.url = NULL;
	pga_ca_url_free(&url);
	believing->otherwise = PGA_PROFILE_BY_DIGEST;
	if (source->sha256 == NULL && believing->keys.count == 0)
		return pga_fail(error,
				"--sha256 HEX is the digest of its bytes, as sha256sum shows it; "
				"--public-key FILE the key that it is signed by. Get either by a "
				"way that you trust",
				"%s: nothing says that it is the profile that you want",
				believing->where);
	result = get(source, believing->where, PGA_PROFILE_LIMIT, "check the address",
		     &believing->bytes, error);
	if (result == 0 && (source->sha256 == NULL || source->public_key != NULL))
		result = get_signature(source, believing, error);
	return result;
}

/* ---- either ---- */

static bool is_address(const char *word)
{
	return strstr(word, "://") != NULL;
}

static int fetch(const struct pga_profile_source *source, struct pga_believing *believing,
		 struct pga_error *error)
{
	struct pga_error unread;

	/* Its hint is about the fingerprint of a root. */
	if (source->sha256 != NULL && pga_fingerprint_read(source->sha256, "--sha256",
							   believing->wanted_digest, &unread) != 0)
		return pga_fail(error,
				"sha256sum FILE shows it, where the profile is made; get it to you "
				"by a way that you trust",
				"%s", unread.message);
	if (pga_profile_keys_load(&believing->keys, source->public_key, error) != 0)
		return -1;
	believing->wants_signature = source->public_key != NULL;
	if ((strcmp(source->word, "-") == 0 ? fetch_stdin
	     : is_address(source->word)     ? fetch_address
					    : fetch_file)(source, believing, error) != 0)
		return -1;
	return pga_believe(believing, error);
}

int pga_profile_fetch(const struct pga_profile_source *source, struct pga_fetched_profile *fetched,
		      struct pga_error *error)
{
	struct pga_believing believing = {.fetched = fetched};
	int result;

	memset(fetched, 0, sizeof *fetched);
	result = fetch(source, &believing, error);
	if (result == 0)
		result = pga_profile_read(&fetched->profile, believing.where,
					  pga_text_string(&believing.bytes), believing.bytes.length,
					  error);
	if (result == 0) {
		fetched->where = believing.where;
		believing.where = NULL;
	} else {
		pga_fetched_profile_free(fetched);
	}
	pga_believing_free(&believing);
	return result;
}

void pga_fetched_profile_free(struct pga_fetched_profile *fetched)
{
	pga_profile_free(&fetched->profile);
	free(fetched->where);
	free(fetched->comment);
	memset(fetched, 0, sizeof *fetched);
}
