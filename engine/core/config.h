/* SPDX-License-Identifier: MIT
 * config.h: the configuration: ordo.yaml, over it ORDO_KEY from the environment, over it --set KEY=VALUE.
 *
 * The engine's own options are one table (engine_options.c); plugin sections (store, sources, sinks, exporters) are kept
 * as nodes, and the loader reads them by each plugin's table. Choosing another store.plugin by environment or
 * --set drops the options of the one before.
 */
#pragma once

#include "core/limits.h"
#include "core/options.h"

extern const struct ordo_option
    ordo_engine_options[]; /* dotted names: "http.listen", "queue.max_wait_low", ... */

struct ordo_config;

struct ordo_config_input {
    const char *file;        /* -c FILE; NULL: ./ordo.yaml, else /etc/ordo/ordo.yaml, else the defaults */
    const char *const *sets; /* KEY=VALUE, NULL ends; may be NULL */
    /* NAME=VALUE, NULL ends; usually environ; only ORDO_ names count, an unknown one is an error */
    const char *const *environment;
};

/* Reads and checks all but the plugins' own options. NULL and every error as a line in *errors. */
struct ordo_config *ordo_config_load(const struct ordo_config_input *input, struct ordo_buffer *errors);
void ordo_config_free(struct ordo_config *config);

const char *ordo_config_file(const struct ordo_config *config);                   /* "" when none was read */
const struct ordo_options *ordo_config_options(const struct ordo_config *config); /* the engine's */

/* The tree after all layers. */
const struct ordo_config_node *ordo_config_root(const struct ordo_config *config);

/* A plugin section: its name and the mapping with its options (NULL: none given). */
struct ordo_config_plugin {
    const char *name; /* of the plugin */
    const char *
        label; /* what log, store and metrics call it: a sink's or an exporter's own `name`, else the plugin's; in the config's tree */
    const struct ordo_config_node *node;
    const char *section;  /* "store", "sources[1]" */
    const char *data_dir; /* the option of this name, for its host */
};
const struct ordo_config_plugin *ordo_config_store(const struct ordo_config *config);
size_t ordo_config_sources(const struct ordo_config *config, const struct ordo_config_plugin **ret_sources);
size_t ordo_config_sinks(const struct ordo_config *config, const struct ordo_config_plugin **ret_sinks);
size_t ordo_config_exporters(const struct ordo_config *config,
                             const struct ordo_config_plugin **ret_exporters);

struct ordo_limits ordo_config_limits(const struct ordo_config *config);

/* Appends the configuration in effect as YAML that can be loaded again; behind each value, where it came from
 * ("default", "ordo.yaml:4", "ORDO_QUEUE_HIGH", "--set"). Of plugins, the options that were given. */
void ordo_config_print(const struct ordo_config *config, struct ordo_buffer *out);
