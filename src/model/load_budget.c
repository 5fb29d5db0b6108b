/* SPDX-License-Identifier: MIT */
/* `budget`: what a run may cost. */
#include "base/str.h"
#include "model/load_internal.h"

static bool
value_tokens(struct loader *ld, const struct yaml_node *node, uint64_t *ret_tokens)
{
	uint64_t tokens;

	if (node->kind != YAML_SCALAR || !str_to_count(node->text, &tokens) || tokens == 0 ||
	    tokens > SPEND_TOKENS_MAX) {
		fault_node(ld, node, "'tokens' must be a number such as 500000, 500K, 2M or 1.5M");
		return false;
	}
	*ret_tokens = tokens;
	return true;
}

/* {usd, tokens, on_breach}, at least one of the first two; null: none. */
void
load_budget(struct loader *ld, const struct yaml_node *node)
{
	static const char *const words[] = { "pause", "fail", NULL };
	const struct yaml_node *values[BUDGET_COUNT] = { NULL };
	struct budget_def budget = { 0 };
	const struct yaml_node *map;
	double usd = 0;
	int breach = BREACH_PAUSE;

	if (!value_map(ld->faults, node, "budget", &map) || map == NULL)
		return;
	keys_take(keys_budget, map, "'budget'", ld->faults, values, BUDGET_COUNT);
	if (values[BUDGET_USD] == NULL && values[BUDGET_TOKENS] == NULL) {
		fault_node(ld, map, "a budget with neither 'usd' nor 'tokens'");
		return;
	}
	if (values[BUDGET_USD] != NULL &&
	    value_double(ld->faults, values[BUDGET_USD], "usd", 0.000001, SPEND_USD_MAX, &usd))
		budget.limit.micro_usd = spend_micro(usd);
	if (values[BUDGET_TOKENS] != NULL)
		(void)value_tokens(ld, values[BUDGET_TOKENS], &budget.limit.tokens);
	if (values[BUDGET_ON_BREACH] != NULL)
		(void)value_word(ld->faults, values[BUDGET_ON_BREACH], "on_breach", words, &breach);
	budget.on_breach = (enum on_breach)breach;
	ld->wf->budget = budget;
}
