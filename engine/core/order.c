/* SPDX-License-Identifier: MIT
 * order.c: reading an order's envelope, and the checks that the engine needs before any rule may see it.
 */
#include "core/order.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/int128.h"
#include "base/json_copy.h"

enum { ITEM_PROBLEMS = 1000 }; /* of the items of one order, so that they fit its arena and the answer */

static const char *const priority_names[] = {
    [ORDO_PRIORITY_HIGH] = "high", [ORDO_PRIORITY_MEDIUM] = "medium", [ORDO_PRIORITY_LOW] = "low"};

static const char *const status_names[] = {
    [ORDO_STATUS_QUEUED] = "queued",   [ORDO_STATUS_RUNNING] = "running",
    [ORDO_STATUS_WAITING] = "waiting", [ORDO_STATUS_RECORDING] = "recording",
    [ORDO_STATUS_DONE] = "done",       [ORDO_STATUS_HELD] = "held",
    [ORDO_STATUS_INVALID] = "invalid", [ORDO_STATUS_DEAD] = "dead",
};

const char *ordo_priority_name(enum ordo_priority priority)
{
    return priority_names[priority];
}

const char *ordo_status_name(enum ordo_status status)
{
    return status_names[status];
}

bool ordo_priority_parse(ordo_str name, enum ordo_priority *ret_priority)
{
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        if (ordo_str_equal(name, ordo_str_from(priority_names[i]))) {
            *ret_priority = (enum ordo_priority)i;
            return true;
        }
    return false;
}

bool ordo_status_parse(ordo_str name, enum ordo_status *ret_status)
{
    for (int i = 0; i < ORDO_STATUS_COUNT; i++)
        if (ordo_str_equal(name, ordo_str_from(status_names[i]))) {
            *ret_status = (enum ordo_status)i;
            return true;
        }
    return false;
}

/* The bytes from `first` to `last`, both in the same 64, as bits. */
#define BYTES(first, last) (((UINT64_C(2) << ((last) - (first))) - 1) << ((first) % 64))
#define BYTE(byte) BYTES(byte, byte)

bool ordo_id_is_valid(ordo_str id)
{
    static const uint64_t allowed[4] = {
        BYTES('0', '9') | BYTE('-') | BYTE('.') | BYTE(':'),
        BYTES('A', 'Z') | BYTES('a', 'z') | BYTE('_') | BYTE('~'),
    };
    bool valid = id.len > 0 && id.len <= ORDO_ID_MAX;

    for (size_t i = 0; valid && i < id.len; i++) {
        unsigned char byte = (unsigned char)id.ptr[i];

        valid = allowed[byte / 64] >> byte % 64 & 1;
    }
    return valid;
}

/* splitmix64: good enough to keep ids apart, not to keep them secret. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

void ordo_id_make(char *out)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    static _Thread_local uint64_t state, last_ms, high, low; /* high: 16 random bits, low: 64 */
    uint64_t now_ms = (uint64_t)ordo_clock_utc_ms();

    if (state == 0)
        ORDO_REQUIRE(getrandom(&state, sizeof(state), 0) == sizeof(state));
    if (now_ms > last_ms) {
        last_ms = now_ms;
        high = next_random(&state) & 0xffff;
        low = next_random(&state);
    } else if (++low == 0) { /* the same millisecond, or a clock that went back: count on, so that ids rise */
        high++;
    }
    for (int i = 0; i < 10; i++)
        out[i] = digits[last_ms >> (45 - 5 * i) & 31];
    ordo_uint128 random = (ordo_uint128)high << 64 | low;
    for (int i = 0; i < 16; i++)
        out[10 + i] = digits[(unsigned)(random >> (75 - 5 * i)) & 31];
}

