/* SPDX-License-Identifier: MIT
 * test_rocks_tail.c: the newest changes of store_rocksdb's indexes in memory, without RocksDB, so that the thread sanitizer sees
 * all of it: what is found, in which order, and by readers beside the one that writes and the one that files.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "random.h"
#include "rocks_tail.h"

enum { BYTES = ROCKS_TAIL_MIN };

static struct rocks_tail tail;

static int make_tail(void **state)
{
    (void)state;
    return rocks_tail_init(&tail, BYTES);
}

static int free_tail(void **state)
{
    (void)state;
    rocks_tail_done(&tail);
    return 0;
}

/* The order with this number: its id, and its place, whose number it is. */
static ordo_str id_of(uint64_t number, char out[32])
{
    return (ordo_str){out, (size_t)snprintf(out, 32, "id-%llu", (unsigned long long)number)};
}

static size_t encode(enum rocks_change_kind kind, uint64_t number, ordo_str id, ordo_str customer,
                     char out[ROCKS_CHANGE_MAX])
{
    const struct rocks_place place = {.received_ms = 1000 + number / 2, .number = number};
    char key[ROCKS_KEY];

    rocks_key_order(&place, key);
    return rocks_change_write(&(struct rocks_change){kind, key, id, customer}, out);
}

static bool add(enum rocks_change_kind kind, uint64_t number, ordo_str id, ordo_str customer)
{
    char bytes[ROCKS_CHANGE_MAX];

    return rocks_tail_add(&tail, bytes, encode(kind, number, id, customer, bytes), number);
}

/* Numbers from `from` on, until the segment is full; the first that did not fit. */
static uint64_t fill_segment(uint64_t from)
{
    char id[32];

    while (add(ROCKS_CHANGE_PUT, from, id_of(from, id), ORDO_STR("c")))
        from++;
    return from;
}

/* The number of the order that the id leads to; 0: it was deleted; -1: the tail says nothing. */
static int64_t find(ordo_str id)
{
    struct rocks_tail_view view;
    struct rocks_change change;
    struct rocks_place place = {.number = 0};
    int64_t found = -1;

    rocks_tail_pin(&tail, &view);
    if (rocks_tail_find(&view, id, &change)) {
        found = 0;
        if (change.kind == ROCKS_CHANGE_PUT && rocks_key_read_order(change.order_key, ROCKS_KEY, &place))
            found = (int64_t)place.number;
    }
    rocks_tail_unpin(&view);
    return found;
}

static void test_the_newest_change_of_an_id_counts(void **state)
{
    (void)state;
    assert_int_equal(find(ORDO_STR("a")), -1);
    assert_true(add(ROCKS_CHANGE_PUT, 1, ORDO_STR("a"), ORDO_STR_NONE));
    assert_true(add(ROCKS_CHANGE_PUT, 2, ORDO_STR("ab"), ORDO_STR_NONE));
    assert_int_equal(find(ORDO_STR("a")), 1);
    assert_int_equal(find(ORDO_STR("ab")), 2);
    assert_true(add(ROCKS_CHANGE_DELETE, 1, ORDO_STR("a"), ORDO_STR_NONE));
    assert_int_equal(find(ORDO_STR("a")), 0);
    assert_true(add(ROCKS_CHANGE_PUT, 4, ORDO_STR("a"), ORDO_STR_NONE));
    assert_int_equal(find(ORDO_STR("a")), 4);
    assert_int_equal(find(ORDO_STR("b")), -1);
}

static void test_segments_are_searched_until_they_are_dropped(void **state)
{
    uint64_t ends[ROCKS_SEGMENTS + 1] = {1};
    struct rocks_segment *full;
    char id[32];

    (void)state;
    assert_null(rocks_tail_full(&tail));
    for (int i = 0; i < ROCKS_SEGMENTS; i++) {
        ends[i + 1] = fill_segment(ends[i]);
        assert_true(ends[i + 1] > ends[i] + 30);
        assert_int_equal(rocks_tail_roll(&tail), i + 1 < ROCKS_SEGMENTS);
    }
    for (uint64_t number = 1; number < ends[ROCKS_SEGMENTS]; number++)
        assert_int_equal(find(id_of(number, id)), number);
    full = rocks_tail_full(&tail);
    assert_non_null(full);
    assert_int_equal(full->last, ends[1] - 1);
    assert_int_equal(full->arena.count, ends[1] - 1);
    rocks_tail_drop(&tail);
    assert_int_equal(find(id_of(ends[1] - 1, id)), -1);
    assert_int_equal(find(id_of(ends[1], id)), ends[1]);
    assert_true(rocks_tail_roll(&tail));
    assert_int_equal(fill_segment(ends[ROCKS_SEGMENTS]) > ends[ROCKS_SEGMENTS], true);
    assert_int_equal(rocks_tail_full(&tail)->last, ends[2] - 1);
}

