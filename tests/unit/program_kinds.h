/* A running program of every kind that pganchor status tells apart. */
#ifndef PGA_TESTS_UNIT_PROGRAM_KINDS_H
#define PGA_TESTS_UNIT_PROGRAM_KINDS_H

#include "diagnose/processes.h"

static struct pga_mapped_libpq shared = {.path = (char[]){"/l/libpq.so.5.15"}, .version = "15"};
static struct pga_mapped_libpq hiding = {.path = (char[]){"/l/libpq.so.5"}, .hides_tls = true};
static struct pga_mapped_libpq two[] = {
    {.path = (char[]){"/l/libpq.so.5.15"}, .version = "15", .hides_tls = true, .deleted = true},
    {.path = (char[]){"/m/libpq.so"}}};

#define PROGRAM                                 \
	.user = (char[]){"u"}, .name = (char[]) \
	{                                       \
		"p\033"                         \
	}
#define GATE                 \
	.gate = (char[])     \
	{                    \
		"/l/gate.so" \
	}

static const struct pga_process gated = {PROGRAM, GATE, .pid = 1, .libpqs = &shared,
					 .libpq_count = 1};
static const struct pga_process gate_alone = {PROGRAM, GATE, .pid = 2, .gate_deleted = true};
static const struct pga_process replaced = {
    PROGRAM, GATE, .pid = 3, .gate_deleted = true, .libpqs = two, .libpq_count = 2};
static const struct pga_process hidden = {PROGRAM, GATE, .pid = 4, .libpqs = &hiding,
					  .libpq_count = 1};
static const struct pga_process bare = {PROGRAM, .pid = 5, .libpqs = &shared, .libpq_count = 1};
static const struct pga_process bare_hidden = {PROGRAM, .pid = 6, .libpqs = &hiding,
					       .libpq_count = 1};
static const struct pga_process powerful = {PROGRAM, .pid = 7, .libpqs = &shared, .libpq_count = 1,
					    .secure = true};
static const struct pga_process elsewhere = {
    PROGRAM, .pid = 8, .libpqs = &shared, .libpq_count = 1, .secure = true, .module_missing = true};
static const struct pga_process driver = {PROGRAM, .pid = 9, .inside = "a driver",
					  .file = (char[]){"/bin/p"}, .module_missing = true};
static const struct pga_process own = {
    PROGRAM, GATE, .pid = 10, .inside = "libpq", .own_libpq = true, .file = (char[]){"/bin/p"}};
static const struct pga_process part = {PROGRAM,
					GATE,
					.pid = 11,
					.inside = "a driver",
					.file = (char[]){"/bin/d"},
					.libpqs = &shared,
					.libpq_count = 1};
static const struct pga_process part_bare = {
    PROGRAM,           .pid = 12,        .inside = "a driver", .file = (char[]){"/bin/d"},
    .libpqs = &shared, .libpq_count = 1, .secure = true};

#endif
