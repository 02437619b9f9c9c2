#include "gate/elf.h"

#include "gate/dl.h"
#include "gate/machine.h"

#include <string.h>

/* RTLD_DI_PHDR of dlinfo(), which glibc has since 2.36; an older one's answer is an error. */
#define DI_PHDR 11

static void *at(uintptr_t address)
{
	void *pointer;

	memcpy(&pointer, &address, sizeof pointer);
	return pointer;
}

/* What is mapped of the object. Where neither its headers nor the loader tell, what lies around its
 * dynamic section. */
static void find_extent(struct gate_object *object)
{
	const uintptr_t dynamic = (uintptr_t)object->dynamic;
	const uintptr_t far = (uintptr_t)1 << 30;
#ifdef HAVE__DL_FIND_OBJECT
	struct dl_find_object found;

	if (object->headers == NULL && _dl_find_object(at(dynamic), &found) == 0) {
		object->start = (uintptr_t)found.dlfo_map_start;
		object->end = (uintptr_t)found.dlfo_map_end;
		return;
	}
#endif
	object->start = dynamic > far ? dynamic - far : 0;
	object->end = dynamic < UINTPTR_MAX - far ? dynamic + far : UINTPTR_MAX;
	if (object->headers == NULL)
		return;
	object->start = UINTPTR_MAX;
	object->end = 0;
	for (size_t i = 0; i < object->header_count; i++) {
		const ElfW(Phdr) *header = &object->headers[i];
		const uintptr_t start = object->base + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		if (start < object->start)
			object->start = start;
		if (start + header->p_memsz > object->end)
			object->end = start + header->p_memsz;
	}
}

static bool is_inside(const struct gate_object *object, uintptr_t address)
{
	return address >= object->start && address < object->end;
}

/* Where an address of the dynamic section leads to. On most machines glibc adds the load address to
 * it in place, where it can write to the section; on the others, and in a section that is
 * read-only, it is as in the file. The load address may be "negative", where what is linked for a
 * high address is loaded at a lower one. */
static void *absolute(const struct gate_object *object, uintptr_t address)
{
	const uintptr_t moved = object->base + address;

	if (is_inside(object, address) && !(GATE_DYNAMIC_AS_IN_FILE && is_inside(object, moved)))
		return at(address);
	return is_inside(object, moved) ? at(moved) : NULL;
}

static void read_relocations(const ElfW(Dyn) * entry, struct gate_object *object)
{
	struct gate_relocations *plt = &object->relocations[0];
	struct gate_relocations *with_addends = &object->relocations[1];
	struct gate_relocations *without = &object->relocations[2];

	switch (entry->d_tag) {
	case DT_JMPREL:
		plt->bytes = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_PLTRELSZ:
		plt->size = entry->d_un.d_val;
		break;
	case DT_PLTREL:
		plt->stride = entry->d_un.d_val == DT_REL ? sizeof(ElfW(Rel)) : sizeof(ElfW(Rela));
		break;
	case DT_RELA:
		with_addends->bytes = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_RELASZ:
		with_addends->size = entry->d_un.d_val;
		break;
	case DT_REL:
		without->bytes = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_RELSZ:
		without->size = entry->d_un.d_val;
		break;
	default:
		break;
	}
}

static void read_symbols(const ElfW(Dyn) * entry, struct gate_object *object)
{
	switch (entry->d_tag) {
	case DT_STRTAB:
		object->strings = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_SYMTAB:
		object->symbols = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_GNU_HASH:
		object->gnu_hash = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_HASH:
		object->hash = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_VERSYM:
		object->version = absolute(object, entry->d_un.d_ptr);
		break;
	default:
		break;
	}
}

#ifdef __mips__
static void read_got(const ElfW(Dyn) * entry, struct gate_object *object)
{
	switch (entry->d_tag) {
	case DT_PLTGOT:
		object->got.entries = absolute(object, entry->d_un.d_ptr);
		break;
	case DT_MIPS_LOCAL_GOTNO:
		object->got.local = entry->d_un.d_val;
		break;
	case DT_MIPS_GOTSYM:
		object->got.first = entry->d_un.d_val;
		break;
	case DT_MIPS_SYMTABNO:
		object->got.end = entry->d_un.d_val;
		break;
	default:
		break;
	}
}
#endif

bool gate_object_read(uintptr_t base, const ElfW(Dyn) * dynamic, const ElfW(Phdr) * headers,
		      size_t header_count, struct gate_object *object)
{
	memset(object, 0, sizeof *object);
	object->base = base;
	object->dynamic = dynamic;
	object->headers = headers;
	object->header_count = header_count;
	object->relocations[0].stride = sizeof(ElfW(Rela));
	object->relocations[1].stride = sizeof(ElfW(Rela));
	object->relocations[2].stride = sizeof(ElfW(Rel));
	find_extent(object);
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		read_symbols(dynamic, object);
		read_relocations(dynamic, object);
#ifdef __mips__
		read_got(dynamic, object);
#endif
	}
	return object->strings != NULL && object->symbols != NULL;
}

bool gate_object_mapped(const struct link_map *map, struct gate_object *object)
{
	return gate_object_read(map->l_addr, map->l_ld, NULL, 0, object);
}

