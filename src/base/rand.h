/* SPDX-License-Identifier: MIT */
/*
 * Chance, from the kernel or from a seed.  Modules that need chance take a
 * struct rng, so that a simulation can replay them.
 */
#ifndef REEVE_BASE_RAND_H
#define REEVE_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/*
 * seed 0 at init: every number comes from getrandom(2) (buffered 4 KiB at a
 * time; ends the program if the kernel gives none).  Otherwise xoshiro256**
 * (Blackman and Vigna, 2018) seeded through splitmix64.
 */
struct rng {
	uint64_t state[4];
	int seeded;
	size_t left; /* unused bytes in pool */
	unsigned char pool[4096];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_u64(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* uniform in [0, bound); bound > 0 */
double rng_unit(struct rng *rng);                    /* uniform in [0, 1) */
void rng_bytes(struct rng *rng, void *out, size_t len);

#endif
