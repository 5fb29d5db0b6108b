/* SPDX-License-Identifier: MIT */
/* Adds up and writes what work costs. */
#include "base/spend.h"

#include <stdio.h>
#include <string.h>

#define MICRO 1e6

static uint64_t
sum_of(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void
spend_add(struct spend *sum, const struct spend *more)
{
	sum->tokens = sum_of(sum->tokens, more->tokens);
	sum->micro_usd = sum_of(sum->micro_usd, more->micro_usd);
}

static bool
reached(uint64_t limit, uint64_t spent, uint64_t since)
{
	return limit > 0 && spent >= since && spent - since >= limit;
}

bool
spend_reached(const struct spend *limit, const struct spend *spent, const struct spend *since)
{
	return reached(limit->tokens, spent->tokens, since->tokens) ||
	    reached(limit->micro_usd, spent->micro_usd, since->micro_usd);
}

uint64_t
spend_micro(double usd)
{
	return usd >= (double)UINT64_MAX / MICRO ? UINT64_MAX : (uint64_t)(usd * MICRO + 0.5);
}

/* 2000000: "2M"; 1500: "1500": nothing is rounded. */
static void
format_tokens(uint64_t tokens, char *text, size_t size)
{
	static const char letters[] = "KMG";
	int power = 0;

	for (; power < 3 && tokens > 0 && tokens % 1000 == 0; power++)
		tokens /= 1000;
	snprintf(text, size, "%llu%.1s tokens", (unsigned long long)tokens,
	    power > 0 ? letters + power - 1 : "");
}

const char *
spend_format(const struct spend *spend, const struct spend *mask, char text[SPEND_SIZE])
{
	char usd[SPEND_SIZE / 3] = "", tokens[SPEND_SIZE / 3] = "";

	if (mask->micro_usd > 0)
		snprintf(usd, sizeof usd, "%.10g USD", (double)spend->micro_usd / MICRO);
	if (mask->tokens > 0)
		format_tokens(spend->tokens, tokens, sizeof tokens);
	snprintf(text, SPEND_SIZE, "%s%s%s", usd, *usd && *tokens ? " and " : "", tokens);
	return text;
}
