/* SPDX-License-Identifier: MIT
 * plugin.h: loading plugins, checking them, and running their lifecycle. See ordo/plugin.h for the interface
 * itself.
 */
#pragma once

#include <ordo/exporter.h>
#include <ordo/plugin.h>
#include <ordo/sink.h>
#include <ordo/source.h>
#include <ordo/store.h>

#include "core/config.h"

/* A loaded shared object. */
struct ordo_plugin_library;

/* One opened plugin. */
struct ordo_plugin_instance {
    const struct ordo_plugin *plugin;
    void *self;
    struct ordo_plugin_library *library;
    struct ordo_options *options;
    struct ordo_host host; /* its own: host.engine leads back here */
    char tag[96];          /* "sink_file", for the log */
    int (*submit)(void *context, ordo_str order, ordo_outcome_fn decided, void *user,
                  struct ordo_error *err); /* set by ordo_plugin_connect */
    void *submit_context;
    const char *data_dir;
    void (*failed)(void *context, const char *message); /* set by ordo_plugin_on_failure */
    void *failed_context;
};

/* Where plugins are looked for: the folder "plugins" beside the program, else the installed folder. Cached;
 * "" when neither is there. */
const char *ordo_plugin_folder(void);
void ordo_plugin_use_folder(const char *folder); /* another one from now on; copied; before threads start */
/* Calls with the name of each NAME.so in a folder (NULL: ordo_plugin_folder()), sorted; none is loaded. */
void ordo_plugin_list(const char *folder, void (*visit)(void *context, const char *name), void *context);
const char *ordo_plugin_kind_name(int kind); /* "store", "source", "sink", "exporter", "unknown" */

/* Loads NAME.so from the folder (folder NULL: ordo_plugin_folder()) and checks entry, size, kind (0: any),
 * ABI and name. 0, or one sentence that names the file, both versions and the cure. */
int ordo_plugin_load(const char *folder, const char *name, int kind, struct ordo_plugin_library **ret_library,
                     struct ordo_error *err);
void ordo_plugin_unload(struct ordo_plugin_library *library); /* dlclose, but not under sanitizers */
const struct ordo_plugin *ordo_plugin_of(const struct ordo_plugin_library *library);
const char *ordo_plugin_path(const struct ordo_plugin_library *library);

/* Load, parse options (every error as a line in *errors), open. NULL when anything was wrong. */
struct ordo_plugin_instance *ordo_plugin_open(const struct ordo_config_plugin *section, int kind,
                                              struct ordo_buffer *errors);
/* The same with `check` in the place of open, which changes nothing; `self` is NULL. */
struct ordo_plugin_instance *ordo_plugin_check(const struct ordo_config_plugin *section, int kind,
                                               struct ordo_buffer *errors);
/* The same without open, for operations that need no open instance; `self` is NULL. */
struct ordo_plugin_instance *ordo_plugin_prepare(const struct ordo_config_plugin *section, int kind,
                                                 struct ordo_buffer *errors);
void ordo_plugin_close(struct ordo_plugin_instance *instance); /* NULL is allowed */

/* Whom to tell that a store can make nothing durable any more: on any thread, perhaps several times. Before it is
 * used. */
void ordo_plugin_on_failure(struct ordo_plugin_instance *instance,
                            void (*failed)(void *context, const char *message), void *context);

/* Gives sources their way in; before their start. */
void ordo_plugin_connect(struct ordo_plugin_instance *instance,
                         int (*submit)(void *context, ordo_str order, ordo_outcome_fn decided, void *user,
                                       struct ordo_error *err),
                         void *context);
