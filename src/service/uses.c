#include "service/uses.h"

#include "base/file.h"
#include "policy/trust.h"
#include "service/evaluate.h"
#include "service/roots.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An anchor's own file, and which of the files of one directory it is. */
struct own_file {
	dev_t device;
	ino_t inode;
	const struct pga_pin *pin;
};

/* A file of roots that an entry names: root.crt, or one that is no anchor's own. */
struct roots_file {
	char *path;
	dev_t device; /* with inode 0: there is none */
	ino_t inode;
	char *pins; /* of its certificates, sorted, one a line; "" where they cannot be read */
	size_t count;
};

/* A host of an entry, by the name read backwards in small letters. */
struct host_of_use {
	char *backwards;
	size_t use;
};

struct own_use {
	const struct pga_pin *pin;
	size_t use;
};

struct pga_uses_index {
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	struct pga_roots roots;   /* for the home alone */
	struct roots_file *files; /* the first is root.crt */
	size_t file_count;
	struct own_file *own_files; /* sorted; made when it is first wanted */
	size_t own_file_count;
	bool own_files_made;
	struct host_of_use *hosts; /* of those that read a file which is no anchor's own; sorted */
	size_t host_count;
	struct own_use *own; /* sorted */
	size_t own_count;
};

#define PIN_LINE (PGA_PIN_LENGTH + 1)

static int compare_lines(const void *left, const void *right)
{
	return memcmp(left, right, PGA_PIN_LENGTH);
}

static bool has_pin(const struct roots_file *file, const char *pin)
{
	return file->count > 0 &&
	       bsearch(pin, file->pins, file->count, PIN_LINE, compare_lines) != NULL;
}

/* A pipe can be read once, and libpq is to do that. What cannot be read has no certificate. */
static int read_pins(struct roots_file *file, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	int result = 0;

	if (pga_file_read(file->path, &content, NULL, &ignored) == 0 &&
	    pga_root_pins(file->path, &content, &pins, &ignored) != 0 && !pins.failed)
		pga_text_free(&pins);
	if (content.failed || pins.failed)
		result = pga_fail_memory(error);
	pga_text_free(&content);
	file->count = pins.length / PIN_LINE;
	file->pins = pga_text_take(&pins);
	if (file->count > 0)
		qsort(file->pins, file->count, PIN_LINE, compare_lines);
	return result;
}

static size_t find_file(const struct pga_uses_index *index, const char *path,
			const struct stat *status)
{
	size_t i = 0;

	while (i < index->file_count && !(status != NULL && index->files[i].inode != 0
					      ? index->files[i].device == status->st_dev &&
						    index->files[i].inode == status->st_ino
					      : strcmp(index->files[i].path, path) == 0))
		i++;
	return i;
}

/* *which is the number of the file at this path, which is read if it is a new one. */
static int take_file(struct pga_uses_index *index, const char *path, size_t *which,
		     struct pga_error *error)
{
	struct stat status;
	const bool is_there = stat(path, &status) == 0;
	struct roots_file *grown;

	*which = find_file(index, path, is_there ? &status : NULL);
	if (*which < index->file_count)
		return 0;
	grown = reallocarray(index->files, index->file_count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	index->files = grown;
	grown += index->file_count;
	memset(grown, 0, sizeof *grown);
	grown->path = strdup(path);
	if (grown->path == NULL)
		return pga_fail_memory(error);
	index->file_count++;
	if (is_there) {
		grown->device = status.st_dev;
		grown->inode = status.st_ino;
	}
	return read_pins(grown, error);
}

static int compare_own_files(const void *left, const void *right)
{
	const struct own_file *a = left;
	const struct own_file *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return 0;
}

static int make_own_files(struct pga_uses_index *index, struct pga_error *error)
{
	index->own_files_made = true;
	index->own_files = calloc(index->pins->count + 1, sizeof *index->own_files);
	if (index->own_files == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < index->pins->count; i++) {
		char *path = pga_pin_own_file(&index->pins->pins[i]);
		struct stat status;

		if (path == NULL)
			return pga_fail_memory(error);
		if (stat(path, &status) == 0)
			index->own_files[index->own_file_count++] =
			    (struct own_file){status.st_dev, status.st_ino, &index->pins->pins[i]};
		free(path);
	}
	qsort(index->own_files, index->own_file_count, sizeof *index->own_files, compare_own_files);
	return 0;
}

/* Of a file that is missing, its name and directory tell. */
static const struct pga_pin *owner_of_missing(const struct pga_uses_index *index, const char *path)
{
	static const char ending[] = ".crt";
	const char *slash = strrchr(path, '/');
	const size_t length = slash != NULL ? strlen(slash + 1) : 0;
	const struct pga_pin *pin = NULL;
	char *name;

	if (length <= strlen(ending) || strcmp(path + strlen(path) - strlen(ending), ending) != 0)
		return NULL;
	name = strndup(slash + 1, length - strlen(ending));
	for (int system = 0; name != NULL && system < 2 && pin == NULL; system++) {
		const struct pga_pin wanted = {.name = name, .system = system != 0};
		char *own = pga_pin_own_file(&wanted);

		if (own != NULL && strcmp(own, path) == 0)
			for (size_t i = 0; i < index->pins->count && pin == NULL; i++)
				if (index->pins->pins[i].system == wanted.system &&
				    strcmp(index->pins->pins[i].name, name) == 0)
					pin = &index->pins->pins[i];
		free(own);
	}
	free(name);
	return pin;
}

/* Whose own file this is; *pin is NULL where it is nobody's. */
static int find_owner(struct pga_uses_index *index, const char *path, const struct pga_pin **pin,
		      struct pga_error *error)
{
	struct own_file wanted = {0, 0, NULL};
	const struct own_file *found;
	struct stat status;

