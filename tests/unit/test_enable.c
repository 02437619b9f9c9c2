/* preload/enable.h: that what is taken out again leaves every byte as it was, and what happens
 * where memory runs out. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"
#include "enabled_home.h"

#include "preload/module.h"
#include "preload/shells.h"
#include "preload/enable.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

/* All that was made below the home. */
static void remove_all(void)
{
	(void)nftw(".config", remove_one, 8, FTW_DEPTH | FTW_PHYS);
	(void)nftw("etc", remove_one, 8, FTW_DEPTH | FTW_PHYS);
	assert_false(exists(".config") || exists("etc"));
}

/* ---- on and off ---- */
static int apply(struct pga_activation *file, int prepared, struct pga_error *error)
{
	struct pga_activation *const files[] = {file};
	int result = prepared == 0 ? pga_activation_apply(files, 1, error) : -1;

	pga_activation_end(file);
	return result;
}

static int switch_on(size_t number, const char *preload, struct pga_error *error)
{
	struct pga_activation file;

	find(&file, number);
	return apply(&file, pga_activation_on(&file, preload, error), error);
}

static int switch_off(size_t number, bool own, struct pga_error *error)
{
	struct pga_activation file;

	find(&file, number);
	return apply(&file, pga_activation_off(&file, own, error), error);
}

static enum pga_state state_of(size_t number)
{
	struct pga_activation file;
	struct pga_error error;
	enum pga_state state;

	find(&file, number);
	assert_int_equal(pga_activation_look(&file, &error), 0);
	state = file.state;
	pga_activation_end(&file);
	return state;
}

static void put_below(const char *path, const char *bytes)
{
	char *copy = strdup(path);

	for (char *slash = strchr(copy, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0755);
		*slash = '/';
	}
	put(copy, bytes);
	free(copy);
}

/* As it was, byte for byte, file and directories; and put in once, however often it is switched on.
 */
static void there_and_back(void **state)
{
	static const char *const contents[] = {NULL, "", "\n", "a\n", "no line end", "a\n\n\nb"};
	const enum pga_state on = access(PGA_MODULE, F_OK) == 0 ? PGA_ON : PGA_ON_GONE;

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++)
		for (size_t j = 0; j < COUNT(contents); j++) {
			const char *path = ways[i].path + 1;
			struct pga_text first = PGA_TEXT_EMPTY;
			struct pga_text second = PGA_TEXT_EMPTY;
			struct pga_error error;
			struct stat status;

			if (contents[j] != NULL)
				put_below(path, contents[j]);
			assert_int_equal(state_of(i), PGA_OFF);
			assert_int_equal(switch_on(i, PGA_MODULE, &error), 0);
			assert_int_equal(state_of(i), on);
			assert_int_equal(pga_file_read(path, &first, NULL, &error), 0);
			assert_int_equal(switch_on(i, PGA_MODULE, &error), 0);
			assert_int_equal(pga_file_read(path, &second, NULL, &error), 0);
			assert_string_equal(pga_text_string(&first), pga_text_string(&second));
			if (contents[j] == NULL) {
				char *above = strdup(path);

				assert_int_equal(stat(path, &status), 0);
				assert_int_equal(status.st_mode & 07777, 0644);
				*strrchr(above, '/') = '\0';
				assert_int_equal(stat(above, &status), 0);
				assert_int_equal(status.st_mode & 07777, ways[i].mode);
				free(above);
			}
			/* Another value takes the place of it. */
			if (ways[i].form != PGA_FORM_PRELOAD)
				assert_int_equal(switch_on(i, PGA_MODULE ":/b.so", &error), 0);
			assert_int_equal(switch_off(i, true, &error), 0);
			assert_int_equal(state_of(i), PGA_OFF);
			if (contents[j] == NULL) {
				assert_false(exists(".config"));
				/* An entry cannot say what was made for it. */
				if (ways[i].form != PGA_FORM_PRELOAD)
					assert_false(exists("etc"));
			} else if (ways[i].form != PGA_FORM_PRELOAD || contents[j][0] != '\0') {
				assert_holds(path, contents[j]);
			}
			(void)unlink(path);
			pga_text_free(&first);
			pga_text_free(&second);
			remove_all();
		}
}

