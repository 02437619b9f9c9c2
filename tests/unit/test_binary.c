/* preload/binary.h: what an ELF file says of itself, out of files that are made for it. */
#include "cmocka_start.h"
#include "directory.h"

#include "preload/binary.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

/* What a file has; NULL and 0: it has not. */
struct making {
	Elf64_Half machine; /* 0: this one's */
	Elf64_Half type;    /* 0: ET_DYN */
	const char *interpreter;
	const char *defines;      /* in .dynsym */
	const char *calls;        /* in .dynsym */
	const char *defines_more; /* in .symtab */
	const char *calls_more;   /* in .symtab */
	const char *needs;
	const char *soname;
	const char *constants;
	const char *go;
	const char *go_section; /* NULL: .gopclntab */
	size_t constants_size;  /* 0: theirs */
	bool short_entries;     /* .dynsym says that its entries have no size */
};

enum { NONE, NAMES, STRINGS, DYNSYM, SYMTAB, DYNAMIC, RODATA, GO, SECTIONS };

static unsigned char image[65536];
static size_t used;
static Elf64_Shdr sections[SECTIONS];
static char strings[2048];
static size_t strings_used;

static Elf64_Word string(const char *text)
{
	const size_t at = strings_used;

	memcpy(strings + at, text, strlen(text) + 1);
	strings_used += strlen(text) + 1;
	return (Elf64_Word)at;
}

/* Puts the bytes into the file; returns where. */
static size_t add(const void *bytes, size_t length)
{
	const size_t at = used;

	if (length > 0)
		memcpy(image + at, bytes, length);
	used += (length + 15) / 16 * 16;
	return at;
}

static void add_section(int number, Elf64_Word type, const char *name, const void *bytes,
			size_t length, size_t entry)
{
	sections[number] = (Elf64_Shdr){.sh_name = string(name),
					.sh_type = type,
					.sh_offset = add(bytes, length),
					.sh_size = length,
					.sh_link = STRINGS,
					.sh_entsize = entry,
					.sh_addralign = 1};
}

static void add_symbols(int number, Elf64_Word type, const char *name, const char *defines,
			const char *calls, bool short_entries)
{
	Elf64_Sym symbols[4];
	size_t count = 1;

	memset(symbols, 0, sizeof symbols);
	/* One that is ours, in front of what is looked for. */
	symbols[count].st_name = string("main");
	symbols[count++].st_shndx = 1;
	if (calls != NULL)
		symbols[count++].st_name = string(calls);
	if (defines != NULL) {
		symbols[count].st_name = string(defines);
		symbols[count++].st_shndx = 1;
	}
	add_section(number, type, name, symbols, count * sizeof symbols[0],
		    short_entries ? 0 : sizeof symbols[0]);
}

static void make(const char *path, const struct making *making)
{
	Elf64_Ehdr header = {
	    .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
	    .e_version = EV_CURRENT,
	    .e_ehsize = sizeof header,
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_shentsize = sizeof(Elf64_Shdr),
	    .e_shnum = SECTIONS,
	    .e_shstrndx = STRINGS};
	Elf64_Phdr programs[2] = {{.p_type = PT_LOAD}, {.p_type = PT_NULL}};
	Elf64_Dyn entries[4];
	size_t count = 0;
	FILE *file;

	memset(image, 0, sizeof image);
	memset(sections, 0, sizeof sections);
	memset(entries, 0, sizeof entries);
	strings_used = 1;
	used = 0;
	header.e_type = making->type != 0 ? making->type : ET_DYN;
	header.e_machine = making->machine != 0 ? making->machine : EM_X86_64;
	(void)add(&header, sizeof header);
	header.e_phoff = add(programs, sizeof programs);
	header.e_phnum = 2;
	if (making->interpreter != NULL) {
		programs[1].p_type = PT_INTERP;
		programs[1].p_filesz = strlen(making->interpreter) + 1;
		programs[1].p_offset = add(making->interpreter, programs[1].p_filesz);
	}
	memcpy(image + header.e_phoff, programs, sizeof programs);
	add_section(NAMES, SHT_PROGBITS, ".first", "x", 1, 0);
	add_symbols(DYNSYM, SHT_DYNSYM, ".dynsym", making->defines, making->calls,
		    making->short_entries);
	add_symbols(SYMTAB, SHT_SYMTAB, ".symtab", making->defines_more, making->calls_more, false);
	if (making->needs != NULL)
		entries[count++] = (Elf64_Dyn){DT_NEEDED, {string(making->needs)}};
	if (making->soname != NULL)
		entries[count++] = (Elf64_Dyn){DT_SONAME, {string(making->soname)}};
	entries[count++] = (Elf64_Dyn){DT_NULL, {0}};
	add_section(DYNAMIC, SHT_DYNAMIC, ".dynamic", entries, count * sizeof entries[0],
		    sizeof entries[0]);
	if (making->constants != NULL)
		add_section(RODATA, SHT_PROGBITS, ".rodata", making->constants,
			    strlen(making->constants) + 1, 0);
	if (making->go != NULL)
		add_section(GO, SHT_PROGBITS,
			    making->go_section != NULL ? making->go_section : ".gopclntab",
			    making->go, strlen(making->go), 0);
	add_section(STRINGS, SHT_STRTAB, ".strtab", strings, sizeof strings, 0);
	header.e_shoff = add(NULL, 0);
	if (making->constants_size > 0)
		sections[RODATA].sh_size = making->constants_size;
	(void)add(sections, sizeof sections);
	memcpy(image, &header, sizeof header);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(image, 1, used, file), used);
	assert_int_equal(fclose(file), 0);
	if (making->constants_size > 0)
		assert_int_equal(truncate(path, (off_t)(making->constants_size + used)), 0);
}

