/* SPDX-License-Identifier: MIT
 * load_orders.c: one order costs about a tenth of a microsecond, so that one thread can make more orders than
 * an engine can take: pieces are copied, and only the id and the numbers are formatted.
 */
#include "cli/load_orders.h"

struct choice {
    const char *text;
    uint32_t share;
};

/* What the shipped rules tell apart. */
static const struct choice tiers[] = {{"basic", 6}, {"silver", 2}, {"gold", 1}, {NULL, 0}};
static const struct choice countries[] = {{"DE", 5}, {"FR", 2}, {"AT", 1}, {"NL", 1}, {NULL, 0}};
static const struct choice coupons[] = {
    {"", 8}, {",\"coupon\":\"SPRING10\"", 1}, {",\"coupon\":\"WELCOME5\"", 1}, {NULL, 0}};
static const char *const priorities[] = {"high", "medium", "low"};

/* splitmix64: spreads a seed over the state. */
static uint64_t mix_seed(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* xorshift128+ */
static uint64_t draw(struct ordo_load_orders *orders)
{
    uint64_t a = orders->state[0], b = orders->state[1];

    orders->state[0] = b;
    a ^= a << 23;
    orders->state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return orders->state[1] + b;
}

static uint32_t below(struct ordo_load_orders *orders, uint32_t bound)
{
    return (uint32_t)(((draw(orders) >> 32) * bound) >> 32);
}

void ordo_load_orders_init(struct ordo_load_orders *orders, uint64_t seed,
                           const uint32_t mix[ORDO_PRIORITY_COUNT])
{
    orders->sum = 0;
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        orders->mix[i] = mix[i];
        orders->sum += mix[i];
    }
    ORDO_REQUIRE(orders->sum > 0);
    orders->state[0] = mix_seed(&seed);
    orders->state[1] = mix_seed(&seed) | 1;
}

static const char *pick(struct ordo_load_orders *orders, const struct choice *choices)
{
    uint32_t sum = 0, at;

    for (const struct choice *choice = choices; choice->text != NULL; choice++)
        sum += choice->share;
    at = below(orders, sum);
    while (at >= choices->share)
        at -= choices++->share;
    return choices->text;
}

static void put(struct ordo_buffer *out, const char *text)
{
    ordo_buffer_append(out, ordo_str_from(text));
}

static void put_number(struct ordo_buffer *out, uint32_t number)
{
    char digits[10], *end = digits + sizeof(digits), *first = end;

    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    ordo_buffer_append(out, (ordo_str){first, (size_t)(end - first)});
}

/* 96 random bits as hexadecimal. */
static void put_id(struct ordo_load_orders *orders, struct ordo_buffer *out)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t high = draw(orders), low = draw(orders);
    char *end = ordo_buffer_reserve(out, 24);

    for (int i = 0; i < 12; i++) {
        end[i] = hex[(high >> (4 * i)) & 15];
        end[12 + i] = hex[(low >> (4 * i)) & 15];
    }
    out->len += 24;
}

static const char *pick_priority(struct ordo_load_orders *orders)
{
    uint32_t at = below(orders, orders->sum), class = 0;

    while (at >= orders->mix[class])
        at -= orders->mix[class ++];
    return priorities[class];
}

void ordo_load_orders_write(struct ordo_load_orders *orders, struct ordo_buffer *out)
{
    uint32_t items = 1 + below(orders, 4);

    ordo_buffer_reserve(out, ORDO_LOAD_ORDER_MAX);
    put(out, "{\"id\":\"");
    put_id(orders, out);
    put(out, "\",\"customer\":{\"id\":\"c-");
    put_number(out, below(orders, 100000));
    put(out, "\",\"tier\":\"");
    put(out, pick(orders, tiers));
    put(out, "\",\"country\":\"");
    put(out, pick(orders, countries));
    put(out, "\"},\"currency\":\"EUR\",\"priority\":\"");
    put(out, pick_priority(orders));
    put(out, "\",\"items\":[");
    for (uint32_t i = 0; i < items; i++) {
        put(out, i == 0 ? "{\"sku\":\"A-" : ",{\"sku\":\"A-");
        put_number(out, 1000 + below(orders, 9000));
        put(out, "\",\"qty\":");
        put_number(out, 1 + below(orders, 5));
        put(out, ",\"price\":");
        put_number(out, 100 + below(orders, 9900));
        put(out, "}");
    }
    put(out, "]");
    put(out, pick(orders, coupons));
    put(out, "}");
}
