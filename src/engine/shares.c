/* SPDX-License-Identifier: MIT */
/* Deals a limit out among partitions, so that what is used never passes it. */
#include "engine/shares.h"

#include <stdlib.h>

#include "base/mem.h"

/* One quantity of the shares: their units, or their rate. */
struct deal {
	size_t n;
	uint32_t limit;
	uint32_t *granted, *held, *wanted, *must, *target; /* n each */
	const bool *settled;                               /* has seen its last grant */
};

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t
most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What the next task of each needs, as far as it goes; returns what is left. */
static uint32_t
target_needs(struct deal *deal, uint64_t turn)
{
	uint32_t left = deal->limit;

	for (size_t k = 0; k < deal->n; k++) {
		size_t i = (size_t)((turn + k) % deal->n);

		if (deal->must[i] > left)
			continue;
		deal->target[i] = deal->must[i];
		left -= deal->must[i];
	}
	return left;
}

static bool
may_have_more(const struct deal *deal, size_t i, bool any)
{
	if (deal->target[i] < deal->must[i])
		return false; /* less than its next task needs is of no use */
	return any || deal->target[i] < deal->wanted[i];
}

/* Evenly up to what each wants; any: also beyond that.  Returns what is left. */
static uint32_t
target_evenly(struct deal *deal, uint32_t left, bool any)
{
	for (;;) {
		uint32_t more = 0, each;

		for (size_t i = 0; i < deal->n; i++)
			more += may_have_more(deal, i, any);
		if (more == 0 || left == 0)
			return left;
		each = most(left / more, 1);
		for (size_t i = 0; i < deal->n && left > 0; i++) {
			uint32_t give = least(each, left);

			if (!may_have_more(deal, i, any))
				continue;
			if (!any)
				give = least(give, deal->wanted[i] - deal->target[i]);
			deal->target[i] += give;
			left -= give;
		}
	}
}

/* Somebody could use more than it was granted, or more than there is was granted. */
static bool
is_lacking(const struct deal *deal)
{
	uint64_t granted = 0;

	for (size_t i = 0; i < deal->n; i++) {
		granted += deal->granted[i];
		if (least(deal->target[i], deal->wanted[i]) > deal->granted[i])
			return true;
	}
	return granted > deal->limit;
}

static bool
lower(struct deal *deal, bool *changed)
{
	bool any = false;

	for (size_t i = 0; i < deal->n; i++) {
		if (!deal->settled[i] || deal->granted[i] <= deal->target[i])
			continue;
		deal->granted[i] = deal->target[i];
		any = changed[i] = true;
	}
	return any;
}

static bool
raise_free(struct deal *deal, bool *changed)
{
	uint64_t counted = 0;
	bool any = false;

	for (size_t i = 0; i < deal->n; i++)
		counted += most(deal->granted[i], deal->held[i]);
	for (size_t i = 0; i < deal->n && counted < deal->limit; i++) {
		uint32_t had = most(deal->granted[i], deal->held[i]), more;

		if (!deal->settled[i] || deal->target[i] <= had)
			continue;
		more = least(deal->target[i] - had, (uint32_t)(deal->limit - counted));
		deal->granted[i] = had + more;
		counted += more;
		any = changed[i] = true;
	}
	return any;
}

static bool
deal_out(struct deal *deal, uint64_t turn, bool *changed)
{
	uint32_t left = target_needs(deal, turn);
	bool any = false;

	left = target_evenly(deal, left, false);
	(void)target_evenly(deal, left, true);
	if (is_lacking(deal))
		any = lower(deal, changed);
	return raise_free(deal, changed) || any;
}

/* A home that lost its grants goes on from what the partitions hold. */
static void
catch_up(struct share *share)
{
	if (share->held.version > share->granted.version)
		share->granted = share->held;
}

static void
deal_init(struct deal *deal, uint32_t *numbers, size_t n, uint32_t limit, const bool *settled)
{
	*deal = (struct deal){ .n = n, .limit = limit, .settled = settled };
	deal->granted = numbers;
	deal->held = numbers + n;
	deal->wanted = numbers + 2 * n;
	deal->must = numbers + 3 * n;
	deal->target = numbers + 4 * n;
}

bool
shares_deal(struct share *shares, size_t n, uint32_t limit, uint64_t turn)
{
	uint32_t *numbers = xcalloc(10 * n, sizeof *numbers);
	bool *settled = xcalloc(2 * n, sizeof *settled), *changed = settled + n;
	struct deal units, rate;
	bool any;

	deal_init(&units, numbers, n, limit, settled);
	deal_init(&rate, numbers + 5 * n, n, SHARE_WHOLE, settled);
	for (size_t i = 0; i < n; i++) {
		struct share *share = &shares[i];

		catch_up(share);
		settled[i] = share->held.version == share->granted.version;
		units.granted[i] = share->granted.units;
		units.held[i] = share->held.units;
		units.wanted[i] = share->wanted;
		units.must[i] = least(share->must, limit);
		rate.granted[i] = share->granted.rate;
		rate.held[i] = share->held.rate;
		rate.wanted[i] = share->wanted > 0 ? SHARE_WHOLE : 0;
		rate.must[i] = share->wanted > 0;
	}
	any = deal_out(&units, turn, changed);
	any = deal_out(&rate, turn, changed) || any;
	for (size_t i = 0; i < n; i++)
		if (changed[i])
			shares[i].granted = (struct share_part){ units.granted[i], rate.granted[i],
				shares[i].granted.version + 1 };
	free(numbers);
	free(settled);
	return any;
}

bool
share_hold(struct share_part *held, const struct share_part *granted, uint32_t in_use)
{
	uint32_t units = most(granted->units, in_use);
	struct share_part before = *held;

	if (granted->version < held->version)
		return false; /* read late */
	if (granted->version == held->version)
		held->units = least(held->units, units);
	else
		*held = (struct share_part){ units, granted->rate, granted->version };
	return held->version != before.version || held->units != before.units;
}

struct share_part
share_cap(const struct share_part *held, const struct share_part *granted)
{
	if (granted->version < held->version)
		return *held;
	return (struct share_part){ least(held->units, granted->units),
		least(held->rate, granted->rate), held->version };
}
