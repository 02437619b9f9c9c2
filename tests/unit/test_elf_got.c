/* gate/elf.h: an object's GOT entries, in an image that the test lays out, and how they are
 * written. */
#include "cmocka_start.h"
#include "played_image.h"

#include "gate/elf.h"
#include "gate/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- GOT entries ---- */
static struct {
	char names[512];
	void **entries[32];
	size_t count;
} visited;

static void note(const struct gate_object *object, const char *name, void **entry, void *context)
{
	assert_ptr_equal(context, &visited);
	assert_ptr_equal(object->symbols, tables->symbols);
	(void)strcat(strcat(visited.names, name), " ");
	visited.entries[visited.count++] = entry;
}

static ElfW(Xword) info_of(size_t symbol, unsigned long type)
{
#if __SIZEOF_POINTER__ == 8
	return ELF64_R_INFO(symbol, type);
#else
	return (ElfW(Xword))ELF32_R_INFO(symbol, type);
#endif
}

static ElfW(Rela) relocation(size_t name, unsigned long type, size_t entry, long addend)
{
	ElfW(Rela) made;

	memset(&made, 0, sizeof made);
	made.r_offset = SLOTS + entry * sizeof(void *);
	made.r_info = info_of(name < COUNT ? place[name] : 0, type);
	made.r_addend = addend;
	return made;
}

static void slots_are_those_that_a_name_is_bound_to(void **state)
{
	static const unsigned long types[] = {GATE_RELOCATIONS};
	const size_t kinds = sizeof types / sizeof types[0];
	struct gate_object object;

	(void)state;
	lay_out();
	memset(&visited, 0, sizeof visited);
	tables->plt[0] = relocation(0, types[0], 0, 0);
	tables->plt[1] = relocation(1, types[kinds - 1], 1, 0);
	tables->plt[2] = relocation(2, 0, 2, 0); /* of a type that is none */
	tables->with[0] = relocation(3, types[0], 3, 0);
	tables->with[1] = relocation(4, types[0], 4, 8);     /* and something added */
	tables->with[2] = relocation(COUNT, types[0], 5, 0); /* without a name */
	tables->with[3] = relocation(5, types[0], 6, 0);
	tables->with[4] = relocation(6, types[0], 7, 0); /* behind the end */
	{
		const ElfW(Rela) last = relocation(7, types[0], 8, 0);

		memcpy(&tables->without[0], &last, sizeof tables->without[0]);
	}
	add(DT_JMPREL, address_of(tables->plt));
	add(DT_PLTRELSZ, 3 * sizeof tables->plt[0]);
	add(DT_PLTREL, DT_RELA);
	add(DT_RELA, address_of(tables->with));
	add(DT_RELASZ, 5 * sizeof tables->with[0] - 1);
	add(DT_REL, address_of(tables->without));
	add(DT_RELSZ, sizeof tables->without[0]);
	assert_true(look(&object));
	gate_object_got_entries(&object, note, &visited);
	assert_string_equal(visited.names, "alpha beta delta zeta theta ");
	assert_ptr_equal(visited.entries[0], (void **)(void *)(image + SLOTS));
	assert_ptr_equal(visited.entries[1], visited.entries[0] + 1);
	assert_ptr_equal(visited.entries[2], visited.entries[0] + 3);
	assert_ptr_equal(visited.entries[3], visited.entries[0] + 6);
	assert_ptr_equal(visited.entries[4], visited.entries[0] + 8);
	take_down();
}

static void the_plts_table_may_be_without_addends(void **state)
{
	static const unsigned long types[] = {GATE_RELOCATIONS};
	struct gate_object object;
	ElfW(Rela) made;

	(void)state;
	lay_out();
	memset(&visited, 0, sizeof visited);
	for (size_t i = 0; i < 2; i++) {
		made = relocation(i, types[0], i, 0);
		memcpy(&tables->without[i], &made, sizeof tables->without[i]);
	}
	add(DT_JMPREL, address_of(tables->without));
	add(DT_PLTRELSZ, 2 * sizeof tables->without[0]);
	add(DT_PLTREL, DT_REL);
	assert_true(look(&object));
	gate_object_got_entries(&object, note, &visited);
	assert_string_equal(visited.names, "alpha beta ");
	take_down();
}

/* As MIPS has them; the loader's part of the GOT comes first. */
static void entries_of_the_got_are_slots_too(void **state)
{
	struct gate_object object;
	void **entries;

	(void)state;
	lay_out();
	memset(&visited, 0, sizeof visited);
	assert_true(look(&object));
	entries = (void **)(void *)(image + SLOTS);
	object.got.entries = entries;
	object.got.local = 3;
	object.got.first = 2;
	object.got.end = 4;
	gate_object_got_entries(&object, note, &visited);
	assert_int_equal(visited.count, 2);
	assert_ptr_equal(visited.entries[0], entries + 3);
	assert_ptr_equal(visited.entries[1], entries + 4);
	object.got.entries = NULL;
	memset(&visited, 0, sizeof visited);
	gate_object_got_entries(&object, note, &visited);
	assert_int_equal(visited.count, 0);
	object.got.entries = entries;
	tables->symbols[2].st_name = 0;
	memset(&visited, 0, sizeof visited);
	gate_object_got_entries(&object, note, &visited);
	assert_int_equal(visited.count, 1);
	assert_ptr_equal(visited.entries[0], entries + 4);
	take_down();
}

/* ---- writing ---- */

