/* server/hba_tree.h: files that a pg_hba.conf includes are read as PostgreSQL 16 and later do, in
 * its order, and what its view says of them has to be the same. Other releases are on the machines
 * of few: what the view would say is made here.
 */
#include "cmocka_start.h"

#include "server/hba_tree.h"
#include "server/hba_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/pga-hba-XXXXXX";

static char *at(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *bytes)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL && mkdir(at("more"), 0700) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"pg_hba.conf", "one",          "loop",   "more/b.conf",
					    "more/a.conf", "more/.c.conf", "more/d", "more"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove(at(names[i]));
	return rmdir(directory);
}

/* A row for each place, with the type that it has, or is to have. */
static PGresult *view_of(const struct pga_hba_tree *tree, bool required)
{
	PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc columns[5];
	int row = 0;

	memset(columns, 0, sizeof columns);
	for (size_t i = 0; i < 5; i++)
		columns[i].name = (char *)(uintptr_t) "column";
	assert_int_equal(PQsetResultAttrs(rows, 5, columns), 1);
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);
		const bool changed = required && pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS;
		const char *values[5];
		char number[32];

		if (required && pga_hba_becomes(line) == PGA_HBA_COMMENTED_OUT)
			continue;
		(void)snprintf(number, sizeof number, "%zu", line->number);
		values[0] = number;
		values[1] = pga_hba_types[changed ? PGA_HBA_HOSTSSL : line->type];
		values[2] = line->method->value;
		values[3] = "";
		values[4] = pga_hba_tree_path(tree, i);
		for (int k = 0; k < 5; k++)
			assert_int_equal(PQsetvalue(rows, row, k, (char *)(uintptr_t)values[k],
						    (int)strlen(values[k])),
					 1);
		row++;
	}
	return rows;
}

static void includes_are_followed_in_their_order(void **state)
{
	static const char *const methods[] = {"peer", "md5", "trust", "cert", "reject"};
	struct pga_hba_tree tree;
	struct pga_error error;
	PGresult *rows;

	(void)state;
	write_file("pg_hba.conf", "local all all peer\ninclude \"one\" # beside it\n"
				  "include_if_exists none\ninclude_dir more\n"
				  "host all all all reject\n");
	write_file("one", "host all all 10.0.0.0/8 md5\n");
	write_file("more/b.conf", "hostnossl all all all cert");
	write_file("more/a.conf", "\n# first\nho\\\nst all all samenet trust");
	write_file("more/.c.conf", "nonsense\n");
	write_file("more/d", "nonsense\n");
	assert_int_equal(pga_hba_tree_read(&tree, &pga_hba_local, at("pg_hba.conf"), 16, &error),
			 0);
	assert_int_equal(tree.part_count, 4);
	assert_int_equal(tree.place_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(pga_hba_tree_line(&tree, i)->method->value, methods[i]);
	assert_int_equal(pga_hba_tree_line(&tree, 2)->number, 3);
	assert_string_equal(pga_hba_tree_path(&tree, 2), at("more/a.conf"));
	for (int required = 0; required < 2; required++) {
		rows = view_of(&tree, required == 1);
		assert_int_equal(pga_hba_view_check(&tree, rows, required == 1, &error), 0);
		assert_int_equal(pga_hba_view_check(&tree, rows, required == 0, &error), -1);
		PQclear(rows);
	}
	pga_hba_tree_free(&tree);
}

static void before_16_they_are_no_rules(void **state)
{
	struct pga_hba_tree tree;
	struct pga_error error;

	(void)state;
	write_file("pg_hba.conf", "include one\n");
	assert_int_equal(pga_hba_tree_read(&tree, &pga_hba_local, at("pg_hba.conf"), 15, &error),
			 0);
	assert_int_equal(tree.place_count, 1);
	assert_int_equal(pga_hba_becomes(pga_hba_tree_line(&tree, 0)), PGA_HBA_CANNOT);
	pga_hba_tree_free(&tree);
}

static void a_file_that_includes_itself_ends(void **state)
{
	struct pga_hba_tree tree;
	struct pga_error error;

	(void)state;
	write_file("loop", "include loop\n");
	assert_int_equal(pga_hba_tree_read(&tree, &pga_hba_local, at("loop"), 17, &error), -1);
	assert_non_null(strstr(error.message, "included deeper"));
	pga_hba_tree_free(&tree);
	write_file("loop", "include none\n");
	assert_int_equal(pga_hba_tree_read(&tree, &pga_hba_local, at("loop"), 17, &error), -1);
	assert_non_null(strstr(error.message, "/none is not there"));
	pga_hba_tree_free(&tree);
}

static void a_row_more_or_with_an_error_is_told(void **state)
{
	struct pga_hba_tree tree;
	struct pga_error error;
	PGresult *rows;

	(void)state;
	write_file("pg_hba.conf", "local all all peer\nhost all all all trust\n");
	assert_int_equal(pga_hba_tree_read(&tree, &pga_hba_local, at("pg_hba.conf"), 16, &error),
			 0);
	rows = view_of(&tree, false);
	tree.place_count--;
	assert_int_equal(pga_hba_view_check(&tree, rows, false, &error), -1);
	assert_non_null(strstr(error.message, "line 2: the server has a rule there"));
	tree.place_count++;
	assert_int_equal(PQsetvalue(rows, 1, 3, (char *)(uintptr_t) "bad", 3), 1);
	assert_int_equal(pga_hba_view_check(&tree, rows, false, &error), -1);
	assert_non_null(strstr(error.message, "line 2: the server says: bad"));
	PQclear(rows);
	pga_hba_tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(includes_are_followed_in_their_order),
	    cmocka_unit_test(before_16_they_are_no_rules),
	    cmocka_unit_test(a_file_that_includes_itself_ends),
	    cmocka_unit_test(a_row_more_or_with_an_error_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
