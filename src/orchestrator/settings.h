/* SPDX-License-Identifier: MIT */
/*
 * What reeved is told: one table of keys, read from the file, then REEVE_* of the
 * environment, then the flags.
 *
 * The file is that of -c, else REEVE_CONFIG, else reeve.yaml in the working directory if
 * it is there.
 */
#ifndef REEVE_ORCHESTRATOR_SETTINGS_H
#define REEVE_ORCHESTRATOR_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "engine/engine.h"
#include "engine/shed.h"
#include "model/limits.h"
#include "orchestrator/keep.h"
#include "orchestrator/steward.h"

struct settings {
	struct config *config; /* values by key: config_get_…() */
	char *file;            /* the configuration file that was read, or NULL */
	bool check, foreground, help, version;
	int argc;              /* for a reload */
	char **argv;
};

extern const struct config_option settings_table[];

/* Told once per fault: one line, "FILE:LINE:COL: error: …" where there is a file. */
typedef void settings_fault_fn(void *arg, const char *line);

/*
 * 0; ERR_DENIED: the flags are wrong (usage, exit 2); ERR_INVALID: a value or the file is
 * (exit 78).  --check reports everything.  The struct is filled in every case and is to be
 * released.  argv must outlive it.
 */
int settings_read(struct settings *settings, int argc, char **argv, settings_fault_fn *fn,
    void *arg);
void settings_release(struct settings *settings);

/*
 * Reads everything anew; on any fault (each told to fn) nothing changes and ERR_INVALID is
 * returned.  Takes over what is reloadable, logs each difference, applies the log level.
 */
int settings_reload(struct settings *settings, settings_fault_fn *fn, void *arg);

void settings_limits(const struct config *config, struct model_limits *ret_limits);
void settings_engine(const struct config *config, struct engine_config *ret_engine);
/* ret_memory: 0 where it cannot be told how much there is */
void settings_door(const struct config *config, struct shed_config *ret_shed,
    uint64_t *ret_memory);
void settings_steward(const struct config *config, struct steward_config *ret_steward);
struct pool_setting;
/* The named pools; the caller frees. */
size_t settings_pools(const struct config *config, struct pool_setting **ret_pools);
void settings_budget(const struct config *config, struct budget_def *ret_budget);
void settings_keep(const struct config *config, struct keep_limits *ret_keep);

#define SETTINGS_ADDR_SIZE 64
/* http.listen; *addr is "" when it is off.  False: not ADDR:PORT. */
bool settings_http(const struct config *config, char addr[SETTINGS_ADDR_SIZE],
    uint16_t *ret_port);

void settings_usage(struct buf *out);  /* --help */
void settings_sample(struct buf *out); /* contrib/reeve.yaml */
void settings_mdoc(struct buf *out);   /* the list of keys in reeve.yaml(5) */

/* Sets each key of a YAML file in config with rank CONFIG_FILE; returns the faults. */
int settings_read_file(struct config *config, const char *path, settings_fault_fn *fn,
    void *arg);

#endif
