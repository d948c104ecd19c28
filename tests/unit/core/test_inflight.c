/* SPDX-License-Identifier: MIT
 * test_inflight.c: claims on order ids.
 */
#include "core/inflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void name_job(struct ordo_job *job, const char *id)
{
    job->id_len = (uint8_t)strlen(id);
    memcpy(job->id_bytes, id, job->id_len);
}

static void test_an_id_is_claimed_once(void **state)
{
    struct ordo_inflight *index = ordo_inflight_new();
    struct ordo_job first = {0}, second = {0}, other = {0};

    (void)state;
    name_job(&first, "o-1");
    name_job(&second, "o-1");
    name_job(&other, "o-2");
    assert_true(ordo_inflight_claim(index, &first));
    assert_false(ordo_inflight_claim(index, &second));
    assert_true(ordo_inflight_claim(index, &other));
    assert_int_equal(ordo_inflight_count(index), 2);
    ordo_inflight_release(index, &second); /* holds nothing */
    assert_int_equal(ordo_inflight_count(index), 2);
    ordo_inflight_release(index, &first);
    assert_true(ordo_inflight_claim(index, &second));
    ordo_inflight_release(index, &second);
    ordo_inflight_release(index, &other);
    assert_int_equal(ordo_inflight_count(index), 0);
    ordo_inflight_free(index);
}

static void test_a_claim_moves_to_another_job(void **state)
{
    struct ordo_inflight *index = ordo_inflight_new();
    struct ordo_job from = {0}, to = {0};
    struct ordo_inflight_entry entry;

    (void)state;
    name_job(&from, "o-1");
    name_job(&to, "o-1");
    to.received_ms = 42;
    to.priority = ORDO_PRIORITY_LOW;
    ordo_job_set_stage(&to, ORDO_STAGE_WAITING);
    assert_true(ordo_inflight_claim(index, &from));
    ordo_inflight_move(index, &from, &to);
    assert_false(from.claimed);
    assert_true(to.claimed);
    assert_true(ordo_inflight_find(index, ORDO_STR("o-1"), &entry));
    assert_int_equal(entry.received_ms, 42);
    assert_int_equal(entry.priority, ORDO_PRIORITY_LOW);
    assert_int_equal(entry.stage, ORDO_STAGE_WAITING);
    ordo_inflight_release(index, &to);
    assert_false(ordo_inflight_find(index, ORDO_STR("o-1"), &entry));
    ordo_inflight_free(index);
}

static void test_the_bytes_of_an_order_inside_can_be_read(void **state)
{
    struct ordo_inflight *index = ordo_inflight_new();
    struct ordo_job job = {.bytes = ORDO_STR("{\"id\":\"o-1\"}")};
    struct ordo_buffer out = {0};

    (void)state;
    name_job(&job, "o-1");
    assert_false(ordo_inflight_bytes(index, ORDO_STR("o-1"), &out));
    assert_true(ordo_inflight_claim(index, &job));
    assert_true(ordo_inflight_bytes(index, ORDO_STR("o-1"), &out));
    assert_true(ordo_str_equal(ordo_buffer_str(&out), job.bytes));
    ordo_inflight_release(index, &job);
    ordo_buffer_done(&out);
    ordo_inflight_free(index);
}

static void test_many_ids_that_share_slots_stay_apart(void **state)
{
    enum { COUNT = 100000 };
    struct ordo_inflight *index = ordo_inflight_new();
    struct ordo_job *jobs = calloc(COUNT, sizeof(*jobs));
    struct ordo_inflight_entry entry;
    char id[32];

    (void)state;
    assert_non_null(jobs);
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "order-%d", i);
        name_job(&jobs[i], id);
        jobs[i].received_ms = i;
        assert_true(ordo_inflight_claim(index, &jobs[i]));
    }
    for (int i = 0; i < COUNT; i += 2)
        ordo_inflight_release(index, &jobs[i]);
    for (int i = 0; i < COUNT; i++) {
        bool found = ordo_inflight_find(index, ordo_job_id(&jobs[i]), &entry);

        assert_int_equal(found, i % 2);
        if (found)
            assert_int_equal(entry.received_ms, i);
    }
    for (int i = 1; i < COUNT; i += 2)
        ordo_inflight_release(index, &jobs[i]);
    ordo_inflight_free(index);
    free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_claimed_once),
        cmocka_unit_test(test_a_claim_moves_to_another_job),
        cmocka_unit_test(test_the_bytes_of_an_order_inside_can_be_read),
        cmocka_unit_test(test_many_ids_that_share_slots_stay_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
