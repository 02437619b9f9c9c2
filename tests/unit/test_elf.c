/* gate/elf.h: an object as its dynamic section describes it, and its functions; in an image that
 * the test lays out, and in libc as the loader has mapped it. */
#include "cmocka_start.h"
#include "played_image.h"

#include "gate/elf.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void check_functions(const struct gate_object *object, bool with_versions)
{
	for (size_t i = 0; i < COUNT; i++) {
		const bool found = symbols[i].found || (symbols[i].hidden && !with_versions);
		void *address = gate_object_find(object, symbols[i].name);

		if (address != (found ? image + 0x100 + place[i] : NULL))
			fail_msg("%s", symbols[i].name);
	}
	assert_null(gate_object_find(object, ""));
	assert_null(gate_object_find(object, "alph"));
	assert_null(gate_object_find(object, "alphas"));
	for (char name[2] = "a"; name[0] <= 'z'; name[0]++)
		assert_null(gate_object_find(object, name));
}

static void functions_are_found_by_either_hash(void **state)
{
	struct gate_object object;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		const bool with_versions = kind % 2 == 0;

		lay_out();
		if (kind < 2)
			add(DT_GNU_HASH, address_of(tables->gnu));
		else
			add(DT_HASH, address_of(tables->hash));
		if (with_versions)
			add(DT_VERSYM, address_of(tables->versions));
		assert_true(look(&object));
		check_functions(&object, with_versions);
		/* Tables without a bucket. */
		tables->gnu[0] = tables->hash[0] = 0;
		assert_null(gate_object_find(&object, "alpha"));
		take_down();
	}
	/* Of both, the newer one counts; of none, there is no function. */
	lay_out();
	assert_true(look(&object));
	assert_null(gate_object_find(&object, "alpha"));
	add(DT_GNU_HASH, address_of(tables->gnu));
	add(DT_HASH, address_of(tables->hash));
	memset(tables->hash, 0, sizeof tables->hash);
	assert_true(look(&object));
	check_functions(&object, false);
	take_down();
}

/* Of a bucket whose first symbol is not in the table there is none. */
static void an_empty_bucket_has_none(void **state)
{
	struct gate_object object;

	(void)state;
	lay_out();
	add(DT_GNU_HASH, address_of(tables->gnu));
	assert_true(look(&object));
	tables->gnu[1] = COUNT + 1;
	for (size_t i = 0; i < COUNT; i++)
		assert_null(gate_object_find(&object, symbols[i].name));
	take_down();
}

static void addresses_may_be_as_in_the_file(void **state)
{
	struct gate_object object;

	(void)state;
	lay_out();
	add(DT_GNU_HASH, address_of(tables->gnu));
	assert_true(look(&object));
	assert_ptr_equal(object.strings, tables->strings);
	assert_ptr_equal(object.symbols, tables->symbols);
	assert_int_equal(object.start, (uintptr_t)image);
	assert_int_equal(object.end, (uintptr_t)image + SIZE);
	for (size_t i = 0; i < dynamic_count; i++)
		tables->dynamic[i].d_un.d_ptr -= (uintptr_t)image;
	assert_true(look(&object));
	assert_ptr_equal(object.strings, tables->strings);
	assert_ptr_equal(gate_object_find(&object, "beta"), image + 0x100 + place[1]);
	/* What leads out of the object leads nowhere. */
	tables->dynamic[0].d_un.d_ptr = SIZE;
	assert_false(look(&object));
	tables->dynamic[0].d_un.d_ptr = (uintptr_t)image + SIZE;
	assert_false(look(&object));
	tables->dynamic[0].d_un.d_ptr = SIZE - 1;
	assert_true(look(&object));
	assert_ptr_equal(object.strings, image + SIZE - 1);
	tables->dynamic[0].d_un.d_ptr = 0;
	assert_true(look(&object));
	assert_ptr_equal(object.strings, image);
	/* Without one of the two tables it is of no use. */
	tables->dynamic[0].d_tag = DT_SONAME;
	assert_false(look(&object));
	tables->dynamic[0].d_tag = DT_STRTAB;
	tables->dynamic[1].d_tag = DT_SONAME;
	assert_false(look(&object));
	take_down();
}

