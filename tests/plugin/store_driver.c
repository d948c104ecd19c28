/* SPDX-License-Identifier: MIT
 * store_driver.c: calls on a store plugin as tests make them.
 */
#include "store_driver.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

static const struct ordo_store_ops *ops_of(const struct fake_plugin *store)
{
    return store->plugin->ops;
}

struct fake_plugin *store_open(const char *path, const char *const *settings)
{
    struct fake_plugin *store = fake_plugin_open(path, settings);

    if (store->self == NULL)
        fprintf(stderr, "%s: %s: %s\n", path, store->err.place, store->err.message);
    ORDO_REQUIRE(store->self != NULL && store->plugin->kind == ORDO_PLUGIN_STORE);
    return store;
}

static _Thread_local char texts[64][64];
static _Thread_local unsigned next_text;

static ordo_str text_of(const char *prefix, unsigned number, const char *suffix)
{
    char *text = texts[next_text++ % 64];

    snprintf(text, sizeof(texts[0]), "%s%u%s", prefix, number, suffix);
    return ordo_str_from(text);
}

ordo_str store_id(unsigned number)
{
    return text_of("o-", number, "");
}

struct ordo_record store_record(unsigned number, enum ordo_status status)
{
    bool is_decided = status >= ORDO_STATUS_DONE;

    return (struct ordo_record){
        .size = sizeof(struct ordo_record),
        .status = status,
        .priority = (enum ordo_priority)(number % ORDO_PRIORITY_COUNT),
        .revision = is_decided ? 1 : 0,
        .attempt = 1,
        .generation = is_decided ? 7 : 0,
        .received_ms = 1700000000000 + number,
        .updated_ms = 1700000001000 + number,
        .id = store_id(number),
        .customer = text_of("c-", number % 10, ""),
        .order = text_of("{\"id\":\"o-", number, "\"}"),
        .answer = is_decided ? text_of("{\"decision\":", number, "}") : ORDO_STR_NONE,
    };
}

struct completion {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ordo_write *writes;
    size_t count, calls;
};

static void completed(void *context, struct ordo_write *writes, size_t count)
{
    struct completion *completion = context;

    pthread_mutex_lock(&completion->lock);
    completion->writes = writes;
    completion->count = count;
    completion->calls++;
    pthread_cond_signal(&completion->changed);
    pthread_mutex_unlock(&completion->lock);
}

void store_submit(struct fake_plugin *store, struct ordo_write *writes, size_t count)
{
    struct completion completion = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

    ops_of(store)->submit(store->self, writes, count, completed, &completion);
    pthread_mutex_lock(&completion.lock);
    while (completion.calls == 0)
        pthread_cond_wait(&completion.changed, &completion.lock);
    pthread_mutex_unlock(&completion.lock);
    ORDO_REQUIRE(completion.calls == 1 && completion.writes == writes && completion.count == count);
    pthread_cond_destroy(&completion.changed);
    pthread_mutex_destroy(&completion.lock);
}

int store_write(struct fake_plugin *store, struct ordo_record record, uint32_t replaces)
{
    struct ordo_write write = {.record = record, .replaces = replaces, .result = 1};

    store_submit(store, &write, 1);
    return write.result;
}

static bool keep_status(void *context, const struct ordo_record *record)
{
    *(int *)context = (int)record->status;
    return true;
}

int store_status(struct fake_plugin *store, ordo_str id)
{
    int status = -1, result = ops_of(store)->get(store->self, id, keep_status, &status);

    return result != 0 ? result : status;
}

bool store_has(struct fake_plugin *store, unsigned number)
{
    return store_status(store, store_id(number)) >= 0;
}

struct ordo_store_stat store_stat(struct fake_plugin *store)
{
    struct ordo_store_stat stat = {.size = sizeof(stat)};

    ops_of(store)->stat(store->self, &stat);
    return stat;
}

static bool see(void *context, const struct ordo_record *record)
{
    struct store_seen *seen = context;
    char number[32] = {0};

    ORDO_REQUIRE(record->id.len > 2 && record->id.len < sizeof(number) && seen->count < SEEN_MAX);
    memcpy(number, record->id.ptr + 2, record->id.len - 2);
    seen->numbers[seen->count++] = (unsigned)strtoul(number, NULL, 10);
    return seen->stop_after == 0 || seen->count < seen->stop_after;
}

int store_list(struct fake_plugin *store, struct ordo_store_query query, struct store_seen *seen,
               struct ordo_store_cursor *ret_after)
{
    query.size = sizeof(query);
    return ops_of(store)->list(store->self, &query, see, seen, ret_after);
}

bool store_is_end(struct ordo_store_cursor cursor)
{
    return cursor.high == 0 && cursor.low == 0;
}

void store_list_all(struct fake_plugin *store, struct ordo_store_query query, struct store_seen *seen)
{
    do {
        struct ordo_store_cursor after = query.after;

        ORDO_REQUIRE(store_list(store, query, seen, &query.after) == 0);
        ORDO_REQUIRE(store_is_end(after) || query.after.high != after.high || query.after.low != after.low);
    } while (!store_is_end(query.after));
}

void store_pending(struct fake_plugin *store, enum ordo_priority priority, uint32_t limit,
                   struct store_seen *seen)
{
    struct ordo_store_cursor after = {0, 0};

    do
        ORDO_REQUIRE(ops_of(store)->pending(store->self, priority, after, limit, see, seen, &after) == 0);
    while (!store_is_end(after));
}

int store_emit(struct fake_plugin *store, struct ordo_record record, uint32_t replaces)
{
    struct ordo_write write = {.record = record, .replaces = replaces, .emits = true, .result = 1};

    store_submit(store, &write, 1);
    return write.result;
}

void store_sinks(struct fake_plugin *store, const char *const *names, uint64_t *ret_taken)
{
    ordo_str list[8];
    size_t count = 0;

    for (; names[count] != NULL; count++)
        list[count] = ordo_str_from(names[count]);
    ORDO_REQUIRE(ops_of(store)->sinks(store->self, list, count, ret_taken, &store->err) == 0);
}

struct reading {
    char *out;
    size_t size, limit;
    uint64_t last;
};

static bool read_emission(void *context, uint64_t sequence, const struct ordo_emission *emission)
{
    const struct ordo_emission lost = {ORDO_STR("lost"), 0, ORDO_STR("")};
    struct reading *reading = context;
    int len;

    emission = emission == NULL ? &lost : emission;
    len = snprintf(reading->out, reading->size, "%llu:" ORDO_STR_FMT "/%u=" ORDO_STR_FMT " ",
                   (unsigned long long)sequence, ORDO_STR_ARG(emission->id), emission->revision,
                   ORDO_STR_ARG(emission->decision));

    ORDO_REQUIRE(len > 0 && (size_t)len < reading->size);
    reading->out += len;
    reading->size -= (size_t)len;
    reading->last = sequence;
    return --reading->limit > 0;
}

uint64_t store_emissions(struct fake_plugin *store, uint64_t after, size_t limit, char *out, size_t size)
{
    struct reading reading = {out, size, limit, after};

    out[0] = '\0';
    ORDO_REQUIRE(ops_of(store)->emissions(store->self, after, read_emission, &reading) == 0);
    return reading.last;
}

void store_taken(struct fake_plugin *store, size_t sink, uint64_t sequence)
{
    ops_of(store)->taken(store->self, sink, sequence);
}
