/* SPDX-License-Identifier: MIT
 * config_yaml.c: YAML by libyaml, event by event.
 *
 * Only what a configuration needs is taken: mappings with plain keys, lists and scalars. Anchors, aliases and
 * tags are refused, since each is a way to write a value that is not what it looks like. Types are not
 * guessed here; the option tables know them.
 */
#include "core/config_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    ordo_str text;
    const struct ordo_config_source *source;
    struct ordo_buffer *errors;
    bool broken; /* syntax: no more events come */
};

const struct ordo_config_node *ordo_config_child(const struct ordo_config_node *map, const char *key)
{
    if (map == NULL || map->kind != ORDO_CONFIG_MAP)
        return NULL;
    for (const struct ordo_config_node *node = map->first; node != NULL; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

bool ordo_config_is_blank(const struct ordo_config_node *node)
{
    return node->kind == ORDO_CONFIG_SCALAR && !node->quoted && *node->scalar == '\0';
}

void ordo_config_complain(struct ordo_buffer *errors, const struct ordo_config_node *node, bool at_key,
                          const char *name, const char *format, ...)
{
    size_t start = errors->len;
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (node != NULL && node->line > 0)
        ordo_buffer_printf(errors, "%s:%d:%d: ", node->origin,
                           at_key && node->key_line > 0 ? node->key_line : node->line,
                           at_key && node->key_line > 0 ? node->key_column : node->column);
    else if (node != NULL && node->layer == ORDO_CONFIG_SET)
        ordo_buffer_printf(errors, "%s%s", node->origin, name == NULL ? ": " : " ");
    else if (node != NULL && node->layer != ORDO_CONFIG_DEFAULT)
        ordo_buffer_printf(errors, "%s: ", node->origin);
    if (name != NULL)
        ordo_buffer_printf(errors, "%s: ", name);
    ordo_buffer_append(errors, ordo_str_from(message));
    for (size_t i = start; i < errors->len; i++)
        if ((unsigned char)errors->ptr[i] < 0x20 || errors->ptr[i] == 0x7f)
            errors->ptr[i] = '?';
    ordo_buffer_put(errors, '\n');
}

struct ordo_config_node *ordo__config_node(enum ordo_config_kind kind,
                                           const struct ordo_config_source *source)
{
    struct ordo_config_node *node = calloc(1, sizeof *node);

    ORDO_REQUIRE(node != NULL);
    node->kind = kind;
    node->origin = source->origin;
    node->layer = source->layer;
    if (kind == ORDO_CONFIG_SCALAR)
        ORDO_REQUIRE((node->scalar = strdup("")) != NULL);
    return node;
}

void ordo__config_free(struct ordo_config_node *node)
{
    struct ordo_config_node *next;

    if (node == NULL)
        return;
    for (struct ordo_config_node *child = node->first; child != NULL; child = next) {
        next = child->next;
        ordo__config_free(child);
    }
    free(node->key);
    free(node->scalar);
    free(node);
}

void ordo__config_set_key(struct ordo_config_node *node, ordo_str key)
{
    char *copy = strndup(key.len == 0 ? "" : key.ptr, key.len);

    ORDO_REQUIRE(copy != NULL);
    free(node->key);
    node->key = copy;
}

void ordo__config_add(struct ordo_config_node *parent, struct ordo_config_node *child)
{
    struct ordo_config_node **end = &parent->first;

    while (*end != NULL)
        end = &(*end)->next;
    child->next = NULL;
    *end = child;
}

void ordo__config_replace(struct ordo_config_node *parent, const struct ordo_config_node *old,
                          struct ordo_config_node *child)
{
    struct ordo_config_node **link = &parent->first, *gone;

    while (*link != old)
        link = &(*link)->next;
    gone = *link;
    free(child->key);
    child->key = gone->key;
    gone->key = NULL;
    child->next = gone->next;
    *link = child;
    ordo__config_free(gone);
}

/* A complaint about a place in the text that has no node. */
__attribute__((format(printf, 3, 4))) static void complain(struct reader *reader, yaml_mark_t mark,
                                                           const char *format, ...)
{
    struct ordo_config_node place = {.origin = reader->source->origin, .layer = reader->source->layer};
    char message[600];
    va_list args;

    if (place.layer == ORDO_CONFIG_FILE) {
        place.line = (int)mark.line + 1;
        place.column = (int)mark.column + 1;
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ordo_config_complain(reader->errors, &place, false, reader->source->name, "%s", message);
}

/* libyaml stops at a tab where indentation or a value is due and does not name it. */
static bool is_at_tab(const struct reader *reader)
{
    size_t left = reader->parser.problem_mark.index, at = 0; /* in characters; text is UTF-8 */

    while (at < reader->text.len && left > 0) {
        at++;
        if (at == reader->text.len || ((unsigned char)reader->text.ptr[at] & 0xc0) != 0x80)
            left--;
    }
    return at < reader->text.len && reader->text.ptr[at] == '\t';
}

/* The next event; false at an error of syntax, which is then told. */
static bool next_event(struct reader *reader)
{
    yaml_parser_t *parser = &reader->parser;

    yaml_event_delete(&reader->event);
    if (!reader->broken && yaml_parser_parse(parser, &reader->event))
        return true;
    if (!reader->broken && is_at_tab(reader))
        complain(reader, parser->problem_mark, "not valid YAML: a tab stands here; indent with spaces");
    else if (!reader->broken)
        complain(reader, parser->problem_mark, "not valid YAML: %s%s%s",
                 parser->problem == NULL ? "cannot be read" : parser->problem,
                 parser->context == NULL ? "" : " ", parser->context == NULL ? "" : parser->context);
    reader->broken = true;
    return false;
}

static void refuse_extras(struct reader *reader, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        complain(reader, reader->event.start_mark,
                 "anchors (&%s) are not supported; write the value where it is needed", (const char *)anchor);
    if (tag != NULL)
        complain(reader, reader->event.start_mark, "tags (%s) are not supported; leave it out",
                 (const char *)tag);
}

static struct ordo_config_node *new_node(struct reader *reader, enum ordo_config_kind kind)
{
    struct ordo_config_node *node = ordo__config_node(kind, reader->source);

    if (reader->source->layer == ORDO_CONFIG_FILE) {
        node->line = (int)reader->event.start_mark.line + 1;
        node->column = (int)reader->event.start_mark.column + 1;
    }
    return node;
}

static struct ordo_config_node *read_node(struct reader *reader, int depth);

/* Keys are scalars; another kind is read and dropped, and told. */
static bool read_key(struct reader *reader, int depth, const struct ordo_config_node *map, ordo_str *ret_key)
{
    yaml_event_t *event = &reader->event;
    const struct ordo_config_node *other;
    bool ok = true;

    if (event->type != YAML_SCALAR_EVENT) {
        complain(reader, event->start_mark, "a key must be a plain word");
        ordo__config_free(read_node(reader, depth));
        return false;
    }
    refuse_extras(reader, event->data.scalar.anchor, event->data.scalar.tag);
    *ret_key = (ordo_str){(const char *)event->data.scalar.value, event->data.scalar.length};
    if (ret_key->len == 0 || memchr(ret_key->ptr, '\0', ret_key->len) != NULL) {
        complain(reader, event->start_mark, "a key must be a plain word");
        return false;
    }
    other = ordo_config_child(map, ret_key->ptr);
    if (other != NULL) {
        if (other->key_line > 0)
            complain(reader, event->start_mark, "'%s' is there twice (first in line %d); keep one",
                     ret_key->ptr, other->key_line);
        else
            complain(reader, event->start_mark, "'%s' is there twice; keep one", ret_key->ptr);
        ok = false;
    }
    return ok;
}

static struct ordo_config_node *read_map(struct reader *reader, int depth)
{
    struct ordo_config_node *map = new_node(reader, ORDO_CONFIG_MAP), *child;
    struct ordo_config_node key_of = {0};
    ordo_str key = ORDO_STR_NONE;

    while (next_event(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
        yaml_mark_t mark = reader->event.start_mark;
        bool ok = read_key(reader, depth, map, &key);

        if (ok)
            ordo__config_set_key(&key_of, key);
        child = next_event(reader) ? read_node(reader, depth) : NULL;
        if (child == NULL || !ok) {
            ordo__config_free(child);
            continue;
        }
        child->key = key_of.key;
        key_of.key = NULL;
        if (child->line > 0) {
            child->key_line = (int)mark.line + 1;
            child->key_column = (int)mark.column + 1;
        }
        ordo__config_add(map, child);
    }
    free(key_of.key);
    return map;
}

static struct ordo_config_node *read_scalar(struct reader *reader)
{
    yaml_event_t *event = &reader->event;
    struct ordo_config_node *node = new_node(reader, ORDO_CONFIG_SCALAR);
    const char *text = (const char *)event->data.scalar.value;

    refuse_extras(reader, event->data.scalar.anchor, event->data.scalar.tag);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(text, '\0', event->data.scalar.length) != NULL) {
        complain(reader, event->start_mark, "text may not hold a NUL");
        return node;
    }
    free(node->scalar);
    ORDO_REQUIRE((node->scalar = strndup(text, event->data.scalar.length)) != NULL);
    return node;
}

/* The node that the event just read begins; events up to its end are used up. NULL when there is none to
 * keep. */
static struct ordo_config_node *read_node(struct reader *reader, int depth)
{
    yaml_event_t *event = &reader->event;
    struct ordo_config_node *node, *child;

    if (depth >= ORDO_CONFIG_DEPTH &&
        (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)) {
        complain(reader, event->start_mark, "nested more than %d deep", (int)ORDO_CONFIG_DEPTH);
        reader->broken = true;
        return NULL;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader);
    case YAML_MAPPING_START_EVENT:
        refuse_extras(reader, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return read_map(reader, depth + 1);
    case YAML_SEQUENCE_START_EVENT:
        refuse_extras(reader, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        node = new_node(reader, ORDO_CONFIG_LIST);
        while (next_event(reader) && event->type != YAML_SEQUENCE_END_EVENT)
            if ((child = read_node(reader, depth + 1)) != NULL)
                ordo__config_add(node, child);
        return node;
    case YAML_ALIAS_EVENT:
        complain(reader, event->start_mark, "aliases (*%s) are not supported; write the value out",
                 (const char *)event->data.alias.anchor);
        return NULL;
    default:
        return NULL;
    }
}

static struct ordo_config_node *read_document(struct reader *reader)
{
    struct ordo_config_node *root = NULL;

    while (next_event(reader) && reader->event.type != YAML_STREAM_END_EVENT) {
        if (reader->event.type == YAML_STREAM_START_EVENT || reader->event.type == YAML_DOCUMENT_END_EVENT)
            continue;
        if (reader->event.type != YAML_DOCUMENT_START_EVENT)
            continue;
        if (root != NULL) {
            complain(reader, reader->event.start_mark, "a second document; only one is read");
            break;
        }
        if (!next_event(reader))
            break;
        root = read_node(reader, 0);
    }
    if (root == NULL && !reader->broken)
        root = ordo__config_node(ORDO_CONFIG_SCALAR, reader->source);
    if (reader->broken) {
        ordo__config_free(root);
        root = NULL;
    }
    return root;
}

struct ordo_config_node *ordo__config_parse(ordo_str text, const struct ordo_config_source *source,
                                            struct ordo_buffer *errors)
{
    struct reader reader = {.text = text, .source = source, .errors = errors};
    struct ordo_config_node *root;

    if (text.len > ORDO_CONFIG_BYTES) {
        complain(&reader, (yaml_mark_t){0}, "longer than %d KiB", (int)ORDO_CONFIG_BYTES / 1024);
        return NULL;
    }
    ORDO_REQUIRE(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.len == 0 ? "" : text.ptr),
                                 text.len);
    root = read_document(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return root;
}
