/* SPDX-License-Identifier: MIT
 * test_waits.c: sums of waits are right at any rate, within what chance allows; each stack has its own; a full table loses
 * no time; many threads count at once.
 */
#include "profile/waits.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/lock.h"
#include "base/thread.h"
#include "profile/jeprof.h"
#include "vm/line_table.h"

static uint64_t at(const char *source, int line)
{
    return ordo_line_address(source, 1, line);
}

struct found {
    uint64_t leaf; /* of the stacks that are wanted; 0: of all */
    size_t stacks;
    int64_t count, ns;
    struct ordo_wait_about about;
    size_t depth;
};

static void sum_up(void *context, const struct ordo_wait_stack *stack)
{
    struct found *found = context;

    if (found->leaf != 0 && stack->frames[0] != found->leaf)
        return;
    found->stacks++;
    found->count += stack->count;
    found->ns += stack->ns;
    found->about = stack->about;
    found->depth = stack->frame_count;
}

static struct found find(enum ordo_wait_kind kind, uint64_t leaf, const struct ordo_waits_mark *since)
{
    struct found found = {.leaf = leaf};

    ordo_waits_each(kind, since, sum_up, &found);
    return found;
}

static void wait_at(enum ordo_wait_kind kind, uint64_t leaf, int64_t ns)
{
    struct ordo_wait wait;

    if (ordo_waits_choose(kind, ns, &wait))
        ordo_waits_add(&wait, (struct ordo_wait_about){0}, &leaf, 1);
}

static void test_nothing_is_taken_at_rate_0(void **state)
{
    struct ordo_wait wait;

    (void)state;
    assert_false(ordo_waits_are_on(ORDO_WAIT_BLOCK));
    assert_false(ordo_waits_choose(ORDO_WAIT_BLOCK, INT64_MAX, &wait));
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 1000);
    assert_true(ordo_waits_are_on(ORDO_WAIT_BLOCK));
    assert_false(ordo_waits_are_on(ORDO_WAIT_MUTEX));
    assert_false(ordo_waits_choose(ORDO_WAIT_BLOCK, 0, &wait));
    assert_true(ordo_waits_choose(ORDO_WAIT_BLOCK, 1000, &wait));
    assert_true(wait.count == 1 && wait.ns == 1000);
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 0);
}

/* Both sums of `events` waits are drawn from distributions whose deviation is known: six of them are met less often than
 * once in 500 million. */
static void assert_about(int64_t sum, double expected, double deviation)
{
    if (fabs((double)sum - expected) > 6 * deviation + 1)
        fail_msg("%lld, not about %.0f (deviation %.0f)", (long long)sum, expected, deviation);
}

static void test_sums_are_right_at_any_rate(void **state)
{
    static const int64_t rates[] = {1, 1000, 30000, 1000000, 50000000};
    static const int64_t lengths[] = {1, 700, 999, 1000, 1001, 40000, 600000, 2000000};
    enum { EVENTS = 200000 };

    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++)
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            uint64_t leaf = at("@rates", (int)(r * 100 + l + 1));
            double share = fmin(1, (double)lengths[l] / (double)rates[r]);
            double taken_deviation = sqrt(EVENTS * share * (1 - share));
            struct found found;

            ordo_waits_set_rate(ORDO_WAIT_BLOCK, rates[r]);
            for (int i = 0; i < EVENTS; i++)
                wait_at(ORDO_WAIT_BLOCK, leaf, lengths[l]);
            found = find(ORDO_WAIT_BLOCK, leaf, NULL);
            assert_about(found.count, EVENTS, taken_deviation / share);
            assert_about(found.ns, (double)EVENTS * (double)lengths[l],
                         taken_deviation * (double)(lengths[l] < rates[r] ? rates[r] : lengths[l]));
        }
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 0);
}

/* What is short and frequent beside what is long and rare keeps its share: this is where sampling with a bias errs. */
static void test_mixed_lengths_keep_their_shares(void **state)
{
    uint64_t often = at("@mixed", 1), seldom = at("@mixed", 2);

    (void)state;
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 100000);
    for (int i = 0; i < 1000000; i++) {
        wait_at(ORDO_WAIT_BLOCK, often, 1000);
        if (i % 1000 == 0)
            wait_at(ORDO_WAIT_BLOCK, seldom, 1000000);
    }
    assert_int_equal(find(ORDO_WAIT_BLOCK, seldom, NULL).ns, 1000000000);
    assert_int_equal(find(ORDO_WAIT_BLOCK, seldom, NULL).count, 1000);
    assert_about(find(ORDO_WAIT_BLOCK, often, NULL).ns, 1e9, sqrt(1e6 * 0.01 * 0.99) * 100000);
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 0);
}