/* What somebody wrote behind it since stays, and so does what is another installation's. */
static void what_is_not_ours_stays(void **state)
{
	static const char others[] =
	    "# >>> pganchor enable (made 0 folders, 0 files, 0 line ends) >>>\n"
	    "# module /other/pganchor-gate.so\n# as /other/pganchor-gate.so\n"
	    "[Service]\nEnvironment=\"LD_PRELOAD=/other/pganchor-gate.so\"\n"
	    "# <<< pganchor disable takes these lines out again <<<\n";
	const char *const path = ways[4].path + 1;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error error;

	(void)state;
	put_below(path, "a\n");
	assert_int_equal(switch_on(4, PGA_MODULE, &error), 0);
	assert_int_equal(pga_file_read(path, &bytes, NULL, &error), 0);
	pga_text_add(&bytes, others);
	pga_text_add(&bytes, "behind\n");
	put(path, bytes.bytes);
	assert_int_equal(switch_off(4, true, &error), 0);
	pga_text_free(&bytes);
	pga_text_addf(&bytes, "a\n%sbehind\n", others);
	assert_holds(path, bytes.bytes);
	assert_int_equal(state_of(4), PGA_ON_GONE);
	assert_int_equal(switch_off(4, true, &error), 0);
	assert_holds(path, bytes.bytes);
	assert_int_equal(switch_off(4, false, &error), 0);
	assert_holds(path, "a\nbehind\n");
	/* And one that somebody changed. */
	pga_text_free(&bytes);
	pga_text_add(&bytes, others);
	bytes.bytes[bytes.length - 60] = 'X';
	put(path, bytes.bytes);
	assert_int_equal(state_of(4), PGA_BY_HAND);
	assert_int_equal(switch_on(4, PGA_MODULE, &error), -1);
	assert_non_null(
	    strstr(error.message, "somebody has changed the lines that pganchor wrote there"));
	assert_int_equal(switch_off(4, false, &error), -1);
	assert_string_equal(error.hint, "take them out by hand; nothing was changed");
	assert_int_equal(switch_off(4, true, &error), 0);
	assert_holds(path, bytes.bytes);
	pga_text_free(&bytes);
}

/* What is told of an entry that stands among others is a line all the same. */
static void an_entry_among_others(void **state)
{
	static const char *const lines[][3] = {
	    {"/a.so " PGA_MODULE " /b.so\n", PGA_MODULE " \n", "/a.so /b.so\n"},
	    {PGA_MODULE "\n/a.so\n", PGA_MODULE "\n", "/a.so\n"},
	    {"/a.so:" PGA_MODULE "\n" PGA_MODULE "\n", PGA_MODULE "\n:" PGA_MODULE "\n", "/a.so\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct pga_activation file;
		struct pga_error error;

		put_below("etc/ld.so.preload", lines[i][0]);
		find(&file, 3);
		assert_int_equal(pga_activation_off(&file, true, &error), 0);
		assert_string_equal(pga_text_string(&file.lines), lines[i][1]);
		assert_int_equal(apply(&file, 0, &error), 0);
		assert_holds("etc/ld.so.preload", lines[i][2]);
	}
}

static void nothing_is_nothing(void **state)
{
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		assert_int_equal(switch_off(i, true, &error), 0);
		assert_false(exists("etc"));
		assert_false(exists(".config"));
	}
}

/* ---- without memory, and where calls fail ---- */

