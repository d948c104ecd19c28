/* SPDX-License-Identifier: MIT
 * line_diff.c: the greedy search of Myers, "An O(ND) Difference Algorithm", between the first line that differs and the
 * last.
 *
 * Time and memory grow with the square of the number of changed lines, so the search ends at CHANGES_MAX.
 */
#include "base/line_diff.h"

#include <stdlib.h>

enum { CONTEXT = 3, CHANGES_MAX = 1000 };

struct text {
    ordo_str *lines; /* each with its newline */
    size_t count;
    bool *changed;
};

static void split(ordo_str text, struct text *ret_text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n' || i + 1 == text.len;
    ret_text->lines = calloc(count + 1, sizeof(*ret_text->lines));
    ret_text->changed = calloc(count + 1, sizeof(*ret_text->changed));
    ORDO_REQUIRE(ret_text->lines != NULL && ret_text->changed != NULL);
    ret_text->count = 0;
    for (size_t start = 0, i = 0; i < text.len; i++)
        if (text.ptr[i] == '\n' || i + 1 == text.len) {
            ret_text->lines[ret_text->count++] = (ordo_str){text.ptr + start, i + 1 - start};
            start = i + 1;
        }
}

/* The part that differs: [low, high) of each. */
struct part {
    const ordo_str *a, *b;
    long a_count, b_count;
    bool *a_changed, *b_changed;
};

/* The furthest x on each diagonal k = x - y, one row for each number of changes d: k from -d to d. */
struct rows {
    long *x;
    size_t used, room;
    size_t starts[CHANGES_MAX + 1];
};

static long *row(struct rows *rows, long d)
{
    return &rows->x[rows->starts[d] + (size_t)d]; /* so that [k] is diagonal k */
}

static void add_row(struct rows *rows, long d)
{
    size_t size = 2 * (size_t)d + 1;

    if (rows->room - rows->used < size) {
        rows->room = 2 * (rows->room + size);
        rows->x = realloc(rows->x, rows->room * sizeof(*rows->x));
        ORDO_REQUIRE(rows->x != NULL);
    }
    rows->starts[d] = rows->used;
    rows->used += size;
    for (size_t i = rows->starts[d]; i < rows->used; i++)
        rows->x[i] = -1;
}

