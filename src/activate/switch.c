#include "activate/switch.h"

#include "activate/lines.h"
#include "activate/module.h"
#include "base/file.h"
#include "base/places.h"

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
	mode_t folder_mode;
} ways[PGA_WAYS] = {
    [PGA_WAY_SESSION] = {"session", "environment.d/50-pganchor.conf", PGA_FORM_ENVIRONMENT, 0700},
    [PGA_WAY_SHELL] = {"shell", NULL, PGA_FORM_SHELL, 0700},
    [PGA_WAY_ENVIRONMENT] = {"system session", "/etc/environment.d/50-pganchor.conf",
			     PGA_FORM_ENVIRONMENT, 0755},
    [PGA_WAY_PROFILE] = {"system shell", "/etc/profile.d/pganchor.sh", PGA_FORM_SHELL, 0755},
    [PGA_WAY_PRELOAD] = {"ld.so.preload", "/etc/ld.so.preload", PGA_FORM_PRELOAD, 0755},
    [PGA_WAY_UNIT] = {"unit", "/etc/systemd/system/", PGA_FORM_UNIT, 0755},
    [PGA_WAY_USER_UNIT] = {"user unit", "systemd/user/", PGA_FORM_UNIT, 0700},
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
		return pga_fail(error, "set HOME", "this user has no home folder");
	pga_text_addf(path, "%s/.config/", home);
	free(home);
	return 0;
}

/* systemd.unit(5): letters, digits and :-_.\@, and the type behind the last dot. */
static int add_unit(struct pga_text *path, const char *unit, struct pga_error *error)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
	static const char type[] = ".service";
	size_t length = unit != NULL ? strlen(unit) : 0;
	bool typed = length >= sizeof type && strcmp(unit + length - sizeof type + 1, type) == 0;

	if (length == 0 || length > 200 || unit[0] == '.' || unit[strspn(unit, letters)] != '\0')
		return pga_fail(error, "systemctl list-units --type=service lists them",
				"%s: not the name of a service", unit != NULL ? unit : "");
	pga_text_addf(path, "%s%s.d/pganchor.conf", unit, typed ? "" : type);
	return 0;
}

int pga_switch_find(struct pga_switch *file, enum pga_way way, const char *root, const char *unit,
		    struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	int result = 0;

	memset(file, 0, sizeof *file);
	file->way = way;
	file->form = ways[way].form;
	if (ways[way].path[0] == '/')
		pga_text_add(&path, root != NULL ? root : "");
	else
		result = add_config(&path, error);
	if (result == 0)
		pga_text_add(&path, ways[way].path);
	if (result == 0 && (way == PGA_WAY_UNIT || way == PGA_WAY_USER_UNIT))
		result = add_unit(&path, unit, error);
	if (result == 0) {
		file->path = pga_text_take(&path);
		if (file->path == NULL)
			result = pga_fail_memory(error);
	}
	pga_text_free(&path);
	return result;
}

int pga_switch_find_shell(struct pga_switch *file, const struct pga_shell_file *at,
			  struct pga_error *error)
{
	memset(file, 0, sizeof *file);
	file->way = PGA_WAY_SHELL;
	file->form = at->form;
	file->path = strdup(at->path);
	return file->path != NULL ? 0 : pga_fail_memory(error);
}

/* Whether both are the same string. */
static bool same(const char *bytes, size_t length, const char *string)
{
	return length == strlen(string) && memcmp(bytes, string, length) == 0;
}

/* The module that the lines name: ours, another one, or none any more. */
static enum pga_state state_of_module(const struct pga_block *block)
{
	char *named = strndup(block->module, block->module_length);
	enum pga_state state = PGA_ON_OTHER;

	if (named != NULL && access(named, F_OK) != 0)
		state = PGA_ON_GONE;
	else if (same(block->module, block->module_length, PGA_MODULE))
		state = PGA_ON;
	free(named);
	return state;
}

static enum pga_state state_of(enum pga_found found, const struct pga_block *block)
{
	if (found == PGA_FOUND_NONE)
		return PGA_OFF;
	if (found == PGA_FOUND_CHANGED)
		return PGA_CHANGED;
	return state_of_module(block);
}

int pga_switch_look(struct pga_switch *file, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_block block;
	bool found = false;
	int result = pga_file_read(file->path, &bytes, &found, error);

	if (result == 0)
		file->state =
		    state_of(pga_block_find(file->form, bytes.bytes, bytes.length, &block), &block);
	pga_text_free(&bytes);
	return result;
}

static int fail_changed(const struct pga_switch *file, struct pga_error *error)
{
	return pga_fail(error, "take them out by hand; nothing was changed",
			"%s: somebody has changed the lines that pganchor wrote there", file->path);
}

/* Stages the file with `front` before all, and `middle` in the place of its bytes from begin to
 * end; either may be empty. */
static int stage(struct pga_switch *file, const struct pga_text *front, size_t begin, size_t end,
		 const struct pga_text *middle, struct pga_error *error)
{
	const struct pga_text *before = &file->edit.before;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result;

	pga_text_add_bytes(&bytes, front->bytes, front->length);
	pga_text_add_bytes(&bytes, before->bytes, begin);
	pga_text_add_bytes(&bytes, middle->bytes, middle->length);
	pga_text_add_bytes(&bytes, before->bytes + end, before->length - end);
	result = bytes.failed || front->failed || middle->failed
		     ? pga_fail_memory(error)
		     : pga_edit_stage(&file->edit, pga_text_string(&bytes), bytes.length, error);
	file->changes = result == 0;
	pga_text_free(&bytes);
	return result;
}

