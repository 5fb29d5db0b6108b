/* SPDX-License-Identifier: MIT */
/* `pool`: what a task takes of a shared limit while it runs. */
#include "model/load_internal.h"

/*
 * A name, or {name, units}; null: none, also where `defaults` has one.  Whether there is
 * such a pool is not the file's matter: the configuration of the daemon says.
 */
void
load_pool(struct loader *ld, const struct yaml_node *node, const char **ret_pool,
    uint32_t *ret_units)
{
	const struct yaml_node *values[POOL_COUNT] = { node, NULL };
	const char *name;
	int64_t units = 1;

	if (node->kind == YAML_SCALAR && scalar_is_null(node)) {
		*ret_pool = NULL;
		*ret_units = 0;
		return;
	}
	if (node->kind == YAML_MAP)
		keys_take(keys_pool, node, "'pool'", ld->faults, values, POOL_COUNT);
	if (values[POOL_NAME] == NULL) {
		fault_node(ld, node, "a pool without 'name'");
		return;
	}
	if (!value_name(ld->faults, values[POOL_NAME], "pool", &name))
		return;
	if (values[POOL_UNITS] != NULL &&
	    !value_int(ld->faults, values[POOL_UNITS], "units", 1, POOL_UNITS_MAX, &units))
		return;
	*ret_pool = load_shared_text(ld, name);
	*ret_units = (uint32_t)units;
}