static void read_id(struct ordo_json_value value, struct ordo_envelope *envelope)
{
    if (ordo_json_type(value) == ORDO_JSON_NULL)
        return;
    envelope->id_present = true;
    if (ordo_json_type(value) != ORDO_JSON_STRING)
        return;
    envelope->id_valid = ordo_id_is_valid(ordo_json_as_str(value));
    if (envelope->id_valid)
        envelope->id = ordo_json_as_str(value);
}

static void read_priority(struct ordo_json_value value, struct ordo_envelope *envelope)
{
    switch (ordo_json_type(value)) {
    case ORDO_JSON_NULL:
        return;
    case ORDO_JSON_STRING:
        envelope->priority_valid = ordo_priority_parse(ordo_json_as_str(value), &envelope->priority);
        return;
    case ORDO_JSON_INT:
    case ORDO_JSON_DOUBLE: {
        double number = ordo_json_as_double(value);

        envelope->priority_valid = number == 1 || number == 2 || number == 3;
        if (envelope->priority_valid)
            envelope->priority = (enum ordo_priority)((int)number - 1);
        return;
    }
    default:
        envelope->priority_valid = false;
    }
}

void ordo_envelope_read(struct ordo_json_value order, struct ordo_envelope *ret_envelope)
{
    struct ordo_envelope envelope = {.priority = ORDO_PRIORITY_MEDIUM, .priority_valid = true};
    struct ordo_json_iter iter = ordo_json_iter_of(order);
    struct ordo_json_value value, id;
    ordo_str key;

    while (iter.is_object && ordo_json_next(&iter, &key, &value)) {
        if (ordo_str_equal(key, ORDO_STR("id")))
            read_id(value, &envelope);
        else if (ordo_str_equal(key, ORDO_STR("priority")))
            read_priority(value, &envelope);
        else if (ordo_str_equal(key, ORDO_STR("customer")) && ordo_json_get(value, ORDO_STR("id"), &id) &&
                 ordo_json_type(id) == ORDO_JSON_STRING)
            envelope.customer = ordo_json_as_str(id);
    }
    *ret_envelope = envelope;
}

/* The state of one check. */
struct check {
    const struct ordo_limits *limits;
    struct ordo_arena *arena;
    struct ordo_problems *problems;
    bool full;
};

static void complain(struct check *check, ordo_str field, const char *message)
{
    if (!ordo_problems_add(check->problems, check->arena, field, ordo_str_from(message), ORDO_STR("engine"),
                           ORDO_STR_NONE))
        check->full = true;
}

static void complain_item(struct check *check, uint32_t item, const char *member, const char *message)
{
    char field[64];
    int len = snprintf(field, sizeof(field), "items[%u]%s", item, member);

    complain(check, (ordo_str){field, (size_t)len}, message);
}

/* A whole number up to 2^53; false for anything else. 2.0 is one, 2.5 is not. */
static bool read_whole(struct ordo_json_value value, int64_t *ret_number)
{
    double number;

    if (ordo_json_type(value) == ORDO_JSON_INT) {
        *ret_number = ordo_json_as_int(value);
        return *ret_number <= ORDO_AMOUNT_MAX;
    }
    if (ordo_json_type(value) != ORDO_JSON_DOUBLE)
        return false;
    number = ordo_json_as_double(value);
    /* 2^53 itself is what 9007199254740993.0 became when it was read */
    if (!(fabs(number) < (double)ORDO_AMOUNT_MAX) || number != trunc(number))
        return false;
    *ret_number = (int64_t)number;
    return true;
}

/* "must be a whole number ..., not 2.5". */
static void complain_number(struct check *check, uint32_t item, const char *member, const char *message,
                            struct ordo_json_value value)
{
    static const char *const others[] = {
        [ORDO_JSON_BOOL] = "true or false",
        [ORDO_JSON_STRING] = "text",
        [ORDO_JSON_ARRAY] = "an array",
        [ORDO_JSON_OBJECT] = "an object",
    };
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    enum ordo_json_type type = ordo_json_type(value);

