/* An object's image with its dynamic section, symbols and relocations, as a test lays it out. */
#ifndef PGA_TESTS_PLAYED_IMAGE_H
#define PGA_TESTS_PLAYED_IMAGE_H

#include "gate/elf.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

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

#endif
