/* SPDX-License-Identifier: MIT */
/* Arguments of a commit, as they were before its sections were packed (wire/pack.h). */
#ifndef REEVE_TESTS_SIM_UNPACK_H
#define REEVE_TESTS_SIM_UNPACK_H

#include <stddef.h>

struct unpacked {
	const char **v; /* the first as they were given, then what is packed in the others */
	size_t *n;
	size_t len;
	char *bytes;    /* of the packed ones; each ends with a NUL */
};

/* From argument `first` on they are packed; lens of the others, or NULL: C strings. */
struct unpacked unpack_args(
    int argc, const char *const *argv, const size_t *lens, size_t first);
void unpacked_release(struct unpacked *args);

#endif
