#include "diagnose/libpq_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No libpq is larger, in bytes; those of wheels are about 1 MB with all that they bring. */
#define LARGEST (64L << 20)

/* Which versions there can be: 9.0 to 99. */
static int plausible(uint32_t number)
{
	return number >= 90000 && number < 1000000 ? (int)number : 0;
}

static uint32_t word_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* x86: mov $NUMBER,%eax, perhaps behind endbr64 and the start of a frame. */
static int read_x86(const unsigned char *code, size_t size)
{
	for (size_t at = 0; at + 6 <= size; at++) {
		const int version = code[at] == 0xB8 ? plausible(word_at(code + at + 1)) : 0;

		if (version != 0)
			return version;
		if (code[at] == 0xC3)
			return 0;
	}
	return 0;
}

/* 64-bit ARM: mov w0, #LOW; movk w0, #HIGH, lsl #16, perhaps behind a landing pad. */
static int read_arm(const unsigned char *code, size_t size)
{
	uint32_t number = 0;

	for (size_t at = 0; at + 4 <= size; at += 4) {
		const uint32_t word = word_at(code + at);

		if ((word & 0xFFE0001F) == 0x52800000)
			number = (word >> 5) & 0xFFFF;
		else if ((word & 0xFFE0001F) == 0x72A00000)
			return plausible(number | ((word >> 5) & 0xFFFF) << 16);
		else if (word == 0xD65F03C0)
			return 0;
	}
	return 0;
}

/* The bytes at this address, of the segment that is mapped there. Returns how many were read. */
static size_t read_code(int file, Elf *elf, uint64_t address, unsigned char *code, size_t size)
{
	size_t count = 0;
	GElf_Phdr header;

	(void)elf_getphdrnum(elf, &count);
	for (size_t i = 0; i < count; i++) {
		ssize_t length;

		if (gelf_getphdr(elf, (int)i, &header) == NULL || header.p_type != PT_LOAD ||
		    address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
			continue;
		length =
		    pread(file, code, size, (off_t)(header.p_offset + address - header.p_vaddr));
		return length > 0 ? (size_t)length : 0;
	}
	return 0;
}

/* The address of the function among the symbols of the section; false where it is not there. */
static bool find_function(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, uint64_t *address)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const size_t count =
	    data != NULL && header->sh_entsize > 0 ? data->d_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; i < count; i++) {
		const char *name = gelf_getsym(data, (int)i, &symbol) != NULL
				       ? elf_strptr(elf, header->sh_link, symbol.st_name)
				       : NULL;

		if (name != NULL && symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0 &&
		    strcmp(name, "PQlibVersion") == 0) {
			*address = symbol.st_value;
			return true;
		}
	}
	return false;
}

static int read_version(int file, Elf *elf)
{
	unsigned char code[32];
	uint64_t address;
	GElf_Ehdr machine;
	GElf_Shdr header;
	size_t size;

	if (gelf_getehdr(elf, &machine) == NULL)
		return 0;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
		if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_DYNSYM ||
		    header.sh_size > (uint64_t)LARGEST ||
		    !find_function(elf, section, &header, &address))
			continue;
		size = read_code(file, elf, address, code, sizeof code);
		if (machine.e_machine == EM_X86_64 || machine.e_machine == EM_386)
			return read_x86(code, size);
		return machine.e_machine == EM_AARCH64 ? read_arm(code, size) : 0;
	}
	return 0;
}

int pga_libpq_file_version(const char *path)
{
	struct stat status;
	int version = 0;
	Elf *elf;
	int file;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return 0;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0)
		return 0;
	if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= LARGEST) {
		/* Read, and not mapped: whoever owns it may cut it short meanwhile. */
		elf = elf_begin(file, ELF_C_READ, NULL);
		if (elf != NULL && elf_kind(elf) == ELF_K_ELF)
			version = read_version(file, elf);
		(void)elf_end(elf);
	}
	(void)close(file);
	return version;
}