static void test_what_differs_has_its_own_place(void **state)
{
    uint64_t frames[ORDO_WAIT_DEPTH + 8], leaf = at("@place", 1);
    struct ordo_wait wait = {ORDO_WAIT_MUTEX, 1, 10};
    struct found found;

    (void)state;
    for (size_t i = 0; i < ORDO_WAIT_DEPTH + 8; i++)
        frames[i] = i == 0 ? leaf : at("@deep", (int)i);
    ordo_waits_add(&wait, (struct ordo_wait_about){.worker = 1}, frames, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){.worker = 2}, frames, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){.priority = 1}, frames, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){.lock = 1}, frames, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){.lock = 1}, frames, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){.lock = 1}, frames, 2);
    found = find(ORDO_WAIT_MUTEX, leaf, NULL);
    assert_int_equal(found.stacks, 5);
    assert_int_equal(found.count, 6);
    assert_int_equal(found.ns, 60);
    assert_int_equal(find(ORDO_WAIT_BLOCK, leaf, NULL).stacks, 0);

    leaf = frames[0] = at("@place", 2);
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, frames, ORDO_WAIT_DEPTH + 8);
    assert_int_equal(find(ORDO_WAIT_MUTEX, leaf, NULL).depth, ORDO_WAIT_DEPTH);
}

static void test_since_a_mark(void **state)
{
    struct ordo_wait wait = {ORDO_WAIT_MUTEX, 1, 500};
    uint64_t before = at("@mark", 1), both = at("@mark", 2), after = at("@mark", 3);
    struct ordo_waits_mark *mark;

    (void)state;
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, &before, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, &both, 1);
    mark = ordo_waits_mark_new(ORDO_WAIT_MUTEX);
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, &both, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, &both, 1);
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, &after, 1);
    assert_int_equal(find(ORDO_WAIT_MUTEX, before, mark).stacks, 0);
    assert_int_equal(find(ORDO_WAIT_MUTEX, both, mark).count, 2);
    assert_int_equal(find(ORDO_WAIT_MUTEX, both, mark).ns, 1000);
    assert_int_equal(find(ORDO_WAIT_MUTEX, after, mark).count, 1);
    assert_int_equal(find(ORDO_WAIT_MUTEX, both, NULL).count, 3);
    ordo_waits_mark_free(mark);
}

static void test_names_and_labels(void **state)
{
    struct ordo_symbols *symbols = ordo_symbols_new();
    const uint64_t frames[] = {ordo_line_address("=(sleep)", 0, 0),
                               ordo_line_address("@rules/10_nap.lua", 3, 4),
                               ordo_line_address("=(order)", 0, 0)};
    struct ordo_wait wait = {ORDO_WAIT_MUTEX, 2.5, 700};
    struct ordo_waits_mark *mark = ordo_waits_mark_new(ORDO_WAIT_MUTEX);
    struct ordo_profile_sample sample;
    struct ordo_profile *profile;
    char text[256] = "";

    (void)state;
    ordo_symbols_add_chunk(symbols, "@rules/10_nap.lua", "/s/rules/10_nap.lua", ORDO_STR("x"),
                           ORDO_STR("nap"));
    ordo_waits_add(&wait, (struct ordo_wait_about){.worker = 4, .priority = 3, .lock = ORDO_LOCK_QUEUE + 1},
                   frames, 3);
    profile = ordo_waits_profile(ORDO_WAIT_MUTEX, mark, symbols);
    assert_int_equal(ordo_profile_sample_count(profile), 1);
    sample = ordo_profile_sample(profile, 0);
    assert_int_equal(sample.values[0], 3);
    assert_int_equal(sample.values[1], 700);
    for (size_t i = 0; i < sample.label_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ORDO_STR_FMT "=" ORDO_STR_FMT " ",
                 ORDO_STR_ARG(sample.labels[i].key), ORDO_STR_ARG(sample.labels[i].value));
    assert_string_equal(text, "rule=nap priority=low worker=3 lock=ordo_queue.lock ");
    assert_int_equal(sample.frame_count, 3);
    ordo_profile_free(profile);
    ordo_waits_mark_free(mark);
    ordo_symbols_free(symbols);
}

static void test_text_of_contention(void **state)
{
    struct ordo_waits_mark *mark = ordo_waits_mark_new(ORDO_WAIT_MUTEX);
    struct ordo_wait wait = {ORDO_WAIT_MUTEX, 2, 12345};
    const uint64_t frames[] = {0x1234, 0xabcd};
    static const char head[] = "--- contention:\ncycles/second = 1000000000\nsampling period = 1\n"
                               "12345 2 @ 0x1234 0xabcd\n--- Memory map: ---\n";
    struct ordo_buffer out = {0};

    (void)state;
    ordo_waits_add(&wait, (struct ordo_wait_about){0}, frames, 2);
    ordo_encode_contention(ORDO_WAIT_MUTEX, mark, NULL, &out);
    assert_true(out.len > sizeof(head));
    assert_memory_equal(out.ptr, head, sizeof(head) - 1);
    ordo_buffer_done(&out);
    ordo_waits_mark_free(mark);
}

