/* SPDX-License-Identifier: MIT
 * encode_flame_graph.c: a flame graph as one SVG file, which needs nothing else: from disk, from a server, or inside a page.
 *
 * The outermost function is on top. Each frame is an <svg> of its own inside the drawing, with its place in percent: so it
 * adapts to the window, cuts its text, and is complete without the script. Its <title> holds all that is known of it.
 *
 * What is below a thousandth of the whole is put together with its like: "(12 smaller)".
 */
#include "profile/encode.h"

#include <math.h>
#include <stdio.h>

#include "base/embedded.h"
#include "profile/encode_impl.h"
#include "profile/flame_tree.h"
#include "profile/frame_text.h"

enum {
    ROW = 18, /* flame.js knows it too */
    HEAD = 130,
    SMALLER_NAMED = 5,
    LINES_NAMED = 3,
};

#define SMALLEST 0.1 /* percent */

struct graph {
    struct ordo_flame_tree tree;
    const char *unit;
    bool compares;
    struct ordo_buffer *out;
    uint32_t deepest;
    bool has_kind[ORDO_FRAME_NOTE + 1];
};

/* For text and attributes. */
static void append_escaped(struct ordo_buffer *out, ordo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            ordo_buffer_append(out, ORDO_STR("&amp;"));
            break;
        case '<':
            ordo_buffer_append(out, ORDO_STR("&lt;"));
            break;
        case '>':
            ordo_buffer_append(out, ORDO_STR("&gt;"));
            break;
        case '"':
            ordo_buffer_append(out, ORDO_STR("&quot;"));
            break;
        default:
            ordo_buffer_put(out, text.ptr[i]);
        }
    }
}

/* As CDATA, which both XML and a page's parser read. The files hold no "]]>". */
static void append_file(struct ordo_buffer *out, const char *name)
{
    for (size_t i = 0; i < ordo__web_count; i++) {
        if (strcmp(ordo__web[i].name, name) != 0)
            continue;
        ordo_buffer_append(out, ORDO_STR("<![CDATA[\n"));
        ordo_buffer_append(out, (ordo_str){ordo__web[i].text, ordo__web[i].len});
        ordo_buffer_append(out, ORDO_STR("]]>"));
    }
}

static double whole(const struct graph *graph)
{
    return graph->tree.nodes[0].width;
}

static ordo_str name_of(const struct graph *graph, const struct ordo_flame_node *node, char *text)
{
    return node->function == ORDO_FLAME_ROOT
               ? ORDO_STR("all")
               : ordo_frame_name(ordo_functions_at(&graph->tree.functions, node->function), text);
}

/* --- a frame's title --- */

/* "lua, /srv/rules/30_coupon.lua:7 (67 %), :11 (33 %)" */
static void append_place(struct graph *graph, const struct ordo_flame_node *node)
{
    const struct ordo_frame *frame = ordo_functions_at(&graph->tree.functions, node->function);
    const struct ordo_flame_line *lines = graph->tree.lines + node->first_line;

    ordo_buffer_printf(graph->out, "%s", ordo_frame_kind_word(frame->kind));
    if (frame->file.len > 0 || frame->module.len > 0) {
        ordo_buffer_append(graph->out, ORDO_STR(", "));
        append_escaped(graph->out, frame->file.len > 0 ? frame->file : frame->module);
    }
    for (uint32_t i = 0; i < node->line_count && i < LINES_NAMED; i++) {
        ordo_buffer_printf(graph->out, "%s:%d", i == 0 ? "" : ", ", lines[i].line);
        if (node->line_count > 1)
            ordo_buffer_printf(graph->out, " (%.0f %%)",
                               ordo_percent(lines[i].value, node->total[0] + node->total[1]));
    }
    if (node->line_count > LINES_NAMED)
        ordo_buffer_printf(graph->out, ", %u more", node->line_count - LINES_NAMED);
}

static void append_change(struct graph *graph, const double *values)
{
    char before[ORDO_VALUE_TEXT], after[ORDO_VALUE_TEXT], change[ORDO_VALUE_TEXT];

    ordo_buffer_printf(graph->out, "%s before, %s after: %s%s",
                       ordo_value_text(values[0], graph->unit, before),
                       ordo_value_text(values[1], graph->unit, after), values[1] > values[0] ? "+" : "",
                       ordo_value_text(values[1] - values[0], graph->unit, change));
    if (values[0] > 0 && values[1] > 0)
        ordo_buffer_printf(graph->out, " (%+.1f %%)", ordo_percent(values[1] - values[0], values[0]));
}

