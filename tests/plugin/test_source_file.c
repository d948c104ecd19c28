/* SPDX-License-Identifier: MIT
 * test_source_file.c: orders from files and pipes, lines of all kinds, and back pressure.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <ordo/source.h>

#include "base/error.h"
#include "fake_host.h"

static const char *module;
static char folder[] = "/tmp/ordo-source-XXXXXX";
static char path[64], setting[80];

static const struct ordo_source_ops *ops_of(const struct fake_plugin *source)
{
    return source->plugin->ops;
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct fake_plugin *open_started(const char *second)
{
    struct fake_plugin *source = fake_plugin_open(module, (const char *[]){setting, second, NULL});
    struct ordo_error err = {0};

    ORDO_REQUIRE(source->self != NULL);
    assert_int_equal(ops_of(source)->start(source->self, &err), 0);
    return source;
}

static struct fake_plugin *open_text(const char *text, const char *second)
{
    write_bytes(text, strlen(text));
    return open_started(second);
}

static struct ordo_source_stat stat_of(struct fake_plugin *source)
{
    struct ordo_source_stat stat = {.size = sizeof(stat)};

    ops_of(source)->stat(source->self, &stat);
    return stat;
}

static void stop_and_close(struct fake_plugin *source)
{
    ops_of(source)->stop(source->self);
    fake_plugin_close(source);
}

static void test_each_line_is_an_order_in_order(void **state)
{
    struct fake_plugin *source = open_text("{\"id\":1}\n{\"id\":2}\r\n\n  \t\n{\"id\":3}\n", NULL);

    (void)state;
    fake_wait_orders(source, 3);
    assert_string_equal(fake_order(source, 0), "{\"id\":1}");
    assert_memory_equal(fake_order(source, 1), "{\"id\":2}", 8);
    assert_string_equal(fake_order(source, 2), "{\"id\":3}");
    fake_decide_all(source);
    fake_wait_log(source, "end of input: 5 lines, 3 orders submitted, 0 lines refused");
    assert_int_equal(stat_of(source).submitted, 3);
    assert_int_equal(stat_of(source).decided, 3);
    stop_and_close(source);
}

static void test_last_line_needs_no_end(void **state)
{
    struct fake_plugin *source = open_text("{\"id\":1}\n{\"id\":2}", NULL);

    (void)state;
    fake_wait_orders(source, 2);
    assert_string_equal(fake_order(source, 1), "{\"id\":2}");
    stop_and_close(source);
}

static void test_empty_file_ends(void **state)
{
    struct fake_plugin *source = open_text("", NULL);

    (void)state;
    fake_wait_log(source, "end of input: 0 lines, 0 orders submitted, 0 lines refused");
    stop_and_close(source);
}

static void test_bad_line_is_named_and_passed_over(void **state)
{
    struct fake_plugin *source = open_text("{\"id\":1}\nnonsense\n{\"id\":3}\n", NULL);
    char expected[160];

    (void)state;
    fake_wait_orders(source, 2);
    fake_decide_all(source);
    snprintf(expected, sizeof(expected), "%s:2: expected an object", path);
    fake_wait_log(source, expected);
    fake_wait_log(source, "end of input: 3 lines, 2 orders submitted, 1 lines refused");
    assert_int_equal(stat_of(source).refused, 1);
    stop_and_close(source);
}

static void test_many_bad_lines_do_not_flood_the_log(void **state)
{
    char text[30 * 4 + 1] = "";
    struct fake_plugin *source;

    (void)state;
    for (size_t i = 0; i < 30; i++)
        memcpy(text + i * 4, "bad\n", 5);
    source = open_text(text, NULL);
    fake_wait_log(source, "30 lines refused");
    assert_int_equal(fake_log_count(source, ": expected an object"), 20);
    assert_int_equal(fake_log_count(source, "more bad lines follow"), 1);
    stop_and_close(source);
}

static void test_invalid_order_is_named_by_its_line(void **state)
{
    struct fake_plugin *source = open_text("\n{\"id\":\"o-1\"}\n", NULL);
    char expected[160];

    (void)state;
    fake_wait_orders(source, 1);
    fake_decide(source, 0, ORDO_STATUS_INVALID, "{\"code\":\"invalid_order\"}");
    snprintf(expected, sizeof(expected), "%s:2: {\"code\":\"invalid_order\"}", path);
    fake_wait_log(source, expected);
    fake_wait_log(source, "1 orders submitted, 1 lines refused");
    stop_and_close(source);
}

static void test_line_at_the_bound_is_taken_and_above_skipped(void **state)
{
    char bytes[2000];
    struct fake_plugin *source;
    size_t len = 0;

    (void)state;
    for (size_t size = 99; size <= 101; size++) { /* lines of 99, 100 and 101 bytes */
        memset(bytes + len, 'x', size);
        bytes[len] = '{';
        bytes[len + size] = '\n';
        len += size + 1;
    }
    memcpy(bytes + len, "{\"id\":4}\n", 9);
    write_bytes(bytes, len + 9);
    source = open_started("max_line=100");
    fake_wait_orders(source, 3);
    assert_int_equal(strlen(fake_order(source, 1)), 100);
    assert_string_equal(fake_order(source, 2), "{\"id\":4}");
    assert_int_equal(fake_log_count(source, ":3: longer than max_line"), 1);
    stop_and_close(source);
}

