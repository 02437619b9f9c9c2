#include "policy/known_servers.h"

#include "base/host.h"
#include "base/shell_word.h"

#include <stdlib.h>
#include <string.h>

static int take_systems(void *context, const char *path, const struct pga_text *content,
			struct pga_error *error)
{
	struct pga_known_servers *known = context;
	const int result =
	    pga_known_servers_parse(known, path, pga_text_string(content), content->length, error);

	known->system_count = known->count;
	return result;
}

int pga_known_servers_load(struct pga_known_servers *known, struct pga_error *error)
{
	return pga_known_servers_reload(known, NULL, error);
}

static void free_key(struct pga_known_key *key)
{
	free(key->host);
	free(key->program);
}

/* No line is left of what could not be read as a whole. */
static void forget_users(struct pga_known_servers *known)
{
	while (known->count > known->system_count)
		free_key(&known->keys[--known->count]);
}

int pga_known_servers_reload(struct pga_known_servers *known,
			     const struct pga_known_servers *before, struct pga_error *error)
{
	struct pga_error users;
	struct pga_user_file file;
	int result;

	memset(known, 0, sizeof *known);
	/* Whatever is wrong with another file, what the user's said before is kept. */
	result = pga_user_file_read(&file, PGA_KNOWN_SERVERS_FILE,
				    before != NULL ? &before->file : NULL, &users);
	known->file = file;
	if (pga_system_files_read(&known->systems, PGA_KNOWN_SERVERS,
				  "the system's keys of servers", take_systems, known, error) != 0)
		return -1;
	if (result == 0)
		result = pga_known_servers_parse(known, known->file.path,
						 pga_text_string(&known->file.content),
						 known->file.content.length, &users);
	if (result == 0)
		return 0;
	known->users_broken = true;
	forget_users(known);
	*error = users;
	return -1;
}

bool pga_known_servers_are_fresh(const struct pga_known_servers *known)
{
	return pga_system_files_are_fresh(&known->systems) &&
	       pga_user_file_is_fresh(&known->file, PGA_KNOWN_SERVERS_FILE);
}

void pga_known_servers_free(struct pga_known_servers *known)
{
	for (size_t i = 0; i < known->count; i++)
		free_key(&known->keys[i]);
	free(known->keys);
	pga_user_file_free(&known->file);
	pga_system_files_free(&known->systems);
	memset(known, 0, sizeof *known);
}

bool pga_key_is_of_server(const struct pga_shown_key *key, const struct pga_shown_key *shown)
{
	return key->port == shown->port && pga_host_is_same(key->host, shown->host);
}

bool pga_key_is_same(const struct pga_shown_key *key, const struct pga_shown_key *shown)
{
	return strcmp(key->key, shown->key) == 0 && pga_key_is_of_server(key, shown);
}

struct pga_key_lines pga_key_lines(const struct pga_known_servers *known, bool system)
{
	return system ? (struct pga_key_lines){0, known->system_count}
		      : (struct pga_key_lines){known->system_count, known->count};
}

bool pga_key_is_current(const struct pga_known_servers *known, size_t index)
{
	const size_t end = pga_key_lines(known, index < known->system_count).end;

	for (size_t i = index + 1; i < end; i++)
		if (pga_key_is_same(&known->keys[i].shown, &known->keys[index].shown))
			return false;
	return true;
}

bool pga_key_is_good(const struct pga_known_servers *known, size_t index)
{
	const enum pga_key_state state = known->keys[index].state;

	return (state == PGA_KEY_SEEN || state == PGA_KEY_ACCEPTED) &&
	       pga_key_is_current(known, index);
}

/* What these lines alone say. A key that was forgotten is not good for the sake of who has signed
 * it. */
static enum pga_familiarity judge(const struct pga_known_servers *known, bool system,
				  const struct pga_policy *policy,
				  const struct pga_shown_key *shown)
{
	const struct pga_key_lines lines = pga_key_lines(known, system);
	enum pga_familiarity result = PGA_SERVER_NEW;
	bool by_issuer = policy->continuity_key == PGA_CONTINUITY_ISSUER;
	bool issuer_is_known = false;

	for (size_t i = lines.begin; i < lines.end; i++) {
		const struct pga_known_key *key = &known->keys[i];
		const bool same = strcmp(key->shown.key, shown->key) == 0;

		if (!pga_key_is_of_server(&key->shown, shown))
			continue;
		if (!pga_key_is_good(known, i)) {
			if (same && key->state == PGA_KEY_FORGOTTEN && pga_key_is_current(known, i))
				by_issuer = false;
			continue;
		}
		if (same)
			return PGA_SERVER_KNOWN;
		result = PGA_SERVER_CHANGED;
		if (key->shown.issuer[0] != '\0' && strcmp(key->shown.issuer, shown->issuer) == 0)
			issuer_is_known = true;
	}
	return by_issuer && issuer_is_known ? PGA_SERVER_KNOWN : result;
}

