/* SPDX-License-Identifier: MIT */
/* Run ids and tokens: making, checking and taking apart. */
#include "base/id.h"

#include <string.h>

#include "base/str.h"

#define TIME_LEN 9
#define CHANCE_LEN 10
#define STEM_LEN (TIME_LEN + CHANCE_LEN)
#define PARTITION_DIGITS 5
#define PARTITION_LIMIT 100000u

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char hexadecimal[] = "0123456789abcdef";

/* The low 5 * width bits of number, highest digit first. */
static void
put_base32(char *out, size_t width, uint64_t number)
{
	while (width-- > 0) {
		out[width] = base32[number & 31];
		number >>= 5;
	}
}

/* Index of c in a NUL-terminated alphabet, or -1. */
static int
digit_value(const char *alphabet, char c)
{
	const char *found = c ? strchr(alphabet, c) : NULL;

	return found ? (int)(found - alphabet) : -1;
}

struct run_id
run_id_make(int64_t wall_ms, unsigned partition, struct rng *rng)
{
	struct run_id id = { { 0 } };

	put_base32(id.text, TIME_LEN, wall_ms < 0 ? 0 : (uint64_t)wall_ms);
	put_base32(id.text + TIME_LEN, CHANCE_LEN, rng_u64(rng) >> 14);
	id.text[STEM_LEN] = '-';
	*str_put_u64(id.text + STEM_LEN + 1, partition % PARTITION_LIMIT) = '\0';
	return id;
}

/* The chance that a whole run of draws misses is less than one in 10^30. */
struct run_id
run_id_make_in(int64_t wall_ms, unsigned partition, unsigned partitions, struct rng *rng)
{
	struct run_id id = run_id_make(wall_ms, partition, rng);

	for (unsigned draws = 70 * partitions; draws > 0; draws--) {
		if (partition_of(id.text + TIME_LEN, CHANCE_LEN, partitions) == partition % partitions)
			break;
		id = run_id_make(wall_ms, partition, rng);
	}
	return id;
}

/* Of the alphabet of ids: no i, l, o, u. */
static bool
is_base32(char c)
{
	return (c >= '0' && c <= '9') ||
	    (c >= 'a' && c <= 'z' && c != 'i' && c != 'l' && c != 'o' && c != 'u');
}

bool
run_id_valid(const char *text, size_t len)
{
	size_t i;

	if (len < STEM_LEN + 2 || len > STEM_LEN + 1 + PARTITION_DIGITS || text[STEM_LEN] != '-')
		return false;
	for (i = 0; i < STEM_LEN; i++)
		if (!is_base32(text[i]))
			return false;
	for (i = STEM_LEN + 1; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return text[STEM_LEN + 1] != '0' || len == STEM_LEN + 2;
}

int64_t
run_id_time(const char *text)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < TIME_LEN; i++)
		number = number << 5 | (uint64_t)(digit_value(base32, text[i]) & 31);
	return (int64_t)number;
}

unsigned
run_id_partition(const char *text)
{
	unsigned number = 0;

	for (text += STEM_LEN + 1; *text >= '0' && *text <= '9'; text++)
		number = (number * 10 + (unsigned)(*text - '0')) % PARTITION_LIMIT;
	return number;
}

unsigned
partition_of(const char *text, size_t len, unsigned partitions)
{
	uint64_t hash = 14695981039346656037u;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	hash ^= hash >> 32;
	return partitions > 1 ? (unsigned)(hash % partitions) : 0;
}

char *
token_format(uint64_t token, char out[TOKEN_SIZE])
{
	size_t i;

	for (i = TOKEN_SIZE - 1; i-- > 0; token >>= 4)
		out[i] = hexadecimal[token & 15];
	out[TOKEN_SIZE - 1] = '\0';
	return out;
}

bool
token_parse(const char *text, size_t len, uint64_t *ret_token)
{
	uint64_t token = 0;
	size_t i;
	char c;

	if (len != TOKEN_SIZE - 1)
		return false;
	for (i = 0; i < len; i++) {
		c = text[i];
		if (c >= '0' && c <= '9')
			token = token << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			token = token << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret_token = token;
	return true;
}
