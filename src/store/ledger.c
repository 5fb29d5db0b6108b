/* SPDX-License-Identifier: MIT */
/* Maps attempt tokens to stream entries and knows how far streams may be trimmed. */
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/places.h"

enum slot_state { SLOT_OPEN, SLOT_SETTLED, SLOT_DELETED };

struct slot {
	struct stream_id id;
	uint64_t token;
	enum slot_state state;
};

/* A ring of slots: positions head .. head + len - 1, the first one open if any. */
struct ring {
	char *key, *group;
	bool made;
	bool trimmable;        /* the bound moved since the last trim */
	struct slot *slots;
	size_t cap, len;       /* cap is a power of two */
	uint64_t head;
	size_t open, settled;  /* settled: stranded behind the first open one */
	uint64_t swept;        /* positions before it hold nothing that is stranded */
	struct stream_id last;
};

struct ledger {
	struct ring *rings;
	size_t len, cap;
	struct places places; /* of the open entries */
};

struct ledger *
ledger_new(void)
{
	return xcalloc(1, sizeof(struct ledger));
}

void
ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	places_release(&ledger->places);
	for (size_t i = 0; i < ledger->len; i++) {
		free(ledger->rings[i].key);
		free(ledger->rings[i].group);
		free(ledger->rings[i].slots);
	}
	free(ledger->rings);
	free(ledger);
}

void
ledger_queue(struct ledger *ledger, size_t queue, const char *key, const char *group)
{
	while (ledger->len <= queue) {
		GROW(ledger->rings, ledger->len, ledger->cap);
		memset(&ledger->rings[ledger->len++], 0, sizeof *ledger->rings);
	}
	if (ledger->rings[queue].key)
		return;
	ledger->rings[queue].key = xstrdup(key);
	ledger->rings[queue].group = xstrdup(group);
}

size_t
ledger_queues(const struct ledger *ledger)
{
	return ledger->len;
}

const char *
ledger_key(const struct ledger *ledger, size_t queue)
{
	return queue < ledger->len ? ledger->rings[queue].key : NULL;
}

const char *
ledger_group(const struct ledger *ledger, size_t queue)
{
	return ledger->rings[queue].group;
}

bool
ledger_made(const struct ledger *ledger, size_t queue)
{
	return ledger->rings[queue].made;
}

void
ledger_mark_made(struct ledger *ledger, size_t queue)
{
	ledger->rings[queue].made = true;
}

void
ledger_mark_lost(struct ledger *ledger, size_t queue)
{
	ledger->rings[queue].made = false;
}

static struct slot *
slot_at(const struct ring *ring, uint64_t position)
{
	return &ring->slots[position & (ring->cap - 1)];
}

static void
ring_grow(struct ring *ring)
{
	size_t cap = ring->cap ? ring->cap * 2 : 64;
	struct slot *slots = xcalloc(cap, sizeof *slots);

	for (size_t i = 0; i < ring->len; i++)
		slots[(ring->head + i) & (cap - 1)] = *slot_at(ring, ring->head + i);
	free(ring->slots);
	ring->slots = slots;
	ring->cap = cap;
}

/* The first slot of a ring is open, or the ring is empty. */
static void
ring_advance(struct ring *ring)
{
	while (ring->len > 0 && slot_at(ring, ring->head)->state != SLOT_OPEN) {
		if (slot_at(ring, ring->head)->state == SLOT_SETTLED)
			ring->settled--;
		ring->head++;
		ring->len--;
		ring->trimmable = true;
	}
	if (ring->swept < ring->head)
		ring->swept = ring->head;
}

void
ledger_add(struct ledger *ledger, size_t queue, uint64_t token, struct stream_id id,
    bool settled)
{
	struct ring *ring = &ledger->rings[queue];
	uint64_t position = ring->head + ring->len;

	if (ring->len == ring->cap)
		ring_grow(ring);
	*slot_at(ring, position) = (struct slot){ id, token, settled ? SLOT_SETTLED : SLOT_OPEN };
	ring->len++;
	ring->last = id;
	if (settled) {
		ring->settled++;
		ring_advance(ring);
		return;
	}
	ring->open++;
	places_add(&ledger->places,
	    &(struct place){ .token = token, .queue = (uint32_t)queue, .position = position });
}

