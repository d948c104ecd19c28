/* SPDX-License-Identifier: MIT
 * test_coverage.c: which lines of the rules their tests run, as a table for people or in lcov's format for tools.
 */
#include "cli/test.h"

#include "cli/table.h"

struct sums {
    size_t ran, can;
};

static struct sums sums_of(const struct ordo_coverage_file *file)
{
    struct sums sums = {0};

    for (size_t line = 1; line <= file->lines; line++) {
        sums.ran += (file->marks[line] & ORDO_LINE_RAN) != 0;
        sums.can += (file->marks[line] & ORDO_LINE_CAN_RUN) != 0;
    }
    return sums;
}

static bool never_ran(const struct ordo_coverage_file *file, size_t line)
{
    return file->marks[line] == ORDO_LINE_CAN_RUN;
}

/* "12, 20-22": lines that can run and did not; one between two of them that cannot run does not part them. */
static void put_never(struct ordo_buffer *out, const struct ordo_coverage_file *file)
{
    size_t first = 0, last = 0;

    for (size_t line = 1; line <= file->lines + 1; line++) {
        bool ends = line > file->lines || (file->marks[line] & ORDO_LINE_RAN) != 0;

        if (!ends && never_ran(file, line)) {
            first = first == 0 ? line : first;
            last = line;
        }
        if (!ends || first == 0)
            continue;
        ordo_buffer_printf(out, first == last ? "%s%zu" : "%s%zu-%zu", out->len > 0 ? ", " : "", first, last);
        first = 0;
    }
}

struct printing {
    struct ordo_table table;
    struct sums all;
};

static void put_row(struct ordo_table *table, const char *name, struct sums sums, ordo_str never)
{
    ordo_table_cell(table, ordo_str_from(name));
    ordo_buffer_printf(&table->text, "%zu", sums.ran);
    ordo_table_end_cell(table);
    ordo_buffer_printf(&table->text, "%zu", sums.can);
    ordo_table_end_cell(table);
    /* Rounded down: 100 % is all of it. */
    ordo_buffer_printf(&table->text, "%zu %%", sums.can > 0 ? 100 * sums.ran / sums.can : 100);
    ordo_table_end_cell(table);
    ordo_table_cell(table, never);
}

static void print_file(void *context, const struct ordo_coverage_file *file)
{
    struct printing *printing = context;
    struct ordo_buffer never = {0};
    struct sums sums = sums_of(file);

    put_never(&never, file);
    put_row(&printing->table, file->path, sums, ordo_buffer_str(&never));
    printing->all.ran += sums.ran;
    printing->all.can += sums.can;
    ordo_buffer_done(&never);
}

void ordo_test_coverage_print(const struct ordo_coverage *coverage)
{
    struct printing printing = {.table = {.columns = 5, .right = 1u << 1 | 1u << 2 | 1u << 3}};

    printf("\n");
    ordo_table_cell(&printing.table, ORDO_STR("FILE"));
    ordo_table_cell(&printing.table, ORDO_STR("RAN"));
    ordo_table_cell(&printing.table, ORDO_STR("CAN RUN"));
    ordo_table_cell(&printing.table, ORDO_STR("COVERED"));
    ordo_table_cell(&printing.table, ORDO_STR("NEVER RAN"));
    ordo_coverage_each(coverage, print_file, &printing);
    put_row(&printing.table, "all", printing.all, ORDO_STR_NONE);
    ordo_table_print(&printing.table, stdout);
    ordo_table_done(&printing.table);
}

struct writing {
    struct ordo_buffer text;
    const char *folder;
};

static void write_file(void *context, const struct ordo_coverage_file *file)
{
    struct writing *writing = context;
    struct sums sums = sums_of(file);

    ordo_buffer_printf(&writing->text, "TN:\nSF:%s/%s\n", writing->folder, file->path);
    for (size_t line = 1; line <= file->lines; line++)
        if (file->marks[line] != 0)
            ordo_buffer_printf(&writing->text, "DA:%zu,%d\n", line, never_ran(file, line) ? 0 : 1);
    ordo_buffer_printf(&writing->text, "LF:%zu\nLH:%zu\nend_of_record\n", sums.can, sums.ran);
}

bool ordo_test_coverage_write(const struct ordo_coverage *coverage, const char *folder,
                              const struct ordo_command *command, const char *path)
{
    struct ordo_output output = {.path = path};
    struct writing writing = {.folder = folder};
    bool ok;

    ordo_coverage_each(coverage, write_file, &writing);
    ok = ordo_output_open(&output, command) && ordo_output_write(&output, ordo_buffer_str(&writing.text)) &&
         ordo_output_finish(&output);
    ordo_output_close(&output, ok);
    ordo_buffer_done(&writing.text);
    return ok;
}
