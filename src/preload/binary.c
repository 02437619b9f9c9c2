#include "preload/binary.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file of somebody else's, in bytes. */
#define LARGEST_SECTION (256U << 20)

/* What the gate stands before in every way to connect: who defines it has a libpq inside. */
static const char poll_name[] = "PQconnectPoll";

/* The label of an option in libpq's own table, which is there in every version and survives
 * stripping. With its first letter apart, so that this tool does not seem to have a libpq inside.
 */
static const char label_behind_first[] = "atabase-Host-IP-Address";

/* Go keeps the names of its functions for its own stack traces, stripped or not. */
static const struct {
	const char *prefix;
	const char *name;
} go_drivers[] = {
    {"github.com/jackc/pgx/", "github.com/jackc/pgx"},
    {"github.com/jackc/pgconn.", "github.com/jackc/pgconn"},
    {"github.com/lib/pq.", "github.com/lib/pq"},
    {"github.com/go-pg/pg/", "github.com/go-pg/pg"},
    {"github.com/uptrace/bun/driver/pgdriver.", "github.com/uptrace/bun"},
};

/* The linker's name for the header of this tool's own file, as it is mapped. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static void compare_machines(const GElf_Ehdr *header, struct pga_binary *binary)
{
	const ElfW(Ehdr) *own = &__ehdr_start;

	binary->other_machine = own->e_machine != header->e_machine ||
				own->e_ident[EI_CLASS] != header->e_ident[EI_CLASS];
	binary->is_32_bit = own->e_machine == EM_X86_64 && header->e_machine == EM_386;
}

const char *pga_own_interpreter(void)
{
	/* The headers lie behind what the linker's name is declared as; volatile, so that no
	 * compiler takes that for all there is. */
	const void *volatile start = &__ehdr_start;
	const char *begin = start;
	const ElfW(Phdr) *headers =
	    (const ElfW(Phdr) *)(const void *)(begin + __ehdr_start.e_phoff);

	for (size_t i = 0; i < __ehdr_start.e_phnum; i++)
		if (headers[i].p_type == PT_INTERP)
			return begin + headers[i].p_offset;
	return NULL;
}

/* The path of the ld.so that the kernel starts in the program's place. */
static char *read_interpreter(int file, Elf *elf)
{
	char path[PATH_MAX] = "";
	GElf_Phdr header;
	size_t count = 0;

	(void)elf_getphdrnum(elf, &count);
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(elf, (int)i, &header) != NULL && header.p_type == PT_INTERP) {
			const size_t size =
			    header.p_filesz < sizeof path ? header.p_filesz : sizeof path - 1;
			const ssize_t length = pread(file, path, size, (off_t)header.p_offset);

			(void)length; /* what cannot be read stays empty */
			return strdup(path);
		}
	return NULL;
}

/* What the symbols say: whether it defines libpq's entry point, and what it calls in other
 * libraries: hosts are looked up by libc, as every libpq does it. */
static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, bool *defines_poll,
			 bool *looks_up, bool *calls_tls)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const size_t count =
	    data != NULL && header->sh_entsize > 0 ? data->d_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; i < count; i++) {
		const char *name = gelf_getsym(data, (int)i, &symbol) != NULL
				       ? elf_strptr(elf, header->sh_link, symbol.st_name)
				       : NULL;

		/* There are thousands of others. */
		if (name == NULL || (name[0] != 'P' && name[0] != 'g' && name[0] != 'S'))
			continue;
		if (symbol.st_shndx != SHN_UNDEF) {
			*defines_poll = *defines_poll || strcmp(name, poll_name) == 0;
		} else {
			*looks_up = *looks_up || strcmp(name, "getaddrinfo") == 0;
			*calls_tls = *calls_tls || strcmp(name, "SSL_write") == 0;
		}
	}
}

/* What the dynamic section says: *needs_libpq, *has_name (ld.so itself has one, and a program that
 * is linked statically has none). */
static void read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			 struct pga_binary *binary, bool *needs_libpq, bool *has_name)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Dyn entry;

	for (int i = 0; data != NULL && gelf_getdyn(data, i, &entry) != NULL; i++) {
		const char *name = NULL;

		if (entry.d_tag == DT_NEEDED)
			name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
		*has_name = *has_name || entry.d_tag == DT_SONAME;
		if (name == NULL)
			continue;
		*needs_libpq = *needs_libpq || strncmp(name, "libpq.", 6) == 0;
		binary->wants_asan = binary->wants_asan || strstr(name, "libasan.so") != NULL ||
				     strstr(name, "libclang_rt.asan") != NULL;
	}
}

static bool is_in(const Elf_Data *data, const char *bytes, size_t length)
{
	return data != NULL && data->d_buf != NULL &&
	       memmem(data->d_buf, data->d_size, bytes, length) != NULL;
}