	*pin = NULL;
	if (!index->own_files_made && make_own_files(index, error) != 0)
		return -1;
	if (stat(path, &status) != 0) {
		*pin = owner_of_missing(index, path);
		return 0;
	}
	wanted.device = status.st_dev;
	wanted.inode = status.st_ino;
	found = index->own_file_count > 0
		    ? bsearch(&wanted, index->own_files, index->own_file_count,
			      sizeof *index->own_files, compare_own_files)
		    : NULL;
	if (found != NULL)
		*pin = found->pin;
	return 0;
}

/* While a CA moves to another root, an anchor's own file has both. */
static int look_for_joined(struct pga_uses_index *index, struct pga_use *use,
			   struct pga_error *error)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	const char *first = NULL;

	if (pga_file_read(use->roots, &content, NULL, &ignored) == 0)
		first = strstr(pga_text_string(&content), begin);
	use->joined = first != NULL && strstr(first + strlen(begin), begin) != NULL;
	pga_text_free(&content);
	return use->joined ? take_file(index, use->roots, &use->roots_file, error) : 0;
}

/* Which file of roots it is. */
static int look_at_roots(struct pga_uses_index *index, struct pga_use *use, const char *sslrootcert,
			 struct pga_error *error)
{
	error->message[0] = '\0';
	use->roots = pga_roots_path(&index->roots, sslrootcert, error);
	if (use->roots == NULL) {
		use->kind = PGA_USE_SYSTEM;
		return error->message[0] == '\0' ? 0 : -1;
	}
	if (use->roots[0] != '/') {
		use->kind = PGA_USE_UNKNOWN; /* another file in every directory */
		return 0;
	}
	if (find_owner(index, use->roots, &use->own, error) != 0 ||
	    (use->own == NULL && take_file(index, use->roots, &use->roots_file, error) != 0))
		return -1;
	if (use->own != NULL) {
		use->kind = PGA_USE_OWN_FILE;
		return look_for_joined(index, use, error);
	}
	use->kind = use->roots_file == 0 ? PGA_USE_ROOT_CRT : PGA_USE_OTHER_FILE;
	return 0;
}

static void drop_host(struct pga_host *host)
{
	free(host->name);
	free(host->address);
	free(host->port);
}

/* Those that need an anchor stay. */
static int take_hosts(const struct pga_uses_index *index, struct pga_use *use,
		      const struct pga_effective *effective, struct pga_error *error)
{
	size_t kept = 0;

	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"), NULL, &use->hosts,
			    error) != 0)
		return -1;
	for (size_t i = 0; i < use->hosts.count; i++) {
		struct pga_host *host = &use->hosts.items[i];

		if (host->local ||
		    pga_policy_exempts(index->policy,
				       host->address[0] != '\0' ? host->address : host->name))
			drop_host(host);
		else
			use->hosts.items[kept++] = *host;
	}
	use->hosts.count = kept;
	return 0;
}

static int look_at_settings(struct pga_uses_index *index, struct pga_use *use,
			    const struct pga_evaluation *evaluation, struct pga_error *error)
{
	const char *sslmode = pga_effective_value(&evaluation->effective, "sslmode");
	const char *roots = pga_effective_value(&evaluation->effective, "sslrootcert");

	if (take_hosts(index, use, &evaluation->effective, error) != 0)
		return -1;
	if (use->hosts.count == 0 || (sslmode != NULL && strcmp(sslmode, "disable") == 0)) {
		use->kind = PGA_USE_NONE;
		return 0;
	}
	return look_at_roots(index, use, roots != NULL ? roots : "", error);
}

