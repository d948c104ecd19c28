/* SPDX-License-Identifier: MIT
 * rule_tax.c: sums by generation, and their comparison.
 */
#include "worker/rule_tax.h"

#include "base/log.h"
#include "worker/worker_impl.h"

enum { ORDERS_LEAST = 1000 }; /* of each; with fewer, the compiler's warming up is most of it */

static void add(_Atomic uint64_t *sum, uint64_t amount)
{
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* The sums of a generation. One that comes back (a number may be lower than the last) goes on with its sums, if they are
 * still there. NULL: of an order that waited while two others came. */
static struct ordo__rule_cost *cost_of(struct ordo__rule_costs *costs, uint64_t generation, bool is_first)
{
    unsigned at = costs->newest;
    struct ordo__rule_cost *cost;

    if (atomic_load_explicit(&costs->of[at].generation, memory_order_relaxed) != generation)
        at = !at;
    cost = &costs->of[at];
    if (is_first)
        costs->newest = at;
    if (atomic_load_explicit(&cost->generation, memory_order_relaxed) == generation)
        return cost;
    if (!is_first)
        return NULL;
    atomic_store_explicit(&cost->orders, 0, memory_order_relaxed);
    atomic_store_explicit(&cost->bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&cost->ns, 0, memory_order_relaxed);
    atomic_store_explicit(&cost->generation, generation, memory_order_release);
    return cost;
}

void ordo__rule_cost_add(struct ordo__rule_costs *costs, uint64_t generation, bool is_first, int64_t ns,
                         uint64_t bytes)
{
    struct ordo__rule_cost *cost = cost_of(costs, generation, is_first);

    if (cost == NULL)
        return;
    add(&cost->orders, is_first);
    add(&cost->bytes, bytes);
    atomic_store_explicit(&cost->ns, atomic_load_explicit(&cost->ns, memory_order_relaxed) + ns,
                          memory_order_relaxed);
}

/* Sums of all workers; returns the orders. */
static uint64_t sum_up(struct ordo_engine *engine, uint64_t generation, double *ret_us, double *ret_bytes)
{
    uint64_t orders = 0, bytes = 0;
    int64_t ns = 0;

    for (uint32_t i = 0; i < 2 * engine->worker_count; i++) {
        struct ordo__rule_cost *cost = &engine->workers[i / 2].costs.of[i % 2];

        if (atomic_load_explicit(&cost->generation, memory_order_acquire) != generation)
            continue;
        orders += atomic_load_explicit(&cost->orders, memory_order_relaxed);
        bytes += atomic_load_explicit(&cost->bytes, memory_order_relaxed);
        ns += atomic_load_explicit(&cost->ns, memory_order_relaxed);
    }
    *ret_us = orders == 0 ? 0 : (double)ns / 1e3 / (double)orders;
    *ret_bytes = orders == 0 ? 0 : (double)bytes / (double)orders;
    return orders;
}

void ordo__rule_tax_look(struct ordo_engine *engine)
{
    struct ordo__rule_tax tax = {0};
    bool is_new;

    ordo_lock(&engine->lock);
    tax.to = engine->ruleset == NULL ? 0 : engine->ruleset->number;
    tax.from = engine->generation_before;
    is_new = tax.from != 0 && (engine->tax.to != tax.to || engine->tax.from != tax.from);
    ordo_unlock(&engine->lock);
    if (!is_new)
        return;
    tax.from_orders = sum_up(engine, tax.from, &tax.from_us, &tax.from_bytes);
    tax.to_orders = sum_up(engine, tax.to, &tax.to_us, &tax.to_bytes);
    if (tax.from_orders < ORDERS_LEAST || tax.to_orders < ORDERS_LEAST)
        return;
    ordo_log_info(
        "rules",
        "rule tax: %.2f µs -> %.2f µs an order, %.0f -> %.0f bytes allocated, generation %llu -> %llu",
        tax.from_us, tax.to_us, tax.from_bytes, tax.to_bytes, (unsigned long long)tax.from,
        (unsigned long long)tax.to);
    ordo_lock(&engine->lock);
    engine->tax = tax;
    ordo_unlock(&engine->lock);
}

static void write_side(struct ordo_json_writer *json, ordo_str key, uint64_t generation, uint64_t orders,
                       double us, double bytes)
{
    ordo_json_key(json, key);
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("generation"), (int64_t)generation);
    ordo_json_key_int(json, ORDO_STR("orders"), (int64_t)orders);
    ordo_json_key(json, ORDO_STR("us"));
    ordo_json_double(json, (double)(int64_t)(us * 1000) / 1000);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)bytes);
    ordo_json_end_object(json);
}

void ordo__rule_tax_write(struct ordo_engine *engine, struct ordo_json_writer *json)
{
    struct ordo__rule_tax tax;

    ordo_lock(&engine->lock);
    tax = engine->tax;
    ordo_unlock(&engine->lock);
    if (tax.to == 0)
        return;
    ordo_json_key(json, ORDO_STR("tax"));
    ordo_json_object(json);
    write_side(json, ORDO_STR("from"), tax.from, tax.from_orders, tax.from_us, tax.from_bytes);
    write_side(json, ORDO_STR("to"), tax.to, tax.to_orders, tax.to_us, tax.to_bytes);
    ordo_json_end_object(json);
}
