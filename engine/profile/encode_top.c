/* SPDX-License-Identifier: MIT
 * encode_top.c: a row a function, as `pprof -top` has them: what it took itself (flat), and with all that it called (cum).
 * A function that calls itself counts once a stack.
 *
 * "at" is the line that most of its own share is at, or, without any, most of the total.
 */
#include "profile/encode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "profile/frame_text.h"
#include "profile/functions.h"

struct line {
    double flat[2], cum[2];
};

struct row {
    uint32_t function;
    uint32_t stamp; /* the last sample that it was seen in */
    double flat[2], cum[2];
    uint32_t line; /* 0: none is known */
    struct line most;
};

struct table {
    struct ordo_functions functions;
    struct ordo_intern line_keys; /* (function, line) */
    struct row *rows;             /* by function, then sorted */
    struct line *lines;           /* by number of their keys */
    double total[2];
    uint32_t stamps;
};

static void add_sample(struct table *table, const struct ordo_profile *profile, size_t index,
                       const uint32_t *functions, const uint32_t *lines, unsigned which, double divisor)
{
    struct ordo_profile_sample sample = ordo_profile_sample(profile, index);
    double value = (double)sample.values[ordo_profile_meaning(profile)->shown] / divisor;

    table->stamps++;
    table->total[which] += value;
    for (size_t i = 0; i < sample.frame_count; i++) {
        struct row *row = &table->rows[functions[sample.frames[i]]];
        struct line *line = &table->lines[lines[sample.frames[i]]];

        if (i == 0) {
            row->flat[which] += value;
            line->flat[which] += value;
        }
        if (row->stamp == table->stamps)
            continue;
        row->stamp = table->stamps;
        row->cum[which] += value;
        line->cum[which] += value;
    }
}

/* Numbers for the lines of a profile's frames; the caller frees them. */
static uint32_t *lines_of(struct table *table, const struct ordo_profile *profile, const uint32_t *functions)
{
    size_t count = ordo_profile_frame_count(profile);
    uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));

    ORDO_REQUIRE(numbers != NULL);
    for (size_t i = 0; i < count; i++) {
        const uint32_t key[2] = {functions[i], (uint32_t)ordo_profile_frame_at(profile, (uint32_t)i)->line};

        numbers[i] = ordo_intern(&table->line_keys, (ordo_str){(const char *)key, sizeof(key)});
    }
    return numbers;
}

/* Both profiles (the second may be NULL) into one table; then the rows with the line of most. */
static void fill(struct table *table, const struct ordo_profile *const *profiles, const double *divisors)
{
    uint32_t *functions[2] = {NULL, NULL}, *lines[2] = {NULL, NULL};

    for (unsigned i = 0; i < 2 && profiles[i] != NULL; i++) {
        functions[i] = ordo_functions_of(&table->functions, profiles[i]);
        lines[i] = lines_of(table, profiles[i], functions[i]);
    }
    table->rows = calloc(ordo_functions_count(&table->functions) + 1, sizeof(*table->rows));
    table->lines = calloc(table->line_keys.count + (size_t)1, sizeof(*table->lines));
    ORDO_REQUIRE(table->rows != NULL && table->lines != NULL);
    for (uint32_t i = 0; i < ordo_functions_count(&table->functions); i++)
        table->rows[i].function = i;
    for (unsigned i = 0; i < 2 && profiles[i] != NULL; i++)
        for (size_t k = 0; k < ordo_profile_sample_count(profiles[i]); k++)
            add_sample(table, profiles[i], k, functions[i], lines[i], i, divisors[i]);
    for (unsigned i = 0; i < 2; i++) {
        free(functions[i]);
        free(lines[i]);
    }
}

static double size_of(const double *values)
{
    return fabs(values[0]) + fabs(values[1]);
}

static void choose_lines(struct table *table)
{
    for (uint32_t i = 0; i < table->line_keys.count; i++) {
        const struct line *line = &table->lines[i];
        struct row *row;
        uint32_t key[2];

        memcpy(key, ordo_intern_at(&table->line_keys, i).ptr, sizeof(key));
        row = &table->rows[key[0]];
        if (key[1] == 0 || (row->line != 0 && (size_of(line->flat) < size_of(row->most.flat) ||
                                               (size_of(line->flat) == size_of(row->most.flat) &&
                                                size_of(line->cum) <= size_of(row->most.cum)))))
            continue;
        row->line = key[1];
        row->most = *line;
    }
}

static void done(struct table *table)
{
    ordo_functions_done(&table->functions);
    ordo_intern_done(&table->line_keys);
    free(table->rows);
    free(table->lines);
}

/* --- writing --- */

/* A cell, right-aligned; `text` may hold characters that are no single byte. */
static void append_cell(struct ordo_buffer *out, const char *text, int width)
{
    int characters = 0;

    for (const char *at = text; *at != '\0'; at++)
        characters += ((unsigned char)*at & 0xc0) != 0x80;
    ordo_buffer_printf(out, "%*s%s", width > characters ? width - characters : 0, "", text);
}

static void append_value(struct ordo_buffer *out, double value, const char *unit, bool sign)
{
    char text[ORDO_VALUE_TEXT + 1];

    ordo_value_text(value, unit, text + 1);
    text[0] = '+';
    append_cell(out, sign && value > 0 ? text : text + 1, 11);
}

static void append_percent(struct ordo_buffer *out, double percent)
{
    char text[32];

    snprintf(text, sizeof(text), "%.2f%%", percent);
    append_cell(out, text, 9);
}

