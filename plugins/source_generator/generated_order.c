/* SPDX-License-Identifier: MIT
 * generated_order.c: a customer, one to six products of a catalogue, sometimes a coupon.
 */
#include "generated_order.h"

#include <stdarg.h>
#include <stdio.h>

enum { ITEMS_MAX = 6 };

/* Prices are in cents of a euro. The dear ones make orders that the rules look at twice. */
static const struct product {
    const char *sku;
    uint32_t price;
} catalogue[] = {
    {"A-1001", 1999}, {"A-1002", 2499},  {"A-1003", 899}, {"A-1004", 12900}, {"B-7", 4950},   {"B-8", 3490},
    {"B-11", 790},    {"C-33", 250},     {"C-34", 120},   {"C-35", 1890},    {"D-201", 5999}, {"D-202", 7450},
    {"D-310", 15900}, {"E-12", 690},     {"E-15", 1290},  {"F-5", 349},      {"F-9", 999},    {"G-77", 24900},
    {"H-400", 89900}, {"H-401", 129900}, {"K-2", 2190},   {"K-3", 3290},     {"M-60", 6400},  {"M-61", 450},
};
enum { PRODUCTS = sizeof(catalogue) / sizeof(catalogue[0]) };

static const struct country {
    const char *code, *currency;
    uint32_t share;   /* of the customers, in percent */
    uint32_t percent; /* a price in this currency, of that in cents of a euro; the yen has no smaller unit */
} countries[] = {
    {"DE", "EUR", 40, 100}, {"FR", "EUR", 20, 100}, {"GB", "GBP", 15, 85},
    {"US", "USD", 15, 110}, {"JP", "JPY", 10, 160},
};

struct customer {
    uint32_t number;
    const char *tier;
    const struct country *country;
    bool pays_euro;
};

struct text {
    char *out;
    size_t len;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    size_t room = GENERATED_ORDER_MAX - text->len;
    va_list arguments;
    int written;

    va_start(arguments, format);
    written = vsnprintf(text->out + text->len, room, format, arguments);
    va_end(arguments);
    if (written > 0)
        text->len += (size_t)written < room ? (size_t)written : room - 1;
}

static struct customer customer_of(uint32_t number)
{
    struct random_state own = {number};
    uint32_t tier = random_below(&own, 100), share = random_below(&own, 100);
    const struct country *country = countries;

    while (share >= country->share)
        share -= country++->share;
    return (struct customer){
        .number = number + 1,
        .tier = tier < 15   ? "gold"
                : tier < 45 ? "silver"
                            : "basic",
        .country = country,
        .pays_euro = random_below(&own, 100) < 20,
    };
}

static const char *priority_of(struct random_state *random, const struct generated_mix *mix)
{
    static const char *const names[ORDO_PRIORITY_COUNT] = {"high", "medium", "low"};
    uint32_t sum = mix->shares[0] + mix->shares[1] + mix->shares[2], at = random_below(random, sum);

    for (size_t i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        if (at < mix->shares[i])
            return names[i];
        at -= mix->shares[i];
    }
    return names[ORDO_PRIORITY_LOW];
}

static uint32_t quantity(struct random_state *random)
{
    uint32_t kind = random_below(random, 100);

    return kind < 60 ? 1 : kind < 90 ? 2 + random_below(random, 2) : 4 + random_below(random, 9);
}

static void add_items(struct text *text, struct random_state *random, uint32_t percent)
{
    uint32_t count = 1 + random_below(random, ITEMS_MAX), product = random_below(random, PRODUCTS);

    for (uint32_t i = 0; i < count; i++) {
        const struct product *of = &catalogue[product];

        add(text, "%s{\"sku\":\"%s\",\"qty\":%u,\"price\":%u}", i == 0 ? "" : ",", of->sku, quantity(random),
            (of->price * percent + 50) / 100);
        product =
            (product + 1 + random_below(random, PRODUCTS / ITEMS_MAX)) % PRODUCTS; /* never the same twice */
    }
}

size_t generated_order_write(struct random_state *random, const struct generated_mix *mix,
                             char out[GENERATED_ORDER_MAX])
{
    struct customer customer = customer_of(random_below(random, mix->customers));
    struct text text = {.out = out};
    uint32_t coupon;

    add(&text, "{\"id\":\"g-%016llx%08x\"", (unsigned long long)random_next(random),
        (unsigned)(random_next(random) >> 32));
    add(&text, ",\"customer\":{\"id\":\"c-%u\",\"tier\":\"%s\",\"country\":\"%s\"}", customer.number,
        customer.tier, customer.country->code);
    add(&text, ",\"currency\":\"%s\",\"priority\":\"%s\",\"items\":[",
        customer.pays_euro ? "EUR" : customer.country->currency, priority_of(random, mix));
    add_items(&text, random, customer.pays_euro ? 100 : customer.country->percent);
    add(&text, "]");
    coupon = random_below(random, 100);
    if (coupon < 25)
        add(&text, ",\"coupon\":\"%s\"", coupon < 15 ? "SPRING10" : "WELCOME5");
    add(&text, "}");
    return text.len;
}
