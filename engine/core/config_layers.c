/* SPDX-License-Identifier: MIT
 * config_layers.c: one value put at one place of the tree.
 *
 * A value replaces what was there, a whole section too: `--set store={plugin: store_memory}` leaves nothing
 * of the file's store. Only `plugin` reaches further: with another plugin, the options that a lower layer
 * gave to the one before are meaningless and go; those of the same layer stay, since they were written
 * together with it.
 */
#include "core/config_layers.h"
#include "core/config.h"
#include "core/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_MAX = 200 };

/* One ORDO_KEY or --set. */
struct setting {
    char path[KEY_MAX]; /* queue.high, store.records, sources.0.rate */
    ordo_str text;
    struct ordo_config_source source;
};

static const char *const plugin_sections[] = {"store", "sources", "sinks", "exporters"};
enum { PLUGIN_SECTIONS = sizeof plugin_sections / sizeof *plugin_sections };

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const struct ordo_option *engine_option(const char *path)
{
    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++)
        if (strcmp(option->name, path) == 0)
            return option;
    return NULL;
}

/* Is it in store, sources, sinks or exporters? Their options are known to the plugins only. */
static bool is_plugin_path(const char *path)
{
    for (size_t i = 0; i < PLUGIN_SECTIONS; i++) {
        size_t len = strlen(plugin_sections[i]);

        if (starts_with(path, plugin_sections[i]) && (path[len] == '\0' || path[len] == '.'))
            return true;
    }
    return false;
}

static bool is_engine_section(const char *path)
{
    size_t len = strlen(path);

    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++)
        if (starts_with(option->name, path) && option->name[len] == '.')
            return true;
    return false;
}

/* "ORDO_QUEUE_HIGH" from "queue.high". */
static void environment_name(char *out, size_t size, const char *path)
{
    snprintf(out, size, "ORDO_%s", path);
    for (char *at = out; *at != '\0'; at++)
        *at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
}

static bool is_environment_name(const char *name, const char *path)
{
    char wanted[KEY_MAX + 8];

    environment_name(wanted, sizeof wanted, path);
    return strcmp(wanted, name) == 0;
}

/* The path that a variable stands for; false when there is none. */
static bool environment_path(const char *name, char path[KEY_MAX])
{
    char section[KEY_MAX];
    size_t at = 0, len;

    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++) {
        snprintf(section, sizeof section, "%.*s", (int)strcspn(option->name, "."), option->name);
        if (is_environment_name(name, option->name) || is_environment_name(name, section)) {
            snprintf(path, KEY_MAX, "%s", is_environment_name(name, section) ? section : option->name);
            return true;
        }
    }
    for (const char *from = name + strlen("ORDO_"); *from != '\0' && at < KEY_MAX - 1; from++) {
        if (*from != '_' && !isupper((unsigned char)*from) && !isdigit((unsigned char)*from))
            return false;
        path[at++] = (char)tolower((unsigned char)*from);
    }
    path[at] = '\0';
    len = strcspn(path, "_");
    if (path[len] == '\0')
        return is_plugin_path(path);
    path[len] = '.';
    if (path[len + 1] == '\0')
        return false;
    /* Options have underscores in their names, so only the index of a list is told from what follows. */
    if (!starts_with(path, "store.")) {
        size_t digits = strspn(path + len + 1, "0123456789");

        if (digits == 0 || (path[len + 1 + digits] != '_' && path[len + 1 + digits] != '\0'))
            return false;
        if (path[len + 1 + digits] == '_')
            path[len + 1 + digits] = '.';
    }
    return path[strlen(path) - 1] != '.' && is_plugin_path(path);
}

static void complain(struct ordo__config_tree *tree, const struct setting *setting, const char *message)
{
    struct ordo_config_node place = {.origin = setting->source.origin, .layer = setting->source.layer};

    ordo_config_complain(tree->errors, &place, false,
                         setting->source.layer == ORDO_CONFIG_SET ? setting->path : NULL, "%s", message);
}

