/* SPDX-License-Identifier: MIT
 * test_log.c: what a line looks like, where it is cut, and how floods are held back. Standard error is a file
 * here.
 */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"

enum { LINE_SIZE = 4096, SECOND = 1000000000 };

static int capture = -1, real_stderr = -1;
static char text[1 << 20];

static void start_capture(void)
{
    assert_int_equal(ftruncate(capture, 0), 0);
    assert_int_equal(lseek(capture, 0, SEEK_SET), 0);
    assert_true(dup2(capture, STDERR_FILENO) >= 0);
}

/* Returns what was logged since start_capture. */
static const char *end_capture(void)
{
    ssize_t len = pread(capture, text, sizeof(text) - 1, 0);

    dup2(real_stderr, STDERR_FILENO);
    assert_true(len >= 0 && len < (ssize_t)sizeof(text) - 1);
    text[len] = '\0';
    return text;
}

static int setup(void **state)
{
    (void)state;
    real_stderr = dup(STDERR_FILENO);
    capture = memfd_create("log", 0);
    return real_stderr < 0 || capture < 0;
}

/* Checks the form of 2026-11-23T06:27:05.123Z and returns what stands behind it. */
static const char *skip_time(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == 'd')
            assert_true(isdigit((unsigned char)line[i]));
        else
            assert_int_equal(line[i], form[i]);
    }
    return line + sizeof(form) - 1;
}

static void test_text_line(void **state)
{
    (void)state;
    ordo_log_setup(ORDO_LOG_DEBUG, ORDO_LOG_TEXT);
    start_capture();
    ordo_log_info("rules", "generation %d is running", 2);
    assert_string_equal(skip_time(end_capture()), " info  rules: generation 2 is running\n");
    start_capture();
    ordo_log_error("rules", "a");
    assert_string_equal(skip_time(end_capture()), " error rules: a\n");
    start_capture();
    ordo_log_warn("rules", "a");
    assert_string_equal(skip_time(end_capture()), " warn  rules: a\n");
    start_capture();
    ordo_log_debug("rules", "%s", "");
    assert_string_equal(skip_time(end_capture()), " debug rules: \n");
}

static void test_json_line(void **state)
{
    const char *line;

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_JSON);
    start_capture();
    ordo_log_warn("http", "a \"quoted\"\n\x01 M\xc3\xbcller \xff");
    line = end_capture();
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(skip_time(line + 9),
                        "\",\"level\":\"warn\",\"tag\":\"http\",\"message\":\"a \\\"quoted\\\"\\n"
                        "\\u0001 M\xc3\xbcller \xef\xbf\xbd\"}\n");
}

static void test_time_is_now_in_utc(void **state)
{
    int64_t before, after, logged;
    struct tm utc = {0};
    const char *line;

    (void)state;
    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    start_capture();
    before = ordo_clock_utc_ms();
    ordo_log_info("t", "m");
    after = ordo_clock_utc_ms();
    line = end_capture();
    assert_non_null(strptime(line, "%Y-%m-%dT%H:%M:%S", &utc));
    logged = (int64_t)timegm(&utc) * 1000 + strtol(line + 20, NULL, 10);
    assert_in_range(logged, before, after);
    unsetenv("TZ");
    tzset();
}

static void test_level_holds_back(void **state)
{
    (void)state;
    ordo_log_setup(ORDO_LOG_WARN, ORDO_LOG_TEXT);
    assert_false(ordo_log_is_on(ORDO_LOG_DEBUG));
    assert_false(ordo_log_is_on(ORDO_LOG_INFO));
    assert_true(ordo_log_is_on(ORDO_LOG_WARN));
    assert_true(ordo_log_is_on(ORDO_LOG_ERROR));
    start_capture();
    ordo_log_debug("t", "no");
    ordo_log_info("t", "no");
    assert_string_equal(end_capture(), "");
}

