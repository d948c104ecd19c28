/* SPDX-License-Identifier: MIT
 * config_yaml.h: makes and frees the tree of a YAML document.
 */
#pragma once

#include "core/config_node.h"

enum {
    ORDO_CONFIG_DEPTH = 16,         /* mappings and lists inside one another */
    ORDO_CONFIG_BYTES = 256 * 1024, /* of a document */
};

/* Where a document comes from. */
struct ordo_config_source {
    const char *origin; /* kept by the nodes, not copied */
    enum ordo_config_layer layer;
    const char *name; /* for messages: the option that the text is the value of; NULL for a file */
};

/* Parses one document. Every error is a line in *errors; what could be understood is returned all the same,
 * so that the rest can be checked as well. NULL: nothing could. An empty text is an empty scalar. */
struct ordo_config_node *ordo__config_parse(ordo_str text, const struct ordo_config_source *source,
                                            struct ordo_buffer *errors);

struct ordo_config_node *ordo__config_node(enum ordo_config_kind kind,
                                           const struct ordo_config_source *source);
void ordo__config_free(
    struct ordo_config_node *node); /* with its children, not its siblings; NULL is allowed */
void ordo__config_set_key(struct ordo_config_node *node, ordo_str key);

/* Changes of a tree; the tree owns what it is given. */
void ordo__config_add(struct ordo_config_node *parent, struct ordo_config_node *child); /* at the end */
void ordo__config_replace(struct ordo_config_node *parent, const struct ordo_config_node *old,
                          struct ordo_config_node *child); /* frees old, whose key the child takes */
