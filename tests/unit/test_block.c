/* preload/block.h: what pganchor knows again of what it wrote. */
#include "cmocka_start.h"

#include "preload/block.h"
#include "preload/module.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum pga_form forms[] = {PGA_FORM_ENVIRONMENT, PGA_FORM_SHELL, PGA_FORM_FISH,
				      PGA_FORM_UNIT};

#define FORMS (sizeof forms / sizeof forms[0])

/* What a session's file has: a package's asks whether the package is there. */
#ifdef ENVIRONMENT_FILE
#define SESSION "LD_PRELOAD=${PGANCHOR_INSTALLED:+/m/$$LIB/g:b}${LD_PRELOAD:+:$LD_PRELOAD}\n"
#else
#define SESSION "LD_PRELOAD=/m/$$LIB/g:b${LD_PRELOAD:+:$LD_PRELOAD}\n"
#endif

/* How many ages a form has had. */
static unsigned ages_of(enum pga_form form)
{
	return form == PGA_FORM_SHELL ? 3 : form == PGA_FORM_FISH ? 2 : 1;
}

static const struct pga_block usual = {
    .module = "/m/gate.so", .module_length = 10, .preload = "/m/$LIB/g:b", .preload_length = 11};

static char *written(enum pga_form form, const struct pga_block *block)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_block_write(form, block, &text);
	return pga_text_take(&text);
}