/* Where a path with d changes comes to diagonal k from: a line added (from k + 1) or removed (from k - 1). */
static bool comes_by_adding(struct rows *rows, long d, long k)
{
    long *before = row(rows, d - 1);

    return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

/* The number of changes, or -1: there are too many. */
static long search(const struct part *part, struct rows *rows)
{
    for (long d = 0; d <= CHANGES_MAX; d++) {
        add_row(rows, d);
        for (long k = -d; k <= d; k += 2) {
            long x = d == 0                        ? 0
                     : comes_by_adding(rows, d, k) ? row(rows, d - 1)[k + 1]
                                                   : row(rows, d - 1)[k - 1] + 1;
            long y = x - k;

            if (x > part->a_count || y > part->b_count || y < 0) {
                row(rows, d)[k] = x; /* outside: nothing goes on from here that is not outside, too */
                continue;
            }
            while (x < part->a_count && y < part->b_count && ordo_str_equal(part->a[x], part->b[y])) {
                x++;
                y++;
            }
            row(rows, d)[k] = x;
            if (x >= part->a_count && y >= part->b_count)
                return d;
        }
    }
    return -1;
}

static void mark(const struct part *part)
{
    struct rows rows = {0};
    long d = search(part, &rows), x = part->a_count, y = part->b_count;

    if (d < 0) {
        for (long i = 0; i < part->a_count; i++)
            part->a_changed[i] = true;
        for (long i = 0; i < part->b_count; i++)
            part->b_changed[i] = true;
    }
    for (; d > 0; d--) {
        long k = x - y;
        bool adding = comes_by_adding(&rows, d, k);

        k += adding ? 1 : -1;
        x = row(&rows, d - 1)[k];
        y = x - k;
        if (adding)
            part->b_changed[y] = true;
        else
            part->a_changed[x] = true;
    }
    free(rows.x);
}

static void compare(const struct text *a, const struct text *b)
{
    size_t start = 0, end = 0, least = a->count < b->count ? a->count : b->count;
    struct part part;

    while (start < least && ordo_str_equal(a->lines[start], b->lines[start]))
        start++;
    while (end < least - start && ordo_str_equal(a->lines[a->count - 1 - end], b->lines[b->count - 1 - end]))
        end++;
    part = (struct part){
        .a = a->lines + start,
        .b = b->lines + start,
        .a_count = (long)(a->count - start - end),
        .b_count = (long)(b->count - start - end),
        .a_changed = a->changed + start,
        .b_changed = b->changed + start,
    };
    mark(&part);
}

static void put_line(char mark, ordo_str line, struct ordo_buffer *out)
{
    ordo_buffer_put(out, mark);
    ordo_buffer_append(out, line);
    if (line.ptr[line.len - 1] != '\n')
        ordo_buffer_append(out, ORDO_STR("\n\\ No newline at end of file\n"));
}

/* "12,3": the first line and how many; of none, the line before. */
static void put_range(size_t start, size_t count, struct ordo_buffer *out)
{
    if (count == 1)
        ordo_buffer_printf(out, "%zu", start + 1);
    else
        ordo_buffer_printf(out, "%zu,%zu", count == 0 ? start : start + 1, count);
}

/* Lines of both texts that belong together: [from, to) of a, and of b. */
struct hunk {
    size_t a_from, a_to, b_from, b_to;
};

/* The next change at or behind a and b, with what stands around it and the changes that are near. */
static bool next_hunk(const struct text *a, const struct text *b, size_t *at_a, size_t *at_b,
                      struct hunk *ret_hunk)
{
    size_t i = *at_a, j = *at_b, quiet = 0, before;

    while (i < a->count && j < b->count && !a->changed[i] && !b->changed[j]) {
        i++;
        j++;
    }
    if (i == a->count && j == b->count)
        return false;
    before = i - *at_a < CONTEXT ? i - *at_a : CONTEXT;
    ret_hunk->a_from = i - before;
    ret_hunk->b_from = j - before;
    while (i < a->count || j < b->count) {
        if (i < a->count && a->changed[i]) {
            i++;
            quiet = 0;
        } else if (j < b->count && b->changed[j]) {
            j++;
            quiet = 0;
        } else {
            if (quiet == 2 * CONTEXT)
                break;
            quiet++;
            i++;
            j++;
        }
    }
    if (quiet > CONTEXT) {
        i -= quiet - CONTEXT;
        j -= quiet - CONTEXT;
    }
    ret_hunk->a_to = *at_a = i;
    ret_hunk->b_to = *at_b = j;
    return true;
}

static void put_hunk(const struct text *a, const struct text *b, const struct hunk *hunk,
                     struct ordo_buffer *out)
{
    size_t i = hunk->a_from, j = hunk->b_from;

    ordo_buffer_append(out, ORDO_STR("@@ -"));
    put_range(i, hunk->a_to - i, out);
    ordo_buffer_append(out, ORDO_STR(" +"));
    put_range(j, hunk->b_to - j, out);
    ordo_buffer_append(out, ORDO_STR(" @@\n"));
    while (i < hunk->a_to || j < hunk->b_to) {
        if (i < hunk->a_to && a->changed[i]) {
            put_line('-', a->lines[i++], out);
        } else if (j < hunk->b_to && b->changed[j]) {
            put_line('+', b->lines[j++], out);
        } else {
            put_line(' ', a->lines[i++], out);
            j++;
        }
    }
}

static void put_name(const char *mark, ordo_str name, const char *text, struct ordo_buffer *out)
{
    ordo_buffer_append(out, ordo_str_from(mark));
    ordo_buffer_append(out, text == NULL ? ORDO_STR("/dev/null") : name);
    ordo_buffer_put(out, '\n');
}

void ordo_line_diff(ordo_str from_name, ordo_str from, ordo_str to_name, ordo_str to, struct ordo_buffer *out)
{
    size_t at_a = 0, at_b = 0;
    struct text a, b;
    struct hunk hunk;

    if (from.ptr != NULL && to.ptr != NULL && ordo_str_equal(from, to))
        return;
    put_name("--- ", from_name, from.ptr, out);
    put_name("+++ ", to_name, to.ptr, out);
    split(from, &a);
    split(to, &b);
    compare(&a, &b);
    while (next_hunk(&a, &b, &at_a, &at_b, &hunk))
        put_hunk(&a, &b, &hunk, out);
    free(a.lines);
    free(a.changed);
    free(b.lines);
    free(b.changed);
}
