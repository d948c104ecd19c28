/* SPDX-License-Identifier: MIT
 * plugin_check.c: is this descriptor one that the engine can use?
 *
 * The order matters: a table may be read only as far as the checks before have shown that it goes. Until the
 * major version is known to be equal, that is its size and versions and nothing else.
 */
#include "plugin/plugin_impl.h"

#include <stdio.h>

/* What plugins were built with, on machines of 64 bits: a version of the interface does not change. A new one adds at the end,
 * and its own line here. */
#define IS_64_BITS (sizeof(void *) == 8)
_Static_assert(!IS_64_BITS || (ORDO_PLUGIN_1_0 == 72 && sizeof(struct ordo_plugin) == 80),
               "the descriptor of 1.0, 1.1");
_Static_assert(!IS_64_BITS || (ORDO_STORE_OPS_1_0 == 96 && sizeof(struct ordo_store_ops) == 112),
               "a store's of 1.0, 1.1");
_Static_assert(!IS_64_BITS || offsetof(struct ordo_store_stat, is_full) == 56, "what a store of 1.0 says");
_Static_assert(!IS_64_BITS || sizeof(struct ordo_source_ops) == 32, "a source's of 1.0");
_Static_assert(!IS_64_BITS || sizeof(struct ordo_sink_ops) == 40, "a sink's of 1.0");

#define OPERATION(table, name)                                                                               \
    {                                                                                                        \
        offsetof(struct table, name), #name                                                                  \
    }

struct operation {
    size_t offset;
    const char *name;
};

struct kind {
    const char *name, *section;
    const char *table;                /* its type, for messages */
    uint32_t size;                    /* of the table when the kind came */
    const struct operation *required; /* name NULL ends */
};

static const struct operation store_required[] = {
    OPERATION(ordo_store_ops, submit),    OPERATION(ordo_store_ops, get),   OPERATION(ordo_store_ops, list),
    OPERATION(ordo_store_ops, pending),   OPERATION(ordo_store_ops, stat),  OPERATION(ordo_store_ops, sinks),
    OPERATION(ordo_store_ops, emissions), OPERATION(ordo_store_ops, taken), {0, NULL},
};
static const struct operation source_required[] = {OPERATION(ordo_source_ops, start),
                                                   OPERATION(ordo_source_ops, stop),
                                                   OPERATION(ordo_source_ops, stat),
                                                   {0, NULL}};
static const struct operation sink_required[] = {
    OPERATION(ordo_sink_ops, emit),
    OPERATION(ordo_sink_ops, flush),
    OPERATION(ordo_sink_ops, reopen),
    OPERATION(ordo_sink_ops, stat),
    {0, NULL},
};

static const struct operation exporter_required[] = {OPERATION(ordo_exporter_ops, profile),
                                                     OPERATION(ordo_exporter_ops, stop),
                                                     OPERATION(ordo_exporter_ops, stat),
                                                     {0, NULL}};