static int look_at_entry(struct pga_uses_index *index, struct pga_evaluator *judging,
			 struct pga_use *use, struct pga_error *error)
{
	struct pga_evaluation evaluation;
	int result = pga_evaluate_entry_alone(judging, use->entry, &evaluation, error);

	if (result != 0)
		return -1;
	use->hidden = use->hidden || use->entry->name == NULL || use->entry->shadowed != 0;
	if (evaluation.effective.options == NULL)
		use->kind = PGA_USE_UNKNOWN;
	else
		result = look_at_settings(index, use, &evaluation, error);
	pga_evaluation_free(&evaluation);
	return result;
}

/* before: the file that libpq looks into first; NULL: none. */
static int look_at_file(struct pga_uses *uses, const struct pga_service_file *file,
			const struct pga_service_file *before, struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, uses->index->policy, error);

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		struct pga_use *use = &uses->uses[uses->count++];

		use->file = file;
		use->entry = &file->entries[i];
		use->hidden = before != NULL && use->entry->name != NULL &&
			      pga_service_file_find(before, use->entry->name) != NULL;
		result = look_at_entry(uses->index, &judging, use, error);
	}
	pga_evaluator_end(&judging);
	return result;
}

/* Without a dot at the end, as base/host.c compares names. */
static char *backwards(const char *name, size_t length)
{
	char *text;

	if (length > 0 && name[length - 1] == '.')
		length--;
	text = malloc(length + 1);
	for (size_t i = 0; text != NULL && i < length; i++)
		text[i] = pga_lower(name[length - 1 - i]);
	if (text != NULL)
		text[length] = '\0';
	return text;
}

static int compare_hosts(const void *left, const void *right)
{
	const struct host_of_use *a = left;
	const struct host_of_use *b = right;
	const int order = strcmp(a->backwards, b->backwards);

	return order != 0 ? order : (a->use > b->use) - (a->use < b->use);
}

static int compare_own(const void *left, const void *right)
{
	const struct own_use *a = left;
	const struct own_use *b = right;

	if (a->pin != b->pin)
		return a->pin < b->pin ? -1 : 1;
	return (a->use > b->use) - (a->use < b->use);
}

static bool reads_shared_file(const struct pga_use *use)
{
	return !use->hidden &&
	       (use->kind == PGA_USE_ROOT_CRT || use->kind == PGA_USE_OTHER_FILE || use->joined);
}

static int make_index(struct pga_uses *uses, struct pga_error *error)
{
	struct pga_uses_index *index = uses->index;
	size_t hosts = 0;

	for (size_t i = 0; i < uses->count; i++)
		hosts += reads_shared_file(&uses->uses[i]) ? uses->uses[i].hosts.count : 0;
	index->hosts = calloc(hosts + 1, sizeof *index->hosts);
	index->own = calloc(uses->count + 1, sizeof *index->own);
	if (index->hosts == NULL || index->own == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < uses->count; i++) {
		const struct pga_use *use = &uses->uses[i];

		if (use->kind == PGA_USE_OWN_FILE && !use->hidden)
			index->own[index->own_count++] = (struct own_use){use->own, i};
		for (size_t k = 0; reads_shared_file(use) && k < use->hosts.count; k++) {
			const char *label = pga_host_label(&use->hosts.items[k]);
			char *key = backwards(label, strlen(label));

			if (key == NULL)
				return pga_fail_memory(error);
			index->hosts[index->host_count++] = (struct host_of_use){key, i};
		}
	}
	qsort(index->hosts, index->host_count, sizeof *index->hosts, compare_hosts);
	qsort(index->own, index->own_count, sizeof *index->own, compare_own);
	return 0;
}

int pga_uses_find(struct pga_uses *uses, const struct pga_service_file *user,
		  const struct pga_service_file *system, const struct pga_policy *policy,
		  const struct pga_pins *pins, const char *root_crt, struct pga_error *error)
{
	size_t first;

	memset(uses, 0, sizeof *uses);
	uses->uses = calloc(user->count + system->count + 1, sizeof *uses->uses);
	uses->index = calloc(1, sizeof *uses->index);
	if (uses->uses == NULL || uses->index == NULL)
		return pga_fail_memory(error);
	uses->index->policy = policy;
	uses->index->pins = pins;
	if (take_file(uses->index, root_crt, &first, error) != 0 ||
	    look_at_file(uses, user, NULL, error) != 0 ||
	    look_at_file(uses, system, user, error) != 0)
		return -1;
	return make_index(uses, error);
}

