/* SPDX-License-Identifier: MIT
 * config_node.h: a YAML document as a tree with the place of every value. Made by config_yaml.c, read by
 * options.c.
 */
#pragma once

#include "base/buffer.h"

enum ordo_config_kind { ORDO_CONFIG_SCALAR = 0, ORDO_CONFIG_MAP, ORDO_CONFIG_LIST };

/* What a value came from; a higher layer overrides a lower one. */
enum ordo_config_layer {
    ORDO_CONFIG_DEFAULT = 0,
    ORDO_CONFIG_FILE,
    ORDO_CONFIG_ENVIRONMENT,
    ORDO_CONFIG_SET,
};

struct ordo_config_node {
    enum ordo_config_kind kind;
    enum ordo_config_layer layer;
    const char *origin; /* "default", "ordo.yaml", "ORDO_QUEUE_HIGH", "--set"; lives as long as the config */
    int line, column;   /* 0 when origin is no file */
    int key_line, key_column;              /* of the key, in a map */
    bool quoted;                           /* scalar: was in quotes or a text block, so it is text */
    char *key;                             /* in a map: its key */
    char *scalar;                          /* never NULL for a scalar, NULL otherwise */
    struct ordo_config_node *first, *next; /* children; the next sibling */
};

/* A child by key, or NULL. */
const struct ordo_config_node *ordo_config_child(const struct ordo_config_node *map, const char *key);

/* `key:` with nothing behind it. */
bool ordo_config_is_blank(const struct ordo_config_node *node);

/* Appends one line to *errors that names the place and the option: "ordo.yaml:4:9: queue.high: message",
 * "ORDO_QUEUE_HIGH: queue.high: message", "--set queue.high: message". `node` may be NULL; with at_key the
 * place is that of its key. `name` may be NULL. Control characters are replaced, so that it stays one line.
 */
void ordo_config_complain(struct ordo_buffer *errors, const struct ordo_config_node *node, bool at_key,
                          const char *name, const char *format, ...) __attribute__((format(printf, 5, 6)));
