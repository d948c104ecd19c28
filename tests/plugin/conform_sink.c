/* SPDX-License-Identifier: MIT
 * conform_sink.c: what every sink must do. The same cases run against any sink plugin:
 *
 *   conform_sink SINK.so RECEIVED BREAK [option=value ...]
 *
 * RECEIVED is a file that holds, line by line, what the sink's receiver has taken; @TMP@ in it and in values
 * is a fresh folder of the case. BREAK says how the receiver is made to fail: `full` bounds the size of files
 * that this process writes, anything else is a file that the receiver fails for while it exists.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <ordo/sink.h>

#include "base/error.h"
#include "fake_host.h"

static const char *module, *received_template, *break_how;
static const char *settings[32];
static char *received;

static const struct ordo_sink_ops *ops_of(const struct fake_plugin *sink)
{
    return sink->plugin->ops;
}

static int open_case(void **state)
{
    struct fake_plugin *sink = fake_plugin_open(module, settings);

    ORDO_REQUIRE(sink->self != NULL && sink->plugin->kind == ORDO_PLUGIN_SINK);
    received = fake_expand(sink, received_template);
    unlink(received);
    *state = sink;
    if (strstr(received_template, "@TMP@") != NULL) { /* the sink's own file: it makes it again */
        struct ordo_error err = {0};

        ORDO_REQUIRE(ops_of(sink)->reopen(sink->self, &err) == 0);
    }
    return 0;
}

static int close_case(void **state)
{
    fake_plugin_close(*state);
    free(received);
    return 0;
}

