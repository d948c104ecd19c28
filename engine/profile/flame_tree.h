/* SPDX-License-Identifier: MIT
 * flame_tree.h: the calls of a profile as a tree of functions, with the shown value; or of two profiles, to compare.
 *
 * Node 0 is the root. A child comes after its parent. Samples below zero have no place in a tree and are left out.
 *
 *   struct ordo_flame_tree tree = {0};
 *   ordo_flame_tree_add(&tree, profile, 0, 1);
 *   ordo_flame_tree_finish(&tree);
 *   ... tree.nodes[tree.children[tree.nodes[0].first_child]] ...
 *   ordo_flame_tree_done(&tree);
 */
#pragma once

#include "profile/functions.h"

enum { ORDO_FLAME_ROOT = UINT32_MAX }; /* the root's function */

struct ordo_flame_node {
    uint32_t parent, function, depth;
    uint32_t first_child, child_count; /* of tree.children, largest first */
    uint32_t first_line, line_count;   /* of tree.lines, largest first */
    double own[2], total[2];           /* of each profile */
    double own_width, width;           /* of the larger of both */
};

struct ordo_flame_line {
    uint32_t node;
    int line;
    double value; /* of both together */
};

struct ordo_flame_tree {
    struct ordo_functions functions;
    struct ordo_intern node_keys, line_keys;
    struct ordo_flame_node *nodes;
    uint32_t node_count;
    size_t node_capacity;
    struct ordo_flame_line *lines;
    size_t line_capacity;
    uint32_t *children;
    double left_out[2];
};

/* Adds a profile as the first (0) or second (1), its values divided. The profile must stay until the tree's end. */
void ordo_flame_tree_add(struct ordo_flame_tree *tree, const struct ordo_profile *profile, unsigned which,
                         double divisor);
/* When all are added: totals, widths, children and lines. */
void ordo_flame_tree_finish(struct ordo_flame_tree *tree);
void ordo_flame_tree_done(struct ordo_flame_tree *tree);
