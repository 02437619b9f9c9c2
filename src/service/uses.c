#include "service/uses_index.h"

#include "base/file.h"
#include "service/evaluate.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int pga_compare_pin_lines(const void *left, const void *right)
{
	return memcmp(left, right, PGA_PIN_LENGTH);
}

/* A pipe can be read once, and libpq is to do that. What cannot be read has no certificate. */
static int read_pins(struct pga_file_of_roots *file, struct pga_error *error)
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
	file->count = pins.length / PGA_PIN_LINE;
	file->pins = pga_text_take(&pins);
	if (file->count > 0)
		qsort(file->pins, file->count, PGA_PIN_LINE, pga_compare_pin_lines);
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
	struct pga_file_of_roots *grown;

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
	const struct pga_own_file_of *a = left;
	const struct pga_own_file_of *b = right;

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
			index->own_files[index->own_file_count++] = (struct pga_own_file_of){
			    status.st_dev, status.st_ino, &index->pins->pins[i]};
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
	struct pga_own_file_of wanted = {0, 0, NULL};
	const struct pga_own_file_of *found;
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

char *pga_host_backwards(const char *name, size_t length)
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
	const struct pga_host_of_use *a = left;
	const struct pga_host_of_use *b = right;
	const int order = strcmp(a->backwards, b->backwards);

	return order != 0 ? order : (a->use > b->use) - (a->use < b->use);
}

static int compare_own(const void *left, const void *right)
{
	const struct pga_own_use *a = left;
	const struct pga_own_use *b = right;

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
			index->own[index->own_count++] = (struct pga_own_use){use->own, i};
		for (size_t k = 0; reads_shared_file(use) && k < use->hosts.count; k++) {
			const char *label = pga_host_label(&use->hosts.items[k]);
			char *key = pga_host_backwards(label, strlen(label));

			if (key == NULL)
				return pga_fail_memory(error);
			index->hosts[index->host_count++] = (struct pga_host_of_use){key, i};
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
