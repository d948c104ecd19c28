/* SPDX-License-Identifier: MIT
 * test_attempts.c: how long the next attempt waits, and what is remembered of those before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "worker/worker_impl.h"

static int64_t wait_of(const char *id, uint32_t attempt, int64_t asked_ms, int64_t most_ms)
{
    struct ordo_engine engine = {.options = {.retry_max_ms = most_ms}};
    struct ordo_job job = {.attempt = attempt, .id_len = (uint8_t)strlen(id)};

    memcpy(job.id_bytes, id, strlen(id));
    return ordo__attempt_wait_ms(&engine, &job, asked_ms);
}

static void test_each_attempt_waits_twice_as_long(void **state)
{
    (void)state;
    for (uint32_t attempt = 1; attempt <= 6; attempt++)
        assert_in_range(wait_of("o-1", attempt, 1000, 3600000), 1000 << (attempt - 1),
                        (1250 << (attempt - 1)) - 1);
    assert_in_range(wait_of("o-1", 7, 1000, 60000), 60000, 74999);
    assert_in_range(wait_of("o-1", 1000, 1000, 60000), 60000, 74999);
}

static void test_what_a_rule_asks_for_is_never_cut(void **state)
{
    (void)state;
    assert_in_range(wait_of("o-1", 1, 7200000, 60000), 7200000, 8999999);
    assert_in_range(wait_of("o-1", 5, 7200000, 60000), 7200000, 8999999);
    assert_int_equal(wait_of("o-1", 5, 0, 60000), 0);
    assert_in_range(wait_of("o-1", 1000, INT64_C(2592000000), INT64_C(2592000000)), INT64_C(2592000000),
                    INT64_C(3240000000));
}

static void test_orders_that_failed_together_come_apart(void **state)
{
    int64_t least = INT64_MAX, most = 0;
    char id[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t wait;

        snprintf(id, sizeof(id), "o-%d", i);
        wait = wait_of(id, 1, 100000, 3600000);
        assert_int_equal(wait, wait_of(id, 1, 100000, 3600000));
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 100000, 100500);
    assert_in_range(most, 124000, 124999);
}

static void note(struct ordo_buffer *attempts, uint32_t attempt, const char *reason)
{
    struct ordo_job job = {.attempt = attempt, .now_ms = 1000};
    struct ordo_run run = {.generation = 7};

    run.decision.reason = ordo_str_from(reason);
    ordo__attempt_note(attempts, &job, &run);
}

static void test_attempts_are_an_array(void **state)
{
    struct ordo_record record = {.status = ORDO_STATUS_DEAD};
    struct ordo_buffer attempts = {0}, again = {0};
    const ordo_str expected = ORDO_STR(
        "[{\"attempt\":1,\"at\":\"1970-01-01T00:00:01.000Z\",\"generation\":7,\"reason\":\"a \\\"b\\\"\"},"
        "{\"attempt\":2,\"at\":\"1970-01-01T00:00:01.000Z\",\"generation\":7,\"reason\":\"\"}]");

    (void)state;
    note(&attempts, 1, "a \"b\"");
    note(&attempts, 2, "");
    assert_true(ordo_str_equal(ordo_buffer_str(&attempts), expected));

    record.answer = ORDO_STR("{\"id\":\"o\",\"status\":\"dead\"}"); /* one of before there were attempts */
    ordo__attempts_of_record(&record, &again);
    assert_int_equal(again.len, 0);
    record.answer = ORDO_STR("{\"id\":\"o\",\"attempts\":[{\"attempt\":1}],\"x\":1}");
    ordo__attempts_of_record(&record, &again);
    assert_true(ordo_str_equal(ordo_buffer_str(&again), ORDO_STR("[{\"attempt\":1}]")));
    record = (struct ordo_record){.status = ORDO_STATUS_DONE, .answer = record.answer};
    ordo__attempts_of_record(&record, &again);
    assert_true(ordo_str_equal(ordo_buffer_str(&again), ORDO_STR("[{\"attempt\":1}]")));
    ordo_buffer_done(&attempts);
    ordo_buffer_done(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_attempt_waits_twice_as_long),
        cmocka_unit_test(test_what_a_rule_asks_for_is_never_cut),
        cmocka_unit_test(test_orders_that_failed_together_come_apart),
        cmocka_unit_test(test_attempts_are_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
