/* SPDX-License-Identifier: MIT
 * config_layers.h: ORDO_KEY and --set KEY=VALUE over the tree of the file.
 */
#pragma once

#include "core/config_yaml.h"

/* What is changed: the tree, and what is known of it. */
struct ordo__config_tree {
    struct ordo_config_node *root;
    bool incomplete; /* the file was not readable, so complaints about what is not there would mislead */
    const char *(*keep)(void *context, const char *text); /* copies an origin for as long as the tree lives */
    void *context;
    struct ordo_buffer *errors;
};

/* Each in its order; every error is a line. NULL: nothing. Names that do not begin with ORDO_ are passed
 * over. */
void ordo__config_environment(struct ordo__config_tree *tree, const char *const *environment);
void ordo__config_sets(struct ordo__config_tree *tree, const char *const *sets);
