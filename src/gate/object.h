/* ELF objects that the loader has mapped, as their dynamic sections describe them: their symbols,
 * and the slots through which they call others. */
#ifndef PGA_GATE_OBJECT_H
#define PGA_GATE_OBJECT_H

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

struct gate_object {
	uintptr_t base;      /* what is added to the addresses in the file */
	const char *strings; /* of the dynamic section: names of symbols and of needed objects */
	const ElfW(Sym) * symbols;
	const uint32_t *gnu_hash; /* NULL where there is none */
	const ElfW(Dyn) * dynamic;
	struct gate_relocations relocations[2]; /* those of the PLT, and the others */
	uintptr_t relro;                        /* pages that are read-only once relocated */
	size_t relro_size;
};

/* Describes the object with this dynamic section, loaded at this address; headers, which may be
 * NULL, tell which of its pages are read-only. false for one without the tables that are needed
 * (the kernel's vDSO, say). */
bool gate_object_read(uintptr_t base, const ElfW(Dyn) * dynamic, const ElfW(Phdr) * headers,
		      size_t header_count, struct gate_object *object);

/* The same for an object that dl_iterate_phdr() shows. */
bool gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);

/* The same for an object that is loaded, in whatever namespace. */
bool gate_object_loaded(const struct link_map *map, struct gate_object *object);

/* Where the object defines the symbol; NULL where it does not. */
void *gate_object_find(const struct gate_object *object, const char *name);

/* Whether a needed object's name holds this text. */
bool gate_object_needs(const struct gate_object *object, const char *text);

/* Called for each slot of the object that a symbol is bound to by name: the slot, and the symbol's
 * name. */
typedef void gate_slot_visit(const struct gate_object *object, const char *name, void **slot,
			     void *context);
void gate_object_slots(const struct gate_object *object, gate_slot_visit *visit, void *context);

/* Writes a slot, also on a page that is read-only by now. Whoever reads it at the same time sees
 * the old value or the new. Returns false where the page cannot be written. */
bool gate_object_write(const struct gate_object *object, void **slot, void *value);

#endif