/* The line is much longer than what is read at once, so it is recognised before its end is seen. */
static void test_very_long_line_is_skipped_to_its_end(void **state)
{
    size_t len = 3 * 1024 * 1024;
    char *bytes = malloc(len + 64);
    struct fake_plugin *source;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, '{', len);
    memcpy(bytes + len, "\n{\"id\":2}\n", 10);
    write_bytes(bytes, len + 10);
    free(bytes);
    source = open_started("max_line=1KiB");
    fake_wait_orders(source, 1);
    assert_string_equal(fake_order(source, 0), "{\"id\":2}");
    assert_int_equal(fake_log_count(source, ":1: longer than max_line"), 1);
    stop_and_close(source);
}

static void test_order_of_a_megabyte_arrives_whole(void **state)
{
    size_t len = 1024 * 1024;
    char *bytes = malloc(len + 1);
    struct fake_plugin *source;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + i % 26);
    bytes[0] = '{';
    bytes[len] = '\n';
    write_bytes(bytes, len + 1);
    source = open_started(NULL);
    fake_wait_orders(source, 1);
    assert_int_equal(strlen(fake_order(source, 0)), len);
    assert_memory_equal(fake_order(source, 0), bytes, len);
    free(bytes);
    stop_and_close(source);
}

static void test_in_flight_is_bounded(void **state)
{
    struct fake_plugin *source = open_text("{1}\n{2}\n{3}\n{4}\n{5}\n", "in_flight=2");

    (void)state;
    fake_wait_orders(source, 2);
    assert_int_equal(fake_order_count(source), 2);
    fake_decide(source, 0, ORDO_STATUS_DONE, "{}");
    fake_wait_orders(source, 3);
    assert_int_equal(fake_order_count(source), 3);
    fake_decide_all(source);
    fake_wait_orders(source, 5);
    stop_and_close(source);
}

static void test_full_engine_is_waited_for(void **state)
{
    struct fake_plugin *source;

    (void)state;
    write_bytes("{1}\n{2}\n", 8);
    source = fake_plugin_open(module, (const char *[]){setting, NULL});
    fake_set_full(source, true);
    assert_int_equal(ops_of(source)->start(source->self, NULL), 0);
    fake_wait_full(source, 2);
    assert_int_equal(fake_order_count(source), 0);
    fake_set_full(source, false);
    fake_wait_orders(source, 2);
    assert_string_equal(fake_order(source, 0), "{1}");
    stop_and_close(source);
}

