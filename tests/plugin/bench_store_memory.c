/* SPDX-License-Identifier: MIT
 * bench_store_memory.c: what a write costs: two threads submit batches of 16 decided orders with new random
 * ids, while the store fills up and when it is full.
 *
 *   bench_store_memory build/plugins/store_memory.so [orders a thread]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "store_driver.h"

enum { THREADS = 2, BATCH = 16, ID = 24, ORDER = 320, ANSWER = 400 };

struct writer {
    struct fake_plugin *store;
    pthread_t thread;
    uint64_t random, orders, refused;
    int64_t cpu_ns;
};

static void count_refused(void *context, struct ordo_write *writes, size_t count)
{
    struct writer *writer = context;

    for (size_t i = 0; i < count; i++)
        writer->refused += writes[i].result != 0;
}

static void make_id(struct writer *writer, char id[ID])
{
    for (size_t i = 0; i < ID; i += 8) {
        writer->random ^= writer->random << 13;
        writer->random ^= writer->random >> 7;
        writer->random ^= writer->random << 17;
        memcpy(id + i, &writer->random, 8);
    }
}

static void *write_orders(void *context)
{
    static const char text[ORDER > ANSWER ? ORDER : ANSWER];
    struct writer *writer = context;
    const struct ordo_store_ops *ops = writer->store->plugin->ops;
    struct ordo_write writes[BATCH];
    char ids[BATCH][ID];
    struct timespec cpu;

    for (uint64_t i = 0; i < writer->orders; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++) {
            make_id(writer, ids[j]);
            writes[j] = (struct ordo_write){.record = {.size = sizeof(struct ordo_record),
                                                       .status = ORDO_STATUS_DONE,
                                                       .id = {ids[j], ID},
                                                       .customer = ORDO_STR("c-42"),
                                                       .order = {text, ORDER},
                                                       .answer = {text, ANSWER}},
                                            .replaces = ORDO_STATUS_BIT_ABSENT |
                                                        ORDO_STATUS_BIT(ORDO_STATUS_INVALID)};
        }
        ops->submit(writer->store->self, writes, BATCH, count_refused, writer);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    writer->cpu_ns = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
    return NULL;
}

static void measure(struct fake_plugin *store, const char *what, uint64_t orders, uint64_t seed)
{
    struct writer writers[THREADS];
    int64_t start_ns = ordo_clock_ns(), took_ns, cpu_ns = 0;

    for (size_t i = 0; i < THREADS; i++) {
        writers[i] =
            (struct writer){.store = store, .random = seed + i * 0x9e3779b97f4a7c15u, .orders = orders};
        ORDO_REQUIRE(pthread_create(&writers[i].thread, NULL, write_orders, &writers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(writers[i].thread, NULL);
        ORDO_REQUIRE(writers[i].refused == 0);
        cpu_ns += writers[i].cpu_ns;
    }
    took_ns = ordo_clock_ns() - start_ns;
    printf("%-8s %u threads, batches of %u: %.0f ns of CPU an order, %.2f million orders/s\n", what, THREADS,
           BATCH, (double)cpu_ns / (double)(orders * THREADS),
           (double)(orders * THREADS) * 1e3 / (double)took_ns);
}

int main(int argc, char **argv)
{
    uint64_t orders = argc > 2 ? strtoull(argv[2], NULL, 10) : 500000;
    struct fake_plugin *store;

    ORDO_REQUIRE(argc > 1);
    store = store_open(argv[1], NULL);
    measure(store, "filling", 49152, 1);
    measure(store, "full", orders, 3);
    fake_plugin_close(store);
    return 0;
}