static void complain_unknown(struct ordo__config_tree *tree, const struct setting *setting)
{
    bool is_set = setting->source.layer == ORDO_CONFIG_SET;
    struct ordo_nearest near = ordo_nearest(is_set ? setting->path : setting->source.origin);
    char name[KEY_MAX + 8], message[300];

    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++) {
        const char *dot = strrchr(option->name, '.');

        environment_name(name, sizeof name, option->name);
        ordo_nearest_try(&near, ordo_str_from(is_set ? option->name : name));
        if (is_set && *near.best == '\0' && dot != NULL && strcmp(dot + 1, setting->path) == 0)
            snprintf(near.best, sizeof near.best, "%s", option->name);
    }
    for (size_t i = 0; i < PLUGIN_SECTIONS; i++) {
        environment_name(name, sizeof name, plugin_sections[i]);
        ordo_nearest_try(&near, ordo_str_from(is_set ? plugin_sections[i] : name));
    }
    ordo_nearest_try(&near, is_set ? ORDO_STR("store.plugin") : ORDO_STR("ORDO_STORE_PLUGIN"));
    if (*near.best == '\0')
        snprintf(message, sizeof message, "unknown option");
    else
        snprintf(message, sizeof message, "unknown option; did you mean %s?", near.best);
    complain(tree, setting, message);
}

/* May a text option take it as it is, though YAML does not? Quotes were meant for YAML; and what is not plain
 * ASCII has to be shown to be UTF-8, which only YAML does. */
static bool is_literal(ordo_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
            return false;
    return text.len > 0 && strchr("\"'", *text.ptr) == NULL;
}

/* The value as a node. A shell has already taken one pair of quotes off, so a text option takes what is not a
 * YAML scalar ("[::1]:8080", "a: b") as it stands. */
static struct ordo_config_node *read_value(struct ordo__config_tree *tree, const struct setting *setting)
{
    const struct ordo_option *option = engine_option(setting->path);
    struct ordo_buffer errors = {0};
    struct ordo_config_source source = setting->source;
    struct ordo_config_node *node;

    source.name = setting->source.layer == ORDO_CONFIG_SET ? setting->path : NULL;
    node = ordo__config_parse(setting->text, &source, &errors);
    if (option != NULL && option->type == ORDO_OPTION_STRING && is_literal(setting->text) &&
        (errors.len > 0 || node->kind != ORDO_CONFIG_SCALAR)) {
        ordo__config_free(node);
        node = ordo__config_node(ORDO_CONFIG_SCALAR, &source);
        free(node->scalar);
        ORDO_REQUIRE((node->scalar = strndup(setting->text.ptr, setting->text.len)) != NULL);
        node->quoted = true;
    } else if (errors.len > 0) {
        ordo_buffer_append(tree->errors, ordo_buffer_str(&errors));
        ordo__config_free(node);
        node = NULL;
    }
    ordo_buffer_done(&errors);
    return node;
}

static struct ordo_config_node *list_item(struct ordo__config_tree *tree, const struct setting *setting,
                                          struct ordo_config_node *list, ordo_str index)
{
    struct ordo_config_node *node = list->first, *item;
    size_t count = 0, wanted = 0;
    char message[300];

    for (size_t i = 0; i < index.len; i++)
        wanted = index.ptr[i] >= '0' && index.ptr[i] <= '9' && wanted < 1000
                     ? wanted * 10 + (size_t)(index.ptr[i] - '0')
                     : SIZE_MAX / 16;
    for (; node != NULL && count < wanted; node = node->next)
        count++;
    if (node != NULL)
        return node;
    if (count == wanted) {
        item = ordo__config_node(ORDO_CONFIG_MAP, &setting->source);
        ordo__config_add(list, item);
        return item;
    }
    if (!tree->incomplete) {
        snprintf(message, sizeof message,
                 "'" ORDO_STR_FMT "' is no place of a list of %zu; count from 0, %zu adds one",
                 ORDO_STR_ARG(index), count, count);
        complain(tree, setting, message);
    }
    return NULL;
}

/* The child on the way to a value; made when it is missing. NULL: there is no way, and it is told. */
static struct ordo_config_node *step(struct ordo__config_tree *tree, const struct setting *setting,
                                     struct ordo_config_node *parent, ordo_str key)
{
    struct ordo_config_node *child;

    if (parent->kind == ORDO_CONFIG_LIST)
        return list_item(tree, setting, parent, key);
    if (ordo_config_is_blank(parent)) {
        parent->kind = ORDO_CONFIG_MAP;
        free(parent->scalar);
        parent->scalar = NULL;
    }
    if (parent->kind != ORDO_CONFIG_MAP) {
        char message[300];

        /* A section that is no section is told where the sections are checked. */
        if (engine_option(setting->path) == NULL && strchr(strchr(setting->path, '.') + 1, '.') != NULL) {
            snprintf(message, sizeof message, "'" ORDO_STR_FMT "' has no place in a single value",
                     ORDO_STR_ARG(key));
            complain(tree, setting, message);
        }
        return NULL;
    }
    for (child = parent->first; child != NULL; child = child->next)
        if (ordo_str_equal(ordo_str_from(child->key), key))
            return child;
    child = ordo__config_node(ORDO_CONFIG_MAP, &setting->source);
    ordo__config_set_key(child, key);
    ordo__config_add(parent, child);
    return child;
}

