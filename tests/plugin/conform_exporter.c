/* SPDX-License-Identifier: MIT
 * conform_exporter.c: what every exporter must do. The same cases run against any exporter plugin:
 *
 *   conform_exporter EXPORTER.so FOLDER [option=value ...]
 *
 * FOLDER is where the receiver shows what it has taken: `received` has a line "number from until" for each profile, and the
 * file `number.profile` its bytes. While it holds a file `fail`, the receiver fails; while it holds `hold`, it does not answer, and
 * makes a file `holding` once a request is there.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <ordo/exporter.h>

#include "base/clock.h"
#include "base/error.h"
#include "fake_host.h"

#define S_NS ((int64_t)1000000000)
#define FIRST_S ((int64_t)1790000000)

static const char *module, *folder;
static const char *settings[33];
static unsigned taken_before; /* by the receiver, in the cases before */

static const struct ordo_exporter_ops *ops_of(const struct fake_plugin *exporter)
{
    return exporter->plugin->ops;
}

static void path_of(const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", folder, name);
}

static void make_file(const char *name)
{
    char path[512];
    FILE *file;

    path_of(name, path);
    file = fopen(path, "we");
    assert_non_null(file);
    fclose(file);
}

static void remove_file(const char *name)
{
    char path[512];

    path_of(name, path);
    unlink(path);
}

static void wait_for_file(const char *name)
{
    int64_t began_ns = ordo_clock_ns();
    char path[512];

    path_of(name, path);
    while (access(path, F_OK) != 0)
        fake_poll(began_ns, path);
}

/* What the receiver took since the case began. */
static unsigned count_taken(void)
{
    char path[512], *text;
    unsigned count = 0;

    path_of("received", path);
    text = fake_read_file(path, NULL);
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        count += *at == '\n';
    free(text);
    return count - taken_before;
}

static int open_case(void **state)
{
    struct fake_plugin *exporter = fake_plugin_open(module, settings);

    ORDO_REQUIRE(exporter->self != NULL && exporter->plugin->kind == ORDO_PLUGIN_EXPORTER);
    taken_before = 0;
    taken_before = count_taken();
    *state = exporter;
    return 0;
}

static int close_case(void **state)
{
    fake_plugin_close(*state); /* then what is held is nobody's any more */
    remove_file("fail");
    remove_file("hold");
    remove_file("holding");
    return 0;
}

static struct ordo_exporter_stat stat_of(const struct fake_plugin *exporter)
{
    struct ordo_exporter_stat stat = {.size = sizeof(stat)};

    ops_of(exporter)->stat(exporter->self, &stat);
    return stat;
}

/* The bytes of profile number n: no two are alike. */
static unsigned char byte_of(unsigned n, size_t at)
{
    return (unsigned char)((at * 2654435761u + n * 97u) >> 7);
}

/* Hands profile number n over, and spoils its memory behind the call. */
static int give(const struct fake_plugin *exporter, unsigned n, size_t len, struct ordo_error *err)
{
    char kind[16], *bytes = malloc(len);
    struct ordo_exported_profile profile = {
        .size = sizeof(profile),
        .kind = kind,
        .from_utc_ns = (FIRST_S + 60 * (int64_t)n) * S_NS + 5,
        .until_utc_ns = (FIRST_S + 60 * (int64_t)n + 60) * S_NS + 5,
        .generation = 1,
        .orders = n,
        .hz = n % 2 == 0 ? 100 : 0,
        .pprof = {bytes, len},
    };
    int result;

    assert_non_null(bytes);
    snprintf(kind, sizeof(kind), "%s", n % 2 == 0 ? "cpu" : "memory");
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)byte_of(n, i);
    result = ops_of(exporter)->profile(exporter->self, &profile, err);
    memset(bytes, 0, len);
    memset(kind, 'x', sizeof(kind));
    free(bytes);
    return result;
}

static void give_all(const struct fake_plugin *exporter, unsigned count, size_t len)
{
    for (unsigned n = 0; n < count; n++)
        assert_int_equal(give(exporter, n, len, NULL), 0);
}

static void wait_for_taken(unsigned count)
{
    int64_t began_ns = ordo_clock_ns();

    while (count_taken() < count)
        fake_poll(began_ns, "profiles at the receiver");
    assert_int_equal(count_taken(), count);
}

static void stop(const struct fake_plugin *exporter, int64_t ns)
{
    ops_of(exporter)->stop(exporter->self, ordo_clock_ns() + ns);
}

