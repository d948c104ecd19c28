/* SPDX-License-Identifier: MIT
 * source_generator.c: brings made-up orders in at a steady rate, to see an engine at work without a shop.
 *
 * One thread. Order n is due at start + n / rate; orders that are late are made at once, but a generator that
 * the full engine held up for longer than CATCH_UP_NS starts its plan anew instead of flooding it.
 */
#include <stdlib.h>

#include "feeder.h"
#include "generated_order.h"

enum { CATCH_UP_NS = 1000000000, IN_FLIGHT_MAX = 10000 };

static const struct ordo_option options[] = {
    {"rate", ORDO_OPTION_INT, "50", 0, 1000000, "orders/s", "Orders made a second; 0 makes none."},
    {"high", ORDO_OPTION_INT, "20", 0, 100, "percent",
     "Share of high orders; the shares need not sum to 100."},
    {"medium", ORDO_OPTION_INT, "50", 0, 100, "percent", "Share of medium orders."},
    {"low", ORDO_OPTION_INT, "30", 0, 100, "percent", "Share of low orders."},
    {"customers", ORDO_OPTION_INT, "1000", 1, 10000000, NULL, "Different customers."},
    {"seed", ORDO_OPTION_INT, "0", 0, UINT32_MAX, NULL,
     "The same seed makes the same orders, ids included; 0: other ones each time."},
    {"limit", ORDO_OPTION_INT, "0", 0, 1000000000000, "orders", "Stops after so many; 0: never."},
    {0},
};

struct generator {
    const struct ordo_host *host;
    struct feeder feeder;
    struct generated_mix mix;
    struct random_state random; /* the thread's */
    uint64_t rate, limit;
    char order[GENERATED_ORDER_MAX]; /* the thread's */
};

static void *run(void *context)
{
    struct generator *generator = context;
    const struct ordo_host *host = generator->host;
    int64_t start_ns = host->monotonic_ns(host->engine);
    uint64_t planned = 0; /* orders since start_ns */

    for (uint64_t made = 0; generator->limit == 0 || made < generator->limit; made++) {
        int64_t due_ns = start_ns + (int64_t)(planned / generator->rate) * 1000000000 +
                         (int64_t)(planned % generator->rate * 1000000000 / generator->rate);
        int64_t now_ns = host->monotonic_ns(host->engine);
        ordo_str order = {generator->order, 0};
        struct ordo_error err = {0};
        int result;

        if (now_ns < due_ns && !feeder_sleep(&generator->feeder, due_ns))
            break;
        if (now_ns - due_ns > CATCH_UP_NS) {
            start_ns = now_ns;
            planned = 0;
        }
        planned++;
        order.len = generated_order_write(&generator->random, &generator->mix, generator->order);
        result = feeder_submit(&generator->feeder, order, NULL, &err);
        if (result == ORDO_ESTOPPED)
            break;
        if (result != 0)
            host->log(host->engine, ORDO_LOG_WARN, err.message);
    }
    return NULL;
}

static int start(void *self, struct ordo_error *err)
{
    struct generator *generator = self;

    return generator->rate == 0 ? 0 : feeder_start(&generator->feeder, "generator", run, generator, err);
}

static void stop(void *self)
{
    struct generator *generator = self;

    feeder_stop(&generator->feeder);
}

static void stat_source(void *self, struct ordo_source_stat *ret_stat)
{
    struct generator *generator = self;

    feeder_stat(&generator->feeder, ret_stat);
}

static void close_generator(void *self)
{
    struct generator *generator = self;

    if (generator == NULL)
        return;
    feeder_done(&generator->feeder);
    free(generator);
}

static int open_generator(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                          struct ordo_error *err)
{
    struct generator *generator = calloc(1, sizeof(*generator));
    uint32_t *shares;

    if (generator == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    generator->host = host;
    generator->rate = (uint64_t)host->option_int(values, "rate");
    generator->limit = (uint64_t)host->option_int(values, "limit");
    generator->random = random_from((uint64_t)host->option_int(values, "seed"));
    generator->mix.customers = (uint32_t)host->option_int(values, "customers");
    shares = generator->mix.shares;
    shares[ORDO_PRIORITY_HIGH] = (uint32_t)host->option_int(values, "high");
    shares[ORDO_PRIORITY_MEDIUM] = (uint32_t)host->option_int(values, "medium");
    shares[ORDO_PRIORITY_LOW] = (uint32_t)host->option_int(values, "low");
    if (shares[0] + shares[1] + shares[2] == 0) {
        free(generator);
        return host->fail(err, ORDO_ECONFIG, "high",
                          "high, medium and low are all 0; give one of them a share");
    }
    feeder_init(&generator->feeder, host, IN_FLIGHT_MAX);
    *ret_self = generator;
    return 0;
}

static const struct ordo_source_ops ops = {
    .size = sizeof(ops),
    .start = start,
    .stop = stop,
    .stat = stat_source,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_SOURCE,
        .name = "source_generator",
        .version = ORDO_VERSION,
        .summary = "Makes up orders of a small shop at a steady rate.",
        .options = options,
        .open = open_generator,
        .close = close_generator,
        .ops = &ops,
    };

    return &plugin;
}
