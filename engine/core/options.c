/* SPDX-License-Identifier: MIT
 * options.c: a mapping read by an option table. Every key of the mapping is walked, so nothing that was
 * written is passed over in silence, and every option of the table gets a value: the given one or its preset.
 */
#include "core/options.h"
#include "core/nearest.h"
#include "core/option_value.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct value {
    int64_t number;
    char *string; /* string and enum */
    char *origin; /* "default", "ordo.yaml:4" */
    bool given, read;
};

struct ordo_options {
    const struct ordo_option *table;
    struct value *values; /* one for each of the table */
    size_t count;
};

/* What the walk over one mapping carries. */
struct walk {
    struct ordo_options *options;
    const char *prefix, *skip;
    struct ordo_buffer *errors;
};

static const struct ordo_option no_options[] = {{0}};

static size_t table_count(const struct ordo_option *table)
{
    size_t count = 0;

    while (table[count].name != NULL)
        count++;
    return count;
}

static const struct ordo_option *table_find(const struct ordo_option *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static bool is_section(const struct ordo_option *table, const char *name)
{
    size_t len = strlen(name);

    for (; table->name != NULL; table++)
        if (strncmp(table->name, name, len) == 0 && table->name[len] == '.')
            return true;
    return false;
}

/* Is it one of the words of "a|b"? */
static bool skip_has(const char *skip, const char *key)
{
    size_t len = strlen(key);

    for (const char *word = skip; word != NULL && *word != '\0';
         word += strcspn(word, "|"), word += *word == '|')
        if (strncmp(word, key, len) == 0 && (word[len] == '|' || word[len] == '\0'))
            return true;
    return false;
}

static void keep_value(struct ordo_options *options, const struct ordo_option *option, ordo_str text,
                       int64_t number, const struct ordo_config_node *node)
{
    struct value *value = &options->values[option - options->table];
    char origin[320];

    value->number = number;
    if (option->type == ORDO_OPTION_STRING || option->type == ORDO_OPTION_ENUM)
        ORDO_REQUIRE((value->string = strndup(text.len == 0 ? "" : text.ptr, text.len)) != NULL);
    if (node == NULL)
        snprintf(origin, sizeof origin, "default");
    else if (node->line == 0)
        snprintf(origin, sizeof origin, "%s", node->origin);
    else
        snprintf(origin, sizeof origin, "%s:%d", node->origin, node->line);
    ORDO_REQUIRE((value->origin = strdup(origin)) != NULL);
}

/* Options, their sections, and the keys that are skipped: what could have been meant by `name`. */
static struct ordo_nearest guess(const struct walk *walk, const char *name)
{
    struct ordo_nearest near = ordo_nearest(name);

    for (const struct ordo_option *option = walk->options->table; option->name != NULL; option++) {
        ordo_nearest_try(&near, ordo_str_from(option->name));
        for (const char *dot = strchr(option->name, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
            ordo_nearest_try(&near, (ordo_str){option->name, (size_t)(dot - option->name)});
    }
    for (const char *word = walk->skip; word != NULL && *word != '\0'; word += *word == '|') {
        ordo_nearest_try(&near, (ordo_str){word, strcspn(word, "|")});
        word += strcspn(word, "|");
    }
    /* "high" alone is not near to "queue.high", and yet it is what was meant. */
    for (const struct ordo_option *option = walk->options->table; *near.best == '\0' && option->name != NULL;
         option++) {
        const char *dot = strrchr(option->name, '.');

        if (dot != NULL && strcmp(dot + 1, name) == 0)
            snprintf(near.best, sizeof near.best, "%s", option->name);
    }
    return near;
}

static void complain_unknown(const struct walk *walk, const struct ordo_config_node *node, const char *name)
{
    const char *dot = strrchr(name, '.');
    struct ordo_nearest near = guess(walk, name);
    char full[300];

    snprintf(full, sizeof full, "%s%s", walk->prefix, name);
    if (strchr(node->key, '.') != NULL && table_find(walk->options->table, name) != NULL)
        ordo_config_complain(walk->errors, node, true, full,
                             "a dot makes no section here; write %.*s: {%s: ...}", (int)(dot - name), name,
                             dot + 1);
    else if (*near.best != '\0')
        ordo_config_complain(walk->errors, node, true, full, "unknown option; did you mean %s%s?",
                             walk->prefix, near.best);
    else
        ordo_config_complain(walk->errors, node, true, full, "unknown option");
}

/* The text of a scalar, or false after a complaint. */
static bool scalar_text(const struct walk *walk, const struct ordo_option *option,
                        const struct ordo_config_node *node, const char *full, ordo_str *ret_text)
{
    static const char *const kinds[] = {[ORDO_CONFIG_MAP] = "a mapping", [ORDO_CONFIG_LIST] = "a list"};
    bool number = option->type == ORDO_OPTION_INT || option->type == ORDO_OPTION_BOOL;

    if (node->kind != ORDO_CONFIG_SCALAR) {
        ordo_config_complain(walk->errors, node, false, full, "must be a single value, not %s",
                             kinds[node->kind]);
        return false;
    }
    *ret_text = ordo_str_from(node->scalar);
    if (ordo_config_is_blank(node)) {
        /* --set KEY= and ORDO_KEY= are how a shell says "empty"; in a file it is more likely an accident. */
        if (option->type == ORDO_OPTION_STRING && node->layer >= ORDO_CONFIG_ENVIRONMENT)
            return true;
        ordo_config_complain(walk->errors, node, false, full,
                             "has no value; leave the line out for the default%s",
                             option->type == ORDO_OPTION_STRING ? ", or write \"\" for an empty text" : "");
        return false;
    }
    if (!node->quoted && (strcmp(node->scalar, "null") == 0 || strcmp(node->scalar, "~") == 0)) {
        ordo_config_complain(walk->errors, node, false, full,
                             "null is no value; leave the line out for the default");
        return false;
    }
    if (node->quoted && number) {
        ordo_config_complain(walk->errors, node, false, full, "must be %s, without quotes",
                             option->type == ORDO_OPTION_INT ? "a whole number" : "true or false");
        return false;
    }
    return true;
}

static void take_value(const struct walk *walk, const struct ordo_option *option,
                       const struct ordo_config_node *node)
{
    struct value *value = &walk->options->values[option - walk->options->table];
    struct ordo_error err = {0};
    char full[256];
    int64_t number;
    ordo_str text;

    snprintf(full, sizeof full, "%s%s", walk->prefix, option->name);
    value->given = true;
    if (!scalar_text(walk, option, node, full, &text))
        return;
    if (ordo_option_parse(option, text, &number, &err) < 0)
        ordo_config_complain(walk->errors, node, false, full, "%s", err.message);
    else
        keep_value(walk->options, option, text, number, node);
}

static void walk_map(const struct walk *walk, const struct ordo_config_node *map, const char *section)
{
    const struct ordo_option *table = walk->options->table, *option;
    char name[256], full[300];

    for (const struct ordo_config_node *node = map->first; node != NULL; node = node->next) {
        snprintf(name, sizeof name, "%s%s%s", section, *section == '\0' ? "" : ".", node->key);
        snprintf(full, sizeof full, "%s%s", walk->prefix, name);
        if (*section == '\0' && skip_has(walk->skip, name))
            continue;
        option = strchr(node->key, '.') == NULL ? table_find(table, name) : NULL;
        if (option != NULL)
            take_value(walk, option, node);
        else if (strchr(node->key, '.') != NULL || !is_section(table, name))
            complain_unknown(walk, node, name);
        else if (node->kind == ORDO_CONFIG_MAP)
            walk_map(walk, node, name);
        else if (!ordo_config_is_blank(node)) /* a section whose options are all commented out is fine */
            ordo_config_complain(walk->errors, node, false, full,
                                 "must be a section with options of its own");
    }
}

struct ordo_options *ordo_options_parse(const struct ordo_option *table, const struct ordo_config_node *node,
                                        const char *prefix, const char *skip, struct ordo_buffer *errors)
{
    struct ordo_options *options = calloc(1, sizeof *options);
    struct walk walk = {options, prefix == NULL ? "" : prefix, skip, errors};
    size_t errors_before = errors->len;
    char full[256];

    ORDO_REQUIRE(options != NULL);
    options->table = table == NULL ? no_options : table;
    options->count = table_count(options->table);
    options->values = calloc(options->count + 1, sizeof *options->values);
    ORDO_REQUIRE(options->values != NULL);
    if (node != NULL)
        walk_map(&walk, node, "");
    for (size_t i = 0; i < options->count; i++) {
        const struct ordo_option *option = &options->table[i];
        int64_t number;

        if (options->values[i].given)
            continue;
        if (option->preset == NULL) {
            snprintf(full, sizeof full, "%s%s", walk.prefix, option->name);
            ordo_config_complain(errors, node, false, full, "must be given: %s", option->help);
            continue;
        }
        ORDO_REQUIRE(ordo_option_parse(option, ordo_str_from(option->preset), &number, NULL) == 0);
        keep_value(options, option, ordo_str_from(option->preset), number, NULL);
    }
    if (errors->len == errors_before)
        return options;
    ordo_options_free(options);
    return NULL;
}

void ordo_options_free(struct ordo_options *options)
{
    if (options == NULL)
        return;
    for (size_t i = 0; i < options->count; i++) {
        free(options->values[i].string);
        free(options->values[i].origin);
    }
    free(options->values);
    free(options);
}

/* Marks it as read. A wrong name or type is a bug of the caller, which the log names before the process
 * ends. */
static const struct value *read_value(const struct ordo_options *options, const char *name,
                                      bool right_type(int type))
{
    const struct ordo_option *option = table_find(options->table, name);
    bool is_right = option != NULL && right_type((int)option->type);

    if (!is_right)
        ordo_log_error("options", "bug: option '%s' is %s", name,
                       option == NULL ? "read but not declared" : "read as another type than declared");
    ORDO_REQUIRE(is_right);
    options->values[option - options->table].read = true;
    return &options->values[option - options->table];
}

static bool is_bool(int type)
{
    return type == ORDO_OPTION_BOOL;
}

static bool is_int(int type)
{
    return type == ORDO_OPTION_INT || type == ORDO_OPTION_DURATION || type == ORDO_OPTION_SIZE;
}

static bool is_string(int type)
{
    return type == ORDO_OPTION_STRING || type == ORDO_OPTION_ENUM;
}

bool ordo_options_bool(const struct ordo_options *options, const char *name)
{
    return read_value(options, name, is_bool)->number != 0;
}

int64_t ordo_options_int(const struct ordo_options *options, const char *name)
{
    return read_value(options, name, is_int)->number;
}

const char *ordo_options_string(const struct ordo_options *options, const char *name)
{
    return read_value(options, name, is_string)->string;
}

const char *ordo_options_unread(const struct ordo_options *options)
{
    for (size_t i = 0; i < options->count; i++)
        if (!options->values[i].read)
            return options->table[i].name;
    return NULL;
}

void ordo_options_each(const struct ordo_options *options, ordo_options_fn visit, void *context)
{
    struct ordo_buffer text = {0};

    for (size_t i = 0; i < options->count; i++) {
        ordo_buffer_clear(&text);
        ordo_option_format(&text, &options->table[i], options->values[i].number, options->values[i].string);
        ordo_buffer_put(&text, '\0');
        visit(context, options->table[i].name, text.ptr, options->values[i].origin);
    }
    ordo_buffer_done(&text);
}