void
ledger_doubt(struct ledger *ledger, uint64_t token)
{
	struct place *place = places_find(&ledger->places, token);

	if (place)
		place->doubt = true;
}

bool
ledger_doubted(const struct ledger *ledger, uint64_t token)
{
	const struct place *place = places_find(&ledger->places, token);

	return place && place->doubt;
}

bool
ledger_find(const struct ledger *ledger, uint64_t token, size_t *ret_queue,
    struct stream_id *ret_id)
{
	const struct place *place = places_find(&ledger->places, token);

	if (!place)
		return false;
	*ret_queue = place->queue;
	*ret_id = slot_at(&ledger->rings[place->queue], place->position)->id;
	return true;
}

static const struct slot *
slot_find(const struct ring *ring, struct stream_id id)
{
	uint64_t low = ring->head, high = ring->head + ring->len;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		const struct slot *slot = slot_at(ring, middle);
		int order = stream_id_cmp(slot->id, id);

		if (order == 0)
			return slot;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
ledger_token(const struct ledger *ledger, size_t queue, struct stream_id id,
    uint64_t *ret_token)
{
	const struct slot *slot = slot_find(&ledger->rings[queue], id);

	if (!slot)
		return false;
	*ret_token = slot->token;
	return slot->state == SLOT_OPEN;
}

/* Everything before it is settled. */
static struct stream_id
bound_of(const struct ring *ring)
{
	if (ring->len > 0)
		return slot_at(ring, ring->head)->id;
	return (struct stream_id){ ring->last.ms, ring->last.seq + 1 };
}

bool
ledger_knows(const struct ledger *ledger, size_t queue, struct stream_id id)
{
	const struct ring *ring = &ledger->rings[queue];

	/* what is settled leaves the ring at once, and the stream with the next trim */
	if (ring->trimmable && stream_id_cmp(id, bound_of(ring)) < 0)
		return true;
	return slot_find(ring, id) != NULL;
}

void
ledger_walk(const struct ledger *ledger, size_t queue, ledger_fn *fn, void *arg)
{
	const struct ring *ring = &ledger->rings[queue];

	for (uint64_t at = ring->head; at < ring->head + ring->len; at++) {
		const struct slot *slot = slot_at(ring, at);

		if (slot->state == SLOT_OPEN)
			fn(arg, slot->token, slot->id);
	}
}

bool
ledger_settle(struct ledger *ledger, uint64_t token)
{
	struct place *place = places_find(&ledger->places, token);
	struct ring *ring;

	if (!place)
		return false;
	ring = &ledger->rings[place->queue];
	slot_at(ring, place->position)->state = SLOT_SETTLED;
	ring->open--;
	ring->settled++;
	ring_advance(ring);
	places_remove(&ledger->places, place);
	return true;
}

bool
ledger_trim(struct ledger *ledger, size_t queue, struct stream_id *ret_minid)
{
	struct ring *ring = &ledger->rings[queue];

	if (!ring->trimmable)
		return false;
	ring->trimmable = false;
	*ret_minid = bound_of(ring);
	return true;
}

size_t
ledger_stranded(struct ledger *ledger, size_t queue, struct stream_id *ids, size_t max)
{
	struct ring *ring = &ledger->rings[queue];
	size_t n = 0;

	if (ring->settled <= LEDGER_STRANDED)
		return 0;
	while (n < max && ring->settled > 0 && ring->swept < ring->head + ring->len) {
		struct slot *slot = slot_at(ring, ring->swept);

		if (slot->state == SLOT_SETTLED) {
			slot->state = SLOT_DELETED;
			ring->settled--;
			ids[n++] = slot->id;
		}
		ring->swept++;
	}
	/* what was open when the sweep passed may be settled by now: begin again */
	if (ring->swept >= ring->head + ring->len)
		ring->swept = ring->head;
	return n;
}

struct stream_id
ledger_last(const struct ledger *ledger, size_t queue)
{
	return ledger->rings[queue].last;
}

size_t
ledger_open(const struct ledger *ledger, size_t queue)
{
	return ledger->rings[queue].open;
}
