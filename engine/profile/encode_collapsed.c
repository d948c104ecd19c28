/* SPDX-License-Identifier: MIT
 * encode_collapsed.c: a line a stack, its functions from the outermost on, and its value.
 *
 * ';' separates functions, and the last space what follows it; readers trim a line. So in a name ':' stands for ';',
 * and '_' for a space at either end.
 */
#include "profile/encode.h"

#include <stdlib.h>

#include "profile/flame_tree.h"
#include "profile/frame_text.h"

static void append_name(struct ordo_buffer *out, const struct ordo_frame *frame)
{
    char text[ORDO_FRAME_TEXT];
    ordo_str name = ordo_frame_name(frame, text);

    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];

        if (byte == ' ' && (i == 0 || i + 1 == name.len))
            byte = '_';
        ordo_buffer_put(out, byte == ';' ? ':' : byte);
    }
}

/* The functions down to a node; the root has none. */
static void append_path(struct ordo_buffer *out, const struct ordo_flame_tree *tree, uint32_t number,
                        uint32_t *path)
{
    size_t depth = tree->nodes[number].depth;

    for (size_t i = depth; i > 0; i--, number = tree->nodes[number].parent)
        path[i - 1] = tree->nodes[number].function;
    for (size_t i = 0; i < depth; i++) {
        if (i > 0)
            ordo_buffer_put(out, ';');
        append_name(out, ordo_functions_at(&tree->functions, path[i]));
    }
    if (depth == 0)
        ordo_buffer_append(out, ORDO_STR("(no stack)"));
}

void ordo_encode_collapsed(const struct ordo_profile *profile, struct ordo_buffer *out)
{
    struct ordo_flame_tree tree = {0};
    uint32_t deepest = 0, *path;

    ordo_flame_tree_add(&tree, profile, 0, 1);
    ordo_flame_tree_finish(&tree);
    for (uint32_t i = 0; i < tree.node_count; i++)
        deepest = tree.nodes[i].depth > deepest ? tree.nodes[i].depth : deepest;
    path = malloc((deepest + 1) * sizeof(*path));
    ORDO_REQUIRE(path != NULL);
    for (uint32_t i = 0; i < tree.node_count; i++) {
        if (tree.nodes[i].own[0] <= 0)
            continue;
        append_path(out, &tree, i, path);
        ordo_buffer_printf(out, " %.0f\n", tree.nodes[i].own[0]);
    }
    free(path);
    ordo_flame_tree_done(&tree);
}
