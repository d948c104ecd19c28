/* SPDX-License-Identifier: MIT
 * bench_store_rocksdb.c: what an order costs the durable store: CPU time of its own thread and of RocksDB's, for decided
 * orders of the reference kind with random ids, in groups as they come together under load.
 *
 *   bench_store_rocksdb build/plugins/store_rocksdb.so [orders [orders a group [option=value ...]]]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "store_driver.h"

enum { GROUP_MAX = 4096, TEXT = 2048, TAKEN = 16 /* orders that a worker takes at once */ };

static const char order_text[] =
    "{\"id\":\"%s\",\"customer\":{\"id\":\"%s\",\"tier\":\"gold\",\"country\":\"DE\"},\"currency\":\"EUR\","
    "\"priority\":1,"
    "\"items\":[{\"sku\":\"A-1001\",\"qty\":2,\"price\":1999},{\"sku\":\"B-7\",\"qty\":1,\"price\":4950},"
    "{\"sku\":\"C-33\",\"qty\":5,\"price\":250}],\"coupon\":\"SPRING10\"}";
static const char answer_text[] =
    "{\"id\":\"%s\",\"revision\":1,\"status\":\"done\",\"decision\":\"accepted\",\"currency\":\"EUR\","
    "\"priority\":\"high\","
    "\"subtotal\":10198,\"discount\":1530,\"fee\":0,\"tax\":1142,\"total\":9810,\"paid\":0,\"due\":9810,"
    "\"route\":\"express\",\"shipments\":[{\"name\":\"express\",\"items\":[1,2,3]}],\"flags\":[],"
    "\"attributes\":{},"
    "\"generation\":1,\"operations\":[{\"op\":\"discount\",\"label\":\"tier:gold\",\"amount\":510,\"rule\":"
    "\"tier\",\"at\":"
    "\"rules/"
    "10_tier.lua:14\"},{\"op\":\"discount\",\"label\":\"coupon:SPRING10\",\"amount\":1020,\"rule\":"
    "\"coupon\",\"at\":"
    "\"rules/"
    "20_coupon.lua:20\"},{\"op\":\"tax\",\"label\":\"vat:DE\",\"amount\":1142,\"rule\":\"vat\",\"at\":"
    "\"rules/60_vat.lua:37\"},{\"op\":\"route\",\"name\":\"express\",\"rule\":\"route\",\"at\":\"rules/"
    "90_route.lua:18\"}],"
    "\"timing\":{\"queue_us\":%d,\"processing_us\":%d}}";

struct slot {
    char id[32], customer[32], order[TEXT], answer[TEXT];
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The formats are the constants above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void make(struct slot *slot, struct ordo_write *write, uint64_t *random, uint64_t number)
{
    int order_len, answer_len;

    snprintf(slot->id, sizeof(slot->id), "%016llx%08llx", (unsigned long long)next_random(random),
             (unsigned long long)next_random(random) >> 32);
    snprintf(slot->customer, sizeof(slot->customer), "c-%llu",
             (unsigned long long)next_random(random) % 100000);
    order_len = snprintf(slot->order, TEXT, order_text, slot->id, slot->customer);
    answer_len = snprintf(slot->answer, TEXT, answer_text, slot->id, (int)(next_random(random) % 1000),
                          (int)(next_random(random) % 100));
    *write = (struct ordo_write){.record = {.size = sizeof(struct ordo_record),
                                            .status = ORDO_STATUS_DONE,
                                            .revision = 1,
                                            .attempt = 1,
                                            .generation = 1,
                                            .received_ms = 1700000000000 + (int64_t)(number / 50),
                                            .updated_ms = 1700000000001 + (int64_t)(number / 50),
                                            .id = ordo_str_from(slot->id),
                                            .customer = ordo_str_from(slot->customer),
                                            .order = {slot->order, (size_t)order_len},
                                            .answer = {slot->answer, (size_t)answer_len}},
                                 .replaces = ORDO_STATUS_BIT_ABSENT | ORDO_STATUS_BIT(ORDO_STATUS_INVALID)};
}
#pragma GCC diagnostic pop

/* As the engine's workers do for what they have taken at once. */
static void find(struct fake_plugin *store, struct ordo_write *writes, size_t count)
{
    const struct ordo_store_ops *ops = store->plugin->ops;
    ordo_str ids[TAKEN];
    int results[TAKEN];
    uint32_t moment;

    for (size_t from = 0; from < count; from += TAKEN) {
        size_t some = count - from < TAKEN ? count - from : TAKEN;

        for (size_t i = 0; i < some; i++)
            ids[i] = writes[from + i].record.id;
        ops->find(store->self, ids, some, results, &moment);
        for (size_t i = 0; i < some; i++) {
            ORDO_REQUIRE(results[i] == ORDO_ENOTFOUND);
            writes[from + i].absent_at = moment;
        }
    }
}

/* CPU time of each thread so far, by its name. */
static void print_threads(uint64_t orders)
{
    double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;

    ORDO_REQUIRE(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        unsigned long user, system;
        char path[300], name[32];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
        if (entry->d_name[0] == '.' || (file = fopen(path, "r")) == NULL)
            continue;
        if (fscanf(file, "%*d (%31[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", name, &user,
                   &system) == 3 &&
            user + system > 0)
            printf("  %-15s %5.2f us of CPU an order, %5.2f of it in the kernel\n", name,
                   (double)(user + system) * tick_us / (double)orders,
                   (double)system * tick_us / (double)orders);
        fclose(file);
    }
    closedir(tasks);
}

int main(int argc, char **argv)
{
    uint64_t orders = argc > 2 ? strtoull(argv[2], NULL, 10) : 300000, random = 88172645463325252u;
    size_t group = argc > 3 ? strtoul(argv[3], NULL, 10) : 128;
    struct slot *slots = calloc(GROUP_MAX, sizeof(*slots));
    struct ordo_write *writes = calloc(GROUP_MAX, sizeof(*writes));
    const char *settings[16] = {"path=@TMP@/store"};
    struct fake_plugin *store;
    int64_t start_ns;

    ORDO_REQUIRE(argc > 1 && group > 0 && group <= GROUP_MAX && slots != NULL && writes != NULL);
    for (int i = 4; i < argc && i < 18; i++)
        settings[i - 3] = argv[i];
    store = store_open(argv[1], settings);
    start_ns = ordo_clock_ns();
    for (uint64_t done = 0; done < orders; done += group) {
        for (size_t i = 0; i < group; i++)
            make(&slots[i], &writes[i], &random, done + i);
        find(store, writes, group);
        store_submit(store, writes, group);
        for (size_t i = 0; i < group; i++)
            ORDO_REQUIRE(writes[i].result == 0);
    }
    printf("%llu orders in groups of %zu: %.0f orders/s\n", (unsigned long long)orders, group,
           (double)orders * 1e9 / (double)(ordo_clock_ns() - start_ns));
    print_threads(orders);
    fake_plugin_close(store);
    free(slots);
    free(writes);
    return 0;
}