/* --- many threads --- */

enum { THREADS = 4, EACH = 20000, STACKS = 50 };

static void count_many(void *context)
{
    (void)context;
    for (int i = 0; i < EACH; i++)
        wait_at(ORDO_WAIT_BLOCK, at("@threads", i % STACKS + 1), 100);
}

static void test_threads_count_at_once(void **state)
{
    struct ordo_thread threads[THREADS];
    struct found found = {0};

    (void)state;
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(ordo_thread_start(&threads[i], "counter", count_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ordo_thread_join(&threads[i]);
    for (int i = 0; i < STACKS; i++) {
        found = find(ORDO_WAIT_BLOCK, at("@threads", i + 1), NULL);
        assert_int_equal(found.count, THREADS * EACH / STACKS);
        assert_int_equal(found.ns, THREADS * EACH / STACKS * 100);
    }
    ordo_waits_set_rate(ORDO_WAIT_BLOCK, 0);
}

/* --- the engine's locks --- */

static struct ordo_lock lock = ORDO_LOCK_INITIALIZER(RULES);

static void take_and_give_back(void *context)
{
    (void)context;
    ordo_lock(&lock);
    ordo_unlock(&lock);
}

/* glibc's mutex is 2 while a thread sleeps for it. */
static void make_one_wait(void)
{
    struct ordo_thread thread;

    ordo_lock(&lock);
    assert_int_equal(ordo_thread_start(&thread, "waiter", take_and_give_back, NULL), 0);
    while (__atomic_load_n(&lock.mutex.__data.__lock, __ATOMIC_RELAXED) != 2)
        sched_yield();
    ordo_unlock(&lock);
    ordo_thread_join(&thread);
}

static void count_of_lock(void *context, const struct ordo_wait_stack *stack)
{
    struct found *found = context;

    if (stack->about.lock != ORDO_LOCK_RULES + 1)
        return;
    found->count += stack->count;
    found->depth = stack->frame_count;
}

static void test_waits_for_a_lock_are_counted_while_wanted(void **state)
{
    struct found found = {0};

    (void)state;
    make_one_wait();
    ordo_waits_each(ORDO_WAIT_MUTEX, NULL, count_of_lock, &found);
    assert_int_equal(found.count, 0);
    ordo_waits_set_rate(ORDO_WAIT_MUTEX, 1);
    make_one_wait();
    ordo_waits_set_rate(ORDO_WAIT_MUTEX, 0);
    make_one_wait();
    ordo_waits_each(ORDO_WAIT_MUTEX, NULL, count_of_lock, &found);
    assert_int_equal(found.count, 1);
    assert_true(found.depth > 1);
}

/* Last: it fills the table for good. */
static void test_full_table_loses_no_time(void **state)
{
    struct ordo_waits_mark *mark = ordo_waits_mark_new(ORDO_WAIT_BLOCK);
    struct ordo_wait wait = {ORDO_WAIT_BLOCK, 1, 1000};
    uint64_t others = ordo_line_address("=(too many stacks)", 0, 0);
    struct found found;

    (void)state;
    for (uint64_t i = 0; i < 3 * ORDO_WAIT_STACKS; i++)
        ordo_waits_add(&wait, (struct ordo_wait_about){0}, (const uint64_t[]){0x10000 + i}, 1);
    found = find(ORDO_WAIT_BLOCK, 0, mark);
    assert_int_equal(found.count, 3 * ORDO_WAIT_STACKS);
    assert_int_equal(found.ns, 3 * ORDO_WAIT_STACKS * 1000);
    assert_true(find(ORDO_WAIT_BLOCK, others, mark).count >= 2 * ORDO_WAIT_STACKS);
    assert_true(found.stacks <= ORDO_WAIT_STACKS + 1);
    ordo_waits_mark_free(mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_taken_at_rate_0),
        cmocka_unit_test(test_sums_are_right_at_any_rate),
        cmocka_unit_test(test_mixed_lengths_keep_their_shares),
        cmocka_unit_test(test_what_differs_has_its_own_place),
        cmocka_unit_test(test_since_a_mark),
        cmocka_unit_test(test_names_and_labels),
        cmocka_unit_test(test_text_of_contention),
        cmocka_unit_test(test_threads_count_at_once),
        cmocka_unit_test(test_waits_for_a_lock_are_counted_while_wanted),
        cmocka_unit_test(test_full_table_loses_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