static void what_is_written(void **state)
{
	static const struct {
		enum pga_form form;
		const char *text;
	} cases[] = {
	    {PGA_FORM_ENVIRONMENT,
	     "# >>> pganchor enable (made 2 folders, 1 files, 0 line ends) >>>\n"
	     "# module /m/gate.so\n# as /m/$LIB/g:b\n" SESSION
	     "# <<< pganchor disable takes these lines out again <<<\n"},
	    {PGA_FORM_UNIT, "# >>> pganchor enable (made 2 folders, 1 files, 0 line ends) >>>\n"
			    "# module /m/gate.so\n# as /m/$LIB/g:b\n"
			    "[Service]\nEnvironment=\"LD_PRELOAD=/m/$LIB/g:b\"\n"
			    "# <<< pganchor disable takes these lines out again <<<\n"},
	    {PGA_FORM_PRELOAD, "/m/$LIB/g:b\n"},
	    {PGA_FORM_SHELL,
	     "# >>> pganchor enable (made 2 folders, 1 files, 0 line ends) >>>\n"
	     "# module /m/gate.so\n# as /m/$LIB/g:b\n"
	     "if [ -r '/m/gate.so' ]; then\n"
	     "    case \":${LD_PRELOAD-}:\" in\n"
	     "    *':/m/$LIB/g:b:'*) ;;\n"
	     "    *) export LD_PRELOAD='/m/$LIB/g:b'\"${LD_PRELOAD:+:$LD_PRELOAD}\" ;;\n"
	     "    esac\n"
	     "elif command -v pganchor >/dev/null 2>&1; then\n"
	     "    echo 'pganchor: the gate is gone: /m/gate.so' >&2\n"
	     "    echo '    run the pganchor enable that wrote this again, or: pganchor disable' "
	     ">&2\n"
	     "fi\n"
	     "# <<< pganchor disable takes these lines out again <<<\n"},
	};
	struct pga_block block = usual;

	(void)state;
	block.directories = 2;
	block.made_file = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *text = written(cases[i].form, &block);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

/* The block comes back with all that it says, wherever it stands. */
static void what_is_written_is_known_again(void **state)
{
	static const char *const before[] = {"", "\n", "alias a=b\n",
					     "x # >>> pganchor enable (made \n"};
	static const char *const behind[] = {"", "\n", "more", "# <<< pganchor\n"};

	(void)state;
	for (unsigned number = 0; number < 4 * 4 * 16; number++) {
		for (size_t form = 0; form < FORMS; form++)
			for (unsigned age = 0; age < ages_of(forms[form]); age++) {
				const char *front = before[number % 4];
				const char *back = behind[number / 4 % 4];
				struct pga_text file = PGA_TEXT_EMPTY;
				struct pga_block block = usual;
				struct pga_block found;

				block.directories = number / 16 % 4 * 7;
				block.made_file = number / 64 % 2 == 1;
				block.made_line_end = number / 128 % 2 == 1;
				block.age = age;
				pga_text_add(&file, front);
				pga_block_write(forms[form], &block, &file);
				const size_t end = file.length;
				pga_text_add(&file, back);
				assert_int_equal(
				    pga_block_find(forms[form], file.bytes, file.length, 0, &found),
				    PGA_FOUND_OURS);
				assert_int_equal(found.begin, strlen(front));
				assert_int_equal(found.end, end);
				assert_int_equal(found.directories, block.directories);
				assert_int_equal(found.made_file, block.made_file);
				assert_int_equal(found.made_line_end, block.made_line_end);
				assert_int_equal(found.age, age);
				assert_int_equal(found.moves,
						 forms[form] == PGA_FORM_SHELL && age == 2);
				assert_int_equal(found.module_length, 10);
				assert_memory_equal(found.module, block.module, 10);
				assert_int_equal(found.preload_length, 11);
				assert_memory_equal(found.preload, block.preload, 11);
				/* And nothing more behind it; but it is found from its very begin
				 * on. */
				assert_int_equal(pga_block_find(forms[form], file.bytes,
								file.length, found.end, &found),
						 PGA_FOUND_NONE);
				assert_int_equal(pga_block_find(forms[form], file.bytes,
								file.length, strlen(front), &found),
						 PGA_FOUND_OURS);
				assert_int_equal(found.begin, strlen(front));
				pga_text_free(&file);
			}
	}
}

/* Every byte of a block counts: with another one in its place it is somebody's, or nothing of ours,
 * and it is never taken for one that pganchor may take out. */
static void what_somebody_changed(void **state)
{
	(void)state;
	for (size_t form = 0; form < FORMS; form++) {
		char *text = written(forms[form], &usual);
		const size_t length = strlen(text);
		struct pga_block found;

		for (size_t i = 0; i < length; i++) {
			const char was = text[i];

			text[i] = 'Z';
			if (pga_block_find(forms[form], text, length, 0, &found) ==
			    PGA_FOUND_OURS) {
				/* The numbers of what was made are all that may be another one. */
				char *again = written(forms[form], &found);

				assert_int_equal(strlen(again), length);
				assert_memory_equal(again, text, length);
				free(again);
			}
			text[i] = was;
			/* Cut off there, too. */
			assert_int_not_equal(pga_block_find(forms[form], text, i, 0, &found),
					     PGA_FOUND_OURS);
		}
		free(text);
	}
}

static void marks_alone(void **state)
{
	static const struct {
		const char *text;
		enum pga_found found;
	} cases[] = {
	    {"", PGA_FOUND_NONE},
	    {"nothing\n", PGA_FOUND_NONE},
	    {"# >>> pganchor enable (made ", PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made 0 folders, 0 files, 0 line ends) >>>\n",
	     PGA_FOUND_CHANGED},
	    {"# <<< pganchor disable takes these lines out again <<<\n", PGA_FOUND_CHANGED},
	    {"a\n# <<< pganchor disable takes these lines out again <<<\n", PGA_FOUND_CHANGED},
	    {"echo # <<< pganchor disable takes these lines out again <<<\n", PGA_FOUND_NONE},
	    {"echo '# >>> pganchor enable (made '\n", PGA_FOUND_NONE},
	    {" # >>> pganchor enable (made 0\n # <<< pganchor disable takes these lines out again "
	     "<<<\n",
	     PGA_FOUND_NONE},
	    {"# <<< pganchor disable takes these lines out again <<<\n# >>> pganchor enable (made ",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made x folders, 0 files, 0 line ends) >>>\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made : folders, 0 files, 0 line ends) >>>\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made / folders, 0 files, 0 line ends) >>>\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made 0 folders, 0 files, 0 line ends) >>>\n"
	     "# module a\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made 1000 folders, 0 files, 0 line ends) >>>\n# module a\n# "
	     "as b\n"
	     "[Service]\nEnvironment=\"LD_PRELOAD=b\"\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_CHANGED},
	    {"# >>> pganchor enable (made 9 folders, 0 files, 0 line ends) >>>\n# module a\n# as "
	     "b\n"
	     "[Service]\nEnvironment=\"LD_PRELOAD=b\"\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_OURS},
	    {"# >>> pganchor enable (made 999 folders, 1 files, 1 line ends) >>>\n# module "
	     "a\n# as "
	     "b\n"
	     "[Service]\nEnvironment=\"LD_PRELOAD=b\"\n"
	     "# <<< pganchor disable takes these lines out again <<<\n",
	     PGA_FOUND_OURS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_block block;

		if (pga_block_find(PGA_FORM_UNIT, cases[i].text, strlen(cases[i].text), 0,
				   &block) != cases[i].found)
			fail_msg("%s", cases[i].text);
	}
}

static void the_second_block(void **state)
{
	struct pga_text file = PGA_TEXT_EMPTY;
	struct pga_block block;
	size_t first;

	(void)state;
	pga_block_write(PGA_FORM_UNIT, &usual, &file);
	first = file.length;
	pga_text_add(&file, "between\n");
	pga_block_write(PGA_FORM_UNIT, &usual, &file);
	assert_int_equal(pga_block_find(PGA_FORM_UNIT, file.bytes, file.length, 0, &block),
			 PGA_FOUND_OURS);
	assert_int_equal(block.end, first);
	assert_int_equal(pga_block_find(PGA_FORM_UNIT, file.bytes, file.length, first, &block),
			 PGA_FOUND_OURS);
	assert_int_equal(block.begin, first + strlen("between\n"));
	assert_int_equal(block.end, file.length);
	assert_int_equal(
	    pga_block_find(PGA_FORM_UNIT, file.bytes, file.length, file.length, &block),
	    PGA_FOUND_NONE);
	assert_int_equal(
	    pga_block_find(PGA_FORM_UNIT, file.bytes, file.length, file.length + 1, &block),
	    PGA_FOUND_NONE);
	pga_text_free(&file);
}