static void append_share(struct graph *graph, const double *values)
{
    char text[ORDO_VALUE_TEXT];

    ordo_buffer_printf(graph->out, "%s, %.2f %%", ordo_value_text(values[0], graph->unit, text),
                       ordo_percent(values[0], graph->tree.nodes[0].total[0]));
}

static void append_title(struct graph *graph, const struct ordo_flame_node *node)
{
    char text[ORDO_FRAME_TEXT];

    ordo_buffer_append(graph->out, ORDO_STR("<title>"));
    append_escaped(graph->out, name_of(graph, node, text));
    ordo_buffer_put(graph->out, '\n');
    if (node->function != ORDO_FLAME_ROOT)
        append_place(graph, node);
    ordo_buffer_put(graph->out, '\n');
    if (graph->compares) {
        append_change(graph, node->total);
    } else {
        append_share(graph, node->total);
        if (node->own[0] > 0 && node->own[0] < node->total[0]) {
            ordo_buffer_append(graph->out, ORDO_STR("; itself "));
            append_share(graph, node->own);
        }
    }
    ordo_buffer_append(graph->out, ORDO_STR("</title>"));
}

/* --- frames --- */

/* " k-more s-2": by the share of what it was, or of what it became, that came or went. */
static void append_change_class(struct graph *graph, const double *values)
{
    double most = values[0] > values[1] ? values[0] : values[1];
    double change = most > 0 ? (values[1] - values[0]) / most : 0, size = fabs(change);

    if (size < 0.02)
        ordo_buffer_append(graph->out, ORDO_STR("k-same"));
    else
        ordo_buffer_printf(graph->out, "k-%s s-%d", change > 0 ? "more" : "less",
                           size < 0.1   ? 1
                           : size < 0.3 ? 2
                           : size < 0.6 ? 3
                                        : 4);
}

static void append_class(struct graph *graph, const struct ordo_flame_node *node)
{
    if (graph->compares)
        append_change_class(graph, node->total);
    else if (node->function == ORDO_FLAME_ROOT)
        ordo_buffer_append(graph->out, ORDO_STR("k-all"));
    else
        ordo_buffer_printf(
            graph->out, "k-%s",
            ordo_frame_kind_word(ordo_functions_at(&graph->tree.functions, node->function)->kind));
}

static void append_position(struct graph *graph, double x, double width, uint32_t depth)
{
    ordo_buffer_printf(graph->out, "\" x=\"%.5f%%\" y=\"%u\" width=\"%.5f%%\" height=\"%d\" tabindex=\"%d\">",
                       x, depth * ROW, width, ROW, depth == 0 ? 0 : -1);
    if (depth > graph->deepest)
        graph->deepest = depth;
}

static void append_box(struct graph *graph, ordo_str name)
{
    ordo_buffer_append(graph->out, ORDO_STR("<rect width=\"100%\" height=\"100%\"/><text x=\"4\" y=\"13\">"));
    append_escaped(graph->out, name);
    ordo_buffer_append(graph->out, ORDO_STR("</text></svg>\n"));
}

