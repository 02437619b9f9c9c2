/* cmocka.h, with the headers that it wants to be included before it. */
#ifndef PGA_TESTS_CMOCKA_START_H
#define PGA_TESTS_CMOCKA_START_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