static void set_broken(bool broken)
{
    static struct rlimit before;
    struct rlimit now;
    int fd;

    if (strcmp(break_how, "full") != 0) {
        if (broken) {
            fd = open(break_how, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            assert_true(fd >= 0);
            close(fd);
        } else {
            unlink(break_how);
        }
    } else if (broken) {
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        now = (struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    } else {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    }
}

enum { BATCH_MAX = 5000, DECISION_MAX = 64 };

/* A batch of decisions from number `from` on. Its memory is the same each time. */
static const struct ordo_emission *batch(unsigned from, size_t count)
{
    static struct ordo_emission items[BATCH_MAX];
    static char ids[BATCH_MAX][16], decisions[BATCH_MAX][DECISION_MAX];

    for (size_t i = 0; i < count; i++) {
        snprintf(ids[i], sizeof(ids[i]), "o-%u", from + (unsigned)i);
        snprintf(decisions[i], DECISION_MAX, "{\"id\":\"o-%u\",\"revision\":1,\"n\":\"\xc3\xa4\"}",
                 from + (unsigned)i);
        items[i] = (struct ordo_emission){ordo_str_from(ids[i]), 1, ordo_str_from(decisions[i])};
    }
    return items;
}

/* As the engine does it: what is not taken yet comes at once, until all is or something fails. */
static int emit_items(const struct fake_plugin *sink, const struct ordo_emission *items, size_t count,
                      struct ordo_error *err)
{
    size_t taken = 0;
    int result;

    do {
        result = ops_of(sink)->emit(sink->self, items + taken, count - taken, err);
        assert_true(result <= 0 || (size_t)result <= count - taken);
        taken += result > 0 ? (size_t)result : 0;
    } while (result > 0 && taken < count);
    return result < 0 ? result : 0;
}

static int emit(struct fake_plugin *sink, unsigned from, size_t count, struct ordo_error *err)
{
    return emit_items(sink, batch(from, count), count, err);
}

static void flush(struct fake_plugin *sink)
{
    struct ordo_error err = {0};

    assert_int_equal(ops_of(sink)->flush(sink->self, &err), 0);
}

static struct ordo_sink_stat stat_of(struct fake_plugin *sink)
{
    struct ordo_sink_stat stat = {.size = sizeof(stat)};

    ops_of(sink)->stat(sink->self, &stat);
    return stat;
}

/* What was received is exactly these decisions, each once and in order. */
static void assert_received(unsigned from, size_t count)
{
    const struct ordo_emission *items;
    char *text = fake_read_file(received, NULL), *at = text;

    items = batch(from, count);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(at);
        assert_memory_equal(at, items[i].decision.ptr, items[i].decision.len);
        at += items[i].decision.len;
        assert_int_equal(*at++, '\n');
    }
    assert_true(at == NULL || *at == '\0');
    free(text);
}

static void test_decisions_arrive_in_order(void **state)
{
    assert_int_equal(emit(*state, 0, 3, NULL), 0);
    assert_int_equal(emit(*state, 3, 1, NULL), 0);
    flush(*state);
    assert_received(0, 4);
    assert_int_equal(stat_of(*state).emitted, 4);
    assert_int_equal(stat_of(*state).failed, 0);
    assert_int_equal(stat_of(*state).dead_lettered, 0);
}

static void test_many_decisions_arrive(void **state)
{
    assert_int_equal(emit(*state, 0, BATCH_MAX, NULL), 0);
    flush(*state);
    assert_received(0, BATCH_MAX);
    assert_int_equal(stat_of(*state).emitted, BATCH_MAX);
}

static void test_large_decision_arrives_whole(void **state)
{
    size_t len = 4 * 1024 * 1024, got = 0;
    char *decision = malloc(len), *text;
    struct ordo_emission item = {ORDO_STR("o-1"), 1, {decision, len}};
    const struct fake_plugin *sink = *state;

    assert_non_null(decision);
    for (size_t i = 0; i < len; i++)
        decision[i] = (char)('a' + i % 26);
    assert_int_equal(emit_items(sink, &item, 1, NULL), 0);
    flush(*state);
    text = fake_read_file(received, &got);
    assert_int_equal(got, len + 1);
    assert_memory_equal(text, decision, len);
    free(text);
    free(decision);
}

static void test_nothing_is_fine(void **state)
{
    flush(*state);
    assert_int_equal(emit(*state, 0, 0, NULL), 0);
    flush(*state);
    assert_int_equal(stat_of(*state).emitted, 0);
    assert_received(0, 0);
}

static void test_failing_receiver_is_an_error_and_nothing_is_lost(void **state)
{
    struct ordo_error err = {0};

    assert_int_equal(emit(*state, 0, 10, NULL), 0);
    flush(*state);
    set_broken(true);
    for (int i = 0; i < 3; i++)
        assert_true(emit(*state, 10, 50, &err) < 0);
    set_broken(false);
    assert_true(err.code < 0);
    assert_string_not_equal(err.message, "");
    assert_string_not_equal(err.place, "");
    assert_int_equal(stat_of(*state).emitted, 10);
    assert_true(stat_of(*state).failed >= 1);
    assert_int_equal(emit(*state, 10, 50, NULL), 0);
    assert_int_equal(emit(*state, 60, 5, NULL), 0);
    flush(*state);
    assert_received(0, 65);
    assert_int_equal(stat_of(*state).emitted, 65);
    assert_int_equal(stat_of(*state).dead_lettered, 0);
}

static void test_reopen_goes_on(void **state)
{
    struct fake_plugin *sink = *state;
    struct ordo_error err = {0};

    assert_int_equal(emit(sink, 0, 2, NULL), 0);
    flush(sink);
    unlink(received);
    assert_int_equal(ops_of(sink)->reopen(sink->self, &err), 0);
    assert_int_equal(emit(sink, 2, 2, NULL), 0);
    flush(sink);
    assert_received(2, 2);
    assert_int_equal(stat_of(sink).emitted, 4);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_case, close_case)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_decisions_arrive_in_order),
        CASE(test_many_decisions_arrive),
        CASE(test_large_decision_arrives_whole),
        CASE(test_nothing_is_fine),
        CASE(test_failing_receiver_is_an_error_and_nothing_is_lost),
        CASE(test_reopen_goes_on),
    };

    if (argc < 4) {
        fprintf(stderr, "usage: %s SINK.so RECEIVED full|FILE [option=value ...]\n", argv[0]);
        return 2;
    }
    signal(SIGXFSZ, SIG_IGN); /* then a write beyond the bound is an error */
    module = argv[1];
    received_template = argv[2];
    break_how = argv[3];
    for (int i = 4; i < argc && i < 34; i++)
        settings[i - 4] = argv[i];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