#define LD    "/lib64/ld-linux-x86-64.so.2"
#define LABEL "xDatabase-Host-IP-Address"

static const struct {
	struct making making;
	struct pga_binary says; /* interpreter: as in making */
} cases[] = {
    {{.interpreter = LD}, {0}},
    {{.interpreter = NULL}, {.is_static = true}},
    {{.type = ET_EXEC}, {.is_static = true}},
    {{.soname = "ld.so"}, {.is_loader = true}},
    {{.soname = "x.so", .interpreter = LD}, {0}},
    {{.interpreter = LD, .machine = EM_386}, {.other_machine = true, .is_32_bit = true}},
    {{.interpreter = LD, .machine = EM_AARCH64}, {.other_machine = true}},
    {{.interpreter = LD, .defines = "PQconnectPoll"}, {.exports_libpq = true, .has_libpq = true}},
    {{.interpreter = LD, .defines_more = "PQconnectPoll"}, {.has_libpq = true}},
    {{.interpreter = LD, .calls = "PQconnectPoll"}, {0}},
    {{.interpreter = LD, .calls_more = "PQconnectPoll"}, {0}},
    {{.interpreter = LD, .defines = "PQconnectPolling"}, {0}},
    {{.interpreter = LD, .defines = "PQconnectPoll", .short_entries = true}, {0}},
    {{.interpreter = LD, .calls = "SSL_write"}, {.calls_tls = true}},
    {{.interpreter = LD, .calls_more = "SSL_write"}, {.calls_tls = true}},
    {{.interpreter = LD, .defines = "SSL_write"}, {0}},
    {{.interpreter = LD, .calls = "SSL_writev"}, {0}},
    {{.interpreter = LD, .calls = "SSL_write", .defines = "PQconnectPoll"},
     {.calls_tls = true, .exports_libpq = true, .has_libpq = true}},
    /* Stripped: the label tells, where hosts are looked up, and where no other libpq is needed. */
    {{.interpreter = LD, .constants = LABEL}, {0}},
    {{.interpreter = LD, .constants = LABEL, .calls = "getaddrinfo"}, {.has_libpq = true}},
    {{.interpreter = LD, .constants = LABEL, .calls_more = "getaddrinfo"}, {.has_libpq = true}},
    {{.interpreter = LD, .constants = LABEL, .defines = "getaddrinfo"}, {0}},
    {{.interpreter = LD, .constants = LABEL, .calls = "getaddrinfo", .needs = "libpq.so.5"}, {0}},
    {{.interpreter = LD, .constants = LABEL, .calls = "getaddrinfo", .needs = "libpqxx.so"},
     {.has_libpq = true}},
    {{.constants = LABEL}, {.is_static = true, .has_libpq = true}},
    {{.constants = LABEL, .soname = "x"}, {.is_loader = true}},
    {{.constants = LABEL "es"}, {.is_static = true}},
    {{.constants = "database-Host-IP-Address"}, {.is_static = true}},
    {{.constants = "Database-Host-IP-Addres"}, {.is_static = true}},
    {{.interpreter = LD, .needs = "libasan.so.8"}, {.wants_asan = true}},
    {{.interpreter = LD, .needs = "libclang_rt.asan-x86_64.so"}, {.wants_asan = true}},
    {{.interpreter = LD, .needs = "libubsan.so.1"}, {0}},
    {{.go = "xgithub.com/jackc/pgx/v5"}, {.is_static = true, .driver = "github.com/jackc/pgx"}},
    {{.go = "github.com/jackc/pgconn.x"}, {.is_static = true, .driver = "github.com/jackc/pgconn"}},
    {{.go = "github.com/lib/pq.x"}, {.is_static = true, .driver = "github.com/lib/pq"}},
    {{.go = "github.com/go-pg/pg/v10"}, {.is_static = true, .driver = "github.com/go-pg/pg"}},
    {{.go = "github.com/uptrace/bun/driver/pgdriver.x"},
     {.is_static = true, .driver = "github.com/uptrace/bun"}},
    {{.go = "github.com/lib/pq.x", .go_section = ".data.rel.ro.gopclntab"},
     {.is_static = true, .driver = "github.com/lib/pq"}},
    {{.go = "github.com/lib/pq.x", .go_section = ".data"}, {.is_static = true}},
    {{.go = "github.com/other/pq.x"}, {.is_static = true}},
};

