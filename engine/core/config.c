/* SPDX-License-Identifier: MIT
 * config.c: puts the layers together, checks what is the engine's, and keeps the sections of the plugins.
 *
 * Checking goes on after an error, so that one run tells all of them.
 */
#include "core/config.h"
#include "core/config_layers.h"
#include "core/config_yaml.h"
#include "core/order.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LABEL_MAX = 64 };

struct kept_text {
    struct kept_text *next;
    char text[];
};

struct ordo_config {
    char *file;
    struct ordo_config_node *root;
    struct kept_text *texts; /* origins of nodes, names of sections */
    struct ordo_options *options;
    struct ordo_config_plugin store, *sources, *sinks, *exporters;
    size_t source_count, sink_count, exporter_count;
};

static const char defaults[] = "store: {plugin: store_rocksdb}\n"
                               "sources: [{plugin: source_generator, rate: 50}]\n"
                               "sinks: [{plugin: sink_file}]\n"
                               "exporters: []\n";

static const char *keep_text(void *context, const char *text)
{
    struct ordo_config *config = context;
    size_t size = strlen(text) + 1;
    struct kept_text *kept = malloc(sizeof *kept + size);

    ORDO_REQUIRE(kept != NULL);
    memcpy(kept->text, text, size);
    kept->next = config->texts;
    config->texts = kept;
    return kept->text;
}

/* 0, or a negative errno value. */
static int read_file(const char *path, struct ordo_buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), code = 0;
    ssize_t got;

    if (fd < 0)
        return -errno;
    do {
        got = read(fd, ordo_buffer_reserve(out, 16384), 16384);
        if (got > 0)
            out->len += (size_t)got;
        else if (got < 0 && errno != EINTR)
            code = -errno;
    } while (code == 0 && got != 0 && out->len <= ORDO_CONFIG_BYTES);
    close(fd);
    return code;
}

/* The tree of the file over the tree of the defaults; what the file names, it replaces. False: not
 * readable. */
static bool add_file(struct ordo_config *config, ordo_str text, struct ordo_buffer *errors)
{
    struct ordo_config_source source = {.origin = config->file, .layer = ORDO_CONFIG_FILE};
    struct ordo_config_node *tree = ordo__config_parse(text, &source, errors), *next;
    const struct ordo_config_node *old;

    if (tree == NULL)
        return false;
    if (tree->kind != ORDO_CONFIG_MAP && !ordo_config_is_blank(tree))
        ordo_config_complain(errors, tree, false, NULL, "must be a mapping of options (queue: {high: 5000})");
    for (struct ordo_config_node *node = tree->kind == ORDO_CONFIG_MAP ? tree->first : NULL; node != NULL;
         node = next) {
        next = node->next;
        old = ordo_config_child(config->root, node->key);
        if (old != NULL)
            ordo__config_replace(config->root, old, node);
        else
            ordo__config_add(config->root, node);
    }
    if (tree->kind == ORDO_CONFIG_MAP)
        tree->first = NULL;
    ordo__config_free(tree);
    return true;
}

static bool load_file(struct ordo_config *config, const char *wanted, struct ordo_buffer *errors)
{
    static const char *const usual[] = {"ordo.yaml", "/etc/ordo/ordo.yaml"};
    const char *file = wanted == NULL ? usual[0] : wanted;
    struct ordo_buffer text = {0};
    int code = read_file(file, &text);
    bool ok;

    if (wanted == NULL && code == -ENOENT) {
        file = usual[1];
        code = read_file(file, &text);
    }
    if (wanted == NULL && code == -ENOENT) {
        file = "";
        code = 0;
    }
    ORDO_REQUIRE((config->file = strdup(file)) != NULL);
    ok = code == 0;
    if (!ok)
        ordo_buffer_printf(errors, "%s: cannot be read: %s\n", file, strerror(-code));
    else if (*file != '\0')
        ok = add_file(config, ordo_buffer_str(&text), errors);
    ordo_buffer_done(&text);
    return ok;
}

/* A section with `plugin: NAME` in it. */
static void take_plugin(struct ordo_config *config, const struct ordo_config_node *node, const char *section,
                        struct ordo_config_plugin *ret_plugin, struct ordo_buffer *errors)
{
    const struct ordo_config_node *name = ordo_config_child(node, "plugin");

    *ret_plugin = (struct ordo_config_plugin){
        .name = "",
        .label = "",
        .node = node,
        .section = keep_text(config, section),
        .data_dir = config->options == NULL ? NULL : ordo_options_string(config->options, "data_dir")};
    if (node->kind != ORDO_CONFIG_MAP)
        ordo_config_complain(errors, node, false, section, "must be a section: {plugin: NAME, ...}");
    else if (name == NULL)
        ordo_config_complain(errors, node, false, section, "names no plugin; write plugin: NAME");
    else if (name->kind != ORDO_CONFIG_SCALAR || *name->scalar == '\0')
        ordo_config_complain(errors, name, false, section, "plugin must be a name such as %s",
                             *section == 'e'                        ? "exporter_pyroscope"
                             : *section == 's' && section[1] == 't' ? "store_rocksdb"
                                                                    : "sink_file");
    else
        ret_plugin->name = ret_plugin->label = name->scalar;
}

