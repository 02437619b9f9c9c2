/* gate/elf.h: an object as its dynamic section describes it, its functions, and its GOT entries; in
 * an image that the test lays out, and in libc as the loader has mapped it. */
#include "cmocka_start.h"

#include "gate/elf.h"
#include "gate/machine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker leads the gate's calls here (--wrap): an older glibc does not tell an object's
 * headers. */
int __real_dlinfo(void *handle, int request, void *info);
int __wrap_dlinfo(void *handle, int request, void *info);

static bool is_old;

int __wrap_dlinfo(void *handle, int request, void *info)
{
	return is_old && request == 11 ? -1 : __real_dlinfo(handle, request, info);
}

/* Nor where one starts. */
const struct link_map *__real_gate_object_at(const void *address, const void **base);
const struct link_map *__wrap_gate_object_at(const void *address, const void **base);

static bool in_no_object;

const struct link_map *__wrap_gate_object_at(const void *address, const void **base)
{
	return in_no_object ? NULL : __real_gate_object_at(address, base);
}

enum { SYMBOLS = 12, BUCKETS = 3, DYNAMIC = 16, RELOCATIONS = 6 };

#define TABLES 0x1000 /* where the image's tables are in it, and where its entries are */
#define SLOTS  0x3000
#define SIZE   0x8000

/* What an object has in its read-only part. */
struct tables {
	char strings[256];
	ElfW(Sym) symbols[SYMBOLS];
	ElfW(Half) versions[SYMBOLS];
	uint32_t gnu[4 + 2 + BUCKETS + SYMBOLS];
	Elf_Symndx hash[2 + BUCKETS + SYMBOLS];
	ElfW(Dyn) dynamic[DYNAMIC];
	ElfW(Rela) plt[RELOCATIONS];
	ElfW(Rela) with[RELOCATIONS];
	ElfW(Rel) without[RELOCATIONS];
};

static const struct symbol {
	const char *name;
	unsigned char type;
	bool undefined, hidden;
	bool found; /* as a function that dlsym() would find */
} symbols[] = {
    {"alpha", STT_FUNC, false, false, true},      {"beta", STT_FUNC, false, false, true},
    {"gamma", STT_NOTYPE, false, false, true},    {"delta", STT_FUNC, true, false, false},
    {"epsilon", STT_OBJECT, false, false, false}, {"zeta", STT_GNU_IFUNC, false, false, false},
    {"eta", STT_FUNC, false, true, false},        {"theta", STT_FUNC, false, false, true},
    {"theta2", STT_FUNC, false, false, true},     {"\xE4\xF6", STT_FUNC, false, false, true}};

#define COUNT (sizeof symbols / sizeof symbols[0])

static char *image;
static struct tables *tables;
static size_t dynamic_count;
static size_t place[COUNT]; /* in the table of symbols */

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name != '\0'; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* As the System V ABI has it. */
static uint32_t old_hash(const char *name)
{
	uint32_t hash = 0;

	for (; *name != '\0'; name++) {
		uint32_t high;

		hash = (hash << 4) + (unsigned char)*name;
		high = hash & 0xf0000000;
		if (high != 0)
			hash ^= high >> 24;
		hash &= ~high;
	}
	return hash;
}

static void add(ElfW(Sxword) tag, uintptr_t value)
{
	tables->dynamic[dynamic_count].d_tag = tag;
	tables->dynamic[dynamic_count++].d_un.d_ptr = value;
}

static uintptr_t address_of(const void *bytes)
{
	return (uintptr_t)bytes;
}

/* Symbols stand in the order of their buckets, as DT_GNU_HASH wants them. */
static void lay_out_symbols(void)
{
	size_t at = 1;
	size_t string = 1;

	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
		for (size_t i = 0; i < COUNT; i++) {
			ElfW(Sym) *symbol = &tables->symbols[at];

			if (gnu_hash(symbols[i].name) % BUCKETS != bucket)
				continue;
			place[i] = at;
			symbol->st_name = (ElfW(Word))string;
			symbol->st_info = (unsigned char)((STB_GLOBAL << 4) | symbols[i].type);
			symbol->st_shndx = symbols[i].undefined ? SHN_UNDEF : 5;
			symbol->st_value = 0x100 + at;
			tables->versions[at] = symbols[i].hidden ? 0x8002 : 2;
			(void)snprintf(tables->strings + string, sizeof tables->strings - string,
				       "%s", symbols[i].name);
			string += strlen(symbols[i].name) + 1;
			at++;
		}
}

static void lay_out_hashes(void)
{
	uint32_t *buckets = tables->gnu + 4 + sizeof(ElfW(Addr)) / sizeof *tables->gnu;
	uint32_t *chain = buckets + BUCKETS;
	Elf_Symndx *old = tables->hash + 2 + BUCKETS;

	tables->gnu[0] = BUCKETS;
	tables->gnu[1] = 1; /* the first symbol that is in it */
	tables->gnu[2] = 1; /* words of the filter, and its shift */
	tables->gnu[3] = 6;
	tables->hash[0] = BUCKETS;
	tables->hash[1] = COUNT + 1;
	for (size_t at = 1; at <= COUNT; at++) {
		const char *name = tables->strings + tables->symbols[at].st_name;
		const uint32_t bucket = gnu_hash(name) % BUCKETS;
		Elf_Symndx *first = &tables->hash[2 + old_hash(name) % BUCKETS];

		chain[at - 1] = gnu_hash(name) & ~1U;
		if (buckets[bucket] == 0)
			buckets[bucket] = (uint32_t)at;
		if (at == COUNT ||
		    gnu_hash(tables->strings + tables->symbols[at + 1].st_name) % BUCKETS != bucket)
			chain[at - 1] |= 1;
		old[at] = *first;
		*first = (Elf_Symndx)at;
	}
}

static void lay_out(void)
{
	image = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(image != MAP_FAILED);
	tables = (struct tables *)(void *)(image + TABLES);
	dynamic_count = 0;
	lay_out_symbols();
	lay_out_hashes();
	add(DT_STRTAB, address_of(tables->strings));
	add(DT_SYMTAB, address_of(tables->symbols));
}

static void take_down(void)
{
	assert_int_equal(munmap(image, SIZE), 0);
}

static const ElfW(Phdr) whole[] = {
    {.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0, .p_memsz = SLOTS},
    {.p_type = PT_NOTE, .p_flags = PF_R, .p_vaddr = 0, .p_memsz = 0x100000},
    {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = SLOTS, .p_memsz = SIZE - SLOTS}};

static bool look(struct gate_object *object)
{
	return gate_object_read((uintptr_t)image, tables->dynamic, whole, 3, object);
}

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

/* ---- libc, as it is ---- */

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
	    cmocka_unit_test(slots_are_those_that_a_name_is_bound_to),
	    cmocka_unit_test(the_plts_table_may_be_without_addends),
	    cmocka_unit_test(entries_of_the_got_are_slots_too),
	    cmocka_unit_test(a_slot_is_written_and_its_page_as_before),
	    cmocka_unit_test(libcs_functions_are_found),
	    cmocka_unit_test(a_table_that_is_not_there_has_no_slots),
	    cmocka_unit_test(an_older_glibc_does_not_tell_the_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
