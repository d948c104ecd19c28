/* SPDX-License-Identifier: MIT
 * flame_tree.c: nodes are found by (parent, function), lines by (node, line).
 */
#include "profile/flame_tree.h"

#include <stdlib.h>

#include "base/array.h"

static uint32_t find_node(struct ordo_flame_tree *tree, uint32_t parent, uint32_t function)
{
    const uint32_t key[2] = {parent, function};
    bool is_new;
    uint32_t number =
        ordo_intern_is_new(&tree->node_keys, (ordo_str){(const char *)key, sizeof(key)}, &is_new);

    if (is_new) {
        tree->nodes =
            ordo_array_grow(tree->nodes, tree->node_count, &tree->node_capacity, sizeof(*tree->nodes));
        tree->nodes[number] = (struct ordo_flame_node){
            .parent = parent,
            .function = function,
            .depth = function == ORDO_FLAME_ROOT ? 0 : tree->nodes[parent].depth + 1,
        };
        tree->node_count++;
    }
    return number;
}

static void add_to_line(struct ordo_flame_tree *tree, uint32_t node, int line, double value)
{
    const uint32_t key[2] = {node, (uint32_t)line};
    uint32_t count = tree->line_keys.count, number;
    bool is_new;

    if (line == 0)
        return;
    number = ordo_intern_is_new(&tree->line_keys, (ordo_str){(const char *)key, sizeof(key)}, &is_new);
    if (is_new) {
        tree->lines = ordo_array_grow(tree->lines, count, &tree->line_capacity, sizeof(*tree->lines));
        tree->lines[number] = (struct ordo_flame_line){node, line, 0};
    }
    tree->lines[number].value += value;
}

void ordo_flame_tree_add(struct ordo_flame_tree *tree, const struct ordo_profile *profile, unsigned which,
                         double divisor)
{
    uint32_t *functions = ordo_functions_of(&tree->functions, profile);
    unsigned shown = ordo_profile_meaning(profile)->shown;

    find_node(tree, 0, ORDO_FLAME_ROOT);
    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);
        double value = (double)sample.values[shown] / divisor;
        uint32_t node = 0;

        if (value <= 0) {
            tree->left_out[which] += value;
            continue;
        }
        for (size_t k = sample.frame_count; k-- > 0;) {
            node = find_node(tree, node, functions[sample.frames[k]]);
            add_to_line(tree, node, ordo_profile_frame_at(profile, sample.frames[k])->line, value);
        }
        tree->nodes[node].own[which] += value;
    }
    free(functions);
}

static double larger(const double *values)
{
    return values[0] > values[1] ? values[0] : values[1];
}

static void sum_up(struct ordo_flame_tree *tree)
{
    for (uint32_t i = tree->node_count; i-- > 0;) {
        struct ordo_flame_node *node = &tree->nodes[i], *parent = &tree->nodes[node->parent];

        node->total[0] += node->own[0];
        node->total[1] += node->own[1];
        node->own_width = larger(node->own);
        node->width += node->own_width;
        if (i == 0)
            break;
        parent->total[0] += node->total[0];
        parent->total[1] += node->total[1];
        parent->width += node->width;
    }
}

static int compare_nodes(const void *left, const void *right, void *context)
{
    const struct ordo_flame_tree *tree = context;
    const struct ordo_flame_node *a = &tree->nodes[*(const uint32_t *)left];
    const struct ordo_flame_node *b = &tree->nodes[*(const uint32_t *)right];

    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    if (a->width != b->width)
        return a->width > b->width ? -1 : 1;
    return a->function < b->function ? -1 : a->function > b->function;
}

static void list_children(struct ordo_flame_tree *tree)
{
    uint32_t count = tree->node_count - 1; /* all but the root */

    tree->children = malloc((count + 1) * sizeof(*tree->children));
    ORDO_REQUIRE(tree->children != NULL);
    for (uint32_t i = 0; i < count; i++)
        tree->children[i] = i + 1;
    qsort_r(tree->children, count, sizeof(*tree->children), compare_nodes, tree);
    for (uint32_t i = 0; i < count; i++) {
        struct ordo_flame_node *parent = &tree->nodes[tree->nodes[tree->children[i]].parent];

        if (parent->child_count++ == 0)
            parent->first_child = i;
    }
}

static int compare_lines(const void *left, const void *right)
{
    const struct ordo_flame_line *a = left, *b = right;

    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

static void list_lines(struct ordo_flame_tree *tree)
{
    uint32_t count = tree->line_keys.count;

    if (count > 0)
        qsort(tree->lines, count, sizeof(*tree->lines), compare_lines);
    for (uint32_t i = 0; i < count; i++) {
        struct ordo_flame_node *node = &tree->nodes[tree->lines[i].node];

        if (node->line_count++ == 0)
            node->first_line = i;
    }
}

void ordo_flame_tree_finish(struct ordo_flame_tree *tree)
{
    find_node(tree, 0, ORDO_FLAME_ROOT);
    sum_up(tree);
    list_children(tree);
    list_lines(tree);
}

void ordo_flame_tree_done(struct ordo_flame_tree *tree)
{
    ordo_functions_done(&tree->functions);
    ordo_intern_done(&tree->node_keys);
    ordo_intern_done(&tree->line_keys);
    free(tree->nodes);
    free(tree->lines);
    free(tree->children);
    *tree = (struct ordo_flame_tree){0};
}