/* Whether this line says that a key is another one than before, and none behind it says more. */
static bool is_report(const struct pga_known_servers *known, size_t index)
{
	return known->keys[index].state == PGA_KEY_CHANGED && pga_key_is_current(known, index);
}

static bool is_reported(const struct pga_known_servers *users, const struct pga_shown_key *shown)
{
	for (size_t i = users->system_count; i < users->count; i++)
		if (pga_key_is_same(&users->keys[i].shown, shown) && is_report(users, i))
			return true;
	return false;
}

enum pga_familiarity pga_known_servers_judge(const struct pga_known_servers *known,
					     const struct pga_known_servers *users,
					     const struct pga_policy *policy,
					     const struct pga_shown_key *shown)
{
	enum pga_familiarity result = judge(known, true, policy, shown);

	if (users == NULL)
		users = known;
	if (result == PGA_SERVER_NEW)
		result = judge(users, false, policy, shown);
	/* What waits goes on waiting, also where the keys that it was held against are forgotten.
	 */
	return result != PGA_SERVER_KNOWN && is_reported(users, shown) ? PGA_SERVER_REPORTED
								       : result;
}

bool pga_key_is_of_the_system(const struct pga_known_servers *known,
			      const struct pga_shown_key *shown)
{
	for (size_t i = 0; i < known->system_count; i++)
		if (pga_key_is_of_server(&known->keys[i].shown, shown) && pga_key_is_good(known, i))
			return true;
	return false;
}

bool pga_key_waits(const struct pga_known_servers *known, const struct pga_policy *policy,
		   size_t index)
{
	return index >= known->system_count && is_report(known, index) &&
	       pga_known_servers_judge(known, NULL, policy, &known->keys[index].shown) ==
		   PGA_SERVER_REPORTED;
}

const struct pga_known_key *pga_known_servers_last(const struct pga_known_servers *known,
						   const struct pga_shown_key *shown)
{
	const struct pga_key_lines lines =
	    pga_key_lines(known, pga_key_is_of_the_system(known, shown));

	for (size_t i = lines.end; i-- > lines.begin;)
		if (pga_key_is_of_server(&known->keys[i].shown, shown) && pga_key_is_good(known, i))
			return &known->keys[i];
	return NULL;
}

const char *pga_key_issuer_note(const struct pga_known_servers *known,
				const struct pga_shown_key *shown)
{
	const struct pga_key_lines lines =
	    pga_key_lines(known, pga_key_is_of_the_system(known, shown));
	bool comparable = false;

	for (size_t i = lines.begin; i < lines.end; i++) {
		const struct pga_known_key *key = &known->keys[i];

		if (!pga_key_is_of_server(&key->shown, shown) || key->shown.issuer[0] == '\0' ||
		    !pga_key_is_good(known, i))
			continue;
		if (strcmp(key->shown.issuer, shown->issuer) == 0)
			return "by the same CA key as before";
		comparable = true;
	}
	return comparable ? "by another CA key than before" : "";
}

void pga_key_add_server(struct pga_text *text, const struct pga_shown_key *shown)
{
	const bool bracketed = strchr(shown->host, ':') != NULL;
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_addf(&word, "%s%s%s:%u", bracketed ? "[" : "", shown->host, bracketed ? "]" : "",
		      shown->port);
	pga_text_add_shell_word(text, pga_text_string(&word));
	text->failed = text->failed || word.failed;
	pga_text_free(&word);
}

void pga_key_add_accept(struct pga_text *text, const struct pga_known_servers *known,
			const struct pga_shown_key *shown, bool by_key)
{
	const bool system = pga_key_is_of_the_system(known, shown);

	pga_text_add(text,
		     system ? "sudo pganchor anchor accept --system " : "pganchor anchor accept ");
	pga_key_add_server(text, shown);
	if (system || by_key)
		pga_text_addf(text, " --key %s", shown->key);
}
