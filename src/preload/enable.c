#include "preload/enable.h"

#include "preload/dropin.h"
#include "preload/image.h"
#include "preload/block.h"
#include "preload/module.h"
#include "base/file.h"
#include "base/paths.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the files are. %HOME, %CONFIG and %ROOT are put in front, %UNIT is the service's name. */
static const struct {
	const char *name;
	const char *path;
	enum pga_form form;
	mode_t directory_mode;
	const char *library; /* what its lines have ld.so load */
} ways[PGA_WAYS] = {
    /* ld.so.conf takes the files of that directory in the order of their names. */
    [PGA_WAY_MACHINE] = {"machine", "/etc/ld.so.conf.d/00-pganchor.conf", PGA_FORM_LD_CONF, 0755,
			 PGA_DROPIN},
    [PGA_WAY_SESSION] = {"session", "environment.d/50-pganchor.conf", PGA_FORM_ENVIRONMENT, 0700,
			 PGA_MODULE},
    [PGA_WAY_SHELL] = {"shell", NULL, PGA_FORM_SHELL, 0700, PGA_MODULE},
    [PGA_WAY_ENVIRONMENT] = {"system session", "/etc/environment.d/50-pganchor.conf",
			     PGA_FORM_ENVIRONMENT, 0755, PGA_MODULE},
    [PGA_WAY_PROFILE] = {"system shell", "/etc/profile.d/pganchor.sh", PGA_FORM_SHELL, 0755,
			 PGA_MODULE},
    [PGA_WAY_PRELOAD] = {"ld.so.preload", "/etc/ld.so.preload", PGA_FORM_PRELOAD, 0755, PGA_MODULE},
    [PGA_WAY_UNIT] = {"unit", "/etc/systemd/system/", PGA_FORM_UNIT, 0755, PGA_MODULE},
    [PGA_WAY_USER_UNIT] = {"user unit", "systemd/user/", PGA_FORM_UNIT, 0700, PGA_MODULE},
};

const char *pga_way_name(enum pga_way way)
{
	return ways[way].name;
}

/* $XDG_CONFIG_HOME, or ~/.config, and a slash. */
static int add_config(struct pga_text *path, struct pga_error *error)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	char *home;

	if (config != NULL && config[0] == '/') {
		pga_text_addf(path, "%s/", config);
		return 0;
	}
	home = pga_home();
	if (home == NULL)
		return pga_fail_home(error);
	pga_text_addf(path, "%s/.config/", home);
	free(home);
	return 0;
}

int pga_activation_find(struct pga_activation *file, enum pga_way way, const char *root,
			const char *unit, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *name = NULL;
	int result = 0;

	memset(file, 0, sizeof *file);
	file->way = way;
	file->form = ways[way].form;
	if (ways[way].path[0] != '/')
		result = add_config(&path, error);
	pga_text_add(&path, ways[way].path);
	if (result == 0 && (way == PGA_WAY_UNIT || way == PGA_WAY_USER_UNIT)) {
		name = pga_unit_name(unit, error);
		pga_text_addf(&path, "%s.d/pganchor.conf", name != NULL ? name : "");
		result = name != NULL ? 0 : -1;
	}
	if (result == 0) {
		/* A user's files are where they are, whatever the machine's are below. */
		file->path = path.failed ? NULL
					 : pga_image_path(ways[way].path[0] == '/' ? root : NULL,
							  path.bytes, &file->linked, error);
		result = file->path != NULL ? 0 : path.failed ? pga_fail_memory(error) : -1;
	}
	free(name);
	pga_text_free(&path);
	return result;
}

int pga_activation_find_shell(struct pga_activation *file, const struct pga_shell_file *at,
			      struct pga_error *error)
{
	memset(file, 0, sizeof *file);
	file->way = PGA_WAY_SHELL;
	file->form = at->form;
	file->path = strdup(at->path);
	return file->path != NULL ? 0 : pga_fail_memory(error);
}

