/* The tool's questions go to libpq itself, whatever stands before it. In a shell where the gate is
 * on, the dynamic linker binds the tool's PQconnectStartParams to the gate's, which would judge the
 * question, refuse it, or tell the audit log of a connection that nobody makes. The addresses are
 * taken from libpq's own symbol table, which nothing that is preloaded changes. Connections that
 * the tool really makes go by the names, and so through the gate. */
#include "policy/linked.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* What makes an object a libpq. The first two are those that the gate stands before and that a
 * question needs; a wrapper of libpq has no reason to define all of the others. */
enum { CONNECT_START, ERROR_MESSAGE, CONNINFO, CONNINFO_PARSE, CONNINFO_FREE, FUNCTIONS };

static const char *const names[FUNCTIONS] = {
    [CONNECT_START] = "PQconnectStartParams",
    [ERROR_MESSAGE] = "PQerrorMessage",
    [CONNINFO] = "PQconninfo",
    [CONNINFO_PARSE] = "PQconninfoParse",
    [CONNINFO_FREE] = "PQconninfoFree",
};

/* Where an object is loaded, and where its file says that the functions are in it. */
struct found {
	uintptr_t base;
	uintptr_t functions[FUNCTIONS]; /* 0: not there */
};

/* Of a section that has any. What is not defined there, and what is no function, is_mapped_so()
 * sees. */
static void note_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct found *found)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;

	for (int i = 0; gelf_getsym(data, i, &symbol) != NULL; i++) {
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

		for (size_t k = 0; name != NULL && k < FUNCTIONS; k++)
			if (strcmp(name, names[k]) == 0)
				found->functions[k] = found->base + (uintptr_t)symbol.st_value;
	}
}

/* One that cannot be opened or read has nothing. */
static void read_file(const char *path, struct found *found)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	GElf_Shdr header;

	(void)elf_version(EV_CURRENT);
	elf = elf_begin(file, ELF_C_READ_MMAP, NULL);
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;)
		if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_DYNSYM)
			note_symbols(elf, section, &header, found);
	(void)elf_end(elf);
	(void)close(file);
}

/* The file may be another one by now than what was loaded. */
static bool is_mapped_so(const struct found *found)
{
	Dl_info info;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		void *address;

		memcpy(&address, &found->functions[i], sizeof address);
		if (dladdr(address, &info) == 0 || info.dli_saddr != address ||
		    strcmp(info.dli_sname, names[i]) != 0)
			return false;
	}
	return true;
}

/* In the order in which the dynamic linker looks for symbols. The program itself, which is no
 * libpq, has no name, and so no file. */
static int look_at(struct dl_phdr_info *object, size_t size, void *context)
{
	struct found *found = context;

	(void)size;
	memset(found, 0, sizeof *found);
	found->base = object->dlpi_addr;
	read_file(object->dlpi_name, found);
	return is_mapped_so(found) ? 1 : 0;
}

/* Where the object begins that a function is in; NULL where that cannot be told. */
static const void *object_of(const void *function)
{
	Dl_info info = {.dli_fbase = NULL};

	(void)dladdr(function, &info);
	return info.dli_fbase;
}

void pga_own_libpq(struct pga_own_libpq *own)
{
	PQconninfoOption *(*parse)(const char *, char **) = PQconninfoParse;
	struct found found;
	const void *addresses[FUNCTIONS];
	const void *libpq;

	own->PQconnectStartParams = PQconnectStartParams;
	own->PQerrorMessage = PQerrorMessage;
	memcpy(&addresses[CONNECT_START], &own->PQconnectStartParams, sizeof addresses[0]);
	memcpy(&addresses[ERROR_MESSAGE], &own->PQerrorMessage, sizeof addresses[0]);
	memcpy(&addresses[CONNINFO_PARSE], &parse, sizeof addresses[0]);
	/* They are one object's where nothing stands before libpq. The gate does not before
	 * PQconninfoParse. */
	libpq = object_of(addresses[CONNINFO_PARSE]);
	if ((object_of(addresses[CONNECT_START]) == libpq &&
	     object_of(addresses[ERROR_MESSAGE]) == libpq) ||
	    dl_iterate_phdr(look_at, &found) == 0)
		return;
	memcpy(&own->PQconnectStartParams, &found.functions[CONNECT_START],
	       sizeof own->PQconnectStartParams);
	memcpy(&own->PQerrorMessage, &found.functions[ERROR_MESSAGE], sizeof own->PQerrorMessage);
}