    ordo_buffer_printf(&text, "%s, not ", message);
    if (type == ORDO_JSON_INT || type == ORDO_JSON_UINT || type == ORDO_JSON_DOUBLE)
        ordo_json_copy(&json, value);
    else
        ordo_buffer_append(&text, ordo_str_from(others[type]));
    ordo_buffer_put(&text, '\0');
    complain_item(check, item, member, text.ptr);
    ordo_buffer_done(&text);
}

struct item_members {
    struct ordo_json_value sku, quantity, price;
    bool has_sku, has_quantity, has_price;
};

static void find_members(struct ordo_json_value item, struct item_members *found)
{
    struct ordo_json_iter iter = ordo_json_iter_of(item);
    struct ordo_json_value value;
    ordo_str key;

    while (ordo_json_next(&iter, &key, &value)) {
        bool there = ordo_json_type(value) != ORDO_JSON_NULL;

        if (ordo_str_equal(key, ORDO_STR("sku"))) {
            found->sku = value;
            found->has_sku = there;
        } else if (ordo_str_equal(key, ORDO_STR("qty"))) {
            found->quantity = value;
            found->has_quantity = there;
        } else if (ordo_str_equal(key, ORDO_STR("price"))) {
            found->price = value;
            found->has_price = there;
        }
    }
}

static void check_item(struct check *check, struct ordo_json_value value, uint32_t number,
                       struct ordo_item *item)
{
    struct item_members found = {.has_sku = false};

    if (ordo_json_type(value) != ORDO_JSON_OBJECT) {
        complain_item(check, number, "", "must be an object with sku, qty and price");
        return;
    }
    find_members(value, &found);
    if (!found.has_sku)
        complain_item(check, number, ".sku", "is required");
    else if (ordo_json_type(found.sku) != ORDO_JSON_STRING || ordo_json_as_str(found.sku).len == 0)
        complain_item(check, number, ".sku", "must be text that is not empty");
    if (!found.has_quantity)
        complain_item(check, number, ".qty", "is required");
    else if (!read_whole(found.quantity, &item->quantity) || item->quantity < 1)
        complain_number(check, number, ".qty", "must be a whole number from 1 to 9007199254740992",
                        found.quantity);
    if (!found.has_price)
        complain_item(check, number, ".price", "is required");
    else if (!read_whole(found.price, &item->price) || item->price < 0)
        complain_number(check, number, ".price",
                        "must be a whole number of minor units from 0 to 9007199254740992 (1999 for 19.99)",
                        found.price);
}

/* qty and price are each at most 2^53, so their product fits 128 bits and so does the sum of all lines. */
static void sum_up(struct check *check, struct ordo_cart *cart)
{
    ordo_int128 subtotal = 0;

    for (uint32_t i = 0; i < cart->count; i++)
        subtotal += (ordo_int128)cart->items[i].quantity * cart->items[i].price;
    if (subtotal > ORDO_AMOUNT_MAX)
        complain(check, ORDO_STR("items"), "the subtotal is over 9007199254740992 minor units");
    else
        cart->subtotal = (int64_t)subtotal;
}

static void check_items(struct check *check, struct ordo_json_value value, struct ordo_cart *cart)
{
    struct ordo_json_iter iter = ordo_json_iter_of(value);
    uint32_t before = check->problems->count, number = 0;
    size_t count = ordo_json_count(value);
    char text[80];

    if (ordo_json_type(value) != ORDO_JSON_ARRAY || count == 0) {
        complain(check, ORDO_STR("items"), "must be an array of at least one item");
        return;
    }
    if (count > check->limits->items) {
        snprintf(text, sizeof(text), "at most %u items are allowed, there are %zu (limits.items)",
                 check->limits->items, count);
        complain(check, ORDO_STR("items"), text);
        return;
    }
    cart->items = ordo_arena_alloc(check->arena, count * sizeof(*cart->items));
    if (cart->items == NULL) {
        check->full = true;
        return;
    }
    cart->count = (uint32_t)count;
    while (!check->full && ordo_json_next(&iter, NULL, &value)) {
        if (check->problems->count - before >= ITEM_PROBLEMS) {
            complain(check, ORDO_STR("items"), "there are more problems, in the items that follow");
            break;
        }
        check_item(check, value, number + 1, &cart->items[number]);
        number++;
    }
    if (check->problems->count == before && !check->full)
        sum_up(check, cart);
}

