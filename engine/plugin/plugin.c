/* SPDX-License-Identifier: MIT
 * plugin.c: the life of one plugin instance: load, parse options, open, close.
 *
 * What goes wrong is told with the place in the configuration that asked for the plugin, since that is where
 * the reader can do something about it.
 */
#include "plugin/plugin_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* One line: "ordo.yaml:9:12: sinks[0]: message". */
static void complain(const struct ordo_config_plugin *section, struct ordo_buffer *errors,
                     const char *message)
{
    const struct ordo_config_node *place = ordo_config_child(section->node, "plugin");

    ordo_config_complain(errors, place != NULL ? place : section->node, false, section->section, "%s",
                         message);
}

static void complain_error(const struct ordo_config_plugin *section, struct ordo_buffer *errors,
                           const struct ordo_error *err)
{
    char text[sizeof err->place + sizeof err->message + 32];

    complain(section, errors, ordo_error_format(err, text, sizeof text));
}

/* What open or check said. */
static void complain_refusal(const struct ordo_config_plugin *section, struct ordo_buffer *errors,
                             const char *name, int code, struct ordo_error *err)
{
    char message[sizeof err->message + 160];

    if (err->message[0] == '\0')
        ordo_fail(err, code, NULL, "open failed (%s) and does not say why", ordo_error_name(code));
    snprintf(message, sizeof message, "%s: ", name);
    ordo_error_format(err, message + strlen(message), sizeof message - strlen(message));
    complain(section, errors, message);
}

/* Calls open. False, and a line in *errors, when it failed or left an option unread. */
static bool open_instance(struct ordo_plugin_instance *instance, const struct ordo_config_plugin *section,
                          struct ordo_buffer *errors)
{
    const struct ordo_plugin *plugin = instance->plugin;
    struct ordo_error err = {0};
    int code = plugin->open(&instance->host, instance->options, &instance->self, &err);
    const char *unread;
    char message[sizeof err.message + 160];

    if (code != 0) {
        complain_refusal(section, errors, plugin->name, code, &err);
        return false;
    }
    unread = ordo_options_unread(instance->options);
    if (unread == NULL)
        return true;
    plugin->close(instance->self);
    snprintf(message, sizeof message, "bug in plugin %s: option '%s' is declared but not read", plugin->name,
             unread);
    complain(section, errors, message);
    return false;
}

struct ordo_plugin_instance *ordo_plugin_prepare(const struct ordo_config_plugin *section, int kind,
                                                 struct ordo_buffer *errors)
{
    struct ordo_plugin_instance *instance;
    struct ordo_plugin_library *library;
    struct ordo_options *options;
    struct ordo_error err = {0};
    char prefix[80];

    if (ordo_plugin_load(NULL, section->name, kind, &library, &err) < 0) {
        complain_error(section, errors, &err);
        return NULL;
    }
    snprintf(prefix, sizeof prefix, "%s.", section->section);
    options = ordo_options_parse(
        ordo_plugin_of(library)->options, section->node, prefix,
        kind == ORDO_PLUGIN_SINK || kind == ORDO_PLUGIN_EXPORTER ? "plugin|name" : "plugin", errors);
    if (options == NULL) {
        ordo_plugin_unload(library);
        return NULL;
    }
    instance = calloc(1, sizeof *instance);
    ORDO_REQUIRE(instance != NULL);
    instance->plugin = ordo_plugin_of(library);
    instance->library = library;
    instance->options = options;
    snprintf(instance->tag, sizeof instance->tag, "%s", section->label);
    instance->data_dir = section->data_dir;
    ordo__plugin_host_init(instance);
    return instance;
}

static void fail(struct ordo_plugin_instance *instance)
{
    ordo_options_free(instance->options);
    ordo_plugin_unload(instance->library);
    free(instance);
}

struct ordo_plugin_instance *ordo_plugin_open(const struct ordo_config_plugin *section, int kind,
                                              struct ordo_buffer *errors)
{
    struct ordo_plugin_instance *instance = ordo_plugin_prepare(section, kind, errors);

    if (instance == NULL || open_instance(instance, section, errors))
        return instance;
    fail(instance);
    return NULL;
}

struct ordo_plugin_instance *ordo_plugin_check(const struct ordo_config_plugin *section, int kind,
                                               struct ordo_buffer *errors)
{
    struct ordo_plugin_instance *instance = ordo_plugin_prepare(section, kind, errors);
    const struct ordo_plugin *plugin = instance == NULL ? NULL : instance->plugin;
    struct ordo_error err = {0};
    int code;

    if (instance == NULL || plugin->size <= ORDO_PLUGIN_1_0 || plugin->check == NULL)
        return instance;
    code = plugin->check(&instance->host, instance->options, &err);
    if (code == 0)
        return instance;
    complain_refusal(section, errors, plugin->name, code, &err);
    fail(instance);
    return NULL;
}

void ordo_plugin_close(struct ordo_plugin_instance *instance)
{
    if (instance == NULL)
        return;
    instance->plugin->close(instance->self);
    ordo_options_free(instance->options);
    ordo_plugin_unload(instance->library);
    free(instance);
}

void ordo_plugin_on_failure(struct ordo_plugin_instance *instance,
                            void (*failed)(void *context, const char *message), void *context)
{
    instance->failed = failed;
    instance->failed_context = context;
}

void ordo_plugin_connect(struct ordo_plugin_instance *instance,
                         int (*submit)(void *context, ordo_str order, ordo_outcome_fn decided, void *user,
                                       struct ordo_error *err),
                         void *context)
{
    instance->submit = submit;
    instance->submit_context = context;
}