/* Where no header tells, it is what lies around the dynamic section. */
static void without_headers_the_extent_is_guessed(void **state)
{
	struct gate_object object;

	(void)state;
	lay_out();
	assert_true(gate_object_read((uintptr_t)image, tables->dynamic, NULL, 0, &object));
	assert_ptr_equal(object.strings, tables->strings);
	assert_true(object.start <= (uintptr_t)image && object.end >= (uintptr_t)image + SIZE);
	take_down();
}

static void libcs_functions_are_found(void **state)
{
	static const char *const names[] = {
	    "malloc", "free",     "open", "fopen",   "qsort",
	    "getenv", "snprintf", "mmap", "environ", "no_such_function"};
	static const ElfW(Phdr) little[] = {{.p_type = PT_LOAD, .p_vaddr = 0, .p_memsz = 0x10}};
	struct gate_object object;
	struct link_map *map = NULL;
	Dl_info info;
	void *libc;

	(void)state;
	libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	assert_non_null(libc);
	assert_int_equal(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
	assert_true(gate_object_loaded(map, &object));
	assert_int_equal(object.base, map->l_addr);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		void *address = dlsym(libc, names[i]);

		/* environ is no function. */
		if (i >= 8)
			address = NULL;
		assert_ptr_equal(gate_object_find(&object, names[i]), address);
	}
	assert_true(dladdr(dlsym(libc, "malloc"), &info) != 0);
	assert_true((uintptr_t)info.dli_fbase >= object.start &&
		    (uintptr_t)info.dli_fbase < object.end);
	/* Without headers, the loader tells what is mapped of it; with them, they do. */
	assert_true(gate_object_mapped(map, &object));
#ifdef HAVE__DL_FIND_OBJECT
	assert_int_equal(object.start, (uintptr_t)info.dli_fbase);
	assert_true(object.end > object.start && object.end - object.start < (uintptr_t)1 << 29);
#endif
	assert_false(gate_object_read(map->l_addr, map->l_ld, little, 1, &object));
	assert_int_equal(object.end - object.start, 0x10);
	assert_int_equal(dlclose(libc), 0);
}

static void an_older_glibc_does_not_tell_the_headers(void **state)
{
	struct gate_object told;
	struct gate_object found;
	struct link_map *map = NULL;
	void *handle;

	(void)state;
	/* Among the objects of this namespace they are found by the dynamic section. */
	handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	assert_true(gate_object_loaded(map, &told));
	is_old = in_no_object = true;
	assert_true(gate_object_loaded(map, &found));
	assert_null(dlerror());
	is_old = in_no_object = false;
	assert_memory_equal(&found, &told, sizeof found);
	assert_int_equal(dlclose(handle), 0);
	/* In another one, where linkers put them: at the start of the object. */
	handle = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_LAZY);
	if (handle == NULL)
		skip();
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	is_old = in_no_object = true;
	(void)gate_object_loaded(map, &found);
	assert_int_equal(found.header_count, 0);
	in_no_object = false;
	assert_true(gate_object_loaded(map, &found));
	is_old = false;
	if (gate_object_loaded(map, &told) && told.headers != NULL) {
		assert_ptr_equal(found.headers, told.headers);
		assert_int_equal(found.header_count, told.header_count);
		assert_int_equal(found.start, told.start);
		assert_int_equal(found.end, told.end);
	}
	assert_ptr_equal(gate_object_find(&found, "cbrt"), dlsym(handle, "cbrt"));
	assert_int_equal(dlclose(handle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(functions_are_found_by_either_hash),
	    cmocka_unit_test(an_empty_bucket_has_none),
	    cmocka_unit_test(addresses_may_be_as_in_the_file),
	    cmocka_unit_test(without_headers_the_extent_is_guessed),
	    cmocka_unit_test(libcs_functions_are_found),
	    cmocka_unit_test(an_older_glibc_does_not_tell_the_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
