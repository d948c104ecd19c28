/* SPDX-License-Identifier: MIT
 * test_junit.c: the results of `ordo test` as JUnit XML, which CI systems show: a suite for each file.
 */
#include "cli/test.h"

#include <stdlib.h>

#include "base/utf8.h"

/* Escaped, for an attribute or between tags. XML has no way to write most control characters, nor bytes that are no UTF-8;
 * U+FFFE and U+FFFF are not allowed in it either. */
static void put_text(struct ordo_buffer *out, ordo_str text)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        unsigned char byte = (unsigned char)text.ptr[i];

        len = 1;
        if (byte >= 0x80) {
            bool good = ordo_utf8_scan((const unsigned char *)text.ptr + i, text.len - i, &len) &&
                        !(len == 3 && memcmp(text.ptr + i, "\xef\xbf", 2) == 0 &&
                          (unsigned char)text.ptr[i + 2] >= 0xbe);

            ordo_buffer_append(out, good ? (ordo_str){text.ptr + i, len} : ORDO_STR("?"));
        } else if (byte == '&' || byte == '<' || byte == '>' || byte == '"' || byte == '\n') {
            ordo_buffer_printf(out, "&#%d;", byte);
        } else {
            ordo_buffer_put(out, byte < ' ' || byte == 0x7f ? '?' : (char)byte);
        }
    }
}

static void put_attribute(struct ordo_buffer *out, const char *name, ordo_str value)
{
    ordo_buffer_printf(out, " %s=\"", name);
    put_text(out, value);
    ordo_buffer_put(out, '"');
}

static void put_path(struct ordo_buffer *out, const char *name, const char *folder, const char *path)
{
    ordo_buffer_printf(out, " %s=\"", name);
    put_text(out, ordo_str_from(folder));
    ordo_buffer_put(out, '/');
    put_text(out, ordo_str_from(path));
    ordo_buffer_put(out, '"');
}

/* Puts the head of the suite before its cases, now that they are counted. */
static void end_suite(struct ordo_test_report *report)
{
    struct ordo_buffer head = {0};
    ordo_str cases;

    if (report->suite == NULL)
        return;
    cases = (ordo_str){report->junit.ptr + report->suite_at, report->junit.len - report->suite_at};
    ordo_buffer_printf(&head, "  <testsuite");
    put_attribute(&head, "name", ordo_str_from(report->suite));
    ordo_buffer_printf(&head, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.6f\">\n",
                       report->suite_cases, report->suite_failed, (double)report->suite_ns / 1e9);
    ordo_buffer_append(&head, cases);
    ordo_buffer_append(&head, ORDO_STR("  </testsuite>\n"));
    report->junit.len = report->suite_at;
    ordo_buffer_append(&report->junit, ordo_buffer_str(&head));
    ordo_buffer_done(&head);
    free(report->suite);
    report->suite = NULL;
}

static void begin_suite(struct ordo_test_report *report, const char *path)
{
    if (report->suite != NULL && strcmp(report->suite, path) == 0)
        return;
    end_suite(report);
    report->suite = strdup(path);
    ORDO_REQUIRE(report->suite != NULL);
    report->suite_at = report->junit.len;
    report->suite_cases = report->suite_failed = 0;
    report->suite_ns = 0;
}

void ordo_test_junit_case(struct ordo_test_report *report, const struct ordo_test_result *result)
{
    struct ordo_buffer *out = &report->junit;
    ordo_str rest = result->sentences, first;

    begin_suite(report, result->path);
    ordo_buffer_printf(out, "    <testcase");
    put_attribute(out, "name", result->name.len > 0 ? result->name : ORDO_STR("the file"));
    put_attribute(out, "classname", ordo_str_from(result->path));
    put_path(out, "file", report->folder, result->path);
    if (result->line > 0)
        ordo_buffer_printf(out, " line=\"%d\"", result->line);
    ordo_buffer_printf(out, " time=\"%.6f\"", (double)result->took_ns / 1e9);
    if (result->passed) {
        ordo_buffer_append(out, ORDO_STR("/>\n"));
    } else {
        if (!ordo_text_next_line(&rest, &first))
            first = ORDO_STR_NONE;
        ordo_buffer_append(out, ORDO_STR(">\n      <failure"));
        put_attribute(out, "message", first);
        ordo_buffer_put(out, '>');
        put_text(out, result->sentences);
        ordo_buffer_append(out, ORDO_STR("</failure>\n    </testcase>\n"));
    }
    report->suite_cases++;
    report->cases++;
    report->suite_failed += !result->passed;
    report->failed += !result->passed;
    report->suite_ns += result->took_ns;
    report->all_ns += result->took_ns;
}

void ordo_test_junit_errors(struct ordo_test_report *report, const struct ordo_buffer *errors)
{
    ordo_str rest = ordo_buffer_str(errors), line;

    begin_suite(report, "rules");
    while (ordo_text_next_line(&rest, &line)) {
        ordo_buffer_printf(&report->junit,
                           "    <testcase name=\"loads\" classname=\"rules\">\n      <failure");
        put_attribute(&report->junit, "message", line);
        ordo_buffer_put(&report->junit, '>');
        put_text(&report->junit, line);
        ordo_buffer_append(&report->junit, ORDO_STR("</failure>\n    </testcase>\n"));
        report->suite_cases++;
        report->suite_failed++;
        report->cases++;
        report->failed++;
    }
}

bool ordo_test_junit_write(struct ordo_test_report *report, const struct ordo_command *command,
                           const char *path)
{
    struct ordo_output output = {.path = path};
    struct ordo_buffer head = {0};
    bool ok;

    end_suite(report);
    ordo_buffer_printf(
        &head,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"ordo\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.6f\">\n",
        report->cases, report->failed, (double)report->all_ns / 1e9);
    ordo_buffer_append(&report->junit, ORDO_STR("</testsuites>\n"));
    ok = ordo_output_open(&output, command) && ordo_output_write(&output, ordo_buffer_str(&head)) &&
         ordo_output_write(&output, ordo_buffer_str(&report->junit)) && ordo_output_finish(&output);
    ordo_output_close(&output, ok);
    ordo_buffer_done(&head);
    return ok;
}
