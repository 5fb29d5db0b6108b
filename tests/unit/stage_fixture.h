/* SPDX-License-Identifier: MIT */
/*
 * The stage as a fixture of cmocka: one Redis for all tests of a program, a stage with
 * owner `a` serving for each.
 *
 *   { "name", test, stage_begin_on_real, stage_end, NULL } …
 *   cmocka_run_group_tests(tests, stage_start_server, stage_stop_server)
 */
#ifndef REEVE_TESTS_UNIT_STAGE_FIXTURE_H
#define REEVE_TESTS_UNIT_STAGE_FIXTURE_H

#include "stage.h"

/* A run of one task, for agents of type alpha. */
#define ONE "name: one\ntasks: [{id: t, agent: alpha}]\n"

/* Of the group. */
int stage_start_server(void **state);
int stage_stop_server(void **state);

/* Of a test: *state is a struct stage. */
int stage_begin_on_fake(void **state);
int stage_begin_on_real(void **state); /* the group's server, emptied */
int stage_end(void **state);

void owner_serves(struct owner *owner);
/* One run of ONE to its end, and nothing is left of it. */
void owner_works(struct owner *owner);

#endif
