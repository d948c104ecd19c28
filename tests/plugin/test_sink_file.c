/* SPDX-License-Identifier: MIT
 * test_sink_file.c: what is particular to the file sink: folders, partial lines, rotation, fsync.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <ordo/sink.h>

#include "base/error.h"
#include "fake_host.h"

static const char *module;
static char folder[] = "/tmp/ordo-sink-XXXXXX";
static char path[64], setting[80];

static struct fake_plugin *open_sink(const char *second)
{
    struct fake_plugin *sink = fake_plugin_open(module, (const char *[]){setting, second, NULL});

    ORDO_REQUIRE(sink->self != NULL);
    return sink;
}

static int emit(struct fake_plugin *sink, const char *decision, struct ordo_error *err)
{
    struct ordo_emission item = {ORDO_STR("o-1"), 1, ordo_str_from(decision)};

    return ((const struct ordo_sink_ops *)sink->plugin->ops)->emit(sink->self, &item, 1, err);
}

static int reopen(struct fake_plugin *sink, struct ordo_error *err)
{
    return ((const struct ordo_sink_ops *)sink->plugin->ops)->reopen(sink->self, err);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_file(const char *name, const char *text)
{
    char *got = fake_read_file(name, NULL);

    assert_non_null(got);
    assert_string_equal(got, text);
    free(got);
}

static int clean(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void test_lines_are_there_when_emit_returns(void **state)
{
    struct fake_plugin *sink = open_sink(NULL);

    (void)state;
    assert_int_equal(emit(sink, "{\"a\":1}", NULL), 0);
    assert_file(path, "{\"a\":1}\n");
    assert_int_equal(emit(sink, "{}", NULL), 0);
    assert_file(path, "{\"a\":1}\n{}\n");
    fake_plugin_close(sink);
}

static void test_it_appends_to_what_is_there(void **state)
{
    struct fake_plugin *sink;

    (void)state;
    put("{\"old\":1}\n");
    sink = open_sink("fsync=true");
    assert_int_equal(emit(sink, "{}", NULL), 0);
    assert_file(path, "{\"old\":1}\n{}\n");
    assert_int_equal(fake_log_count(sink, ""), 0);
    fake_plugin_close(sink);
}

static void test_partial_last_line_is_cut_off_and_told(void **state)
{
    struct fake_plugin *sink;

    (void)state;
    put("{\"old\":1}\n{\"torn");
    sink = open_sink(NULL);
    assert_int_equal(fake_log_count(sink, "cut off a last line of 6 bytes that had no end"), 1);
    assert_int_equal(emit(sink, "{}", NULL), 0);
    assert_file(path, "{\"old\":1}\n{}\n");
    fake_plugin_close(sink);
}

static void test_long_partial_line_is_cut_off(void **state)
{
    char *text = malloc(10010);
    struct fake_plugin *sink;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 10009);
    text[10009] = '\0';
    memcpy(text, "{\"old\":1}\n", 10);
    put(text);
    sink = open_sink(NULL);
    assert_file(path, "{\"old\":1}\n");
    fake_plugin_close(sink);
    put(text + 10); /* nothing but a partial line */
    sink = open_sink(NULL);
    assert_file(path, "");
    fake_plugin_close(sink);
    free(text);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_short_write_leaves_no_part(void **state)
{
    struct fake_plugin *sink = open_sink(NULL);
    struct ordo_error err = {0};

    (void)state;
    assert_int_equal(emit(sink, "{\"a\":1}", NULL), 0);
    set_file_limit(12); /* 4 bytes of the next line fit */
    assert_true(emit(sink, "{\"b\":2}", &err) < 0);
    set_file_limit(RLIM_INFINITY);
    assert_string_equal(err.place, path);
    assert_string_equal(err.message, "cannot write: File too large");
    assert_file(path, "{\"a\":1}\n");
    assert_int_equal(emit(sink, "{\"b\":2}", NULL), 0);
    assert_file(path, "{\"a\":1}\n{\"b\":2}\n");
    fake_plugin_close(sink);
}

