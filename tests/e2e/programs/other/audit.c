/* An auditor (rtld-audit(7)): told of every object, and of what each symbol is bound to. */
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

unsigned int la_version(unsigned int version)
{
	return version;
}

unsigned int la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
	*cookie = strstr(map->l_name, "pganchor") == NULL;
	if (*cookie && strstr(map->l_name, "libm.so") != NULL)
		fprintf(stderr, "audit: %s in %ld\n", map->l_name, (long)space);
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to,
		       unsigned int *flags, const char *name)
{
	(void)index;
	(void)from;
	(void)to;
	(void)flags;
	if (strcmp(name, "cos") == 0)
		fprintf(stderr, "audit: cos\n");
	return symbol->st_value;
}
