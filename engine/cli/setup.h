/* SPDX-License-Identifier: MIT
 * setup.h: what serve, check and run share: -c and --set, the configuration, and its values in the shapes
 * that the layers want.
 */
#pragma once

#include "cli/command.h"
#include "core/config.h"
#include "http/server.h"

enum { ORDO_CLI_SETS_MAX = 64, ORDO_CLI_CONFIG_FILE = 100, ORDO_CLI_CONFIG_SET };

/* Rows for a table of options. */
#define ORDO_CLI_CONFIG_ROWS                                                                                 \
    {ORDO_CLI_CONFIG_FILE, "config", 'c', "FILE",                                                            \
     "Configuration; else ./ordo.yaml, else /etc/ordo/ordo.yaml, else the\ndefaults."},                      \
    {                                                                                                        \
        ORDO_CLI_CONFIG_SET, "set", 's', "KEY=VALUE",                                                        \
            "Sets an option, over the file and over ORDO_KEY in the environment;\nmay be given again. "      \
            "VALUE is YAML."                                                                                 \
    }

struct ordo_cli_setup {
    const char *file;
    const char *sets[ORDO_CLI_SETS_MAX + 1];
    size_t set_count;
};

/* Takes one of the two options; other ids: false. */
bool ordo_cli_setup_take(struct ordo_cli_setup *setup, int id, const char *value);

/* The configuration, or NULL with every error on standard error. */
struct ordo_config *ordo_cli_setup_load(const struct ordo_cli_setup *setup);

struct ordo_script_options ordo_cli_script_options(const struct ordo_config *config);
/* All but store, sinks, exporters and rules. */
struct ordo_engine_options ordo_cli_engine_options(const struct ordo_config *config);
struct ordo_profiler_options ordo_cli_profiler_options(const struct ordo_config *config);
struct ordo_http_options ordo_cli_http_options(const struct ordo_config *config);
/* False after appending each error of addresses and tokens to *errors, with its place. */
bool ordo_cli_http_check(const struct ordo_config *config, struct ordo_buffer *errors);
void ordo_cli_setup_log(const struct ordo_config *config);
void ordo_cli_setup_timeline(const struct ordo_config *config); /* before threads start */

/* The plugins of a configuration, opened. */
struct ordo_cli_plugins {
    struct ordo_plugin_instance *store;
    struct ordo_plugin_instance **sinks, **sources, **exporters;
    size_t sink_count, source_count, exporter_count;
};

/* Opens store, sinks, sources and exporters; false after appending every error to *errors, with nothing left open. With
 * check_only nothing is opened, only checked, and what it may leave in *ret_plugins can only be closed. */
bool ordo_cli_plugins_open(const struct ordo_config *config, bool check_only,
                           struct ordo_cli_plugins *ret_plugins, struct ordo_buffer *errors);
void ordo_cli_plugins_close(struct ordo_cli_plugins *plugins);

/* The store of the configuration, not opened, for what works on its data; NULL after saying why not on standard error, also
 * when it keeps nothing on a disk. Close it. */
struct ordo_plugin_instance *ordo_cli_durable_store(const struct ordo_config *config);

/* Makes the folder and its parents. 0, or a negative code and *err. */
int ordo_cli_make_folder(const char *path, struct ordo_error *err);
