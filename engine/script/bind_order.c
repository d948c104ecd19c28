/* SPDX-License-Identifier: MIT
 * bind_order.c: the order's document -> the plain Lua table that scripts get.
 *
 * Null is absent in objects and ctx.null in arrays. Integers up to 2^53 are numbers, larger ones strings of
 * their digits. The engine's own fields (id, priority, subtotal) are always there and always the engine's.
 *
 * This runs for every order, so the names of common fields are not looked up among all strings of the VM:
 * they are upvalues of `prepare`, found by a hash over their length and two letters that keeps them apart.
 * Tables are made with the room that they need.
 */
#include "script/script_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* Upvalues of prepare: ctx.null, then the names. */
enum { UP_NULL = 1, UP_NAMES = 2 };

/* X(name): fields that orders usually have. The first three are the engine's own. */
#define KNOWN_NAMES(X)                                                                                       \
    X(id)                                                                                                    \
    X(priority)                                                                                              \
    X(subtotal)                                                                                              \
    X(customer)                                                                                              \
    X(currency)                                                                                              \
    X(items)                                                                                                 \
    X(coupon)                                                                                                \
    X(sku)                                                                                                   \
    X(qty)                                                                                                   \
    X(price)                                                                                                 \
    X(tier)                                                                                                  \
    X(country)                                                                                               \
    X(email)                                                                                                 \
    X(name)                                                                                                  \
    X(shipping_address)                                                                                      \
    X(billing_address)                                                                                       \
    X(city)                                                                                                  \
    X(postcode)                                                                                              \
    X(street)                                                                                                \
    X(weight_g)                                                                                              \
    X(gift_card)                                                                                             \
    X(balance)                                                                                               \
    X(code)                                                                                                  \
    X(category)                                                                                              \
    X(high)                                                                                                  \
    X(medium)                                                                                                \
    X(low)

enum known {
#define X(text) NAME_##text,
    KNOWN_NAMES(X)
#undef X
        NAME_COUNT,
};

static const ordo_str names[] = {
#define X(text) {#text, sizeof(#text) - 1},
    KNOWN_NAMES(X)
#undef X
};

enum { SLOTS = 64 };

/* slot_of(name) -> number of the name + 1; filled at start-up, the same in every thread. */
static uint8_t slots[SLOTS];

static unsigned slot_of(ordo_str name)
{
    unsigned char middle = (unsigned char)name.ptr[name.len / 2],
                  last = (unsigned char)name.ptr[name.len - 1];

    return (unsigned)(name.len * 5 + middle * 15u + last * 17u) % SLOTS;
}

__attribute__((constructor)) static void fill_slots(void)
{
    for (int i = 0; i < NAME_COUNT; i++) {
        ORDO_REQUIRE(slots[slot_of(names[i])] == 0); /* choose other factors */
        slots[slot_of(names[i])] = (uint8_t)(i + 1);
    }
}

/* What pushing needs to know: is this `prepare`, whose upvalues are there? */
struct pusher {
    lua_State *L;
    bool prepared;
};

static int name_index(int number)
{
    return lua_upvalueindex(UP_NAMES + number);
}

/* memcmp of short strings without the call: two loads that may overlap. */
static inline bool same_bytes(const char *a, const char *b, size_t len)
{
    uint64_t left[2], right[2];
    uint32_t small[4];

    if (len > 16)
        return memcmp(a, b, len) == 0;
    if (len >= 8) {
        memcpy(&left[0], a, 8);
        memcpy(&left[1], a + len - 8, 8);
        memcpy(&right[0], b, 8);
        memcpy(&right[1], b + len - 8, 8);
        return ((left[0] ^ right[0]) | (left[1] ^ right[1])) == 0;
    }
    if (len >= 4) {
        memcpy(&small[0], a, 4);
        memcpy(&small[1], a + len - 4, 4);
        memcpy(&small[2], b, 4);
        memcpy(&small[3], b + len - 4, 4);
        return ((small[0] ^ small[2]) | (small[1] ^ small[3])) == 0;
    }
    return a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1];
}

/* The number of a known name, or NAME_COUNT. */
static inline int find_name(ordo_str key)
{
    unsigned found = key.len == 0 ? 0 : slots[slot_of(key)];

    if (found == 0 || names[found - 1].len != key.len || !same_bytes(key.ptr, names[found - 1].ptr, key.len))
        return NAME_COUNT;
    return (int)found - 1;
}

static inline void push_key(const struct pusher *to, ordo_str key)
{
    int name = to->prepared ? find_name(key) : NAME_COUNT;

    if (name != NAME_COUNT)
        lua_pushvalue(to->L, name_index(name));
    else
        lua_pushlstring(to->L, key.ptr, key.len);
}

static void push_integer(lua_State *L, struct ordo_json_value value)
{
    int64_t number = ordo_json_as_int(value);
    char text[32];

    if (number >= -ORDO_AMOUNT_MAX && number <= ORDO_AMOUNT_MAX) {
        lua_pushnumber(L, (lua_Number)number);
        return;
    }
    lua_pushlstring(L, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)number));
}

