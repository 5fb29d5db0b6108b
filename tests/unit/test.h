/* SPDX-License-Identifier: MIT */
/* What every unit test begins with: cmocka and the headers that it wants first. */
#ifndef REEVE_TESTS_UNIT_TEST_H
#define REEVE_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
