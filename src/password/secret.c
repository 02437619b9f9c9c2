#include "password/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Of pages of its own: none of it is in memory that malloc() gives to others. */
#define ROOM (PGA_SECRET_MOST + 96)

void pga_secret_hide_process(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) == 0) {
		limit.rlim_cur = 0;
		(void)setrlimit(RLIMIT_CORE, &limit);
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int pga_secret_begin(struct pga_secret *secret)
{
	void *pages = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(secret, 0, sizeof *secret);
	if (pages == MAP_FAILED)
		return -1;
	(void)mlock(pages, ROOM);
	(void)madvise(pages, ROOM, MADV_DONTDUMP);
	secret->bytes = pages;
	return 0;
}

void pga_secret_end(struct pga_secret *secret)
{
	if (secret->bytes != NULL) {
		explicit_bzero(secret->bytes, ROOM);
		(void)munmap(secret->bytes, ROOM);
	}
	memset(secret, 0, sizeof *secret);
}