bool gate_object_of(const struct dl_phdr_info *info, struct gate_object *object)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return gate_object_read(info->dlpi_addr,
						at(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
						info->dlpi_phdr, info->dlpi_phnum, object);
	return false;
}

/* An object that is looked for among those that dl_iterate_phdr() shows. */
struct wanted {
	const ElfW(Dyn) * dynamic;
	struct gate_object *object;
};

static int find_wanted(struct dl_phdr_info *info, size_t size, void *context)
{
	struct wanted *wanted = context;

	(void)size;
	return gate_object_of(info, wanted->object) && wanted->object->dynamic == wanted->dynamic;
}

/* The headers of an object in another namespace, by an old glibc: where they are in its first page,
 * as linkers put them. patchelf moves them to where nothing can tell that they are mapped. */
static size_t headers_at_start(const struct link_map *map, const ElfW(Phdr) * *headers)
{
	const size_t first_page = 4096;
	const void *start = NULL;
	const ElfW(Ehdr) * file;

	if (gate_object_at(map->l_ld, &start) == NULL)
		return 0;
	file = start;
	if (memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 || file->e_phoff >= first_page ||
	    file->e_phentsize != sizeof **headers ||
	    file->e_phnum > (first_page - file->e_phoff) / sizeof **headers)
		return 0;
	*headers = at((uintptr_t)start + file->e_phoff);
	return file->e_phnum;
}

bool gate_object_loaded(const struct link_map *map, struct gate_object *object)
{
	struct wanted wanted = {map->l_ld, object};
	const ElfW(Phdr) *headers = NULL;
	size_t count;
	int told;
	void *handle;

	memcpy(&handle, &map, sizeof handle);
	told = dlinfo(handle, DI_PHDR, &headers);
	if (told > 0)
		return gate_object_read(map->l_addr, map->l_ld, headers, (size_t)told, object);
	/* The program did not ask for this. */
	(void)dlerror();
	memset(object, 0, sizeof *object);
	gate_each_object(find_wanted, &wanted);
	if (object->dynamic == map->l_ld)
		return object->strings != NULL && object->symbols != NULL;
	count = headers_at_start(map, &headers);
	return gate_object_read(map->l_addr, map->l_ld, headers, count, object);
}

/* strcmp() would be a sanitizer's where the program has one, and this is asked before that works.
 */
static bool is_same_name(const char *left, const char *right)
{
	while (*left != '\0' && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

/* Whether the symbol is what dlsym() finds by this name. A hidden version is for objects that were
 * linked with it; and an IFUNC's address is that of the code that chooses. */
static bool is_function(const struct gate_object *object, size_t index, const char *name)
{
	const ElfW(Sym) *symbol = &object->symbols[index];
	const unsigned type = symbol->st_info & 0xf;

	return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_NOTYPE) &&
	       (object->version == NULL || (object->version[index] & 0x8000) == 0) &&
	       is_same_name(object->strings + symbol->st_name, name);
}

/* DT_GNU_HASH: four numbers (buckets, first symbol, words of the Bloom filter, its shift), the
 * filter, the buckets (each the first symbol of a chain), and for each symbol its hash, whose
 * lowest bit ends the chain. Returns the symbol's index, 0 for none. */
static size_t find_by_gnu_hash(const struct gate_object *object, const char *name)
{
	const uint32_t *table = object->gnu_hash;
	const uint32_t *buckets;
	const uint32_t *chain;
	uint32_t hash = 5381;
	uint32_t index;

	for (const char *next = name; *next != '\0'; next++)
		hash = hash * 33 + (unsigned char)*next;
	if (table[0] == 0)
		return 0;
	buckets = table + 4 + (size_t)table[2] * (sizeof(ElfW(Addr)) / sizeof *table);
	chain = buckets + table[0];
	index = buckets[hash % table[0]];
	if (index < table[1])
		return 0;
	do {
		if (((chain[index - table[1]] ^ hash) & ~1U) == 0 &&
		    is_function(object, index, name))
			return index;
	} while ((chain[index++ - table[1]] & 1) == 0);
	return 0;
}

/* DT_HASH: the counts of buckets and symbols, the buckets (each the first symbol of a chain), and
 * for each symbol the next one of its chain, 0 at its end. */
static size_t find_by_hash(const struct gate_object *object, const char *name)
{
	const Elf_Symndx *table = object->hash;
	const Elf_Symndx *chain = table + 2 + table[0];
	uint32_t hash = 0;

	for (const char *next = name; *next != '\0'; next++) {
		hash = (hash << 4) + (unsigned char)*next;
		hash ^= (hash & 0xf0000000) >> 24;
		hash &= 0x0fffffff;
	}
	if (table[0] == 0)
		return 0;
	for (size_t index = table[2 + hash % table[0]]; index != 0; index = chain[index])
		if (is_function(object, index, name))
			return index;
	return 0;
}

void *gate_object_find(const struct gate_object *object, const char *name)
{
	size_t index = 0;

	if (object->gnu_hash != NULL)
		index = find_by_gnu_hash(object, name);
	else if (object->hash != NULL)
		index = find_by_hash(object, name);
	return index != 0 ? at(object->base + object->symbols[index].st_value) : NULL;
}
