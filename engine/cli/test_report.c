/* SPDX-License-Identifier: MIT
 * test_report.c: what `ordo test` prints: each test that failed, and a line at the end.
 */
#include "cli/test.h"

#include "cli/table.h"

#define RED "\033[31m"
#define GREEN "\033[32m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static void print_line(const struct ordo_test_report *report, ordo_str line)
{
    struct ordo_buffer clean = {0};
    char mark = line.len > 0 ? line.ptr[0] : ' ';
    const char *colour = !report->colour ? "" : mark == '-' ? GREEN : mark == '+' ? RED : "";

    ordo_buffer_put_clean(&clean, (ordo_str){line.ptr + 1, line.len > 0 ? line.len - 1 : 0});
    printf("%s%s%.*s%s\n", mark == '=' ? "  " : "    ", colour, (int)clean.len,
           clean.len > 0 ? clean.ptr : "", colour[0] != '\0' ? PLAIN : "");
    ordo_buffer_done(&clean);
}

void ordo_test_report_each(void *context, const struct ordo_test_result *result)
{
    struct ordo_test_report *report = context;
    struct ordo_buffer name = {0};
    ordo_str rest = result->blocks, line;

    if (report->junit_wanted)
        ordo_test_junit_case(report, result);
    if (result->passed)
        return;
    ordo_buffer_put_clean(&name, result->name);
    printf("%sFAILED%s %s/%s", report->colour ? BOLD RED : "", report->colour ? PLAIN : "", report->folder,
           result->path);
    if (result->line > 0)
        printf(":%d", result->line);
    if (name.len > 0)
        printf(": %.*s", (int)name.len, name.ptr);
    printf("\n");
    while (ordo_text_next_line(&rest, &line))
        print_line(report, line);
    printf("\n");
    ordo_buffer_done(&name);
}

void ordo_test_report_end(const struct ordo_test_report *report, const struct ordo_test_counts *counts)
{
    const char *colour = !report->colour ? "" : counts->failed > 0 ? RED : GREEN;

    printf("%s%zu test%s in %zu file%s: ", colour, counts->run, counts->run == 1 ? "" : "s", counts->files,
           counts->files == 1 ? "" : "s");
    if (counts->failed > 0)
        printf("%zu failed", counts->failed);
    else
        printf("all passed");
    if (counts->run < counts->all)
        printf(", %zu left out by --filter", counts->all - counts->run);
    printf("%s\n", report->colour ? PLAIN : "");
}
