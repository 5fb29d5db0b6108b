/* SPDX-License-Identifier: MIT */
/* Random numbers, from the kernel or from a seed. */
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

static uint64_t
splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint64_t
rotate_left(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static uint64_t
xoshiro256(uint64_t state[4])
{
	uint64_t result = rotate_left(state[1] * 5, 7) * 9, shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate_left(state[3], 45);
	return result;
}

static void
fill_pool(struct rng *rng)
{
	size_t have = 0;
	ssize_t got;

	while (have < sizeof rng->pool) {
		got = getrandom(rng->pool + have, sizeof rng->pool - have, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			log_error("the kernel gives no random numbers",
			    KV_S("reason", strerror(errno)));
			abort();
		}
		have += (size_t)got;
	}
	rng->left = sizeof rng->pool;
}

/* At most what the pool holds; what was handed out is wiped. */
static size_t
take_pool(struct rng *rng, unsigned char *out, size_t len)
{
	unsigned char *from;

	if (rng->left == 0)
		fill_pool(rng);
	if (len > rng->left)
		len = rng->left;
	from = rng->pool + sizeof rng->pool - rng->left;
	memcpy(out, from, len);
	memset(from, 0, len);
	rng->left -= len;
	return len;
}

void
rng_init(struct rng *rng, uint64_t seed)
{
	size_t i;

	memset(rng, 0, sizeof *rng);
	rng->seeded = seed != 0;
	for (i = 0; rng->seeded && i < 4; i++)
		rng->state[i] = splitmix64(&seed);
}

uint64_t
rng_u64(struct rng *rng)
{
	uint64_t number;

	if (rng->seeded)
		return xoshiro256(rng->state);
	rng_bytes(rng, &number, sizeof number);
	return number;
}

uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
	/* Numbers under 2^64 mod bound would favour the small results. */
	uint64_t unfair = -bound % bound, number;

	do
		number = rng_u64(rng);
	while (number < unfair);
	return number % bound;
}

double
rng_unit(struct rng *rng)
{
	return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

void
rng_bytes(struct rng *rng, void *out, size_t len)
{
	unsigned char *to = out;
	uint64_t number;
	size_t step;

	for (; len > 0; to += step, len -= step) {
		if (!rng->seeded) {
			step = take_pool(rng, to, len);
			continue;
		}
		number = xoshiro256(rng->state);
		step = len < sizeof number ? len : sizeof number;
		memcpy(to, &number, step);
	}
}