/* Plugins that are known by a label, so no two of a list may have the same. */
static const struct labelled {
    const char *list, *one, *use;
} labelled[] = {
    {"sinks", "a sink", "its place is remembered"},
    {"exporters", "an exporter", "its profiles are counted"},
};

static void label_plugin(struct ordo_config_plugin *plugins, size_t count, const struct labelled *what,
                         struct ordo_buffer *errors)
{
    struct ordo_config_plugin *plugin = &plugins[count];
    const struct ordo_config_node *label = ordo_config_child(plugin->node, "name");

    if (label != NULL &&
        (label->kind != ORDO_CONFIG_SCALAR || !ordo_id_is_valid(ordo_str_from(label->scalar)) ||
         strlen(label->scalar) > LABEL_MAX)) {
        ordo_config_complain(errors, label, false, plugin->section,
                             "name must be 1 to %d of A-Z a-z 0-9 . _ ~ : -", LABEL_MAX);
        return;
    }
    if (label != NULL)
        plugin->label = label->scalar;
    for (size_t i = 0; i < count; i++) {
        if (*plugin->label == '\0' || strcmp(plugins[i].label, plugin->label) != 0)
            continue;
        ordo_config_complain(errors, plugin->node, false, plugin->section,
                             "there is %s '%s' already; give this one a name of its own (name: NAME), under "
                             "which %s",
                             what->one, plugin->label, what->use);
        return;
    }
}

static void take_store(struct ordo_config *config, struct ordo_buffer *errors)
{
    struct ordo_config_source source = {.origin = "default"};
    struct ordo_config_node *node = config->root->first, *name;

    while (strcmp(node->key, "store") != 0)
        node = node->next;
    if (ordo_config_is_blank(node)) {
        free(node->scalar);
        node->scalar = NULL;
        node->kind = ORDO_CONFIG_MAP;
    }
    /* `store: {records: 5}` speaks of the store that is there by default. */
    if (node->kind == ORDO_CONFIG_MAP && ordo_config_child(node, "plugin") == NULL) {
        name = ordo__config_parse(ORDO_STR("store_rocksdb"), &source, errors);
        ordo__config_set_key(name, ORDO_STR("plugin"));
        name->next = node->first;
        node->first = name;
    }
    take_plugin(config, node, "store", &config->store, errors);
}

static size_t take_list(struct ordo_config *config, const char *key, struct ordo_config_plugin **ret_plugins,
                        struct ordo_buffer *errors)
{
    const struct ordo_config_node *list = ordo_config_child(config->root, key);
    size_t count = 0;
    char section[64];

    if (list->kind != ORDO_CONFIG_LIST) {
        ordo_config_complain(errors, list, false, key,
                             "must be a list: [{plugin: NAME, ...}], or [] for none");
        return 0;
    }
    for (const struct ordo_config_node *node = list->first; node != NULL; node = node->next)
        count++;
    ORDO_REQUIRE((*ret_plugins = calloc(count + 1, sizeof **ret_plugins)) != NULL);
    count = 0;
    for (const struct ordo_config_node *node = list->first; node != NULL; node = node->next, count++) {
        snprintf(section, sizeof section, "%s[%zu]", key, count);
        take_plugin(config, node, section, &(*ret_plugins)[count], errors);
        for (size_t i = 0; i < sizeof labelled / sizeof *labelled; i++)
            if (strcmp(key, labelled[i].list) == 0)
                label_plugin(*ret_plugins, count, &labelled[i], errors);
    }
    return count;
}

/* Adds one part of a path that need not exist. */
static void append_part(char path[PATH_MAX], const char *part)
{
    size_t len = strlen(path), part_len = strlen(part);

    if (strcmp(part, "..") == 0) {
        char *slash = strrchr(path, '/');

        slash[slash == path ? 1 : 0] = '\0';
    } else if (strcmp(part, ".") != 0 && len + part_len + 2 <= PATH_MAX) {
        if (len > 1)
            path[len++] = '/';
        memcpy(path + len, part, part_len + 1);
    }
}

/* The path without links and dots, as far as it exists; the rest as it is written. */
static void resolve_path(const char *path, char out[PATH_MAX])
{
    char whole[2 * PATH_MAX], folder[PATH_MAX], *save = NULL;
    size_t end;
    bool found = false;

    if (*path == '/' || getcwd(folder, sizeof folder) == NULL)
        snprintf(whole, sizeof whole, "%s", path);
    else
        snprintf(whole, sizeof whole, "%s/%s", folder, path);
    end = strlen(whole);
    while (!found) {
        char cut = whole[end];

        whole[end] = '\0';
        found = realpath(end == 0 ? "/" : whole, out) != NULL || end == 0;
        whole[end] = cut;
        while (!found && end > 0 && whole[--end] != '/')
            continue;
    }
    for (char *part = strtok_r(whole + end, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save))
        append_part(out, part);
}

