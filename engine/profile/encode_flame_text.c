/* SPDX-License-Identifier: MIT
 * encode_flame_text.c: a flame graph in characters, for a terminal. The outermost function is on top, as in the SVG.
 *
 * A frame begins with a bar and reaches to where the next bar, or the end of its colour, is. A frame that would get no
 * column is left out with all that it calls; how many there were is told below.
 */
#include "profile/encode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/utf8.h"
#include "profile/flame_tree.h"
#include "profile/frame_text.h"

/* A frame that is drawn: columns from `left` up to `right`. */
struct place {
    uint32_t node;
    unsigned left, right;
    double x; /* where it begins, as a value */
};

struct row {
    struct place *places;
    size_t count, capacity;
};

struct drawing {
    const struct ordo_flame_text *how;
    struct ordo_flame_tree tree;
    struct ordo_buffer *out;
    unsigned width; /* of all frames */
    size_t narrow;  /* frames without a column */
    bool has_kind[ORDO_FRAME_NOTE + 1];
};

/* Of the terminal's 256: light ones, for black letters, near those of the SVG. */
static const unsigned colours[] = {
    [ORDO_FRAME_LUA] = 215,     [ORDO_FRAME_ENGINE] = 117,  [ORDO_FRAME_PLUGIN] = 114,
    [ORDO_FRAME_RUNTIME] = 185, [ORDO_FRAME_LIBRARY] = 152, [ORDO_FRAME_KERNEL] = 217,
    [ORDO_FRAME_NOTE] = 253,
};

/* --- characters --- */