static void test_control_characters_are_escaped_in_text(void **state)
{
    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    start_capture();
    ordo_log_info("t\n", "%s", "one\ntwo\tthree\r\x1b[31m\x7f M\xc3\xbcller");
    assert_string_equal(skip_time(end_capture()),
                        " info  t\\n: one\\ntwo\\tthree\\x0d\\x1b[31m\\x7f M\xc3\xbcller\n");
}

static void test_errno_is_kept(void **state)
{
    int full = open("/dev/full", O_WRONLY); /* takes no byte */

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    dup2(full, STDERR_FILENO);
    errno = EXDEV;
    ordo_log_info("t", "m");
    assert_int_equal(errno, EXDEV);
    dup2(real_stderr, STDERR_FILENO);
    close(full);
}

/* Logs `count` times `unit` and returns the line, which must be whole. */
static const char *log_repeated(const char *unit, size_t count)
{
    size_t unit_len = strlen(unit);
    char *message = malloc(count * unit_len + 1);
    const char *line;

    assert_non_null(message);
    for (size_t i = 0; i < count; i++)
        memcpy(message + i * unit_len, unit, unit_len);
    message[count * unit_len] = '\0';
    start_capture();
    ordo_log_info("t", "%s", message);
    line = end_capture();
    free(message);
    assert_true(strlen(line) <= LINE_SIZE);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    return line;
}

static void test_long_line_is_cut_at_its_edge(void **state)
{
    const char *line;

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    /* time, " info  t: " and the newline take 35 bytes */
    line = log_repeated("x", LINE_SIZE - 35);
    assert_int_equal(strlen(line), LINE_SIZE);
    assert_string_equal(line + LINE_SIZE - 4, "xxx\n");
    line = log_repeated("x", LINE_SIZE - 34);
    assert_string_equal(line + strlen(line) - 5, "x...\n");
    assert_true(strlen(line) > LINE_SIZE - 10);
    for (size_t more = 0; more < 40; more++) {
        line = log_repeated("x", LINE_SIZE - 20 + more);
        assert_string_equal(line + strlen(line) - 5, "x...\n");
        assert_true(strlen(line) > LINE_SIZE - 10);
    }
    line = log_repeated("x", 100000);
    assert_string_equal(line + strlen(line) - 5, "x...\n");
    line = log_repeated("\x1b", 100000);
    assert_string_equal(line + strlen(line) - 8, "\\x1b...\n");
    assert_true(strlen(line) > LINE_SIZE / 2);
}

static void test_cut_falls_between_characters(void **state)
{
    const char *line;

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    for (size_t count = 1010; count < 1030; count++) {
        line = log_repeated("\xf0\x9f\x9a\x9a", count);
        if (strstr(line, "...") != NULL)
            assert_string_equal(line + strlen(line) - 8, "\xf0\x9f\x9a\x9a...\n");
    }
    assert_non_null(strstr(line, "..."));
}

static void test_long_json_line_stays_json(void **state)
{
    static const char *const units[] = {"x", "\"", "\x01", "\xff", "\xc3\xbc", "\xf0\x9f\x9a\x9a"};
    static const char *const ends[] = {"x...\"}\n",        "\\\"...\"}\n",
                                       "\\u0001...\"}\n",  "\xef\xbf\xbd...\"}\n",
                                       "\xc3\xbc...\"}\n", "\xf0\x9f\x9a\x9a...\"}\n"};
    const char *line;

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_JSON);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        line = log_repeated(units[i], 5000);
        assert_memory_equal(line, "{\"time\":\"", 9);
        assert_string_equal(line + strlen(line) - strlen(ends[i]), ends[i]);
        assert_true(strlen(line) > LINE_SIZE - 40);
    }
}

static void test_long_tag_is_cut(void **state)
{
    char tag[9000];

    (void)state;
    memset(tag, 'g', sizeof(tag));
    tag[sizeof(tag) - 1] = '\0';
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    start_capture();
    ordo_log_info(tag, "the message");
    assert_non_null(strstr(end_capture(), "g: the message\n"));
    assert_int_equal(strlen(text), 24 + 7 + 256 + strlen(": the message\n"));
}

enum { THREADS = 4, LINES = 200 };

