/* SPDX-License-Identifier: MIT
 * table.h: a table on a terminal, whose columns are as wide as they need to be. One owner.
 *
 *   struct ordo_table table = {.columns = 2, .right = 1u << 1};
 *   ordo_table_cell(&table, ORDO_STR("NAME"));
 *   ordo_table_cell(&table, ORDO_STR("AMOUNT"));
 *   ordo_table_print(&table, stdout);
 *   ordo_table_done(&table);
 */
#pragma once

#include <stdio.h>

#include "base/buffer.h"

enum { ORDO_TABLE_COLUMNS_MAX = 8 };

struct ordo_table {
    size_t columns;
    uint32_t right;          /* bits of the columns that stand to the right, as numbers do */
    struct ordo_buffer text; /* the cells, row by row; a cell may be appended here and then ended */
    size_t *ends;            /* of each cell in text */
    size_t cells, capacity;
    size_t width[ORDO_TABLE_COLUMNS_MAX]; /* so far, in characters */
};

void ordo_table_end_cell(struct ordo_table *table);            /* what was appended to text is a cell */
void ordo_table_cell(struct ordo_table *table, ordo_str text); /* appended clean, and ended */

/* Prints the rows and forgets them. The widths stay, so that rows which come later stand below. */
void ordo_table_print(struct ordo_table *table, FILE *out);
void ordo_table_done(struct ordo_table *table);
