#include "cli/adding.h"

int pga_adding_all(struct pga_adding *adding, struct pga_error *error)
{
	(void)adding;
	return pga_fail(error, NULL, "--all: not yet");
}
