/* SPDX-License-Identifier: MIT
 * options_help.c: an option table as text. Documents hold what this prints, so that they cannot drift from
 * the code.
 */
#include "core/options.h"
#include "core/option_value.h"

enum { COLUMNS = 4 };

static void write_cell(struct ordo_buffer *out, const struct ordo_option *option, int column)
{
    size_t before;

    switch (column) {
    case 0:
        ordo_buffer_printf(out, "`%s`", option->name);
        break;
    case 1:
        if (option->preset == NULL)
            ordo_buffer_append(out, ORDO_STR("required"));
        else
            ordo_buffer_printf(out, "`%s`", *option->preset == '\0' ? "\"\"" : option->preset);
        break;
    case 2:
        before = out->len;
        ordo__option_range(out, option);
        if (option->unit != NULL && option->type != ORDO_OPTION_ENUM)
            ordo_buffer_printf(out, "%s%s", out->len == before ? "" : " ", option->unit);
        break;
    default:
        ordo_buffer_append(out, ordo_str_from(option->help));
        break;
    }
}

static void write_row(struct ordo_buffer *out, const ordo_str cells[COLUMNS], const size_t widths[COLUMNS],
                      char fill)
{
    for (int column = 0; column < COLUMNS; column++) {
        ordo_buffer_append(out, ORDO_STR("| "));
        ordo_buffer_append(out, cells[column]);
        for (size_t len = cells[column].len; column < COLUMNS - 1 && len < widths[column]; len++)
            ordo_buffer_put(out, fill);
        ordo_buffer_put(out, ' ');
    }
    ordo_buffer_append(out, ORDO_STR("|\n"));
}

void ordo_options_help(const struct ordo_option *table, struct ordo_buffer *out)
{
    static const ordo_str head[COLUMNS] = {{"option", 6}, {"default", 7}, {"range", 5}, {"meaning", 7}};
    static const ordo_str rule[COLUMNS] = {{"---", 3}, {"---", 3}, {"---", 3}, {"---", 3}};
    struct ordo_buffer texts[COLUMNS] = {{0}};
    size_t widths[COLUMNS];
    ordo_str cells[COLUMNS];

    for (int column = 0; column < COLUMNS; column++) {
        widths[column] = head[column].len;
        for (const struct ordo_option *option = table; option != NULL && option->name != NULL; option++) {
            ordo_buffer_clear(&texts[column]);
            write_cell(&texts[column], option, column);
            if (texts[column].len > widths[column])
                widths[column] = texts[column].len;
        }
    }
    write_row(out, head, widths, ' ');
    write_row(out, rule, widths, '-');
    for (const struct ordo_option *option = table; option != NULL && option->name != NULL; option++) {
        for (int column = 0; column < COLUMNS; column++) {
            ordo_buffer_clear(&texts[column]);
            write_cell(&texts[column], option, column);
            cells[column] = ordo_buffer_str(&texts[column]);
        }
        write_row(out, cells, widths, ' ');
    }
    for (int column = 0; column < COLUMNS; column++)
        ordo_buffer_done(&texts[column]);
}