static bool holds_label(Elf_Scn *section)
{
	char label[1 + sizeof label_behind_first];

	label[0] = 'D';
	memcpy(label + 1, label_behind_first, sizeof label_behind_first);
	return is_in(elf_rawdata(section, NULL), label, sizeof label);
}

/* The part of Go's table that has the names of functions, a tenth of it: its header (pcHeader of
 * Go's runtime/symtab.go) says where they begin, and behind them comes the next part. Of a table
 * of another form, all of it. */
static Elf_Data go_names(const Elf_Data *table)
{
	/* The first words of Go 1.16, 1.18 and 1.20, and the number of words before the offset. */
	static const struct {
		uint32_t magic;
		unsigned before;
	} forms[] = {{0xfffffffa, 2}, {0xfffffff0, 3}, {0xfffffff1, 3}};
	const char *bytes = table->d_buf;
	Elf_Data names = *table;
	uint64_t words[5];
	uint32_t magic;

	if (bytes == NULL || table->d_size < 8 + sizeof words || bytes[7] != sizeof words[0])
		return names;
	memcpy(&magic, bytes, sizeof magic);
	memcpy(words, bytes + 8, sizeof words);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		const uint64_t begin = words[forms[i].before];
		const uint64_t end = words[forms[i].before + 1];

		if (magic == forms[i].magic && begin < end && end <= table->d_size) {
			names.d_buf = (char *)table->d_buf + begin;
			names.d_size = end - begin;
		}
	}
	return names;
}

static const char *go_driver_in(Elf_Scn *section)
{
	const Elf_Data *table = elf_rawdata(section, NULL);
	Elf_Data names;

	if (table == NULL)
		return NULL;
	names = go_names(table);
	for (size_t i = 0; i < sizeof go_drivers / sizeof go_drivers[0]; i++)
		if (is_in(&names, go_drivers[i].prefix, strlen(go_drivers[i].prefix)))
			return go_drivers[i].name;
	return NULL;
}

static void read_sections(Elf *elf, uint64_t largest, struct pga_binary *binary)
{
	size_t names = 0;
	bool needs_libpq = false;
	bool has_name = false;
	bool looks_up = false;
	Elf_Scn *constants = NULL;
	GElf_Shdr header;

	(void)elf_getshdrstrndx(elf, &names);
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
		const char *name = gelf_getshdr(section, &header) != NULL
				       ? elf_strptr(elf, names, header.sh_name)
				       : NULL;

		if (name == NULL || header.sh_type == SHT_NOBITS || header.sh_size > largest)
			continue;
		if (header.sh_type == SHT_DYNSYM)
			read_symbols(elf, section, &header, &binary->exports_libpq, &looks_up,
				     &binary->calls_tls);
		else if (header.sh_type == SHT_SYMTAB)
			read_symbols(elf, section, &header, &binary->has_libpq, &looks_up,
				     &binary->calls_tls);
		else if (header.sh_type == SHT_DYNAMIC)
			read_dynamic(elf, section, &header, binary, &needs_libpq, &has_name);
		else if (strcmp(name, ".rodata") == 0)
			constants = section;
		else if (strstr(name, "gopclntab") != NULL)
			binary->driver = go_driver_in(section);
	}
	binary->is_loader = binary->interpreter == NULL && has_name;
	binary->is_static = binary->interpreter == NULL && !has_name;
	binary->has_libpq = binary->has_libpq || binary->exports_libpq;
	/* A program that needs libpq.so.5 has no other one inside, as a rule. */
	if (!binary->has_libpq && !needs_libpq && constants != NULL &&
	    (looks_up || binary->is_static))
		binary->has_libpq = holds_label(constants);
}

bool pga_binary_read(const char *path, struct pga_binary *binary)
{
	Elf *elf = NULL;
	GElf_Ehdr header;
	struct stat status;
	bool trusted;
	bool result = false;
	int file = -1;

	memset(binary, 0, sizeof *binary);
	if (elf_version(EV_CURRENT) == EV_NONE)
		return false;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return false;
	/* root looks at the programs of everybody. One that could be cut short meanwhile is not
	 * mapped, which would end us, but read, and no more of it than a program may have. */
	trusted = fstat(file, &status) == 0 && (status.st_uid == 0 || status.st_uid == geteuid());
	elf = elf_begin(file, trusted ? ELF_C_READ_MMAP : ELF_C_READ, NULL);
	if (elf == NULL || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		goto done;
	compare_machines(&header, binary);
	binary->interpreter = read_interpreter(file, elf);
	read_sections(elf, trusted ? UINT64_MAX : LARGEST_SECTION, binary);
	result = true;
done:
	(void)elf_end(elf);
	(void)close(file);
	return result;
}

void pga_binary_free(struct pga_binary *binary)
{
	free(binary->interpreter);
	memset(binary, 0, sizeof *binary);
}