static void assert_says(const struct pga_binary *binary, const struct pga_binary *expected,
			size_t number)
{
	if (binary->other_machine != expected->other_machine ||
	    binary->is_32_bit != expected->is_32_bit || binary->is_loader != expected->is_loader ||
	    binary->is_static != expected->is_static || binary->has_libpq != expected->has_libpq ||
	    binary->exports_libpq != expected->exports_libpq ||
	    binary->calls_tls != expected->calls_tls || binary->wants_asan != expected->wants_asan)
		fail_msg("case %zu: machine %d, 32 %d, loader %d, static %d, libpq %d, exported "
			 "%d, TLS %d, ASan %d",
			 number, binary->other_machine, binary->is_32_bit, binary->is_loader,
			 binary->is_static, binary->has_libpq, binary->exports_libpq,
			 binary->calls_tls, binary->wants_asan);
	if (expected->driver == NULL)
		assert_null(binary->driver);
	else
		assert_string_equal(binary->driver, expected->driver);
}

static void what_a_file_says(void **state)
{
	(void)state;
#ifndef __x86_64__
	skip(); /* the files are this machine's by their headers */
#endif
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_binary binary;

		make("file", &cases[i].making);
		assert_true(pga_binary_read("file", &binary));
		if (cases[i].making.interpreter != NULL)
			assert_string_equal(binary.interpreter, cases[i].making.interpreter);
		else
			assert_null(binary.interpreter);
		assert_says(&binary, &cases[i].says, i);
		pga_binary_free(&binary);
		assert_null(binary.interpreter);
	}
}

static void what_is_no_program(void **state)
{
	static const struct making object = {.type = ET_REL};
	static const struct making core = {.type = ET_CORE};
	struct pga_binary binary;

	(void)state;
	assert_false(pga_binary_read("none", &binary));
	put("file", "#!/bin/sh\n");
	assert_false(pga_binary_read("file", &binary));
	put("file", "");
	assert_false(pga_binary_read("file", &binary));
	put("file", "\177ELF");
	assert_false(pga_binary_read("file", &binary));
	make("file", &object);
	assert_false(pga_binary_read("file", &binary));
	make("file", &core);
	assert_false(pga_binary_read("file", &binary));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_false(pga_binary_read("fifo", &binary));
	assert_false(pga_binary_read(".", &binary));
}

/* More of somebody else's file than a program may have is not read for root. */
static void a_section_that_is_too_large(void **state)
{
	static const struct making large = {.constants = LABEL, .constants_size = (256U << 20) + 1};
	struct pga_binary binary;

	(void)state;
	if (geteuid() != 0)
		skip();
	make("file", &large);
	assert_true(pga_binary_read("file", &binary));
	assert_true(binary.has_libpq);
	pga_binary_free(&binary);
	assert_int_equal(chown("file", 12345, (gid_t)-1), 0);
	assert_true(pga_binary_read("file", &binary));
	assert_false(binary.has_libpq);
	pga_binary_free(&binary);
}

/* Cut short at any byte, or damaged, it is no reason to end. */
static void a_damaged_file(void **state)
{
	struct pga_binary binary;
	struct stat status;

	(void)state;
	make("file", &cases[17].making);
	assert_int_equal(stat("file", &status), 0);
	for (off_t length = status.st_size; length >= 0; length -= 7) {
		assert_int_equal(truncate("file", length), 0);
		(void)pga_binary_read("file", &binary);
		pga_binary_free(&binary);
	}
}

/* The very program that runs. */
static void our_own_interpreter(void **state)
{
	struct pga_binary binary;

	(void)state;
	assert_true(pga_binary_read("/proc/self/exe", &binary));
	assert_false(binary.other_machine);
	assert_false(binary.is_32_bit);
	assert_non_null(binary.interpreter);
	assert_string_equal(pga_own_interpreter(), binary.interpreter);
	pga_binary_free(&binary);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

/* Who was started without a standard input gets that number. */
static void zero_is_a_file(void **state)
{
	struct pga_binary binary;
	const int input = dup(0);
	int lowest;

	(void)state;
	(void)close(0);
	assert_true(pga_binary_read("/proc/self/exe", &binary));
	pga_binary_free(&binary);
	lowest = dup(1);
	assert_int_equal(lowest, 0);
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zero_is_a_file),   IN_A_DIRECTORY(what_a_file_says),
	    IN_A_DIRECTORY(what_is_no_program), IN_A_DIRECTORY(a_section_that_is_too_large),
	    IN_A_DIRECTORY(a_damaged_file),     cmocka_unit_test(our_own_interpreter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
