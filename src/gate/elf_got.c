/* An object's GOT entries, and other words that the loader has written a symbol's address into:
 * which there are, and how one is written again. */
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

bool gate_object_write(const struct gate_object *object, void **entry, void *value)
{
	const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t address = (uintptr_t)entry;
	const uintptr_t first = address & ~(page_size - 1);
	/* In code, where the loader has written into an instruction, it may have any address. */
	const uintptr_t last = (address + sizeof value - 1) & ~(page_size - 1);
	const bool aligned = address % sizeof value == 0;
	void *now;
	bool writable;

	/* Objects of another namespace are looked at again and again; and another thread may be at
	 * the same. */
	if (aligned)
		now = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	else
		memcpy(&now, entry, sizeof now);
	if (now == value)
		return true;
	/* Another thread may write to the same page, and protect it before this one has written. */
	gate_lock();
	writable = set_writable(object, first, last, page_size, true);
	if (writable && aligned)
		__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	else if (writable)
		memcpy(entry, &value, sizeof value);
	(void)set_writable(object, first, last, page_size, false);
	gate_unlock();
	return writable;
}