/* The receiver's `at`-th profile of the case is number n. */
static void assert_taken(unsigned at, unsigned n, size_t len)
{
    unsigned number = taken_before + at + 1;
    char path[512], name[32], line[96], *text, *found;
    size_t got;

    snprintf(name, sizeof(name), "%u.profile", number);
    path_of(name, path);
    text = fake_read_file(path, &got);
    assert_int_equal(got, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] != byte_of(n, i))
            fail_msg("byte %zu of profile %u is another", i, n);
    free(text);
    path_of("received", path);
    text = fake_read_file(path, NULL);
    snprintf(line, sizeof(line), "\n%u %lld %lld\n", number, (long long)(FIRST_S + 60 * (int64_t)n),
             (long long)(FIRST_S + 60 * (int64_t)n + 60));
    found = number == 1 && strncmp(text, line + 1, strlen(line) - 1) == 0 ? text : strstr(text, line);
    assert_non_null(found);
    free(text);
}

static void test_profiles_arrive_whole_and_in_order(void **state)
{
    give_all(*state, 6, 1000);
    wait_for_taken(6);
    stop(*state, FAKE_WAIT_S * S_NS);
    for (unsigned n = 0; n < 6; n++)
        assert_taken(n, n, 1000);
    assert_int_equal(stat_of(*state).pushed, 6);
    assert_int_equal(stat_of(*state).failed, 0);
    assert_int_equal(stat_of(*state).dropped, 0);
    assert_int_equal(stat_of(*state).waiting, 0);
}

static void test_sizes_at_the_edges_arrive_whole(void **state)
{
    static const size_t sizes[] = {1, 2, 4095, 4096, 65537, 3 << 20};

    for (unsigned n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
        assert_int_equal(give(*state, n, sizes[n], NULL), 0);
        wait_for_taken(n + 1);
        assert_taken(n, n, sizes[n]);
    }
    stop(*state, FAKE_WAIT_S * S_NS);
}

/* The calls return though the receiver does not answer: it goes on below only. */
static void test_receiver_that_hangs_keeps_nobody_waiting(void **state)
{
    make_file("hold");
    assert_int_equal(give(*state, 0, 1000, NULL), 0);
    wait_for_file("holding");
    for (unsigned n = 1; n < 20; n++)
        assert_int_equal(give(*state, n, 1000, NULL), 0);
    assert_int_equal(stat_of(*state).waiting, 20);
    assert_int_equal(count_taken(), 0);
    remove_file("hold");
    wait_for_taken(20);
    stop(*state, FAKE_WAIT_S * S_NS);
    assert_int_equal(stat_of(*state).pushed, 20);
}

static void wait_for_failures(const struct fake_plugin *exporter, uint64_t count)
{
    int64_t began_ns = ordo_clock_ns();

    while (stat_of(exporter).failed < count)
        fake_poll(began_ns, "attempts that fail");
}

static void test_what_fails_is_tried_again_in_order(void **state)
{
    make_file("fail");
    give_all(*state, 5, 1000);
    wait_for_failures(*state, 3);
    assert_int_equal(stat_of(*state).waiting, 5);
    assert_int_equal(count_taken(), 0);
    remove_file("fail");
    wait_for_taken(5);
    stop(*state, FAKE_WAIT_S * S_NS);
    for (unsigned n = 0; n < 5; n++)
        assert_taken(n, n, 1000);
    assert_int_equal(stat_of(*state).pushed, 5);
    assert_int_equal(stat_of(*state).dropped, 0);
}

/* 40 MB are more than the queue of any of them. */
static void test_full_queue_drops_the_oldest_and_counts(void **state)
{
    enum { COUNT = 40, LEN = 1000000 };
    struct ordo_exporter_stat stat;

    make_file("fail");
    give_all(*state, COUNT, LEN);
    wait_for_failures(*state, stat_of(*state).failed + 2); /* the one that was being tried is back, too */
    stat = stat_of(*state);
    assert_in_range(stat.dropped, 1, COUNT - 1);
    assert_int_equal(stat.dropped + stat.waiting, COUNT);
    remove_file("fail");
    wait_for_taken((unsigned)stat.waiting);
    stop(*state, FAKE_WAIT_S * S_NS);
    for (unsigned at = 0; at < stat.waiting; at++)
        assert_taken(at, (unsigned)stat.dropped + at, LEN);
    assert_int_equal(stat_of(*state).pushed, stat.waiting);
    assert_int_equal(stat_of(*state).dropped, stat.dropped);
}