/* Whether both are the same string. */
static bool is_string(const char *bytes, size_t length, const char *string)
{
	return length == strlen(string) && memcmp(bytes, string, length) == 0;
}

/* What the lines of this way have ld.so load. */
static const char *library_of(enum pga_way way)
{
	return ways[way].library;
}

/* The library that the lines name: ours, another one, or none any more. */
static enum pga_state state_of_library(enum pga_way way, const struct pga_block *block)
{
	char *named = strndup(block->module, block->module_length);
	enum pga_state state = PGA_ON_OTHER;

	if (named != NULL && access(named, F_OK) != 0)
		state = PGA_ON_GONE;
	else if (is_string(block->module, block->module_length, library_of(way)))
		state = PGA_ON;
	free(named);
	return state;
}

static enum pga_state state_of(const struct pga_activation *file, enum pga_found found,
			       const struct pga_block *block)
{
	if (found == PGA_FOUND_NONE)
		return PGA_OFF;
	if (found == PGA_FOUND_CHANGED && file->form != PGA_FORM_PRELOAD)
		return PGA_BY_HAND;
	return state_of_library(file->way, block);
}

int pga_activation_look(struct pga_activation *file, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_block block;
	bool found = false;
	int result = pga_file_read(file->path, &bytes, &found, error);

	if (result == 0)
		file->state = state_of(
		    file, pga_block_find(file->form, bytes.bytes, bytes.length, 0, &block), &block);
	pga_text_free(&bytes);
	return result;
}

static int fail_changed(const struct pga_activation *file, struct pga_error *error)
{
	return pga_fail(error, "take them out by hand; nothing was changed",
			"%s: somebody has changed the lines that pganchor wrote there", file->path);
}

/* The file is to be `front`, and then its bytes with `middle` in the place of those from begin to
 * end; either may be empty. */
static int put(struct pga_activation *file, const struct pga_text *front, size_t begin, size_t end,
	       const struct pga_text *middle, struct pga_error *error)
{
	const struct pga_text *before = &file->file.edit.before;
	struct pga_text *after = &file->file.after;
	int result;

	pga_text_add_bytes(after, front->bytes, front->length);
	pga_text_add_bytes(after, before->bytes, begin);
	pga_text_add_bytes(after, middle->bytes, middle->length);
	pga_text_add_bytes(after, before->bytes + end, before->length - end);
	after->failed = after->failed || front->failed || middle->failed;
	result = pga_transaction_put(&file->file, error);
	file->changes = result == 0;
	return result;
}

/* A file that has no lines of ours yet. They go in front of all else in ld.so.preload, so that what
 * else is loaded meets its calls behind them, and in a shell's start file, since much of it may be
 * left early: Debian's ~/.bashrc is, by a shell that is not interactive. The block is as the search
 * for one has left it. */
static bool begin_block(const struct pga_activation *file, struct pga_block *block)
{
	const struct pga_text *before = &file->file.edit.before;
	const bool in_front = file->form == PGA_FORM_PRELOAD || file->form == PGA_FORM_SHELL;

	block->begin = block->end = in_front ? 0 : before->length;
	block->made_file = !file->file.edit.existed;
	block->directories = (unsigned)file->file.edit.made.count;
	block->made_line_end =
	    !in_front && before->length > 0 && before->bytes[before->length - 1] != '\n';
	return block->made_line_end;
}

/* Where to cut the block, which was found in these bytes: the line end that was made in front of it
 * goes with it, unless somebody has written behind it since. */
static size_t begin_with_line_end(const struct pga_text *bytes, const struct pga_block *block)
{
	const bool goes = block->made_line_end && block->begin > 0 && block->end == bytes->length;

	return goes ? block->begin - 1 : block->begin;
}