/* A file that has no lines of ours yet. They go in front of all else in ld.so.preload, so that what
 * else is loaded meets its calls behind them, and in a shell's start file, since much of it may be
 * left early: Debian's ~/.bashrc is, by a shell that is not interactive. */
static bool begin_block(const struct pga_switch *file, struct pga_block *block)
{
	const struct pga_text *before = &file->edit.before;
	const bool in_front = file->form == PGA_FORM_PRELOAD || file->form == PGA_FORM_SHELL;

	block->begin = block->end = in_front ? 0 : before->length;
	block->made_file = !file->edit.existed;
	block->folders = (unsigned)file->edit.made.count;
	block->made_line_end =
	    !in_front && before->length > 0 && before->bytes[before->length - 1] != '\n';
	return block->made_line_end;
}

/* The line end that was made in front of the block goes with it, unless somebody has written behind
 * it since. */
static size_t begin_with_line_end(const struct pga_switch *file, const struct pga_block *block)
{
	const bool goes =
	    block->made_line_end && block->begin > 0 && block->end == file->edit.before.length;

	return goes ? block->begin - 1 : block->begin;
}

/* Stages the block, which was found as it says, with the module and the value that it has now. */
static int stage_block(struct pga_switch *file, struct pga_block *block, const char *preload,
		       bool line_end, struct pga_error *error)
{
	const struct pga_text nothing = PGA_TEXT_EMPTY;
	struct pga_text middle = PGA_TEXT_EMPTY;
	const bool moves = block->old && block->begin > 0;
	const size_t begin = moves ? begin_with_line_end(file, block) : block->begin;
	int result;

	if (moves)
		block->made_line_end = false;
	block->old = false;
	block->module = PGA_MODULE;
	block->module_length = strlen(PGA_MODULE);
	block->preload = preload;
	block->preload_length = strlen(preload);
	pga_block_write(file->form, block, &file->lines);
	pga_text_add(&middle, line_end ? "\n" : "");
	pga_text_add(&middle, pga_text_string(&file->lines));
	result = stage(file, moves ? &middle : &nothing, begin, block->end,
		       moves ? &nothing : &middle, error);
	pga_text_free(&middle);
	return result;
}

int pga_switch_on(struct pga_switch *file, const char *preload, struct pga_error *error)
{
	const struct pga_text *before = &file->edit.before;
	struct pga_block block;
	enum pga_found found;
	bool line_end = false;

	if (pga_edit_begin_in(&file->edit, file->path, 0644, ways[file->way].folder_mode, error) !=
	    0)
		return -1;
	file->editing = true;
	found = pga_block_find(file->form, before->bytes, before->length, &block);
	file->state = state_of(found, &block);
	/* An entry of ld.so.preload that shares its line with others does all the same. */
	if (found == PGA_FOUND_CHANGED)
		return file->form == PGA_FORM_PRELOAD ? 0 : fail_changed(file, error);
	if (found == PGA_FOUND_NONE)
		line_end = begin_block(file, &block);
	if (found == PGA_FOUND_OURS && file->state == PGA_ON && !block.old &&
	    same(block.preload, block.preload_length, preload)) {
		pga_block_write(file->form, &block, &file->lines);
		return 0;
	}
	return stage_block(file, &block, preload, line_end, error);
}

int pga_switch_off(struct pga_switch *file, struct pga_error *error)
{
	const enum pga_form form = file->form;
	const struct pga_text *before = &file->edit.before;
	const struct pga_text nothing = PGA_TEXT_EMPTY;
	struct pga_block block;
	struct stat status;
	enum pga_found found;

	/* Editing a file makes its folder. */
	if (lstat(file->path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (pga_edit_begin_in(&file->edit, file->path, 0644, ways[file->way].folder_mode, error) !=
	    0)
		return -1;
	file->editing = true;
	found = pga_block_find(form, before->bytes, before->length, &block);
	file->state = state_of(found, &block);
	if (found == PGA_FOUND_NONE)
		return 0;
	if (found == PGA_FOUND_CHANGED)
		return fail_changed(file, error);
	pga_text_add_bytes(&file->lines, before->bytes + block.begin, block.end - block.begin);
	block.begin = begin_with_line_end(file, &block);
	if (block.made_file && block.begin == 0 && block.end == before->length &&
	    !S_ISLNK(status.st_mode)) {
		file->remove = file->changes = true;
		file->folders = block.folders;
		return 0;
	}
	return stage(file, &nothing, block.begin, block.end, &nothing, error);
}

/* Takes away the file and the folders that were made for it, as far as they are empty. */
static int remove_file(struct pga_switch *file, struct pga_error *error)
{
	char *path = strdup(file->path);
	char *folder = path;

	if (path == NULL)
		return pga_fail_memory(error);
	if (pga_edit_apply(&file->edit, true, error) != 0) {
		free(path);
		return -1;
	}
	pga_edit_keep(&file->edit);
	for (unsigned i = 0; i < file->folders; i++) {
		folder = dirname(folder);
		if (rmdir(folder) != 0)
			break;
	}
	free(path);
	return 0;
}

int pga_switch_apply(struct pga_switch *file, struct pga_error *error)
{
	if (!file->changes)
		return 0;
	return file->remove ? remove_file(file, error) : pga_edit_commit(&file->edit, error);
}

void pga_switch_end(struct pga_switch *file)
{
	if (file->editing)
		pga_edit_end(&file->edit);
	free(file->path);
	pga_text_free(&file->lines);
	memset(file, 0, sizeof *file);
}