static void test_stop_pushes_what_waits(void **state)
{
    make_file("hold");
    give_all(*state, 10, 1000);
    wait_for_file("holding");
    remove_file("hold");
    stop(*state, FAKE_WAIT_S * S_NS);
    assert_int_equal(count_taken(), 10);
    assert_int_equal(stat_of(*state).pushed, 10);
    assert_int_equal(stat_of(*state).waiting, 0);
}

/* That it returns is the test: nothing else ends it. */
static void test_stop_does_not_wait_for_a_receiver_that_is_away(void **state)
{
    make_file("fail");
    give_all(*state, 10, 1000);
    wait_for_failures(*state, 1);
    stop(*state, S_NS * 3600 * 24 * 365);
    assert_int_equal(count_taken(), 0);
    assert_int_equal(stat_of(*state).pushed, 0);
    assert_int_equal(stat_of(*state).dropped, 10);
    assert_int_equal(stat_of(*state).waiting, 0);
}

static void test_stop_ends_a_request_at_its_deadline(void **state)
{
    make_file("hold");
    give_all(*state, 3, 1000);
    wait_for_file("holding");
    stop(*state, 0);
    assert_int_equal(stat_of(*state).pushed, 0);
    assert_int_equal(stat_of(*state).dropped, 3);
    assert_int_equal(stat_of(*state).waiting, 0);
}

static void test_close_without_a_stop_and_without_a_profile(void **state)
{
    (void)state; /* the case's end is the test */
}

static void test_close_without_a_stop_leaves_nothing_behind(void **state)
{
    make_file("hold");
    give_all(*state, 3, 1000);
    wait_for_file("holding");
}

static void test_figures_fit_a_smaller_table(void **state)
{
    struct ordo_exporter_stat stat = {.size = offsetof(struct ordo_exporter_stat, failed), .failed = 77};

    give_all(*state, 2, 100);
    wait_for_taken(2);
    stop(*state, FAKE_WAIT_S * S_NS);
    ops_of(*state)->stat(((struct fake_plugin *)*state)->self, &stat);
    assert_int_equal(stat.pushed, 2);
    assert_int_equal(stat.failed, 77);
}

static void test_two_of_one_plugin_do_not_meet(void **state)
{
    struct fake_plugin *other = fake_plugin_open(module, settings);

    ORDO_REQUIRE(other->self != NULL);
    give_all(*state, 3, 1000);
    assert_int_equal(give(other, 9, 500, NULL), 0);
    wait_for_taken(4);
    stop(*state, FAKE_WAIT_S * S_NS);
    stop(other, FAKE_WAIT_S * S_NS);
    assert_int_equal(stat_of(*state).pushed, 3);
    assert_int_equal(stat_of(other).pushed, 1);
    fake_plugin_close(other);
}

struct reader {
    const struct fake_plugin *exporter;
    _Atomic bool ends;
};

static void *read_figures(void *context)
{
    struct reader *reader = context;
    uint64_t sum = 0;

    while (!atomic_load(&reader->ends))
        sum += stat_of(reader->exporter).pushed;
    return (void *)(uintptr_t)(sum > 0);
}

static void test_figures_may_be_read_meanwhile(void **state)
{
    struct reader reader = {.exporter = *state};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, read_figures, &reader), 0);
    give_all(*state, 50, 200);
    stop(*state, FAKE_WAIT_S * S_NS);
    atomic_store(&reader.ends, true);
    pthread_join(thread, NULL);
    assert_int_equal(stat_of(*state).pushed, 50);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_case, close_case)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_profiles_arrive_whole_and_in_order),
        CASE(test_sizes_at_the_edges_arrive_whole),
        CASE(test_receiver_that_hangs_keeps_nobody_waiting),
        CASE(test_what_fails_is_tried_again_in_order),
        CASE(test_full_queue_drops_the_oldest_and_counts),
        CASE(test_stop_pushes_what_waits),
        CASE(test_stop_does_not_wait_for_a_receiver_that_is_away),
        CASE(test_stop_ends_a_request_at_its_deadline),
        CASE(test_close_without_a_stop_and_without_a_profile),
        CASE(test_close_without_a_stop_leaves_nothing_behind),
        CASE(test_figures_fit_a_smaller_table),
        CASE(test_two_of_one_plugin_do_not_meet),
        CASE(test_figures_may_be_read_meanwhile),
    };

    if (argc < 3) {
        fprintf(stderr, "usage: %s EXPORTER.so FOLDER [option=value ...]\n", argv[0]);
        return 2;
    }
    module = argv[1];
    folder = argv[2];
    for (int i = 3; i < argc && i < 35; i++)
        settings[i - 3] = argv[i];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