bool pga_uses_is_in_root_crt(const struct pga_uses *uses, const char *pin)
{
	return has_pin(&uses->index->files[0], pin);
}

/* The entries of one anchor, while they are collected. */
struct collected {
	const struct pga_use **uses;
	size_t count;
	size_t room;
	bool failed;
};

static void collect(struct collected *collected, const struct pga_use *use)
{
	if (collected->count == collected->room) {
		const size_t room = collected->room > 0 ? 2 * collected->room : 8;
		const struct pga_use **grown =
		    reallocarray((void *)collected->uses, room, sizeof(const struct pga_use *));

		if (grown == NULL) {
			collected->failed = true;
			return;
		}
		collected->uses = grown;
		collected->room = room;
	}
	collected->uses[collected->count++] = use;
}

/* Whether the file that the entry reads has this anchor, and that is for this host of it. */
static bool is_served(const struct pga_uses *uses, const struct pga_use *use,
		      const struct pga_pin *pin)
{
	const struct pga_uses_index *index = uses->index;

	if (!has_pin(&index->files[use->roots_file], pin->pin))
		return false;
	for (size_t i = 0; i < use->hosts.count; i++)
		if (pga_root_is_valid_for(index->pins, pin->pin,
					  pga_host_label(&use->hosts.items[i])))
			return true;
	return false;
}