/* Drops what lower layers said about the plugin that is no longer chosen. */
static void drop_older(struct ordo_config_node *section, const struct ordo_config_node *plugin)
{
    struct ordo_config_node **link = &section->first, *gone;

    while (*link != NULL) {
        gone = *link;
        if (gone == plugin || gone->layer >= plugin->layer) {
            link = &gone->next;
            continue;
        }
        *link = gone->next;
        ordo__config_free(gone);
    }
}

static bool same_scalar(const struct ordo_config_node *a, const struct ordo_config_node *b)
{
    return a->kind == ORDO_CONFIG_SCALAR && b->kind == ORDO_CONFIG_SCALAR &&
           strcmp(a->scalar, b->scalar) == 0;
}

static void apply(struct ordo__config_tree *tree, const struct setting *setting)
{
    struct ordo_config_node *value = read_value(tree, setting), *parent = NULL, *node = tree->root;
    const char *at = setting->path;
    ordo_str key = ORDO_STR_NONE;
    bool other_plugin;

    if (value == NULL)
        return;
    for (; node != NULL && at != NULL; at = at[key.len] == '.' ? at + key.len + 1 : NULL) {
        key = (ordo_str){at, strcspn(at, ".")};
        parent = node;
        node = step(tree, setting, parent, key);
    }
    if (node == NULL) {
        ordo__config_free(value);
        return;
    }
    other_plugin =
        is_plugin_path(setting->path) && ordo_str_equal(key, ORDO_STR("plugin")) && !same_scalar(node, value);
    ordo__config_replace(parent, node, value);
    if (other_plugin)
        drop_older(parent, value);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ordo__config_environment(struct ordo__config_tree *tree, const char *const *environment)
{
    const char **names;
    size_t count = 0;

    if (environment == NULL)
        return;
    for (const char *const *entry = environment; *entry != NULL; entry++)
        count += starts_with(*entry, "ORDO_");
    ORDO_REQUIRE((names = calloc(count + 1, sizeof *names)) != NULL);
    count = 0;
    for (const char *const *entry = environment; *entry != NULL; entry++)
        if (starts_with(*entry, "ORDO_"))
            names[count++] = *entry;
    /* The environment has no order of its own. By name, a section comes before what is in it. */
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        struct setting setting = {.source = {.layer = ORDO_CONFIG_ENVIRONMENT}};
        const char *equals = strchr(names[i], '=');
        char name[KEY_MAX];

        if (equals == NULL)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - names[i]), names[i]);
        setting.source.origin = tree->keep(tree->context, name);
        setting.text = ordo_str_from(equals + 1);
        if (environment_path(name, setting.path))
            apply(tree, &setting);
        else
            complain_unknown(tree, &setting);
    }
    free(names);
}

static bool is_path(const char *path)
{
    size_t len = strlen(path);

    return len > 0 && strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len && path[0] != '.' &&
           path[len - 1] != '.' && strstr(path, "..") == NULL;
}

void ordo__config_sets(struct ordo__config_tree *tree, const char *const *sets)
{
    for (; sets != NULL && *sets != NULL; sets++) {
        struct setting setting = {.source = {.origin = "--set", .layer = ORDO_CONFIG_SET}};
        const char *equals = strchr(*sets, '=');
        size_t len = equals == NULL ? strlen(*sets) : (size_t)(equals - *sets);

        snprintf(setting.path, sizeof setting.path, "%.*s", (int)(len < KEY_MAX ? len : KEY_MAX - 1), *sets);
        if (equals == NULL) {
            complain(tree, &setting, "has no value; write KEY=VALUE");
            continue;
        }
        setting.text = ordo_str_from(equals + 1);
        if (!is_path(setting.path) || len >= KEY_MAX)
            complain(tree, &setting, "is no name of an option; it has a-z, 0-9 and _, with dots between");
        else if (engine_option(setting.path) == NULL && !is_engine_section(setting.path) &&
                 !is_plugin_path(setting.path))
            complain_unknown(tree, &setting);
        else
            apply(tree, &setting);
    }
}