static const struct kind kinds[] = {
    [ORDO_PLUGIN_STORE] = {"store", "store", "struct ordo_store_ops", ORDO_STORE_OPS_1_0, store_required},
    [ORDO_PLUGIN_SOURCE] = {"source", "sources", "struct ordo_source_ops", sizeof(struct ordo_source_ops),
                            source_required},
    [ORDO_PLUGIN_SINK] = {"sink", "sinks", "struct ordo_sink_ops", sizeof(struct ordo_sink_ops),
                          sink_required},
    [ORDO_PLUGIN_EXPORTER] = {"exporter", "exporters", "struct ordo_exporter_ops",
                              sizeof(struct ordo_exporter_ops), exporter_required},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *ordo_plugin_kind_name(int kind)
{
    return kind > 0 && kind < KINDS ? kinds[kind].name : "unknown";
}

static const char *article(int kind)
{
    return kind == ORDO_PLUGIN_EXPORTER ? "an" : "a";
}

static int check_versions(const struct ordo_plugin *plugin, const char *path, struct ordo_error *err)
{
    if (plugin->size < offsetof(struct ordo_plugin, kind))
        return ordo_fail(
            err, ORDO_EABI, path,
            "its descriptor has %u bytes, too few for its versions, where interface %u.%u of this engine has "
            "%zu; set size to sizeof(struct ordo_plugin)",
            plugin->size, ORDO_ABI_MAJOR, ORDO_ABI_MINOR, sizeof *plugin);
    if (plugin->abi_major != ORDO_ABI_MAJOR)
        return ordo_fail(
            err, ORDO_EABI, path,
            "is built for plugin interface %u.%u, but this engine has %u.%u; build it again with this "
            "engine's headers",
            plugin->abi_major, plugin->abi_minor, ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
    if (plugin->abi_minor > ORDO_ABI_MINOR)
        return ordo_fail(err, ORDO_EABI, path,
                         "is built for plugin interface %u.%u, but this engine has %u.%u only; build it with "
                         "this engine's "
                         "headers, or use it with a newer engine",
                         plugin->abi_major, plugin->abi_minor, ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
    if (plugin->size < ORDO_PLUGIN_1_0)
        return ordo_fail(
            err, ORDO_EABI, path,
            "its descriptor has %u bytes, where interface %u.%u of this engine has %zu; set size to "
            "sizeof(struct ordo_plugin) and build it with this engine's headers",
            plugin->size, ORDO_ABI_MAJOR, ORDO_ABI_MINOR, sizeof *plugin);
    return 0;
}

static int check_descriptor(const struct ordo_plugin *plugin, const char *path, const char *name, int kind,
                            struct ordo_error *err)
{
    const char *missing = plugin->name == NULL      ? "name"
                          : plugin->version == NULL ? "version"
                          : plugin->summary == NULL ? "summary"
                          : plugin->open == NULL    ? "open"
                          : plugin->close == NULL   ? "close"
                                                    : NULL;

    if (missing != NULL)
        return ordo_fail(err, ORDO_ECONFIG, path, "its descriptor leaves out '%s', which every plugin needs",
                         missing);
    if (strcmp(plugin->name, name) != 0)
        return ordo_fail(
            err, ORDO_ECONFIG, path,
            "its descriptor calls it '%.100s', but the file is named %s.so; give both the same name",
            plugin->name, name);
    if ((int)plugin->kind <= 0 || (int)plugin->kind >= KINDS)
        return ordo_fail(err, ORDO_EABI, path,
                         "has kind %d, which interface %u.%u of this engine does not know; use one of enum "
                         "ordo_plugin_kind",
                         (int)plugin->kind, ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
    if (kind != 0 && (int)plugin->kind != kind)
        return ordo_fail(err, ORDO_ECONFIG, path, "is %s %s, and %s %s is needed here; name it under '%s'",
                         article(plugin->kind), kinds[plugin->kind].name, article(kind), kinds[kind].name,
                         kinds[plugin->kind].section);
    return 0;
}

static int check_operations(const struct ordo_plugin *plugin, const char *path, struct ordo_error *err)
{
    const struct kind *kind = &kinds[plugin->kind];
    uint32_t size;

    if (plugin->ops == NULL)
        return ordo_fail(err, ORDO_ECONFIG, path, "its descriptor leaves out 'ops'; %s %s has a %s there",
                         article(plugin->kind), kind->name, kind->table);
    memcpy(&size, plugin->ops, sizeof size);
    if (size < kind->size)
        return ordo_fail(
            err, ORDO_EABI, path,
            "its operations have %u bytes, where interface %u.%u of this engine has %u; set size to "
            "sizeof(%s) and build it with this engine's headers",
            size, ORDO_ABI_MAJOR, ORDO_ABI_MINOR, kind->size, kind->table);
    for (const struct operation *operation = kind->required; operation->name != NULL; operation++) {
        void (*function)(void);

        memcpy(&function, (const char *)plugin->ops + operation->offset, sizeof function);
        if (function == NULL)
            return ordo_fail(err, ORDO_ECONFIG, path,
                             "leaves out the operation '%s', which every %s needs; one that does "
                             "nothing will do",
                             operation->name, kind->name);
    }
    return 0;
}

static bool is_option_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len &&
           name[0] != '.' && name[len - 1] != '.' && strcmp(name, "plugin") != 0;
}

/* The engine relies on the table when it parses, prints and documents options; a slip in it is found here and
 * not by the user who happens to use that option. */
static int check_options(const struct ordo_plugin *plugin, const char *path, struct ordo_error *err)
{
    for (const struct ordo_option *option = plugin->options; option != NULL && option->name != NULL;
         option++) {
        const char *problem = NULL;
        struct ordo_error why = {0};
        int64_t number;

        if (!is_option_name(option->name))
            problem = "has a name that is not made of a-z, 0-9 and _, or is 'plugin' itself";
        else if ((int)option->type < 0 || option->type > ORDO_OPTION_ENUM)
            problem = "has a type that this engine does not know";
        else if (option->type == ORDO_OPTION_ENUM && (option->unit == NULL || *option->unit == '\0'))
            problem = "has no words; name them in 'unit', separated by |";
        else if (option->help == NULL || *option->help == '\0')
            problem = "has no help; say in one sentence what it does";
        else if (option->min > option->max)
            problem = "has a min above its max";
        for (const struct ordo_option *other = plugin->options; problem == NULL && other != option; other++)
            if (strcmp(other->name, option->name) == 0)
                problem = "is there twice";
        if (problem != NULL)
            return ordo_fail(err, ORDO_ECONFIG, path, "bug in its option table: '%.60s' %s", option->name,
                             problem);
        if (option->preset != NULL &&
            ordo_option_parse(option, ordo_str_from(option->preset), &number, &why) < 0)
            return ordo_fail(err, ORDO_ECONFIG, path, "bug in its option table: the preset of '%s' %s",
                             option->name, why.message);
    }
    return 0;
}

int ordo__plugin_check(const struct ordo_plugin *plugin, const char *path, const char *name, int kind,
                       struct ordo_error *err)
{
    int code = check_versions(plugin, path, err);

    if (code == 0)
        code = check_descriptor(plugin, path, name, kind, err);
    if (code == 0)
        code = check_operations(plugin, path, err);
    if (code == 0)
        code = check_options(plugin, path, err);
    return code;
}