static void test_stop_while_full_or_bounded(void **state)
{
    struct fake_plugin *full, *bounded = open_text("{1}\n{2}\n", "in_flight=1");

    (void)state;
    full = fake_plugin_open(module, (const char *[]){setting, NULL});
    fake_set_full(full, true);
    assert_int_equal(ops_of(full)->start(full->self, NULL), 0);
    fake_wait_full(full, 1);
    fake_wait_orders(bounded, 1);
    stop_and_close(full);
    ops_of(bounded)->stop(bounded->self);
    assert_int_equal(fake_order_count(bounded), 1);
    fake_plugin_close(bounded);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_named_pipe_is_read_from_one_writer_after_the_other(void **state)
{
    struct fake_plugin *source;
    int fd;

    (void)state;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    source = open_started(NULL);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    put(fd, "{1}\n{2");
    fake_wait_orders(source, 1);
    put(fd, "}\n");
    close(fd);
    fake_wait_orders(source, 2);
    assert_string_equal(fake_order(source, 1), "{2}");
    fd = open(path, O_WRONLY | O_CLOEXEC);
    put(fd, "{3}\n");
    fake_wait_orders(source, 3);
    close(fd);
    stop_and_close(source); /* while it waits for input */
    unlink(path);
}

static void test_dash_is_stdin(void **state)
{
    struct fake_plugin *source;
    int ends[2], before = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    source = fake_plugin_open(module, (const char *[]){"path=-", NULL});
    assert_non_null(source->self);
    assert_int_equal(ops_of(source)->start(source->self, NULL), 0);
    put(ends[1], "{1}\n{2}");
    fake_wait_orders(source, 1);
    close(ends[1]);
    fake_wait_orders(source, 2);
    fake_decide_all(source);
    fake_wait_log(source, "-: end of input: 2 lines, 2 orders submitted");
    stop_and_close(source);
    if (before >= 0)
        dup2(before, STDIN_FILENO);
}

static void assert_open_fails(const char *value, const char *message)
{
    char own[128];
    struct fake_plugin *source;

    snprintf(own, sizeof(own), "path=%s", value);
    source = fake_plugin_open(module, (const char *[]){own, NULL});
    assert_null(source->self);
    assert_string_equal(source->err.place, value);
    assert_string_equal(source->err.message, message);
    fake_plugin_close(source);
}

static void test_input_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    assert_open_fails("/nowhere/orders.ndjson", "cannot read orders from it: No such file or directory");
    assert_open_fails("/tmp", "cannot read orders from it: Is a directory");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_is_an_order_in_order),
        cmocka_unit_test(test_last_line_needs_no_end),
        cmocka_unit_test(test_empty_file_ends),
        cmocka_unit_test(test_bad_line_is_named_and_passed_over),
        cmocka_unit_test(test_many_bad_lines_do_not_flood_the_log),
        cmocka_unit_test(test_invalid_order_is_named_by_its_line),
        cmocka_unit_test(test_line_at_the_bound_is_taken_and_above_skipped),
        cmocka_unit_test(test_very_long_line_is_skipped_to_its_end),
        cmocka_unit_test(test_order_of_a_megabyte_arrives_whole),
        cmocka_unit_test(test_in_flight_is_bounded),
        cmocka_unit_test(test_full_engine_is_waited_for),
        cmocka_unit_test(test_stop_while_full_or_bounded),
        cmocka_unit_test(test_named_pipe_is_read_from_one_writer_after_the_other),
        cmocka_unit_test(test_dash_is_stdin),
        cmocka_unit_test(test_input_that_cannot_be_read_is_an_error),
    };
    int failed;

    ORDO_REQUIRE(argc == 2 && mkdtemp(folder) != NULL);
    module = argv[1];
    snprintf(path, sizeof(path), "%s/orders", folder);
    snprintf(setting, sizeof(setting), "path=%s", path);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
