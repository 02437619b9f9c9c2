#include "profile/keys.h"

#include "base/file.h"
#include "base/text.h"
#include "policy/system_files.h"
#include "profile/directory.h"
#include "profile/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int add_key(struct pga_profile_keys *keys, const char *whose, const char *bytes,
		   size_t length, struct pga_error *error)
{
	struct pga_minisign_key *grown =
	    reallocarray(keys->keys, keys->count + 1, sizeof *keys->keys);

	if (grown == NULL)
		return pga_fail_memory(error);
	keys->keys = grown;
	if (pga_minisign_key_read(&grown[keys->count], whose, bytes, length, error) != 0)
		return -1;
	keys->count++;
	return 0;
}

/* found: whether there has to be such a file. */
static int add_file(struct pga_profile_keys *keys, const char *path, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result = pga_file_read(path, &bytes, NULL, error);

	if (result == 0)
		result = add_key(keys, path, pga_text_string(&bytes), bytes.length, error);
	pga_text_free(&bytes);
	return result;
}

static int add_of_directory(void *context, const char *path, struct pga_error *error)
{
	return add_file(context, path, error);
}

int pga_profile_keys_load(struct pga_profile_keys *keys, const char *given, struct pga_error *error)
{
	struct stat status;

	memset(keys, 0, sizeof *keys);
	if (given == NULL)
		return pga_profile_directory(PGA_PROFILE_KEY_DIRECTORY, ".pub",
					     "the keys of profiles", add_of_directory, keys, error);
	/* No key is the name of a file that somebody would have by chance. */
	if (stat(given, &status) == 0 || strlen(given) != PGA_MINISIGN_KEY_TEXT - 1)
		return add_file(keys, given, error);
	return add_key(keys, "--public-key", given, strlen(given), error);
}

const struct pga_minisign_key *pga_profile_key_of(const struct pga_profile_keys *keys,
						  const struct pga_minisign_signature *signature)
{
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->keys[i].number, signature->number, sizeof signature->number) == 0)
			return &keys->keys[i];
	return NULL;
}

void pga_profile_keys_free(struct pga_profile_keys *keys)
{
	free(keys->keys);
	memset(keys, 0, sizeof *keys);
}