/* Every file that the engine writes there would set off a reload of the rules. */
static void check_data_dir(const struct ordo_config *config, struct ordo_buffer *errors)
{
    const char *data_dir = ordo_options_string(config->options, "data_dir");
    const char *scripts = ordo_options_string(config->options, "scripts");
    const struct ordo_config_node *node = ordo_config_child(config->root, "data_dir");
    char data_path[PATH_MAX], scripts_path[PATH_MAX];
    size_t len;

    resolve_path(data_dir, data_path);
    resolve_path(scripts, scripts_path);
    len = strcmp(scripts_path, "/") == 0 ? 0 : strlen(scripts_path);
    if (strncmp(data_path, scripts_path, len) == 0 && (data_path[len] == '/' || data_path[len] == '\0'))
        ordo_config_complain(
            errors, node != NULL ? node : ordo_config_child(config->root, "scripts"), false, "data_dir",
            "'%.100s' lies inside of scripts ('%.100s'), which is watched; choose a folder outside of it",
            data_dir, scripts);
}

/* Exporters get what profiling.continuous takes; without it they would be there and never do anything. */
static void check_exported(const struct ordo_config *config, struct ordo_buffer *errors)
{
    static const char *const needed[] = {"profiling.enabled", "profiling.continuous"};

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!ordo_options_bool(config->options, needed[i])) {
            ordo_config_complain(
                errors, config->exporters[0].node, false, "exporters",
                "nothing would be exported, because %s is false; set it to true, or leave exporters out",
                needed[i]);
            return;
        }
}

struct ordo_config *ordo_config_load(const struct ordo_config_input *input, struct ordo_buffer *errors)
{
    struct ordo_config *config = calloc(1, sizeof *config);
    struct ordo_config_source source = {.origin = "default"};
    struct ordo__config_tree tree = {.keep = keep_text, .context = config, .errors = errors};
    size_t errors_before = errors->len;

    ORDO_REQUIRE(config != NULL);
    config->root = ordo__config_parse(ordo_str_from(defaults), &source, errors);
    ORDO_REQUIRE(config->root != NULL);
    tree.root = config->root;
    tree.incomplete = !load_file(config, input->file, errors);
    ordo__config_environment(&tree, input->environment);
    ordo__config_sets(&tree, input->sets);
    config->options =
        ordo_options_parse(ordo_engine_options, config->root, "", "store|sources|sinks|exporters", errors);
    if (config->options != NULL)
        check_data_dir(config, errors);
    take_store(config, errors);
    config->source_count = take_list(config, "sources", &config->sources, errors);
    config->sink_count = take_list(config, "sinks", &config->sinks, errors);
    config->exporter_count = take_list(config, "exporters", &config->exporters, errors);
    if (config->options != NULL && config->exporter_count > 0)
        check_exported(config, errors);
    if (errors->len == errors_before)
        return config;
    ordo_config_free(config);
    return NULL;
}

void ordo_config_free(struct ordo_config *config)
{
    struct kept_text *next;

    if (config == NULL)
        return;
    ordo_options_free(config->options);
    ordo__config_free(config->root);
    for (struct kept_text *kept = config->texts; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
    free(config->sources);
    free(config->sinks);
    free(config->exporters);
    free(config->file);
    free(config);
}

const char *ordo_config_file(const struct ordo_config *config)
{
    return config->file;
}

const struct ordo_options *ordo_config_options(const struct ordo_config *config)
{
    return config->options;
}

const struct ordo_config_node *ordo_config_root(const struct ordo_config *config)
{
    return config->root;
}

const struct ordo_config_plugin *ordo_config_store(const struct ordo_config *config)
{
    return &config->store;
}

size_t ordo_config_sources(const struct ordo_config *config, const struct ordo_config_plugin **ret_sources)
{
    *ret_sources = config->sources;
    return config->source_count;
}

size_t ordo_config_sinks(const struct ordo_config *config, const struct ordo_config_plugin **ret_sinks)
{
    *ret_sinks = config->sinks;
    return config->sink_count;
}

size_t ordo_config_exporters(const struct ordo_config *config,
                             const struct ordo_config_plugin **ret_exporters)
{
    *ret_exporters = config->exporters;
    return config->exporter_count;
}

struct ordo_limits ordo_config_limits(const struct ordo_config *config)
{
    const struct ordo_options *options = config->options;

    return (struct ordo_limits){
        .order_bytes = (size_t)ordo_options_int(options, "limits.order_bytes"),
        .batch_bytes = (size_t)ordo_options_int(options, "limits.batch_bytes"),
        .items = (uint32_t)ordo_options_int(options, "limits.items"),
        .depth = (uint32_t)ordo_options_int(options, "limits.depth"),
        .operations = (uint32_t)ordo_options_int(options, "limits.operations"),
        .attribute_bytes = (size_t)ordo_options_int(options, "limits.attribute_bytes"),
        .decision_bytes = (size_t)ordo_options_int(options, "limits.decision_bytes"),
    };
}