/* The children from `first` on, all of them small, as one frame; none when all together are too small. */
static void append_smaller(struct graph *graph, const struct ordo_flame_node *parent, uint32_t first,
                           double x)
{
    const struct ordo_flame_tree *tree = &graph->tree;
    struct ordo_flame_node sum = {.depth = parent->depth + 1};
    uint32_t count = parent->child_count - first;
    char text[ORDO_FRAME_TEXT], name[64];

    for (uint32_t i = first; i < parent->child_count; i++) {
        const struct ordo_flame_node *child = &tree->nodes[tree->children[parent->first_child + i]];

        sum.total[0] += child->total[0];
        sum.total[1] += child->total[1];
        sum.width += child->width;
    }
    if (ordo_percent(sum.width, whole(graph)) < SMALLEST)
        return;
    snprintf(name, sizeof(name), "(%u smaller)", count);
    ordo_buffer_append(graph->out, ORDO_STR("<svg class=\"f small "));
    if (graph->compares)
        append_change_class(graph, sum.total);
    else
        ordo_buffer_append(graph->out, ORDO_STR("k-small"));
    append_position(graph, x, ordo_percent(sum.width, whole(graph)), sum.depth);
    ordo_buffer_printf(graph->out, "<title>%s\n", name);
    for (uint32_t i = first; i < parent->child_count && i < first + SMALLER_NAMED; i++) {
        if (i > first)
            ordo_buffer_append(graph->out, ORDO_STR(", "));
        append_escaped(graph->out,
                       name_of(graph, &tree->nodes[tree->children[parent->first_child + i]], text));
    }
    if (count > SMALLER_NAMED)
        ordo_buffer_append(graph->out, ORDO_STR(", ..."));
    ordo_buffer_put(graph->out, '\n');
    if (graph->compares)
        append_change(graph, sum.total);
    else
        append_share(graph, sum.total);
    ordo_buffer_append(graph->out, ORDO_STR("</title>"));
    append_box(graph, ordo_str_from(name));
}

static void append_frame(struct graph *graph, uint32_t number, double x)
{
    const struct ordo_flame_node *node = &graph->tree.nodes[number];
    char text[ORDO_FRAME_TEXT];

    ordo_buffer_append(graph->out, ORDO_STR("<svg class=\"f "));
    append_class(graph, node);
    append_position(graph, x, number == 0 ? 100 : ordo_percent(node->width, whole(graph)), node->depth);
    append_title(graph, node);
    append_box(graph, name_of(graph, node, text));
    if (node->function != ORDO_FLAME_ROOT)
        graph->has_kind[ordo_functions_at(&graph->tree.functions, node->function)->kind] = true;
}

/* A walk through the tree without recursion: `at` of each level is the next child, `x` where it goes. */
static void append_frames(struct graph *graph)
{
    const struct ordo_flame_tree *tree = &graph->tree;
    struct ordo_buffer levels = {0};
    struct level {
        uint32_t number, next;
        double x;
    } first = {0}, *level;

    append_frame(graph, 0, 0);
    ordo_buffer_append(&levels, (ordo_str){(const char *)&first, sizeof(first)});
    while (levels.len > 0) {
        const struct ordo_flame_node *node;
        struct level child;

        level = (struct level *)(void *)(levels.ptr + levels.len) - 1;
        node = &tree->nodes[level->number];
        if (level->next == node->child_count) {
            levels.len -= sizeof(*level);
            continue;
        }
        child = (struct level){tree->children[node->first_child + level->next], 0, level->x};
        if (ordo_percent(tree->nodes[child.number].width, whole(graph)) < SMALLEST) {
            append_smaller(graph, node, level->next, level->x);
            levels.len -= sizeof(*level);
            continue;
        }
        level->next++;
        level->x += ordo_percent(tree->nodes[child.number].width, whole(graph));
        append_frame(graph, child.number, child.x);
        ordo_buffer_append(&levels, (ordo_str){(const char *)&child, sizeof(child)});
    }
    ordo_buffer_done(&levels);
}

/* --- around them --- */

static void append_legend(struct graph *graph)
{
    struct ordo_buffer *out = graph->out;

    ordo_buffer_append(out, ORDO_STR("<div class=\"legend\">"));
    if (graph->compares) {
        ordo_buffer_append(
            out, ORDO_STR("<span class=\"k-less\"><i></i>less</span><span class=\"k-same\"><i></i>same"
                          "</span><span class=\"k-more\"><i></i>more</span>"
                          "<span>width: the larger of before and after</span>"));
    } else {
        for (int kind = 0; kind <= ORDO_FRAME_NOTE; kind++) {
            const char *word = ordo_frame_kind_word((enum ordo_frame_kind)kind);

            if (graph->has_kind[kind])
                ordo_buffer_printf(out, "<span class=\"k-%s\"><i></i>%s</span>", word, word);
        }
    }
    ordo_buffer_append(out, ORDO_STR("</div>"));
}