static void push_value(const struct pusher *to, struct ordo_json_value value);

static void push_members(const struct pusher *to, struct ordo_json_value object)
{
    struct ordo_json_iter iter = ordo_json_iter_of(object);
    struct ordo_json_value value;
    ordo_str key = ORDO_STR_NONE;

    while (ordo_json_next(&iter, &key, &value)) {
        if (ordo_json_type(value) == ORDO_JSON_NULL)
            continue;
        push_key(to, key);
        push_value(to, value);
        lua_rawset(to->L, -3);
    }
}

static void push_array(const struct pusher *to, struct ordo_json_value array)
{
    struct ordo_json_iter iter = ordo_json_iter_of(array);
    struct ordo_json_value value;
    int count = 0;

    lua_createtable(to->L, (int)ordo_json_count(array), 0);
    while (ordo_json_next(&iter, NULL, &value)) {
        push_value(to, value);
        lua_rawseti(to->L, -2, ++count);
    }
}

/* As deep as the parser let the document be. */
static void push_value(const struct pusher *to, struct ordo_json_value value)
{
    lua_State *L = to->L;
    char text[32];
    ordo_str string;

    switch (ordo_json_type(value)) {
    case ORDO_JSON_STRING:
        string = ordo_json_as_str(value);
        lua_pushlstring(L, string.ptr, string.len);
        return;
    case ORDO_JSON_INT:
        push_integer(L, value);
        return;
    case ORDO_JSON_OBJECT:
        luaL_checkstack(L, 8, "the order is nested too deeply");
        lua_createtable(L, 0, (int)ordo_json_count(value));
        push_members(to, value);
        return;
    case ORDO_JSON_ARRAY:
        luaL_checkstack(L, 8, "the order is nested too deeply");
        push_array(to, value);
        return;
    case ORDO_JSON_BOOL:
        lua_pushboolean(L, ordo_json_as_bool(value));
        return;
    case ORDO_JSON_DOUBLE:
        lua_pushnumber(L, ordo_json_as_double(value));
        return;
    case ORDO_JSON_UINT:
        lua_pushlstring(
            L, text,
            (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)ordo_json_as_uint(value)));
        return;
    default:
        if (to->prepared)
            lua_pushvalue(L, lua_upvalueindex(UP_NULL));
        else
            ordo__null_push(L);
    }
}

void ordo__json_push(lua_State *L, struct ordo_json_value value)
{
    push_value(&(struct pusher){L, false}, value);
}

enum { ENGINE_NAMES = NAME_subtotal + 1 }; /* the engine's own fields: what the order has there is not used */

static void push_root_members(const struct pusher *to, struct ordo_json_value root)
{
    struct ordo_json_iter iter = ordo_json_iter_of(root);
    struct ordo_json_value value;
    ordo_str key = ORDO_STR_NONE;

    while (ordo_json_next(&iter, &key, &value)) {
        int name = find_name(key);

        if (name < ENGINE_NAMES || ordo_json_type(value) == ORDO_JSON_NULL)
            continue;
        if (name != NAME_COUNT)
            lua_pushvalue(to->L, name_index(name));
        else
            lua_pushlstring(to->L, key.ptr, key.len);
        push_value(to, value);
        lua_rawset(to->L, -3);
    }
}

/* prepare() -> order */
static int prepare(lua_State *L)
{
    static const int priorities[] = {[ORDO_PRIORITY_HIGH] = NAME_high,
                                     [ORDO_PRIORITY_MEDIUM] = NAME_medium,
                                     [ORDO_PRIORITY_LOW] = NAME_low};
    struct ordo__run *run = ordo__script_of(L)->current;
    struct pusher to = {L, true};
    bool is_object = ordo_json_type(run->root) == ORDO_JSON_OBJECT;

    /* Most orders bring an id and a priority; for the others the table may have to grow once. */
    lua_createtable(L, 0, (int)ordo_json_count(run->root) + 1);
    lua_pushvalue(L, name_index(NAME_id));
    lua_pushlstring(L, run->id.ptr, run->id.len);
    lua_rawset(L, -3);
    lua_pushvalue(L, name_index(NAME_priority));
    lua_pushvalue(L, name_index(priorities[run->priority]));
    lua_rawset(L, -3);
    if (!run->skipping) {
        lua_pushvalue(L, name_index(NAME_subtotal));
        lua_pushnumber(L, (lua_Number)run->cart.subtotal);
        lua_rawset(L, -3);
    }
    if (is_object)
        push_root_members(&to, run->root);
    return 1;
}

void ordo__bind_order_open(lua_State *L)
{
    luaL_checkstack(L, NAME_COUNT + 4, "no room");
    ordo__null_push(L);
    for (int i = 0; i < NAME_COUNT; i++)
        lua_pushlstring(L, names[i].ptr, names[i].len);
    lua_pushcclosure(L, prepare, NAME_COUNT + 1);
}
