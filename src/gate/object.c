#include "gate/object.h"

#include "gate/gate.h"
#include "gate/loader.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The relocations that write a symbol's address into a slot, alone. */
#if defined(__x86_64__)
#define IS_ADDRESS(type) \
	((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_64)
#elif defined(__i386__)
#define IS_ADDRESS(type) \
	((type) == R_386_JMP_SLOT || (type) == R_386_GLOB_DAT || (type) == R_386_32)
#elif defined(__aarch64__)
#define IS_ADDRESS(type) \
	((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_ABS64)
#else
#define IS_ADDRESS(type) \
	((type) == 0 && false) /* slots are not rebound on this machine: doctor must say so */
#endif

#if __ELF_NATIVE_CLASS == 64
#define RELOCATION_TYPE(info)   ELF64_R_TYPE(info)
#define RELOCATION_SYMBOL(info) ELF64_R_SYM(info)
#else
#define RELOCATION_TYPE(info)   ELF32_R_TYPE(info)
#define RELOCATION_SYMBOL(info) ELF32_R_SYM(info)
#endif

/* glibc adds the base to the addresses in a dynamic section that it can write; in others they are
 * as in the file. */
static uintptr_t absolute(uintptr_t base, uintptr_t address)
{
	return address < base ? base + address : address;
}

static void *at(uintptr_t address)
{
	void *pointer;

	memcpy(&pointer, &address, sizeof pointer);
	return pointer;
}

static void read_headers(const ElfW(Phdr) * headers, size_t count, struct gate_object *object)
{
	for (size_t i = 0; i < count; i++)
		if (headers[i].p_type == PT_GNU_RELRO) {
			object->relro = object->base + headers[i].p_vaddr;
			object->relro_size = headers[i].p_memsz;
		}
}

bool gate_object_read(uintptr_t base, const ElfW(Dyn) * dynamic, const ElfW(Phdr) * headers,
		      size_t header_count, struct gate_object *object)
{
	struct gate_relocations *plt = &object->relocations[0];
	struct gate_relocations *others = &object->relocations[1];

	memset(object, 0, sizeof *object);
	object->base = base;
	object->dynamic = dynamic;
	plt->stride = sizeof(ElfW(Rela));
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		const uintptr_t address = absolute(base, dynamic->d_un.d_ptr);

		switch (dynamic->d_tag) {
		case DT_STRTAB:
			object->strings = at(address);
			break;
		case DT_SYMTAB:
			object->symbols = at(address);
			break;
		case DT_GNU_HASH:
			object->gnu_hash = at(address);
			break;
		case DT_JMPREL:
			plt->bytes = at(address);
			break;
		case DT_PLTRELSZ:
			plt->size = dynamic->d_un.d_val;
			break;
		case DT_PLTREL:
			plt->stride =
			    dynamic->d_un.d_val == DT_REL ? sizeof(ElfW(Rel)) : sizeof(ElfW(Rela));
			break;
		case DT_RELA:
		case DT_REL:
			others->bytes = at(address);
			others->stride =
			    dynamic->d_tag == DT_REL ? sizeof(ElfW(Rel)) : sizeof(ElfW(Rela));
			break;
		case DT_RELASZ:
		case DT_RELSZ:
			others->size = dynamic->d_un.d_val;
			break;
		default:
			break;
		}
	}
	read_headers(headers, header_count, object);
	return object->strings != NULL && object->symbols != NULL;
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

bool gate_object_loaded(const struct link_map *map, struct gate_object *object)
{
	const void *base = NULL;
	const ElfW(Ehdr) * file;

	if (gate_object_at(map->l_ld, &base) == NULL)
		return false;
	file = base;
	return gate_object_read(
	    map->l_addr, map->l_ld,
	    (const ElfW(Phdr) *)(const void *)((const char *)base + file->e_phoff), file->e_phnum,
	    object);
}

/* The hash function of DT_GNU_HASH. */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name != '\0'; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* strcmp() would be a sanitizer's where the program has one, and this is asked before that works.
 */
static bool same(const char *left, const char *right)
{
	while (*left != '\0' && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

/* DT_GNU_HASH: four numbers (buckets, first symbol, words of the Bloom filter, its shift), the
 * filter, the buckets (each the first symbol of a chain), and for each symbol its hash, whose
 * lowest bit ends the chain. */
void *gate_object_find(const struct gate_object *object, const char *name)
{
	const uint32_t hash = hash_of(name);
	const uint32_t *table = object->gnu_hash;
	const uint32_t *buckets;
	const uint32_t *chain;
	uint32_t index;

	if (table == NULL || table[0] == 0)
		return NULL;
	buckets = table + 4 + (size_t)table[2] * (sizeof(ElfW(Addr)) / sizeof *table);
	chain = buckets + table[0];
	index = buckets[hash % table[0]];
	if (index < table[1])
		return NULL;
	do {
		const ElfW(Sym) *symbol = &object->symbols[index];

		if (((chain[index - table[1]] ^ hash) & ~1U) == 0 &&
		    symbol->st_shndx != SHN_UNDEF && same(object->strings + symbol->st_name, name))
			return at(object->base + symbol->st_value);
	} while ((chain[index++ - table[1]] & 1) == 0);
	return NULL;
}

bool gate_object_needs(const struct gate_object *object, const char *text)
{
	for (const ElfW(Dyn) *entry = object->dynamic; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_NEEDED &&
		    strstr(object->strings + entry->d_un.d_val, text) != NULL)
			return true;
	return false;
}

void gate_object_slots(const struct gate_object *object, gate_slot_visit *visit, void *context)
{
	for (size_t table = 0; table < 2; table++) {
		const struct gate_relocations *relocations = &object->relocations[table];

		for (size_t i = 0;
		     relocations->bytes != NULL && i + relocations->stride <= relocations->size;
		     i += relocations->stride) {
			ElfW(Rel) relocation;
			const ElfW(Sym) * symbol;

			memcpy(&relocation, relocations->bytes + i, sizeof relocation);
			symbol = &object->symbols[RELOCATION_SYMBOL(relocation.r_info)];
			if (IS_ADDRESS(RELOCATION_TYPE(relocation.r_info)) && symbol->st_name != 0)
				visit(object, object->strings + symbol->st_name,
				      at(object->base + relocation.r_offset), context);
		}
	}
}

bool gate_object_write(const struct gate_object *object, void **slot, void *value)
{
	const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t address = (uintptr_t)slot;
	const uintptr_t page = address & ~(page_size - 1);
	/* The loader protects whole pages: from the start's page to the last one that ends within.
	 */
	const bool read_only =
	    page >= (object->relro & ~(page_size - 1)) &&
	    page + page_size <= ((object->relro + object->relro_size) & ~(page_size - 1));
	bool writable;

	/* Objects of another namespace are looked at again and again. */
	if (__atomic_load_n(slot, __ATOMIC_ACQUIRE) == value)
		return true;
	/* Another thread may write to the same page, and protect it before this one has written. */
	gate_lock();
	writable = !read_only || mprotect(at(page), page_size, PROT_READ | PROT_WRITE) == 0;
	if (writable)
		__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	if (writable && read_only)
		(void)mprotect(at(page), page_size, PROT_READ);
	gate_unlock();
	return writable;
}