/* Puts the block, which was found as it says, with the module and the value that it has now. */
static int put_block(struct pga_activation *file, struct pga_block *block, const char *preload,
		     bool line_end, struct pga_error *error)
{
	const struct pga_text nothing = PGA_TEXT_EMPTY;
	struct pga_text middle = PGA_TEXT_EMPTY;
	const bool moves = block->moves && block->begin > 0;
	const size_t begin =
	    moves ? begin_with_line_end(&file->file.edit.before, block) : block->begin;
	int result;

	if (moves)
		block->made_line_end = false;
	block->age = 0;
	block->module = library_of(file->way);
	block->module_length = strlen(block->module);
	block->preload = preload;
	block->preload_length = strlen(preload);
	pga_block_write(file->form, block, &file->lines);
	pga_text_add(&middle, line_end ? "\n" : "");
	pga_text_add(&middle, pga_text_string(&file->lines));
	middle.failed = middle.failed || file->lines.failed;
	result = put(file, moves ? &middle : &nothing, begin, block->end,
		     moves ? &nothing : &middle, error);
	pga_text_free(&middle);
	return result;
}

/* Whether the block does what it is to do, as it is. */
static bool is_good(const struct pga_activation *file, const struct pga_block *block,
		    const char *preload)
{
	const struct pga_text *before = &file->file.edit.before;

	if (file->form == PGA_FORM_PRELOAD)
		return pga_preload_begins_with(before->bytes, before->length, preload);
	return file->state == PGA_ON && block->age == 0 &&
	       is_string(block->preload, block->preload_length, preload);
}

static int begin(struct pga_activation *file, struct pga_error *error)
{
	if (pga_edit_begin_in(&file->file.edit, file->path, 0644, ways[file->way].directory_mode,
			      error) != 0)
		return -1;
	/* The lines say themselves what was made for them. */
	file->file.edit.unnoted = true;
	return 0;
}

int pga_activation_on(struct pga_activation *file, const char *preload, struct pga_error *error)
{
	const struct pga_text *before = &file->file.edit.before;
	struct pga_block block;
	enum pga_found found;
	bool line_end = false;

	if (begin(file, error) != 0)
		return -1;
	file->directories = (unsigned)file->file.edit.made.count;
	found = pga_block_find(file->form, before->bytes, before->length, 0, &block);
	file->state = state_of(file, found, &block);
	if (found == PGA_FOUND_CHANGED && file->form != PGA_FORM_PRELOAD)
		return fail_changed(file, error);
	if (found != PGA_FOUND_NONE && is_good(file, &block, preload)) {
		if (found == PGA_FOUND_OURS)
			pga_block_write(file->form, &block, &file->lines);
		return 0;
	}
	/* The module in a line with others, behind them, is no gate for what comes before it. */
	if (found != PGA_FOUND_OURS)
		line_end = begin_block(file, &block);
	return put_block(file, &block, preload, line_end, error);
}

/* Whether a block, or what somebody made of one, is of another installation. */
static bool is_of_another(const struct pga_activation *file, const struct pga_text *bytes,
			  enum pga_found found, const struct pga_block *block)
{
	const char *library = library_of(file->way);

	if (file->form == PGA_FORM_PRELOAD)
		return false;
	if (found == PGA_FOUND_CHANGED)
		return memmem(bytes->bytes, bytes->length, library, strlen(library)) == NULL;
	return !is_string(block->module, block->module_length, library);
}

static void cut(struct pga_text *bytes, size_t begin, size_t end)
{
	memmove(bytes->bytes + begin, bytes->bytes + end, bytes->length - end + 1);
	bytes->length -= end - begin;
}

/* Takes every block out of the bytes. Returns how many, or -1. last is the one that was taken out
 * last. */
static int cut_blocks(struct pga_activation *file, struct pga_text *bytes, bool own,
		      struct pga_block *last, struct pga_error *error)
{
	struct pga_block block;
	enum pga_found found;
	size_t from = 0;
	int count = 0;

