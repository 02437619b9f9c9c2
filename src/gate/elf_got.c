/* An object's GOT entries, and other words that the loader has written a symbol's address into:
 * which there are, and how one is written again. */
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/lock.h"
#include "gate/machine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool is_address(unsigned long type)
{
	static const unsigned long types[] = {GATE_RELOCATIONS};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i] == type)
			return true;
	return false;
}

static void *at(uintptr_t address)
{
	void *pointer;

	memcpy(&pointer, &address, sizeof pointer);
	return pointer;
}

/* Visits what one relocation binds, if it writes the address of a symbol and nothing else. */
static void visit_relocation(const struct gate_object *object, const char *bytes, size_t size,
			     gate_got_visit *visit, void *context)
{
	ElfW(Rela) relocation = {0};
	const ElfW(Sym) * symbol;

	memcpy(&relocation, bytes, size);
	symbol = &object->symbols[GATE_RELOCATION_SYMBOL(relocation.r_info)];
	if (is_address(GATE_RELOCATION_TYPE(relocation.r_info)) && symbol->st_name != 0 &&
	    relocation.r_addend == 0)
		visit(object, object->strings + symbol->st_name,
		      at(object->base + relocation.r_offset), context);
}

void gate_object_got_entries(const struct gate_object *object, gate_got_visit *visit, void *context)
{
	const struct gate_got *got = &object->got;

	for (size_t table = 0; table < 3; table++) {
		const struct gate_relocations *relocations = &object->relocations[table];

		for (size_t i = 0;
		     relocations->bytes != NULL && i + relocations->stride <= relocations->size;
		     i += relocations->stride)
			visit_relocation(object, relocations->bytes + i, relocations->stride, visit,
					 context);
	}
	for (size_t i = got->first; got->entries != NULL && i < got->end; i++)
		if (object->symbols[i].st_name != 0)
			visit(object, object->strings + object->symbols[i].st_name,
			      &got->entries[got->local + i - got->first], context);
}

bool gate_object_may_call(const struct gate_object *library, const char *name)
{
	/* What is hashed is what others look for, and stands behind all else. Where nothing is,
	 * that does not tell. */
	const size_t others = library->gnu_hash != NULL ? library->gnu_hash[1] : 0;

	for (size_t i = 0; i < others; i++)
		if (strcmp(library->strings + library->symbols[i].st_name, name) == 0)
			return true;
	return others <= 1;
}

/* What the loader has left of the rights to this page, as mprotect() names them; -1 where that is
 * not known. Of RELRO, it has protected the pages from the start's to the last one that ends
 * within. */
static int protection_of(const struct gate_object *object, uintptr_t page, uintptr_t page_size)
{
	int protection = -1;

	for (size_t i = 0; i < object->header_count; i++) {
		const ElfW(Phdr) *header = &object->headers[i];
		const uintptr_t start = (object->base + header->p_vaddr) & ~(page_size - 1);
		const uintptr_t end = object->base + header->p_vaddr + header->p_memsz;

		if (header->p_type == PT_GNU_RELRO && page >= start &&
		    page + page_size <= (end & ~(page_size - 1)))
			return PROT_READ;
		if (header->p_type == PT_LOAD && page >= start && page < end)
			protection = ((header->p_flags & PF_R) != 0 ? PROT_READ : 0) |
				     ((header->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
				     ((header->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
	}
	return protection;
}

/* Makes the pages from first to last writable, or gives them back what rights they had. A page that
 * holds code stays executable meanwhile, for another thread may be there. */
static bool set_writable(const struct gate_object *object, uintptr_t first, uintptr_t last,
			 uintptr_t page_size, bool writable)
{
	for (uintptr_t page = first; page <= last; page += page_size) {
		const int protection = protection_of(object, page, page_size);

		if (protection == -1)
			return false;
		if ((protection & PROT_WRITE) == 0 &&
		    mprotect(at(page), page_size,
			     writable ? protection | PROT_READ | PROT_WRITE : protection) != 0)
			return false;
	}
	return true;
}

/* One that is not aligned is in code, where the loader has written into an instruction. */
static bool is_aligned(void *const *entry)
{
	return (uintptr_t)entry % sizeof *entry == 0;
}

static void *load(void *const *entry)
{
	void *value;

	if (is_aligned(entry))
		return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	memcpy(&value, entry, sizeof value);
	return value;
}

struct writing {
	const struct gate_object *object;
	void **entry;
	void *value;
	void *const *before; /* what it has to have by now; NULL: whatever it has */
	bool done;
};

static int write_now(struct dl_phdr_info *info, size_t size, void *context)
{
	struct writing *writing = context;
	const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t address = (uintptr_t)writing->entry;
	const uintptr_t first = address & ~(page_size - 1);
	const uintptr_t last = (address + sizeof writing->value - 1) & ~(page_size - 1);

	(void)info;
	(void)size;
	/* It keeps signals away. */
	gate_lock();
	writing->done = (writing->before == NULL || load(writing->entry) == *writing->before) &&
			set_writable(writing->object, first, last, page_size, true);
	if (writing->done && is_aligned(writing->entry))
		__atomic_store_n(writing->entry, writing->value, __ATOMIC_RELEASE);
	else if (writing->done)
		memcpy(writing->entry, &writing->value, sizeof writing->value);
	(void)set_writable(writing->object, first, last, page_size, false);
	gate_unlock();
	return 1;
}

/* Another thread may write to the same page, and protect it before this one has written; and that
 * one may be in another gate of the process (peer.h). What they all have in common is the loader's
 * lock, which dl_iterate_phdr() holds while it calls. */
static bool write_alone(struct writing *writing)
{
	gate_each_object(write_now, writing);
	return writing->done;
}

bool gate_object_write(const struct gate_object *object, void **entry, void *value)
{
	struct writing writing = {object, entry, value, NULL, false};

	/* Objects of another namespace are looked at again and again; and another thread may be at
	 * the same. */
	return load(entry) == value || write_alone(&writing);
}

bool gate_object_swap(const struct gate_object *object, void **entry, void *before, void *value)
{
	struct writing writing = {object, entry, value, &before, false};

	return write_alone(&writing);
}