static void test_reopen_after_rename_writes_a_new_file(void **state)
{
    struct fake_plugin *sink = open_sink(NULL);
    char moved[80];

    (void)state;
    snprintf(moved, sizeof(moved), "%s.1", path);
    assert_int_equal(emit(sink, "1", NULL), 0);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(emit(sink, "2", NULL), 0); /* still the old one */
    assert_int_equal(reopen(sink, NULL), 0);
    assert_int_equal(emit(sink, "3", NULL), 0);
    assert_file(moved, "1\n2\n");
    assert_file(path, "3\n");
    unlink(moved);
    fake_plugin_close(sink);
}

static void test_failed_reopen_keeps_the_old_file(void **state)
{
    struct fake_plugin *sink = open_sink(NULL);
    struct ordo_error err = {0};
    char moved[80];

    (void)state;
    snprintf(moved, sizeof(moved), "%s.1", path);
    assert_int_equal(emit(sink, "1", NULL), 0);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(reopen(sink, &err) < 0);
    assert_string_equal(err.message, "cannot open it for writing: Is a directory");
    assert_int_equal(emit(sink, "2", NULL), 0);
    assert_file(moved, "1\n2\n");
    rmdir(path);
    unlink(moved);
    fake_plugin_close(sink);
}

static void test_folders_are_made(void **state)
{
    struct fake_plugin *sink =
        fake_plugin_open(module, (const char *[]){"path=@TMP@/a/b/decisions.ndjson", NULL});
    char *made = fake_expand(sink, "@TMP@/a/b/decisions.ndjson");
    struct stat status;

    (void)state;
    assert_non_null(sink->self);
    assert_int_equal(stat(made, &status), 0);
    assert_int_equal(status.st_mode & 07, 0); /* decisions are nobody else's business */
    free(made);
    fake_plugin_close(sink);
}

static void test_folder_that_cannot_be_made_is_an_error(void **state)
{
    struct fake_plugin *sink;

    (void)state;
    sink = fake_plugin_open(module, (const char *[]){"path=/dev/null/x/decisions.ndjson", NULL});
    assert_null(sink->self);
    assert_string_equal(sink->err.place, "/dev/null/x");
    assert_string_equal(sink->err.message, "cannot make the folder: Not a directory");
    fake_plugin_close(sink);
}

/* It would cut what the first one is writing. */
static void test_second_sink_of_a_file_is_refused(void **state)
{
    struct fake_plugin *first = open_sink(NULL), *second;

    (void)state;
    assert_int_equal(emit(first, "1", NULL), 0);
    second = fake_plugin_open(module, (const char *[]){setting, NULL});
    assert_null(second->self);
    assert_int_equal(second->err.code, ORDO_EEXISTS);
    assert_string_equal(second->err.place, path);
    assert_string_equal(second->err.message,
                        "another sink or another process writes to it; give each a file of its own");
    fake_plugin_close(second);
    assert_int_equal(reopen(first, NULL), 0); /* its own file does not stand in its way */
    assert_int_equal(emit(first, "2", NULL), 0);
    assert_file(path, "1\n2\n");
    fake_plugin_close(first);
    fake_plugin_close(open_sink(NULL));
}

static void test_without_a_path_it_writes_into_data_dir(void **state)
{
    struct fake_plugin *sink = fake_plugin_open(module, (const char *[]){NULL});
    char *made = fake_expand(sink, "@TMP@/decisions.ndjson");

    (void)state;
    assert_non_null(sink->self);
    assert_int_equal(emit(sink, "1", NULL), 0);
    assert_file(made, "1\n");
    free(made);
    fake_plugin_close(sink);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, clean, clean)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lines_are_there_when_emit_returns),
        CASE(test_it_appends_to_what_is_there),
        CASE(test_partial_last_line_is_cut_off_and_told),
        CASE(test_long_partial_line_is_cut_off),
        CASE(test_short_write_leaves_no_part),
        CASE(test_reopen_after_rename_writes_a_new_file),
        CASE(test_failed_reopen_keeps_the_old_file),
        CASE(test_folders_are_made),
        CASE(test_second_sink_of_a_file_is_refused),
        CASE(test_without_a_path_it_writes_into_data_dir),
        CASE(test_folder_that_cannot_be_made_is_an_error),
    };
    int failed;

    ORDO_REQUIRE(argc == 2 && mkdtemp(folder) != NULL);
    signal(SIGXFSZ, SIG_IGN);
    module = argv[1];
    snprintf(path, sizeof(path), "%s/decisions", folder);
    snprintf(setting, sizeof(setting), "path=%s", path);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
