/* What uninstall does, would do and leaves, for people and as JSON. */
#ifndef PGA_CLI_PRINT_UNINSTALL_H
#define PGA_CLI_PRINT_UNINSTALL_H

#include "uninstall/plan.h"

#include <stdio.h>

/* When the plan is told. */
enum pga_told_when { PGA_TOLD_BEFORE, PGA_TOLD_WOULD, PGA_TOLD_DONE };

/* Prints it. Before the question, what goes is told as what would. */
void pga_print_uninstall(FILE *stream, const struct pga_uninstall *plan, enum pga_told_when when);

/* Returns the exit status. */
int pga_print_uninstall_json(const struct pga_uninstall *plan, bool dry_run);

#endif
