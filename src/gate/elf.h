/* ELF objects that the loader has mapped, as their dynamic sections describe them: their symbols,
 * and the GOT entries through which they call others. */
#ifndef PGA_GATE_ELF_H
#define PGA_GATE_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The relocations of one table. Those with and without an addend start alike; they differ in their
 * size. */
struct gate_relocations {
	const char *bytes;
	size_t size;
	size_t stride;
};

/* MIPS: the last entries of the GOT are those of the last symbols, without relocations. */
struct gate_got {
	void **entries;
	size_t local; /* entries that come before */
	size_t first; /* the symbol of the first one */
	size_t end;   /* of the symbols */
};

struct gate_object {
	uintptr_t base;  /* what is added to the addresses in the file */
	uintptr_t start; /* of what is mapped of it */
	uintptr_t end;
	const char *strings; /* of the dynamic section: names of symbols and of needed objects */
	const ElfW(Sym) * symbols;
	const uint32_t *gnu_hash;   /* NULL where there is none */
	const Elf_Symndx *hash;     /* the older kind; NULL where there is none */
	const ElfW(Half) * version; /* of each symbol; NULL where they have none */
	const ElfW(Dyn) * dynamic;
	const ElfW(Phdr) * headers; /* NULL where they are not known */
	size_t header_count;
	struct gate_relocations relocations[3]; /* of the PLT; with addends; without */
	struct gate_got got;
};

/* Describes the object with this dynamic section, loaded at this address. headers may be NULL;
 * without them its GOT entries cannot be written. false for one without the tables that are needed.
 */
bool gate_object_read(uintptr_t base, const ElfW(Dyn) * dynamic, const ElfW(Phdr) * headers,
		      size_t header_count, struct gate_object *object);

/* The same for an object that is loaded, without its headers. */
bool gate_object_mapped(const struct link_map *map, struct gate_object *object);

/* The same for an object that dl_iterate_phdr() shows. */
bool gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);

/* The same, with its headers, for an object of whatever namespace. Not for a function that
 * dl_iterate_phdr() calls. */
bool gate_object_loaded(const struct link_map *map, struct gate_object *object);

/* Where the object defines the function, in the version that who asks for none gets; NULL where it
 * does not, or lets a function of its own choose. */
void *gate_object_find(const struct gate_object *object, const char *name);

/* Called for each GOT entry of the object that a symbol is bound to by name: the GOT entry, and the
 * symbol's name. */
typedef void gate_got_visit(const struct gate_object *object, const char *name, void **entry,
			    void *context);
void gate_object_got_entries(const struct gate_object *object, gate_got_visit *visit,
			     void *context);

/* Whether the library may have such an entry for the name, which is asked much faster: whether the
 * name is among those that are not its own. (A program's own may be, whose address it takes.) */
bool gate_object_may_call(const struct gate_object *library, const char *name);

/* Writes a GOT entry, also on a page that is read-only by now, and leaves the page as it was.
 * Whoever reads it at the same time sees the old value or the new. Returns false where the page
 * cannot be written. */
bool gate_object_write(const struct gate_object *object, void **entry, void *value);

/* The same where the GOT entry still has that value; returns false where it has another one. */
bool gate_object_swap(const struct gate_object *object, void **entry, void *before, void *value);

#endif
