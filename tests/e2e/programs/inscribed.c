/* An extension as extension.c, but with the address of PQconnectdb in its code, where the dynamic
 * linker writes it too (text relocations), -DOFFSET bytes from where a word should be. Behind the
 * answer: the rights to the memory that it is in. */
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern const char inscribed[] __attribute__((visibility("hidden")));

#ifdef __LP64__
#define WORD ".quad"
#else
#define WORD ".long"
#endif
#define TEXT(number)  #number
#define SPACE(number) ".space " TEXT(number) "\n"

__asm__(".pushsection .text\n"
	".p2align 6\n" SPACE(OFFSET) "inscribed: " WORD " PQconnectdb\n"
				     ".p2align 6\n"
				     ".popsection\n");

static void tell_rights(char *answer, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1000], rights[5] = "none";
	uintptr_t start, end;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 &&
		    start <= (uintptr_t)inscribed && (uintptr_t)inscribed < end)
			break;
	if (maps != NULL)
		fclose(maps);
	snprintf(answer, size, " %s", rights);
}

void attempt(const char *conninfo, int start, char *answer, size_t size);

void attempt(const char *conninfo, int start, char *answer, size_t size)
{
	PGconn *(*connect)(const char *);
	PGconn *conn;

	(void)start;
	memcpy(&connect, inscribed, sizeof connect);
	conn = connect(conninfo);
	snprintf(answer, size, "%s %d %s", PQstatus(conn) == CONNECTION_OK ? "ok" : "bad",
		 PQsslInUse(conn), PQerrorMessage(conn));
	PQfinish(conn);
	tell_rights(answer + strlen(answer), size - strlen(answer));
}
