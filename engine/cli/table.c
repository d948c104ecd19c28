/* SPDX-License-Identifier: MIT
 * table.c: cells in one buffer; the widths are known when the rows are printed.
 */
#include "cli/table.h"

#include <stdlib.h>

/* Characters of UTF-8: all bytes but those that continue one. */
static size_t width_of(const char *text, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

void ordo_table_end_cell(struct ordo_table *table)
{
    size_t begin = table->cells > 0 ? table->ends[table->cells - 1] : 0;
    size_t needed = table->text.len == begin ? 0 : width_of(table->text.ptr + begin, table->text.len - begin);
    size_t *width = &table->width[table->cells % table->columns];

    if (table->cells == table->capacity) {
        table->capacity = table->capacity * 2 + 64;
        table->ends = realloc(table->ends, table->capacity * sizeof(size_t));
        ORDO_REQUIRE(table->ends != NULL);
    }
    if (needed > *width)
        *width = needed;
    table->ends[table->cells++] = table->text.len;
}

void ordo_table_cell(struct ordo_table *table, ordo_str text)
{
    ordo_buffer_put_clean(&table->text, text);
    ordo_table_end_cell(table);
}

void ordo_table_print(struct ordo_table *table, FILE *out)
{
    size_t begin = 0;

    for (size_t i = 0; i < table->cells; i++) {
        size_t column = i % table->columns, len = table->ends[i] - begin;
        const char *text = len == 0 ? "" : table->text.ptr + begin;
        int pad = (int)(table->width[column] - width_of(text, len));
        bool is_last = column == table->columns - 1;

        if (table->right >> column & 1)
            fprintf(out, "  %*s%.*s", pad, "", (int)len, text);
        else
            fprintf(out, "  %.*s%*s", (int)len, text, is_last ? 0 : pad, ""); /* nothing behind the last */
        if (is_last)
            fputc('\n', out);
        begin = table->ends[i];
    }
    ordo_buffer_clear(&table->text);
    table->cells = 0;
}

void ordo_table_done(struct ordo_table *table)
{
    ordo_buffer_done(&table->text);
    free(table->ends);
    table->ends = NULL;
    table->cells = table->capacity = 0;
}