static void append_head(struct graph *graph, const char *title, ordo_str summary)
{
    struct ordo_buffer *out = graph->out;

    ordo_buffer_printf(out,
                       "<foreignObject class=\"head\" x=\"0\" y=\"0\" width=\"100%%\" height=\"%d\">"
                       "<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"bar\"><div class=\"title\">",
                       HEAD);
    append_escaped(out, ordo_str_from(title));
    ordo_buffer_append(out, ORDO_STR("</div><div class=\"summary quiet\">"));
    append_escaped(out, summary);
    ordo_buffer_append(
        out, ORDO_STR("</div><div class=\"tools\"><input type=\"search\" placeholder=\"search: a regular "
                      "expression\" aria-label=\"search\" spellcheck=\"false\"/>"
                      "<button type=\"button\">reset</button><span class=\"share\" role=\"status\">"
                      "</span></div>"));
    append_legend(graph);
    ordo_buffer_append(
        out, ORDO_STR("<div class=\"details\" aria-live=\"polite\"><div class=\"quiet\">"
                      "click or Enter: zoom; arrows: move; /: search; Escape: reset</div><div></div></div>"
                      "</div></foreignObject>\n"));
}

static void append_graph(struct graph *graph, const char *title, ordo_str summary)
{
    struct ordo_buffer frames = {0}, *out = graph->out;
    uint32_t height;

    graph->out = &frames; /* first, since what is around them depends on what they are */
    append_frames(graph);
    graph->out = out;
    height = (graph->deepest + 1) * ROW + ROW / 2;
    ordo_buffer_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ordo-flame\" width=\"100%%\" height=\"%u\">\n"
        "<style>",
        HEAD + height);
    append_file(out, "flame.css");
    ordo_buffer_printf(out,
                       "</style>\n<svg class=\"frames\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%u\">\n",
                       HEAD, height);
    ordo_buffer_append(out, ordo_buffer_str(&frames));
    ordo_buffer_append(out, ORDO_STR("</svg>\n"));
    append_head(graph, title, summary);
    ordo_buffer_append(out, ORDO_STR("<script>"));
    append_file(out, "flame.js");
    ordo_buffer_append(out, ORDO_STR("</script>\n</svg>\n"));
    ordo_buffer_done(&frames);
}

static void append_left_out(struct ordo_buffer *out, double value, const char *unit)
{
    char text[ORDO_VALUE_TEXT];

    if (value < 0)
        ordo_buffer_printf(out, "; without %s below zero", ordo_value_text(value, unit, text));
}

void ordo_encode_flame_graph(const struct ordo_profile *profile, const char *title, struct ordo_buffer *out)
{
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    struct graph graph = {.out = out, .unit = meaning->values[meaning->shown].unit};
    struct ordo_buffer summary = {0};

    ordo_flame_tree_add(&graph.tree, profile, 0, 1);
    ordo_flame_tree_finish(&graph.tree);
    ordo_profile_summary(profile, &summary);
    append_left_out(&summary, graph.tree.left_out[0], graph.unit);
    for (size_t i = 0; i < ordo_profile_comment_count(profile); i++)
        ordo_buffer_printf(&summary, "; %s", ordo_profile_comment_at(profile, i).ptr);
    append_graph(&graph, title, ordo_buffer_str(&summary));
    ordo_buffer_done(&summary);
    ordo_flame_tree_done(&graph.tree);
}

void ordo_encode_flame_graph_diff(const struct ordo_profile *base, double base_divisor,
                                  const struct ordo_profile *profile, double divisor, const char *title,
                                  struct ordo_buffer *out)
{
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    const struct ordo_value_type *value = &meaning->values[meaning->shown];
    struct graph graph = {.out = out, .unit = value->unit, .compares = true};
    struct ordo_buffer summary = {0};

    ordo_flame_tree_add(&graph.tree, base, 0, base_divisor);
    ordo_flame_tree_add(&graph.tree, profile, 1, divisor);
    ordo_flame_tree_finish(&graph.tree);
    ordo_buffer_printf(&summary, "%s%s: ", value->type, base_divisor == 1 && divisor == 1 ? "" : " an order");
    graph.out = &summary;
    append_change(&graph, graph.tree.nodes[0].total);
    graph.out = out;
    append_left_out(&summary, graph.tree.left_out[0] + graph.tree.left_out[1], graph.unit);
    append_graph(&graph, title, ordo_buffer_str(&summary));
    ordo_buffer_done(&summary);
    ordo_flame_tree_done(&graph.tree);
}