static void log_lines(void *context)
{
    int number = *(int *)context;

    for (int i = 0; i < LINES; i++)
        ordo_log_info("t", "%d-%d-%0200d-end", number, i, 7);
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    struct ordo_thread threads[THREADS] = {0};
    int numbers[THREADS], next[THREADS] = {0}, lines = 0;
    char *rest, *line;

    (void)state;
    ordo_log_setup(ORDO_LOG_INFO, ORDO_LOG_TEXT);
    start_capture();
    assert_int_equal(fcntl(capture, F_SETFL, O_APPEND), 0); /* each write goes to the end, as with a pipe */
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(ordo_thread_start(&threads[i], "logger", log_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        ordo_thread_join(&threads[i]);
    end_capture();
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        int number = -1, i = -1;

        assert_int_equal(sscanf(skip_time(line), " info  t: %d-%d-", &number, &i), 2);
        assert_in_range(number, 0, THREADS - 1);
        assert_int_equal(i, next[number]++);
        assert_string_equal(line + strlen(line) - 6, "07-end");
        lines++;
    }
    assert_int_equal(lines, THREADS * LINES);
}

static void test_what_was_skipped_is_told_only_when_there_is_something(void **state)
{
    char more[64];

    (void)state;
    assert_string_equal(ordo_log_skipped(0, more, sizeof(more)), "");
    assert_string_equal(ordo_log_skipped(1, more, sizeof(more)), " (1 more was not logged)");
    assert_string_equal(ordo_log_skipped(20, more, sizeof(more)), " (20 more were not logged)");
}

static void test_gate_lets_one_a_second_pass(void **state)
{
    struct ordo_log_gate gate = {0};
    uint32_t skipped = 99;

    (void)state;
    assert_true(ordo_log_gate_pass(&gate, &skipped));
    assert_int_equal(skipped, 0);
    skipped = 99;
    gate.last_ns = ordo_clock_ns() + SECOND; /* the second does not end while this test runs */
    for (int i = 0; i < 5; i++)
        assert_false(ordo_log_gate_pass(&gate, &skipped));
    assert_int_equal(skipped, 99); /* left alone */
    gate.last_ns = ordo_clock_ns() - SECOND;
    assert_true(ordo_log_gate_pass(&gate, &skipped));
    assert_int_equal(skipped, 5);
    gate.last_ns = ordo_clock_ns() - SECOND;
    assert_true(ordo_log_gate_pass(&gate, &skipped));
    assert_int_equal(skipped, 0);
    assert_true(gate.last_ns > ordo_clock_ns() - SECOND);
}

static struct ordo_log_gate shared_gate;
static atomic_uint passed, held_back;

static void flood(void *context)
{
    uint32_t skipped;

    (void)context;
    for (int i = 0; i < 1000; i++) {
        if (ordo_log_gate_pass(&shared_gate, &skipped)) {
            atomic_fetch_add(&passed, 1);
            atomic_fetch_add(&held_back, skipped);
        }
    }
}

static void test_gate_counts_every_one_of_a_flood(void **state)
{
    struct ordo_thread threads[THREADS] = {0};

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(ordo_thread_start(&threads[i], "flood", flood, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ordo_thread_join(&threads[i]);
    assert_true(passed >= 1);
    assert_int_equal(passed + held_back + shared_gate.skipped, THREADS * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_time_is_now_in_utc),
        cmocka_unit_test(test_level_holds_back),
        cmocka_unit_test(test_control_characters_are_escaped_in_text),
        cmocka_unit_test(test_errno_is_kept),
        cmocka_unit_test(test_long_line_is_cut_at_its_edge),
        cmocka_unit_test(test_cut_falls_between_characters),
        cmocka_unit_test(test_long_json_line_stays_json),
        cmocka_unit_test(test_long_tag_is_cut),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_what_was_skipped_is_told_only_when_there_is_something),
        cmocka_unit_test(test_gate_lets_one_a_second_pass),
        cmocka_unit_test(test_gate_counts_every_one_of_a_flood),
    };

    return cmocka_run_group_tests_name("log", tests, setup, NULL);
}