	while ((found = pga_block_find(file->form, bytes->bytes, bytes->length, from, &block)) !=
	       PGA_FOUND_NONE) {
		if (count == 0)
			file->state = state_of(file, found, &block);
		if (own && is_of_another(file, bytes, found, &block)) {
			if (found == PGA_FOUND_CHANGED)
				break;
			from = block.end;
			continue;
		}
		/* An entry of ld.so.preload is ours in whatever line it is. */
		if (found == PGA_FOUND_CHANGED && file->form != PGA_FORM_PRELOAD)
			return fail_changed(file, error);
		pga_text_add_bytes(&file->lines, bytes->bytes + block.begin,
				   block.end - block.begin);
		if (found == PGA_FOUND_CHANGED)
			pga_text_add(&file->lines, "\n");
		*last = block;
		block.begin = begin_with_line_end(bytes, &block);
		cut(bytes, block.begin, block.end);
		from = block.begin > from ? from : block.begin;
		count++;
	}
	return count;
}

int pga_activation_off(struct pga_activation *file, bool own, struct pga_error *error)
{
	const struct pga_text *before = &file->file.edit.before;
	struct pga_text *after = &file->file.after;
	struct pga_block last = {0};
	struct stat status;
	int count;

	/* Editing a file makes its directory. */
	if (lstat(file->path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (begin(file, error) != 0)
		return -1;
	pga_text_add_bytes(after, before->bytes, before->length);
	if (after->failed)
		return pga_fail_memory(error);
	count = cut_blocks(file, after, own, &last, error);
	if (count <= 0)
		return count;
	file->changes = true;
	if (pga_transaction_put(&file->file, error) != 0)
		return -1;
	if (last.made_file && after->length == 0 && !S_ISLNK(status.st_mode) && !file->linked) {
		file->file.change = PGA_REMOVED;
		file->directories = last.directories;
	}
	return 0;
}

/* Takes away the directories that were made for a file which is not there, as far as they are
 * empty. */
static void remove_directories(const struct pga_activation *file)
{
	char *path = strdup(file->path);
	char *directory = path;

	for (unsigned i = 0; path != NULL && i < file->directories; i++) {
		directory = dirname(directory);
		if (rmdir(directory) != 0 && errno != ENOENT)
			break;
	}
	free(path);
}

int pga_activation_apply(struct pga_activation *const *files, size_t count, struct pga_error *error)
{
	struct pga_transaction_file **changes =
	    calloc(count + 1, sizeof(struct pga_transaction_file *));
	size_t changing = 0;
	int result;

	if (changes == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < count; i++)
		if (files[i]->changes)
			changes[changing++] = &files[i]->file;
	result = pga_transaction_write(changes, changing, error);
	for (size_t i = 0; i < count; i++) {
		files[i]->undone = result != 0 && files[i]->file.change == PGA_CREATED;
		if (result == 0 && files[i]->file.change == PGA_REMOVED)
			remove_directories(files[i]);
	}
	free(changes);
	return result;
}

int pga_activation_take_back(struct pga_activation *files, size_t count, struct pga_error *error)
{
	struct pga_error why;
	int result = 0;

	while (count-- > 0) {
		struct pga_transaction_file *file = &files[count].file;

		if (!file->committed)
			continue;
		if (pga_edit_take_back(&file->edit, &why) == 0) {
			if (!file->edit.existed)
				remove_directories(&files[count]);
			continue;
		}
		if (result == 0)
			*error = why;
		result = -1;
	}
	return result;
}

bool pga_activation_stays_changed(const struct pga_activation *file)
{
	const struct pga_text *before = &file->file.edit.before;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool found = false;
	bool changed;

	if (!file->changes || pga_file_read(file->path, &bytes, &found, &ignored) != 0)
		changed = false;
	else
		changed =
		    found != file->file.edit.existed || bytes.length != before->length ||
		    (before->length > 0 && memcmp(bytes.bytes, before->bytes, before->length) != 0);
	pga_text_free(&bytes);
	return changed;
}

void pga_activation_end(struct pga_activation *file)
{
	pga_transaction_end(&file->file);
	if (file->undone)
		remove_directories(file);
	free(file->path);
	pga_text_free(&file->lines);
	memset(file, 0, sizeof *file);
}