static int try_all_of_it(struct pga_error *error)
{
	struct pga_shell_files shells;
	struct pga_activation file;
	char **names = NULL;
	size_t count = 0;
	char *name;
	int result;

	memset(&file, 0, sizeof file);
	if (pga_shell_files(&shells, error) != 0 ||
	    pga_activation_find_shell(&file, &shells.list[0], error) != 0) {
		pga_shell_files_free(&shells);
		return -1;
	}
	pga_activation_end(&file);
	pga_shell_files_free(&shells);
	name = pga_unit_name("app", error);
	if (name == NULL)
		return -1;
	free(name);
	/* One of each form, and the two ways of a service. */
	for (size_t i = 0; i < COUNT(ways); i++) {
		if (i == 1 || i == 5)
			continue;
		result = pga_activation_find(&file, ways[i].way, scratch, ways[i].unit, error);
		result = apply(
		    &file, result != 0 ? -1 : pga_activation_on(&file, PGA_MODULE, error), error);
		if (result == 0 && ways[i].way == PGA_WAY_UNIT)
			result = pga_activation_units(PGA_WAY_UNIT, scratch, &names, &count, error);
		while (count > 0)
			free(names[--count]);
		free(names);
		names = NULL;
		if (result != 0)
			return -1;
		result = pga_activation_find(&file, ways[i].way, scratch, ways[i].unit, error);
		if (result == 0)
			result = pga_activation_look(&file, error);
		result =
		    apply(&file, result != 0 ? -1 : pga_activation_off(&file, true, error), error);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* Of a shell's files, and of a file's path, every one depends on all memory there is. */
static int find_files(struct pga_error *error)
{
	struct pga_shell_files files;
	struct pga_activation file;
	int result = pga_shell_files_of_all(&files, error);

	pga_shell_files_free(&files);
	if (result == 0) {
		result = pga_shell_files(&files, error);
		pga_shell_files_free(&files);
	}
	for (size_t i = 0; result == 0 && i < COUNT(ways); i++) {
		result = pga_activation_find(&file, ways[i].way, scratch, ways[i].unit, error);
		pga_activation_end(&file);
	}
	return result;
}

static void no_file_is_found_without_memory(void **state)
{
	static const char *const calls[] = {"realloc", "strdup", "strndup"};

	(void)state;
	assert_int_equal(setenv("SHELL", "/bin/bash", 1), 0);
	for (size_t call = 0; call < COUNT(calls); call++) {
		bool failed = true;

		for (unsigned number = 1; failed; number++) {
			struct pga_error error = {"", ""};
			int result;

			fail_call(calls[call], number, 1, ENOMEM);
			result = find_files(&error);
			failed = end_failing();
			if (result != (failed ? -1 : 0))
				fail_msg("%s %u: %d", calls[call], number, result);
			if (failed && strstr(error.message, "out of memory") == NULL &&
			    strstr(error.message, strerror(ENOMEM)) == NULL)
				fail_msg("%s %u: %s", calls[call], number, error.message);
		}
	}
}

static void wherever_memory_runs_out(void **state)
{
	static const char *const calls[] = {"malloc",       "calloc", "realloc",
					    "reallocarray", "strdup", "strndup"};

	(void)state;
	assert_int_equal(setenv("SHELL", "/bin/bash", 1), 0);
	for (size_t call = 0; call < COUNT(calls); call++)
		for (unsigned number = 1;; number++) {
			struct pga_error error = {"", ""};
			int result;
			bool failed;

			remove_all();
			put_below("etc/ld.so.preload", "/a.so\n");
			put_below("etc/profile.d/pganchor.sh", "a");
			fail_call(calls[call], number, 1, ENOMEM);
			result = try_all_of_it(&error);
			failed = end_failing();
			if (!failed) {
				assert_int_equal(result, 0);
				assert_true(number > 1);
				break;
			}
			/* Where a service's drop-in could not be looked for, or a module could not
			 * be told, nothing depends on it; whatever fails is told. */
			if (result != 0 && strstr(error.message, "out of memory") == NULL &&
			    strstr(error.message, strerror(ENOMEM)) == NULL &&
			    strstr(error.message, "changed") == NULL)
				fail_msg("%s %u: %s", calls[call], number, error.message);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_HOME(there_and_back),        IN_A_HOME(what_is_not_ours_stays),
	    IN_A_HOME(nothing_is_nothing),    IN_A_HOME(wherever_memory_runs_out),
	    IN_A_HOME(an_entry_among_others), IN_A_HOME(no_file_is_found_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