/* How many columns a character takes on a terminal; what joins the one before it takes none. */
static unsigned columns_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        unsigned columns;
    } ranges[] = {
        {0x300, 0x36f, 0},   {0x200b, 0x200f, 0},   {0x202a, 0x202e, 0},   {0x2060, 0x2069, 0},
        {0x1100, 0x115f, 2}, {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0}, {0xfe30, 0xfe6f, 2},   {0xfeff, 0xfeff, 0},   {0xff01, 0xff60, 2},
        {0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

/* Takes the next character off the text: what is written for it, and the columns of that. What joins the one before it or
 * changes the direction of text is not written. */
static ordo_str take_character(ordo_str *text, bool ascii, unsigned *ret_columns)
{
    const unsigned char *bytes = (const unsigned char *)text->ptr;
    ordo_str whole = {text->ptr, 1};
    uint32_t c = bytes[0];

    if (c >= 0x80 && ordo_utf8_scan(bytes, text->len, &whole.len)) {
        c &= 0xffu >> (whole.len + 1);
        for (size_t i = 1; i < whole.len; i++)
            c = c << 6 | (bytes[i] & 0x3f);
    }
    *text = (ordo_str){text->ptr + whole.len, text->len - whole.len};
    *ret_columns = columns_of(c);
    if (*ret_columns == 0)
        return ORDO_STR_NONE;
    if (c < 0x80 || !ascii)
        return whole;
    *ret_columns = 1;
    return ORDO_STR("?");
}

static unsigned width_of(ordo_str text, bool ascii)
{
    unsigned width = 0, columns;

    while (text.len > 0) {
        take_character(&text, ascii, &columns);
        width += columns;
    }
    return width;
}

/* As much of the text as `most` columns hold; returns how many it took. */
static unsigned append_columns(const struct drawing *drawing, ordo_str text, unsigned most)
{
    unsigned used = 0, columns;

    while (text.len > 0) {
        ordo_str c = take_character(&text, drawing->how->ascii, &columns);

        if (used + columns > most)
            break;
        ordo_buffer_append(drawing->out, c);
        used += columns;
    }
    return used;
}

/* --- one frame --- */

static const char *bar_of(const struct drawing *drawing)
{
    return drawing->how->ascii ? "|" : "\xe2\x94\x82";
}

static ordo_str name_of(const struct drawing *drawing, const struct ordo_flame_node *node, char *text)
{
    if (node->function == ORDO_FLAME_ROOT)
        return ORDO_STR("all");
    return ordo_frame_name(ordo_functions_at(&drawing->tree.functions, node->function), text);
}

/* The name with its share where both have room, the name, or its beginning. */
static unsigned append_label(const struct drawing *drawing, const struct ordo_flame_node *node, unsigned room)
{
    bool ascii = drawing->how->ascii;
    char text[ORDO_FRAME_TEXT], share[32];
    ordo_str name = name_of(drawing, node, text);
    unsigned width = width_of(name, ascii), used;

    snprintf(share, sizeof(share), " %.1f%%", ordo_percent(node->total[0], drawing->tree.nodes[0].total[0]));
    if (width <= room) {
        used = append_columns(drawing, name, room);
        return used + (width + strlen(share) <= room
                           ? append_columns(drawing, ordo_str_from(share), room - used)
                           : 0);
    }
    if (room < 3)
        return 0;
    used = append_columns(drawing, name, room - 1);
    ordo_buffer_append(drawing->out, ascii ? ORDO_STR("~") : ORDO_STR("\xe2\x80\xa6"));
    return used + 1;
}

static void append_frame(struct drawing *drawing, const struct place *place)
{
    const struct ordo_flame_node *node = &drawing->tree.nodes[place->node];
    unsigned room = place->right - place->left - 1, used;
    enum ordo_frame_kind kind = ORDO_FRAME_NOTE;

    if (node->function != ORDO_FLAME_ROOT) {
        kind = ordo_functions_at(&drawing->tree.functions, node->function)->kind;
        drawing->has_kind[kind] = true;
    }
    if (drawing->how->colours)
        ordo_buffer_printf(drawing->out, "\x1b[38;5;16;48;5;%um", colours[kind]);
    ordo_buffer_append(drawing->out, ordo_str_from(bar_of(drawing)));
    used = append_label(drawing, node, room);
    ordo_buffer_printf(drawing->out, "%*s", (int)(room - used), "");
    if (drawing->how->colours)
        ordo_buffer_append(drawing->out, ORDO_STR("\x1b[0m"));
}

/* --- rows --- */

static void append_row(struct drawing *drawing, const struct row *row)
{
    bool closes = !drawing->how->colours; /* a bar behind the last of those side by side */
    unsigned at = 0;

    for (size_t i = 0; i < row->count; i++) {
        const struct place *place = &row->places[i];

        ordo_buffer_printf(drawing->out, "%*s", (int)(place->left - at), "");
        append_frame(drawing, place);
        at = place->right;
        if (closes && (i + 1 == row->count || row->places[i + 1].left > at)) {
            ordo_buffer_append(drawing->out, ordo_str_from(bar_of(drawing)));
            at++;
        }
    }
    ordo_buffer_put(drawing->out, '\n');
}

static void add_place(struct row *row, const struct place *place)
{
    row->places = ordo_array_grow(row->places, row->count, &row->capacity, sizeof(*row->places));
    row->places[row->count++] = *place;
}

static unsigned column_of(const struct drawing *drawing, double x)
{
    return (unsigned)lround(x / drawing->tree.nodes[0].width * drawing->width);
}

/* What the frames of a row call. */
static void place_children(struct drawing *drawing, const struct row *row, struct row *below)
{
    const struct ordo_flame_tree *tree = &drawing->tree;

    below->count = 0;
    for (size_t i = 0; i < row->count; i++) {
        const struct ordo_flame_node *node = &tree->nodes[row->places[i].node];
        double x = row->places[i].x;

        for (uint32_t k = 0; k < node->child_count; k++) {
            struct place place = {.node = tree->children[node->first_child + k], .x = x};

            x += tree->nodes[place.node].width;
            place.left = column_of(drawing, place.x);
            place.right = column_of(drawing, x);
            if (place.right > place.left)
                add_place(below, &place);
            else
                drawing->narrow++;
        }
    }
}

/* Returns whether there were more levels than may be. */
static bool append_rows(struct drawing *drawing)
{
    struct row rows[2] = {{0}};
    const struct place root = {.right = drawing->width};
    unsigned level = 0;
    bool cut;

    add_place(&rows[0], &root);
    while (rows[level % 2].count > 0 && level < drawing->how->levels) {
        append_row(drawing, &rows[level % 2]);
        place_children(drawing, &rows[level % 2], &rows[(level + 1) % 2]);
        level++;
    }
    cut = rows[level % 2].count > 0;
    free(rows[0].places);
    free(rows[1].places);
    return cut;
}

static void append_legend(struct drawing *drawing)
{
    const char *space = "";

    for (int kind = 0; kind <= ORDO_FRAME_NOTE; kind++) {
        if (!drawing->has_kind[kind])
            continue;
        ordo_buffer_printf(drawing->out, "%s\x1b[38;5;16;48;5;%um %s \x1b[0m", space, colours[kind],
                           ordo_frame_kind_word((enum ordo_frame_kind)kind));
        space = " ";
    }
    ordo_buffer_put(drawing->out, '\n');
}

static void append_graph(struct drawing *drawing)
{
    bool cut = append_rows(drawing);

    if (drawing->how->colours)
        append_legend(drawing);
    if (drawing->narrow > 0)
        ordo_buffer_printf(drawing->out, "%zu calls are too narrow to be shown\n", drawing->narrow);
    if (cut)
        ordo_buffer_printf(drawing->out, "calls deeper than %u levels are not shown\n", drawing->how->levels);
}

void ordo_encode_flame_text(const struct ordo_profile *profile, const struct ordo_flame_text *how,
                            struct ordo_buffer *out)
{
    struct drawing drawing = {.how = how, .out = out, .width = how->width - (how->colours ? 0 : 1)};
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    char text[ORDO_VALUE_TEXT];

    ordo_profile_summary(profile, out);
    ordo_flame_tree_add(&drawing.tree, profile, 0, 1);
    ordo_flame_tree_finish(&drawing.tree);
    if (drawing.tree.left_out[0] < 0)
        ordo_buffer_printf(
            out, "; without %s below zero",
            ordo_value_text(drawing.tree.left_out[0], meaning->values[meaning->shown].unit, text));
    ordo_buffer_put(out, '\n');
    for (size_t i = 0; i < ordo_profile_comment_count(profile); i++)
        ordo_buffer_printf(out, "%s\n", ordo_profile_comment_at(profile, i).ptr);
    if (drawing.tree.nodes[0].width > 0)
        append_graph(&drawing);
    else
        ordo_buffer_append(out, ORDO_STR("no samples\n"));
    ordo_flame_tree_done(&drawing.tree);
}
