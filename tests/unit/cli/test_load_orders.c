/* SPDX-License-Identifier: MIT
 * test_load_orders.c: orders of the load generator are orders, differ, come again with the same seed, and
 * keep to the mix.
 */
#include "cli/load_orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/order.h"

enum { ORDERS = 3000 };

static void make(struct ordo_load_orders *orders, struct ordo_buffer *out)
{
    ordo_buffer_clear(out);
    ordo_load_orders_write(orders, out);
    assert_in_range(out->len, 1, ORDO_LOAD_ORDER_MAX);
    memset(ordo_buffer_reserve(out, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
}

static void test_every_order_passes_the_structural_checks(void **state)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(8);
    struct ordo_load_orders orders;
    struct ordo_buffer out = {0};
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 65536);
    ordo_load_orders_init(&orders, 7, (uint32_t[]){1, 2, 1});
    for (int i = 0; i < ORDERS; i++) {
        struct ordo_problems problems = {0};
        struct ordo_envelope envelope;
        struct ordo_cart cart;
        struct ordo_error err;

        make(&orders, &out);
        assert_null(memchr(out.ptr, '\n', out.len));
        assert_int_equal(ordo_json_parse(parser, out.ptr, out.len, &err), 0);
        ordo_envelope_read(ordo_json_root(parser), &envelope);
        assert_true(envelope.id_valid && envelope.priority_valid);
        assert_int_equal(
            ordo_order_check(ordo_json_root(parser), &ordo_limits_preset, &arena, &problems, &cart), 0);
        assert_int_equal(problems.count, 0);
        ordo_arena_reset(&arena);
    }
    ordo_arena_done(&arena);
    ordo_buffer_done(&out);
    ordo_json_parser_free(parser);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 24);
}

static void test_ids_differ(void **state)
{
    static char ids[ORDERS][24];
    struct ordo_load_orders orders;
    struct ordo_buffer out = {0};

    (void)state;
    ordo_load_orders_init(&orders, 1, (uint32_t[]){1, 0, 0});
    for (int i = 0; i < ORDERS; i++) {
        make(&orders, &out);
        memcpy(ids[i], out.ptr + 7, 24);
    }
    qsort(ids, ORDERS, 24, compare);
    for (int i = 1; i < ORDERS; i++)
        assert_memory_not_equal(ids[i - 1], ids[i], 24);
    ordo_buffer_done(&out);
}

static void test_a_seed_makes_the_same_orders_again(void **state)
{
    struct ordo_load_orders a, b, c;
    struct ordo_buffer one = {0}, two = {0};
    bool differs = false;

    (void)state;
    ordo_load_orders_init(&a, 42, (uint32_t[]){1, 1, 1});
    ordo_load_orders_init(&b, 42, (uint32_t[]){1, 1, 1});
    ordo_load_orders_init(&c, 43, (uint32_t[]){1, 1, 1});
    for (int i = 0; i < 100; i++) {
        make(&a, &one);
        make(&b, &two);
        assert_true(ordo_str_equal(ordo_buffer_str(&one), ordo_buffer_str(&two)));
        make(&c, &two);
        differs = differs || !ordo_str_equal(ordo_buffer_str(&one), ordo_buffer_str(&two));
    }
    assert_true(differs);
    ordo_buffer_done(&one);
    ordo_buffer_done(&two);
}

static int count_of(struct ordo_load_orders *orders, const char *text)
{
    struct ordo_buffer out = {0};
    int count = 0;

    for (int i = 0; i < ORDERS; i++) {
        make(orders, &out);
        count += memmem(out.ptr, out.len, text, strlen(text)) != NULL;
    }
    ordo_buffer_done(&out);
    return count;
}

static void test_priorities_keep_to_the_mix(void **state)
{
    struct ordo_load_orders orders;

    (void)state;
    ordo_load_orders_init(&orders, 5, (uint32_t[]){0, 0, 3});
    assert_int_equal(count_of(&orders, "\"priority\":\"low\""), ORDERS);
    ordo_load_orders_init(&orders, 5, (uint32_t[]){1, 2, 1});
    assert_in_range(count_of(&orders, "\"priority\":\"medium\""), ORDERS * 45 / 100, ORDERS * 55 / 100);
    ordo_load_orders_init(&orders, 5, (uint32_t[]){1, 2, 1});
    assert_in_range(count_of(&orders, "\"priority\":\"high\""), ORDERS * 20 / 100, ORDERS * 30 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_passes_the_structural_checks),
        cmocka_unit_test(test_ids_differ),
        cmocka_unit_test(test_a_seed_makes_the_same_orders_again),
        cmocka_unit_test(test_priorities_keep_to_the_mix),
    };

    return cmocka_run_group_tests_name("load_orders", tests, NULL, NULL);
}
