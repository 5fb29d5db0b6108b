/* SPDX-License-Identifier: MIT */
/*
 * How large a file from outside may be.  Every reader of the model takes a
 * struct model_limits; NULL stands for the defaults.
 */
#ifndef REEVE_MODEL_LIMITS_H
#define REEVE_MODEL_LIMITS_H

#include <stddef.h>

struct model_limits {
	size_t file_bytes;
	size_t scalar_bytes; /* one text in the file */
	size_t depth;        /* of nesting; at most 64 */
	size_t nodes;        /* scalars, lists and maps of a file together */
	size_t tasks;        /* of one workflow */
};

#define MODEL_DEPTH_MAX 64
#define MODEL_LIMITS_DEFAULT                                                           \
	{                                                                              \
		.file_bytes = 16u << 20, .scalar_bytes = 512u << 10, .depth = 32,      \
		.nodes = 3000000, .tasks = 100000                                      \
	}

#endif