static void test_the_largest_changes_fit(void **state)
{
    char text[ORDO_ID_MAX];
    const ordo_str largest = {text, sizeof(text)};

    (void)state;
    memset(text, 'x', sizeof(text));
    for (uint64_t number = 1; number <= 30; number++) {
        text[0] = (char)number;
        assert_true(add(ROCKS_CHANGE_PUT, number, largest, largest));
    }
    for (int64_t number = 1; number <= 30; number++) {
        text[0] = (char)number;
        assert_int_equal(find(largest), number);
    }
}

/* Writes the numbers of the customer's orders. */
static void list(const char *customer, uint64_t before, int64_t since_ms, size_t limit, char out[256])
{
    const struct rocks_place from = {.received_ms = 1000 + before / 2, .number = before};
    struct rocks_tail_view view;
    struct rocks_place *places;
    size_t count, len = 0;

    out[0] = '\0';
    rocks_tail_pin(&tail, &view);
    assert_int_equal(rocks_tail_list(&view, ordo_str_from(customer), &from, since_ms, limit, &places, &count),
                     0);
    rocks_tail_unpin(&view);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, 256 - len, "%llu ", (unsigned long long)places[i].number);
    free(places);
}

static void test_orders_of_a_customer_are_listed_newest_first(void **state)
{
    char text[256], id[32];
    uint64_t next;

    (void)state;
    assert_true(add(ROCKS_CHANGE_PUT, 3, id_of(3, id), ORDO_STR("anna")));
    assert_true(add(ROCKS_CHANGE_PUT, 1, id_of(1, id), ORDO_STR("anna")));
    assert_true(add(ROCKS_CHANGE_PUT, 2, id_of(2, id), ORDO_STR("ann")));
    next = fill_segment(100);
    assert_true(rocks_tail_roll(&tail));
    assert_true(add(ROCKS_CHANGE_PUT, next, id_of(next, id), ORDO_STR("anna")));
    assert_true(add(ROCKS_CHANGE_PUT, 5, id_of(5, id), ORDO_STR("anna")));
    assert_true(add(ROCKS_CHANGE_DELETE, 3, id_of(3, id), ORDO_STR("anna"))); /* its record is gone, too */
    list("anna", next, 0, 10, text);
    assert_string_equal(text, "5 3 1 ");
    list("anna", 5, 0, 10, text);
    assert_string_equal(text, "3 1 ");
    list("anna", 5, 1001, 10, text);
    assert_string_equal(text, "3 ");
    list("anna", next + 1, 0, 1, text);
    snprintf(id, sizeof(id), "%llu ", (unsigned long long)next);
    assert_string_equal(text, id);
    list("ann", next, 0, 10, text);
    assert_string_equal(text, "2 ");
    list("bob", next, 0, 10, text);
    assert_string_equal(text, "");
}

/* Adds to an arena, sorts, and writes the keys with the numbers of the orders; "-": deleted. */
static void test_what_changes_come_to_is_sorted(void **state)
{
    static const struct {
        enum rocks_change_kind kind;
        uint64_t number;
        const char *id, *customer;
    } changes[] = {
        {ROCKS_CHANGE_PUT, 1, "order-000002", "b"},
        {ROCKS_CHANGE_PUT, 2, "order-000001", "a"},
        {ROCKS_CHANGE_PUT, 3, "z", "bb"},
        {ROCKS_CHANGE_PUT, 4, "order-00", ""},
        {ROCKS_CHANGE_DELETE, 1, "order-000002", "b"},
        {ROCKS_CHANGE_PUT, 5, "order-000002", "a"},
        {ROCKS_CHANGE_DELETE, 3, "z", "bb"},
        {ROCKS_CHANGE_PUT, 6, "order-0", "a"},
    };
    struct rocks_change_item items[sizeof(changes) / sizeof(*changes)];
    char memory[2048], bytes[ROCKS_CHANGE_MAX], text[256] = "", buffer[ROCKS_CUSTOMER_KEY];
    struct rocks_arena arena;
    size_t count;

    (void)state;
    rocks_arena_init(&arena, memory, sizeof(memory));
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
        assert_true(rocks_arena_add(&arena, bytes,
                                    encode(changes[i].kind, changes[i].number, ordo_str_from(changes[i].id),
                                           ordo_str_from(changes[i].customer), bytes)) != 0);
    for (int family = ROCKS_IDS; family <= ROCKS_CUSTOMERS; family++) {
        count = rocks_changes_sort(&arena, (enum rocks_family)family, items);
        for (size_t i = 0; i < count; i++) {
            const struct rocks_change change = rocks_change_at(rocks_arena_change(&arena, items[i].unit));
            ordo_str key = rocks_changes_key(&change, (enum rocks_family)family, buffer);
            struct rocks_place place;

            assert_true(rocks_key_read_order(change.order_key, ROCKS_KEY, &place));
            assert_ptr_equal(rocks_changes_find(&arena, (enum rocks_family)family, items, count, key),
                             &items[i]);
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s=%s%llu ",
                     (int)(family == ROCKS_IDS ? change.id : change.customer).len,
                     (family == ROCKS_IDS ? change.id : change.customer).ptr,
                     change.kind == ROCKS_CHANGE_DELETE ? "-" : "", (unsigned long long)place.number);
        }
        assert_null(rocks_changes_find(&arena, (enum rocks_family)family, items, count, ORDO_STR("y")));
    }
    assert_string_equal(text, "order-0=6 order-00=4 order-000001=2 order-000002=5 z=-3 "
                              "a=2 a=5 a=6 b=-1 bb=-3 ");
}