/* The rights of the page, as /proc has them. */
static void the_names_that_are_not_its_own_are_told(void **state)
{
	static const char names[] = "\0own\0other\0more";
	static const ElfW(Sym)
	    known[] = {{.st_name = 0}, {.st_name = 5}, {.st_name = 11}, {.st_name = 1}};
	uint32_t hash[] = {1, 3};
	struct gate_object object = {.strings = names, .symbols = known, .gnu_hash = hash};

	(void)state;
	assert_true(gate_object_may_call(&object, "other"));
	assert_true(gate_object_may_call(&object, "more"));
	assert_false(gate_object_may_call(&object, "own"));
	assert_false(gate_object_may_call(&object, "othe"));
	/* An object with nothing of its own, and one with a table of the older kind. */
	hash[1] = 1;
	assert_true(gate_object_may_call(&object, "own"));
	object.gnu_hash = NULL;
	assert_true(gate_object_may_call(&object, "own"));
}

static void rights_of(const void *address, char rights[5])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;
	unsigned long end;

	assert_non_null(maps);
	rights[0] = '\0';
	for (char line[512]; fgets(line, sizeof line, maps) != NULL;) {
		char now[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, now) == 3 &&
		    (uintptr_t)address >= start && (uintptr_t)address < end)
			memcpy(rights, now, sizeof now);
	}
	(void)fclose(maps);
}

static void check_write(const ElfW(Phdr) * headers, size_t count, size_t offset, int protection,
			bool expected)
{
	struct gate_object object;
	char before[5];
	char after[5];
	void *value;
	char *entry;

	lay_out();
	entry = image + offset;
	assert_int_equal(mprotect(image + 0x4000, 0x2000, protection), 0);
	rights_of(entry, before);
	assert_true(gate_object_read((uintptr_t)image, tables->dynamic, headers, count, &object));
	assert_int_equal(gate_object_write(&object, (void **)(void *)entry, image), expected);
	memcpy(&value, entry, sizeof value);
	assert_ptr_equal(value, expected ? image : NULL);
	rights_of(entry, after);
	assert_string_equal(after, before);
	rights_of(entry + sizeof value - 1, after);
	assert_string_equal(after, before);
	/* Over what it has by now, and over nothing else. */
	if (expected) {
		assert_false(gate_object_swap(&object, (void **)(void *)entry, NULL, entry));
		assert_true(gate_object_swap(&object, (void **)(void *)entry, image, entry));
		assert_true(gate_object_swap(&object, (void **)(void *)entry, entry, image));
		rights_of(entry, after);
		assert_string_equal(after, before);
	}
	/* It is there already, and nothing has to be written. */
	if (expected) {
		object.header_count = 0;
		assert_true(gate_object_write(&object, (void **)(void *)entry, image));
	}
	take_down();
}

static void a_slot_is_written_and_its_page_as_before(void **state)
{
	static const ElfW(Phdr)
	    read_only[] = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0, .p_memsz = SIZE}};
	static const ElfW(Phdr)
	    code[] = {{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0, .p_memsz = SIZE}};
	static const ElfW(Phdr) writable[] = {
	    {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0, .p_memsz = SIZE}};
	static const ElfW(Phdr) relro[] = {
	    {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0, .p_memsz = SIZE},
	    {.p_type = PT_GNU_RELRO, .p_flags = PF_R, .p_vaddr = 0x4000, .p_memsz = 0x2fff}};
	static const ElfW(Phdr)
	    half[] = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x1000, .p_memsz = 0x4000}};

	(void)state;
	static const ElfW(Phdr)
	    noted[] = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0, .p_memsz = SIZE},
		       {.p_type = PT_NOTE, .p_flags = PF_R | PF_W, .p_vaddr = 0, .p_memsz = SIZE}};

	if (sysconf(_SC_PAGESIZE) != 0x1000)
		skip();
	check_write(read_only, 1, 0x4010, PROT_READ, true);
	check_write(noted, 2, 0x4010, PROT_READ, true);
	check_write(code, 1, 0x4010, PROT_READ | PROT_EXEC, true);
	check_write(writable, 1, 0x4010, PROT_READ | PROT_WRITE, true);
	check_write(relro, 2, 0x4010, PROT_READ, true);
	check_write(relro, 2, 0x5ff8, PROT_READ, true);
	/* In an instruction, at any address, and over the end of a page. */
	check_write(code, 1, 0x4011, PROT_READ | PROT_EXEC, true);
	check_write(code, 1, 0x4ffd, PROT_READ | PROT_EXEC, true);
	/* What no header tells of is not written. */
	check_write(half, 1, 0x5010, PROT_READ, false);
	check_write(half, 1, 0x4ffd, PROT_READ, false);
	check_write(half, 1, 0x4ff8, PROT_READ, true);
	check_write(NULL, 0, 0x4010, PROT_READ, false);
}

/* A table that has a size and is nowhere. */
static void a_table_that_is_not_there_has_no_slots(void **state)
{
	struct gate_object object;

	(void)state;
	lay_out();
	memset(&visited, 0, sizeof visited);
	add(DT_RELASZ, sizeof tables->with);
	add(DT_RELSZ, sizeof tables->without);
	add(DT_PLTRELSZ, sizeof tables->plt);
	assert_true(look(&object));
	gate_object_got_entries(&object, note, &visited);
	assert_int_equal(visited.count, 0);
	take_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_names_that_are_not_its_own_are_told),
	    cmocka_unit_test(slots_are_those_that_a_name_is_bound_to),
	    cmocka_unit_test(the_plts_table_may_be_without_addends),
	    cmocka_unit_test(entries_of_the_got_are_slots_too),
	    cmocka_unit_test(a_slot_is_written_and_its_page_as_before),
	    cmocka_unit_test(a_table_that_is_not_there_has_no_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
