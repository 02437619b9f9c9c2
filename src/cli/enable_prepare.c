#include "cli/enable_prepare.h"

#include "diagnose/enable_checks.h"
#include "report/text.h"
#include "preload/dropin.h"
#include "preload/module.h"
#include "preload/shells.h"
#include "base/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of LD_PRELOAD for a service: the module in front of what it has already. NULL, with the
 * error filled, where that cannot be written. */
static char *add_to(const char *unit, const char *entry, const char *before,
		    struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	size_t length;
	const char *at;
	char *value;

	if (before[strcspn(before, "\"'\\%")] != '\0') {
		(void)pga_fail(error, "write a drop-in by hand; nothing was changed",
			       "%s preloads something that pganchor cannot add to: %s", unit,
			       before);
		return NULL;
	}
	pga_text_add(&text, entry);
	for (at = before; (at = pga_module_next_entry(at, &length)) != NULL; at += length)
		if (!pga_module_is_named(at, length)) {
			pga_text_add(&text, ":");
			pga_text_add_bytes(&text, at, length);
		}
	value = pga_text_take(&text);
	if (value == NULL)
		(void)pga_fail_memory(error);
	return value;
}

static int switch_on_unit(const struct pga_asked *asked, struct pga_activation *file,
			  const char *entry, struct pga_error *error)
{
	const size_t found = asked->findings->count;
	char *before = NULL;
	char *preload = NULL;
	int result = pga_check_unit(asked->unit, asked->root, file->way == PGA_WAY_USER_UNIT,
				    &before, asked->findings, error);

	pga_warn_since(asked->findings, found);
	if (result == 0)
		preload = add_to(asked->unit, entry, before, error);
	result = preload != NULL ? pga_activation_on(file, preload, error) : -1;
	free(before);
	free(preload);
	return result;
}

static int prepare(const struct pga_asked *asked, struct pga_activation *file, enum pga_way way,
		   const char *unit, const char *entry, struct pga_error *error)
{
	if (pga_activation_find(file, way, asked->root, unit, error) != 0)
		return -1;
	if (asked->off)
		return pga_activation_off(file, asked->own, error);
	if (way == PGA_WAY_UNIT || way == PGA_WAY_USER_UNIT)
		return switch_on_unit(asked, file, entry, error);
	if (way == PGA_WAY_MACHINE)
		entry = PGA_DROPIN_DIRECTORY;
	return pga_activation_on(file, entry, error);
}

/* Takes the lines out of the start files of whatever shell has them. Where none has, that is told
 * of those of the user's. */
static int prepare_shells_off(const struct pga_asked *asked, struct pga_activation *files,
			      size_t *count, struct pga_error *error)
{
	struct pga_shell_files all;
	struct pga_shell_files own;
	struct pga_error ignored;
	const size_t before = *count;
	int result = pga_shell_files_of_all(&all, error);

	(void)pga_shell_files(&own, &ignored);
	for (size_t i = 0; result == 0 && i < all.count; i++) {
		struct pga_activation *file = &files[(*count)++];

		result = pga_activation_find_shell(file, &all.list[i], error);
		if (result == 0)
			result = pga_activation_off(file, asked->own, error);
		if (result == 0 && file->state == PGA_OFF)
			pga_activation_end(&files[--*count]);
	}
	for (size_t i = 0; result == 0 && *count == before + i && i < own.count; i++)
		result = pga_activation_find_shell(&files[(*count)++], &own.list[i], error);
	pga_shell_files_free(&all);
	pga_shell_files_free(&own);
	return result;
}

static int prepare_shells(const struct pga_asked *asked, struct pga_activation *files,
			  size_t *count, const char *entry, struct pga_error *error)
{
	struct pga_shell_files shells;
	int result;

	if (asked->off)
		return prepare_shells_off(asked, files, count, error);
	result = pga_shell_files(&shells, error);
	for (size_t i = 0; result == 0 && i < shells.count; i++) {
		struct pga_activation *file = &files[(*count)++];

		result = pga_activation_find_shell(file, &shells.list[i], error);
		if (result == 0)
			result = pga_activation_on(file, entry, error);
	}
	pga_shell_files_free(&shells);
	return result;
}

void pga_advise_root(const struct pga_asked *asked, struct pga_error *error)
{
	if (asked->root == NULL && geteuid() != 0 && !asked->ways[PGA_WAY_SESSION] &&
	    !asked->ways[PGA_WAY_SHELL] && !asked->ways[PGA_WAY_USER_UNIT] &&
	    strstr(error->message, strerror(EACCES)) != NULL)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo; nothing was changed");
}

/* Tells what could not be prepared, and goes on to the next: all that is in the way is to be known
 * at once. What failed is of no more use. */
static int tell(const struct pga_asked *asked, int result, struct pga_activation *file,
		struct pga_error *error)
{
	if (result == 0)
		return 0;
	pga_advise_root(asked, error);
	/* The rest is done. */
	if (asked->keep_going && strstr(error->hint, "; nothing was changed") != NULL)
		*strstr(error->hint, "; nothing was changed") = '\0';
	pga_print_error(error);
	if (file != NULL) {
		file->failed = true;
		file->changes = false;
	}
	return -1;
}

int pga_prepare_all(const struct pga_asked *asked, char *const *units, size_t unit_count,
		    const char *entry, struct pga_activation *files, size_t *count)
{
	struct pga_error error;
	int result = 0;

	for (int way = 0; way < PGA_WAYS; way++) {
		struct pga_activation *file = &files[*count];

		if (!asked->ways[way])
			continue;
		if (way == PGA_WAY_SHELL) {
			result |= tell(asked, prepare_shells(asked, files, count, entry, &error),
				       NULL, &error);
			continue;
		}
		(*count)++;
		result |=
		    tell(asked, prepare(asked, file, (enum pga_way)way, asked->unit, entry, &error),
			 file, &error);
	}
	for (size_t i = 0; i < unit_count; i++) {
		struct pga_activation *file = &files[(*count)++];

		result |= tell(asked, prepare(asked, file, PGA_WAY_UNIT, units[i], entry, &error),
			       file, &error);
	}
	return result;
}