static void append_function(struct ordo_buffer *out, const struct table *table, const struct row *row)
{
    const struct ordo_frame *frame = ordo_functions_at(&table->functions, row->function);
    char text[ORDO_FRAME_TEXT];
    ordo_str name = ordo_frame_name(frame, text);

    ordo_buffer_printf(out, "  %-8s %.*s", ordo_frame_kind_word(frame->kind), (int)name.len, name.ptr);
    if (frame->file.len > 0)
        ordo_buffer_printf(out, "  %s", frame->file.ptr);
    if (frame->file.len > 0 && row->line > 0)
        ordo_buffer_printf(out, ":%u", row->line);
    ordo_buffer_put(out, '\n');
}

static int compare_names(const struct row *a, const struct row *b)
{
    return a->function < b->function ? -1 : a->function > b->function;
}

static int compare_values(double a, double b)
{
    return fabs(a) > fabs(b) ? -1 : fabs(a) < fabs(b);
}

static int by_flat(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = compare_values(a->flat[0], b->flat[0]);

    if (order == 0)
        order = compare_values(a->cum[0], b->cum[0]);
    return order != 0 ? order : compare_names(a, b);
}

static int by_change(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = compare_values(a->flat[1] - a->flat[0], b->flat[1] - b->flat[0]);

    if (order == 0)
        order = compare_values(a->cum[1] - a->cum[0], b->cum[1] - b->cum[0]);
    return order != 0 ? order : compare_names(a, b);
}

/* How many rows are shown, and their sum of what `flat` gives. */
static void append_count(struct ordo_buffer *out, const struct table *table, size_t shown)
{
    ordo_buffer_printf(out, "%zu of %u functions\n", shown, ordo_functions_count(&table->functions));
}

static size_t sort_rows(struct table *table, size_t most, int (*compare)(const void *, const void *))
{
    size_t count = ordo_functions_count(&table->functions);

    qsort(table->rows, count, sizeof(*table->rows), compare);
    return count < most ? count : most;
}

static void append_comments(struct ordo_buffer *out, const struct ordo_profile *profile)
{
    for (size_t i = 0; i < ordo_profile_comment_count(profile); i++)
        ordo_buffer_printf(out, "%s\n", ordo_profile_comment_at(profile, i).ptr);
}

void ordo_encode_top(const struct ordo_profile *profile, size_t most, struct ordo_buffer *out)
{
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    const char *unit = meaning->values[meaning->shown].unit;
    struct table table = {0};
    double sum = 0, total;
    size_t shown;

    fill(&table, (const struct ordo_profile *const[]){profile, NULL}, (const double[]){1, 1});
    choose_lines(&table);
    total = table.total[0];
    shown = sort_rows(&table, most, by_flat);
    ordo_profile_summary(profile, out);
    ordo_buffer_put(out, '\n');
    append_comments(out, profile);
    append_count(out, &table, shown);
    ordo_buffer_printf(out, "%11s%9s%9s%11s%9s  %-8s %s\n", "flat", "flat%", "sum%", "cum", "cum%", "kind",
                       "function  at");
    for (size_t i = 0; i < shown; i++) {
        const struct row *row = &table.rows[i];

        sum += row->flat[0];
        append_value(out, row->flat[0], unit, false);
        append_percent(out, ordo_percent(row->flat[0], total));
        append_percent(out, ordo_percent(sum, total));
        append_value(out, row->cum[0], unit, false);
        append_percent(out, ordo_percent(row->cum[0], total));
        append_function(out, &table, row);
    }
    done(&table);
}

void ordo_encode_top_diff(const struct ordo_profile *base, double base_divisor,
                          const struct ordo_profile *profile, double divisor, size_t most,
                          struct ordo_buffer *out)
{
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    const struct ordo_value_type *value = &meaning->values[meaning->shown];
    struct table table = {0};
    char before[ORDO_VALUE_TEXT], after[ORDO_VALUE_TEXT];
    size_t shown;

    fill(&table, (const struct ordo_profile *const[]){base, profile},
         (const double[]){base_divisor, divisor});
    choose_lines(&table);
    shown = sort_rows(&table, most, by_change);
    ordo_buffer_printf(out, "%s%s: %s before, %s after (%+.2f%%)\n", value->type,
                       base_divisor == 1 && divisor == 1 ? "" : " an order",
                       ordo_value_text(table.total[0], value->unit, before),
                       ordo_value_text(table.total[1], value->unit, after),
                       ordo_percent(table.total[1] - table.total[0], table.total[0]));
    append_count(out, &table, shown);
    ordo_buffer_printf(out, "%11s%11s%11s%9s%11s%11s%11s  %-8s %s\n", "before", "after", "flat", "flat%",
                       "cum before", "cum after", "cum", "kind", "function  at");
    for (size_t i = 0; i < shown; i++) {
        const struct row *row = &table.rows[i];

        append_value(out, row->flat[0], value->unit, false);
        append_value(out, row->flat[1], value->unit, false);
        append_value(out, row->flat[1] - row->flat[0], value->unit, true);
        append_percent(out, ordo_percent(row->flat[1] - row->flat[0], table.total[0]));
        append_value(out, row->cum[0], value->unit, false);
        append_value(out, row->cum[1], value->unit, false);
        append_value(out, row->cum[1] - row->cum[0], value->unit, true);
        append_function(out, &table, row);
    }
    done(&table);
}