/* The first host of the index that does not come before this. */
static size_t first_host(const struct pga_uses_index *index, const char *key)
{
	size_t low = 0;
	size_t high = index->host_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(index->hosts[middle].backwards, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void collect_by_pattern(struct collected *collected, const struct pga_uses *uses,
			       const struct pga_pin *pin, const char *pattern, size_t length)
{
	const struct pga_uses_index *index = uses->index;
	const bool every = length == 1 && pattern[0] == '*';
	const bool below = length > 2 && pattern[0] == '*' && pattern[1] == '.';
	char *key = every ? strdup("") : backwards(pattern + below, length - below);
	size_t key_length;

	if (key == NULL) {
		collected->failed = true;
		return;
	}
	key_length = strlen(key);
	for (size_t i = first_host(index, key);
	     i < index->host_count &&
	     (every || below ? strncmp(index->hosts[i].backwards, key, key_length) == 0
			     : strcmp(index->hosts[i].backwards, key) == 0);
	     i++)
		if (is_served(uses, &uses->uses[index->hosts[i].use], pin))
			collect(collected, &uses->uses[index->hosts[i].use]);
	free(key);
}

static void collect_by_hosts(struct collected *collected, const struct pga_uses *uses,
			     const struct pga_pin *pin)
{
	static const char between[] = " \t,";

	for (const char *at = pin->hosts + strspn(pin->hosts, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t length = strcspn(at, between);

		collect_by_pattern(collected, uses, pin, at, length);
		at += length;
	}
}

static void collect_own(struct collected *collected, const struct pga_uses *uses,
			const struct pga_pin *pin)
{
	const struct pga_uses_index *index = uses->index;
	size_t low = 0;
	size_t high = index->own_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->own[middle].pin < pin)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < index->own_count && index->own[low].pin == pin; low++)
		collect(collected, &uses->uses[index->own[low].use]);
}

/* All of them stand in one array. */
static int compare_uses(const void *left, const void *right)
{
	const struct pga_use *const *a = left;
	const struct pga_use *const *b = right;

	return (*a > *b) - (*a < *b);
}

const struct pga_use **pga_uses_of(const struct pga_uses *uses, const struct pga_pin *pin,
				   size_t *count, struct pga_error *error)
{
	struct collected collected = {.count = 0};
	size_t kept = 0;

	collect_own(&collected, uses, pin);
	collect_by_hosts(&collected, uses, pin);
	if (collected.uses == NULL && !collected.failed)
		collected.uses = calloc(1, sizeof(const struct pga_use *));
	if (collected.failed || collected.uses == NULL) {
		free((void *)collected.uses);
		(void)pga_fail_memory(error);
		return NULL;
	}
	qsort((void *)collected.uses, collected.count, sizeof(const struct pga_use *),
	      compare_uses);
	for (size_t i = 0; i < collected.count; i++)
		if (kept == 0 || collected.uses[kept - 1] != collected.uses[i])
			collected.uses[kept++] = collected.uses[i];
	*count = kept;
	return collected.uses;
}

/* The section of these pins with the name and place of that one; NULL where there is none. */
static const struct pga_pin *counterpart(const struct pga_pins *pins, const struct pga_pin *pin)
{
	const size_t first = pin->system ? 0 : pins->system_count;
	const size_t end = pin->system ? pins->system_count : pins->count;

	for (size_t i = first; i < end; i++)
		if (strcmp(pins->pins[i].name, pin->name) == 0)
			return &pins->pins[i];
	return NULL;
}

/* Whether a section of the user's with this pin is gone from these pins: with it goes the copy in
 * root.crt. */
static bool users_is_gone(const struct pga_pins *before, const struct pga_pins *then,
			  const char *pin)
{
	const struct pga_pin *const *sections;
	size_t count = pga_pins_of_root(before, pin, &sections);
	bool was = false;

	while (count-- > 0)
		was = was || !sections[count]->system;
	count = pga_pins_of_root(then, pin, &sections);
	while (count-- > 0)
		was = was && sections[count]->system;
	return was;
}

/* Whether a root stays in the file of which no pin has anything to say. */
static bool has_any_left(const struct pga_uses_index *index, const struct roots_file *file,
			 const struct pga_pins *then)
{
	for (size_t i = 0; i < file->count; i++) {
		char pin[PIN_LINE];

		memcpy(pin, file->pins + i * PIN_LINE, PGA_PIN_LENGTH);
		pin[PGA_PIN_LENGTH] = '\0';
		if (file != &index->files[0] || !users_is_gone(index->pins, then, pin))
			return true;
	}
	return false;
}

/* Whether the file has an anchor for the host by these pins. */
static bool is_anchored(const struct pga_uses_index *index, const struct pga_use *use,
			const char *host, const struct pga_pins *then)
{
	const struct roots_file *file = &index->files[use->roots_file];

	/* The file goes with its anchor, whatever else is in it. */
	if (use->kind == PGA_USE_OWN_FILE && counterpart(then, use->own) == NULL)
		return false;
	if (use->kind == PGA_USE_OWN_FILE &&
	    (!use->joined || pga_root_is_valid_for(then, use->own->pin, host)))
		return !pga_trust_by_pins(index->policy, then) ||
		       pga_root_is_valid_for(then, use->own->pin, host);
	if (!pga_trust_by_pins(index->policy, then))
		return has_any_left(index, file, then);
	for (size_t i = 0; i < then->count; i++)
		if (has_pin(file, then->pins[i].pin) &&
		    pga_root_is_valid_for(then, then->pins[i].pin, host) &&
		    (use->kind != PGA_USE_ROOT_CRT ||
		     !users_is_gone(index->pins, then, then->pins[i].pin)))
			return true;
	return false;
}

enum pga_use_loss pga_use_loses(const struct pga_uses *uses, const struct pga_use *use,
				const struct pga_pins *then)
{
	const struct pga_uses_index *index = uses->index;
	bool any_lost = false;
	bool any_left = false;

	if (use->kind != PGA_USE_OWN_FILE && use->kind != PGA_USE_ROOT_CRT &&
	    use->kind != PGA_USE_OTHER_FILE)
		return PGA_USE_LOSES_NOTHING;
	for (size_t i = 0; i < use->hosts.count; i++) {
		const char *host = pga_host_label(&use->hosts.items[i]);
		const bool left = is_anchored(index, use, host, then);

		any_left = any_left || left;
		any_lost = any_lost || (!left && is_anchored(index, use, host, index->pins));
	}
	if (!any_lost)
		return PGA_USE_LOSES_NOTHING;
	return any_left ? PGA_USE_LOSES_SOME : PGA_USE_LOSES_ALL;
}

void pga_uses_free(struct pga_uses *uses)
{
	struct pga_uses_index *index = uses->index;

	for (size_t i = 0; i < uses->count; i++) {
		free(uses->uses[i].roots);
		pga_hosts_free(&uses->uses[i].hosts);
	}
	free(uses->uses);
	for (size_t i = 0; index != NULL && i < index->file_count; i++) {
		free(index->files[i].path);
		free(index->files[i].pins);
	}
	for (size_t i = 0; index != NULL && i < index->host_count; i++)
		free(index->hosts[i].backwards);
	if (index != NULL) {
		pga_roots_free(&index->roots);
		free(index->files);
		free(index->own_files);
		free(index->hosts);
		free(index->own);
	}
	free(index);
	memset(uses, 0, sizeof *uses);
}