/* Readers beside a writer and one that files. Order N is written as the change N; every 7th is deleted at once. */
enum { CHANGES = 60000, READERS = 3, CUSTOMERS = 16 };
static _Atomic uint64_t written, filed;
static _Atomic bool is_over;

static bool is_deleted(uint64_t number)
{
    return number % 7 == 0;
}

static ordo_str customer_of(uint64_t number, char out[32])
{
    return (ordo_str){out, (size_t)snprintf(out, 32, "c-%llu", (unsigned long long)(number % CUSTOMERS))};
}

static void *write_all_changes(void *context)
{
    (void)context;
    for (uint64_t number = 1; number <= CHANGES; number++) {
        char id[32], customer[32];
        enum rocks_change_kind kind = is_deleted(number) ? ROCKS_CHANGE_DELETE : ROCKS_CHANGE_PUT;

        while (!add(kind, number, id_of(number, id), customer_of(number, customer)))
            while (!rocks_tail_roll(&tail))
                sched_yield();
        atomic_store(&written, number);
    }
    atomic_store(&is_over, true);
    return NULL;
}

static void *file_all(void *context)
{
    uint64_t *wrong = context;

    while (!atomic_load(&is_over)) {
        struct rocks_segment *full = rocks_tail_full(&tail);

        if (full == NULL) {
            sched_yield();
            continue;
        }
        *wrong += rocks_changes_sort(&full->arena, ROCKS_IDS, tail.items) != full->arena.count;
        atomic_store(&filed, full->last);
        rocks_tail_drop(&tail);
    }
    return NULL;
}

/* Whether what is found of an order that was written is what was written, or it is filed. */
static bool is_right(uint64_t number)
{
    char id[32];
    int64_t found = find(id_of(number, id));

    if (found < 0)
        return number <= atomic_load(&filed);
    return found == (is_deleted(number) ? 0 : (int64_t)number);
}

/* One that is being written is not there yet, or as it was written. */
static bool is_right_or_absent(uint64_t number)
{
    char id[32];
    int64_t found = find(id_of(number, id));

    return found < 0 || found == (is_deleted(number) ? 0 : (int64_t)number);
}

/* Every order of the customer that was written, and not deleted, is listed, or it is filed. */
static bool is_listed(uint64_t until)
{
    const struct rocks_place from = {.received_ms = 1000 + until, .number = until + 1};
    struct rocks_tail_view view;
    struct rocks_place *places;
    uint64_t expected = until;
    size_t count;
    char customer[32];
    bool right = true;

    rocks_tail_pin(&tail, &view);
    if (rocks_tail_list(&view, customer_of(until, customer), &from, 0, CHANGES, &places, &count) != 0)
        return false;
    rocks_tail_unpin(&view);
    for (size_t i = 0; i < count; i++) {
        if (places[i].number > until)
            continue;
        while (is_deleted(expected))
            expected -= CUSTOMERS;
        right &= places[i].number == expected;
        expected -= CUSTOMERS;
    }
    while (expected < CHANGES && is_deleted(expected))
        expected -= CUSTOMERS;
    free(places);
    return right && (expected > CHANGES || expected <= atomic_load(&filed));
}

static void *read_some(void *context)
{
    uint64_t *wrong = context;
    struct random_state random = random_from((uint64_t)(uintptr_t)context);

    while (!atomic_load(&is_over)) {
        uint64_t until = atomic_load(&written);

        if (until < CUSTOMERS)
            continue;
        for (int i = 0; i < 32; i++)
            *wrong += !is_right(until - random_below(&random, (uint32_t)(until < 1500 ? until : 1500)));
        for (uint64_t ahead = 1; ahead <= 8; ahead++)
            *wrong += !is_right_or_absent(until + ahead);
        *wrong += !is_listed(until);
    }
    return NULL;
}

static void test_readers_miss_nothing_beside_the_writer(void **state)
{
    pthread_t writer, filer, readers[READERS];
    uint64_t wrong[READERS + 1] = {0};

    (void)state;
    assert_int_equal(pthread_create(&filer, NULL, file_all, &wrong[READERS]), 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_some, &wrong[i]), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_all_changes, NULL), 0);
    pthread_join(writer, NULL);
    pthread_join(filer, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    for (int i = 0; i <= READERS; i++)
        assert_int_equal(wrong[i], 0);
    assert_true(atomic_load(&filed) > CHANGES / 2);
}

#define TAIL_CASE(name) cmocka_unit_test_setup_teardown(name, make_tail, free_tail)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAIL_CASE(test_the_newest_change_of_an_id_counts),
        TAIL_CASE(test_segments_are_searched_until_they_are_dropped),
        TAIL_CASE(test_the_largest_changes_fit),
        TAIL_CASE(test_orders_of_a_customer_are_listed_newest_first),
        TAIL_CASE(test_what_changes_come_to_is_sorted),
        TAIL_CASE(test_readers_miss_nothing_beside_the_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
