#include "secret/request.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char received[64 * 1024] __attribute__((aligned(4096)));

static const struct verb {
	const char *name;
	size_t least; /* entries */
	size_t most;
	bool secret;
} verbs[PGA_REQUEST_VERBS] = {
    [PGA_REQUEST_GET] = {"get", 1, 1, false},
    [PGA_REQUEST_PASSFILE] = {"passfile", 1, PGA_REQUEST_ENTRIES, false},
    [PGA_REQUEST_SET] = {"set", 1, 1, true},
    [PGA_REQUEST_CLEAR] = {"clear", 1, 1, false},
    [PGA_REQUEST_LIST] = {"list", 0, 0, false},
    [PGA_REQUEST_STATE] = {"state", 0, 0, false},
    [PGA_REQUEST_UNLOCK] = {"unlock", 0, 0, false},
};

/* Returns the length; 0 where it is none, or too long. */
static size_t receive(void)
{
	size_t length = 0;

	(void)mlock(received, sizeof received);
	(void)madvise(received, sizeof received, MADV_DONTDUMP);
	while (length < sizeof received) {
		const ssize_t count =
		    read(STDIN_FILENO, received + length, sizeof received - length);

		if (count == 0)
			return length;
		if (count < 0 && errno != EINTR)
			return 0;
		if (count > 0)
			length += (size_t)count;
	}
	return 0;
}

/* The next of the fields; NULL where there is no more. */
static char *next(char **at, const char *end)
{
	char *field = *at;

	if (field >= end)
		return NULL;
	*at = field + strlen(field) + 1;
	return field;
}

/* Reads the fields of one entry. Returns false where they are none. */
static bool read_entry(char **at, const char *end, struct pga_password_entry *entry)
{
	const char *kind = next(at, end);

	if (kind == NULL)
		return false;
	entry->kind = pga_secret_kind_of(kind, strlen(kind));
	if (entry->kind == PGA_SECRET_KINDS)
		return false;
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++) {
		if (!pga_secret_has_word(entry->kind, word))
			continue;
		entry->words[word] = next(at, end);
		if (entry->words[word] == NULL || entry->words[word][0] == '\0')
			return false;
	}
	return true;
}

static bool read_fields(struct pga_request *request, char *at, const char *end)
{
	const char *name = next(&at, end);
	const struct verb *verb;

	while (request->verb < PGA_REQUEST_VERBS &&
	       (name == NULL || strcmp(verbs[request->verb].name, name) != 0))
		request->verb++;
	if (request->verb == PGA_REQUEST_VERBS)
		return false;
	verb = &verbs[request->verb];
	while (request->count < verb->least || (at < end && request->count < verb->most))
		if (!read_entry(&at, end, &request->entries[request->count++]))
			return false;
	if (verb->secret)
		request->secret = next(&at, end);
	return at == end && verb->secret == (request->secret != NULL);
}

int pga_request_read(struct pga_request *request, struct pga_error *error)
{
	const size_t length = receive();

	memset(request, 0, sizeof *request);
	if (length == 0 || received[length - 1] != '\0' ||
	    !read_fields(request, received, received + length))
		return pga_fail(error, NULL, "no request that the keyring can be asked");
	return 0;
}

void pga_request_forget(struct pga_request *request)
{
	memset(request, 0, sizeof *request);
	explicit_bzero(received, sizeof received);
}