static bool is_currency(struct ordo_json_value value)
{
    ordo_str text;

    if (ordo_json_type(value) != ORDO_JSON_STRING || (text = ordo_json_as_str(value)).len != 3)
        return false;
    for (int i = 0; i < 3; i++)
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
            return false;
    return true;
}

static void check_customer(struct check *check, struct ordo_json_value customer)
{
    struct ordo_json_value id;

    if (ordo_json_type(customer) == ORDO_JSON_NULL)
        return;
    if (ordo_json_type(customer) != ORDO_JSON_OBJECT) {
        complain(check, ORDO_STR("customer"), "must be an object");
        return;
    }
    if (!ordo_json_get(customer, ORDO_STR("id"), &id) || ordo_json_type(id) == ORDO_JSON_NULL)
        return;
    if (ordo_json_type(id) != ORDO_JSON_STRING || ordo_json_as_str(id).len == 0 ||
        ordo_json_as_str(id).len > ORDO_ID_MAX)
        complain(check, ORDO_STR("customer.id"), "must be text of 1 to 128 bytes");
}

int ordo_order_check(struct ordo_json_value order, const struct ordo_limits *limits, struct ordo_arena *arena,
                     struct ordo_problems *problems, struct ordo_cart *ret_cart)
{
    struct check check = {limits, arena, problems, false};
    struct ordo_json_iter iter = ordo_json_iter_of(order);
    struct ordo_envelope envelope = {.priority_valid = true};
    struct ordo_json_value value, items = order, customer = order;
    bool has_items = false, has_customer = false, has_currency = false;
    ordo_str key;

    *ret_cart = (struct ordo_cart){0};
    if (ordo_json_type(order) != ORDO_JSON_OBJECT) {
        complain(&check, ORDO_STR_NONE, "an order must be a JSON object");
        return check.full ? ORDO_ENOMEM : 0;
    }
    while (ordo_json_next(&iter, &key, &value)) {
        if (ordo_str_equal(key, ORDO_STR("id"))) {
            read_id(value, &envelope);
        } else if (ordo_str_equal(key, ORDO_STR("priority"))) {
            read_priority(value, &envelope);
        } else if (ordo_str_equal(key, ORDO_STR("customer"))) {
            customer = value;
            has_customer = true;
        } else if (ordo_str_equal(key, ORDO_STR("currency"))) {
            has_currency = ordo_json_type(value) != ORDO_JSON_NULL;
            if (is_currency(value))
                ret_cart->currency = ordo_arena_copy(arena, ordo_json_as_str(value));
            else if (has_currency)
                complain(&check, key, "must be three capital letters (ISO 4217)");
        } else if (ordo_str_equal(key, ORDO_STR("items"))) {
            items = value;
            has_items = ordo_json_type(value) != ORDO_JSON_NULL;
        }
    }
    if (envelope.id_present && !envelope.id_valid)
        complain(&check, ORDO_STR("id"), "must be text of 1 to 128 of A-Z a-z 0-9 . _ ~ : -");
    if (!envelope.priority_valid)
        complain(&check, ORDO_STR("priority"), "must be high, medium or low, or 1, 2 or 3");
    if (has_customer)
        check_customer(&check, customer);
    if (!has_currency)
        complain(&check, ORDO_STR("currency"), "is required");
    if (has_items)
        check_items(&check, items, ret_cart);
    else
        complain(&check, ORDO_STR("items"), "is required");
    return check.full || arena->overflowed ? ORDO_ENOMEM : 0;
}