#define M PGA_MODULE

static void entries_of_ld_so_preload(void **state)
{
	static const struct {
		const char *text;
		enum pga_found found;
		const char *front; /* what is before it; NULL: nothing is found */
		const char *taken; /* what is taken out */
	} cases[] = {
	    {"", PGA_FOUND_NONE, NULL, NULL},
	    {"/lib/a.so\n", PGA_FOUND_NONE, NULL, NULL},
	    {M "\n", PGA_FOUND_OURS, "", M "\n"},
	    {M, PGA_FOUND_OURS, "", M},
	    {"/a.so\n" M "\n/b.so\n", PGA_FOUND_OURS, "/a.so\n", M "\n"},
	    {"\n\n" M "\n", PGA_FOUND_OURS, "\n\n", M "\n"},
	    {M " /b.so\n", PGA_FOUND_CHANGED, "", M " "},
	    {M ":/b.so\n", PGA_FOUND_CHANGED, "", M ":"},
	    {M " \t: /b.so\n", PGA_FOUND_CHANGED, "", M " \t: "},
	    {"/a.so " M "\n", PGA_FOUND_CHANGED, "/a.so", " " M},
	    {"/a.so \t" M "\n", PGA_FOUND_CHANGED, "/a.so", " \t" M},
	    {"/a.so:" M ":/b.so", PGA_FOUND_CHANGED, "/a.so:", M ":"},
	    {" " M "\n", PGA_FOUND_CHANGED, "", " " M},
	    {M " \n", PGA_FOUND_CHANGED, "", M " "},
	    {M " # comment\n", PGA_FOUND_CHANGED, "", M " "},
	    {M "# comment\n", PGA_FOUND_CHANGED, "", M},
	    {"# " M "\n", PGA_FOUND_NONE, NULL, NULL},
	    {"/a.so # " M "\n", PGA_FOUND_NONE, NULL, NULL},
	    {M "x\n", PGA_FOUND_NONE, NULL, NULL},
	    {"x" M "\n", PGA_FOUND_NONE, NULL, NULL},
	    /* A line of its own is the one that is ours. */
	    {"/a.so " M "\n" M "\n", PGA_FOUND_OURS, "/a.so " M "\n", M "\n"},
	    /* Of those with others, the first. */
	    {"/a.so " M "\n/b.so " M "\n", PGA_FOUND_CHANGED, "/a.so", " " M},
	    {M "\n" M "\n", PGA_FOUND_OURS, "", M "\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *text = cases[i].text;
		struct pga_block block;

		if (pga_block_find(PGA_FORM_PRELOAD, text, strlen(text), 0, &block) !=
		    cases[i].found)
			fail_msg("%s", text);
		if (cases[i].front == NULL)
			continue;
		if (block.begin != strlen(cases[i].front) ||
		    block.end - block.begin != strlen(cases[i].taken))
			fail_msg("%s: %zu to %zu", text, block.begin, block.end);
		assert_memory_equal(text + block.begin, cases[i].taken, strlen(cases[i].taken));
		assert_true(block.made_file);
		assert_true(block.moves);
		assert_int_equal(block.module_length, strlen(M));
		assert_string_equal(block.module, M);
		assert_ptr_equal(block.preload, text + block.begin);
		assert_int_equal(block.preload_length,
				 strlen(cases[i].taken) - (cases[i].found == PGA_FOUND_OURS &&
							   strchr(cases[i].taken, '\n') != NULL));
	}
}

static void the_first_entry_of_ld_so_preload(void **state)
{
	static const struct {
		const char *text;
		bool begins;
	} cases[] = {
	    {"", false},
	    {"a", true},
	    {"a\n", true},
	    {"a b", true},
	    {"a:b", true},
	    {"b a", false},
	    {"b\na", false},
	    {"\n\n a", true},
	    {"# b\na\n", true},
	    {"#a\nb", false},
	    {"a#b", true},
	    {"ab", false},
	    {" \t:\n#\n  a\nb", true},
	    {"A", false},
	    {"\n", false},
	    {"# a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_preload_begins_with(cases[i].text, strlen(cases[i].text), "a") !=
		    cases[i].begins)
			fail_msg("%s", cases[i].text);
	/* The bytes end where it is said. */
	assert_true(pga_preload_begins_with("ab", 1, "a"));
	assert_false(pga_preload_begins_with("", 0, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written),
	    cmocka_unit_test(what_is_written_is_known_again),
	    cmocka_unit_test(what_somebody_changed),
	    cmocka_unit_test(marks_alone),
	    cmocka_unit_test(the_second_block),
	    cmocka_unit_test(entries_of_ld_so_preload),
	    cmocka_unit_test(the_first_entry_of_ld_so_preload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
