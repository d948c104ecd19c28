/* SPDX-License-Identifier: MIT
 * fault_store.c: see fault_store.h.
 */
#include "fault_store.h"

#include <stdlib.h>

enum { MOMENT = 42 };

struct late_submit {
    struct late_submit *next;
    struct ordo_write *writes;
    size_t count;
    ordo_store_done_fn done;
    void *context;
};

static ordo_str copy(ordo_str bytes)
{
    char *own = malloc(bytes.len + 1);

    ORDO_REQUIRE(own != NULL);
    if (bytes.len > 0)
        memcpy(own, bytes.ptr, bytes.len);
    return (ordo_str){own, bytes.len};
}

static void record_done(struct ordo_record *record)
{
    free((char *)record->id.ptr);
    free((char *)record->customer.ptr);
    free((char *)record->order.ptr);
    free((char *)record->answer.ptr);
}

static struct ordo_record *find(struct fault_store *store, ordo_str id)
{
    for (size_t i = 0; i < store->count; i++)
        if (ordo_str_equal(store->records[i].id, id))
            return &store->records[i];
    return NULL;
}

static int write_one(struct fault_store *store, const struct ordo_write *write)
{
    struct ordo_record *old = find(store, write->record.id), *to = old;

    if (store->fail != 0)
        return store->fail;
    if (write->absent_at != 0) {
        ORDO_REQUIRE(write->absent_at == MOMENT);
        store->known_absent++;
    }
    if ((write->replaces & (old == NULL ? ORDO_STATUS_BIT_ABSENT : ORDO_STATUS_BIT(old->status))) == 0)
        return ORDO_EEXISTS;
    if (old != NULL)
        record_done(old);
    else
        to = &store->records[store->count++];
    ORDO_REQUIRE(store->count < FAULT_STORE_RECORDS);
    *to = write->record;
    to->id = copy(write->record.id);
    to->customer = copy(write->record.customer);
    to->order = copy(write->record.order);
    to->answer = copy(write->record.answer);
    if (write->emits)
        store->emissions[store->emission_count++] = (struct ordo_emission){
            copy(write->record.id), write->record.revision, copy(write->record.answer)};
    return 0;
}

static void write_all(struct fault_store *store, struct ordo_write *writes, size_t count)
{
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < count; i++)
        writes[i].result = write_one(store, &writes[i]);
    pthread_mutex_unlock(&store->lock);
}

static void submit(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done,
                   void *context)
{
    struct fault_store *store = self;
    struct late_submit *late;

    if (!store->late) {
        write_all(store, writes, count);
        done(context, writes, count);
        return;
    }
    late = malloc(sizeof(*late));
    ORDO_REQUIRE(late != NULL);
    *late = (struct late_submit){.writes = writes, .count = count, .done = done, .context = context};
    pthread_mutex_lock(&store->lock);
    late->next = store->submits;
    store->submits = late;
    pthread_mutex_unlock(&store->lock);
    ordo_waker_wake(&store->waker);
}

static void run_late(void *context)
{
    struct fault_store *store = context;

    for (;;) {
        struct late_submit *submits;
        bool stopping;

        pthread_mutex_lock(&store->lock);
        submits = store->holding ? NULL : store->submits;
        if (submits != NULL)
            store->submits = NULL;
        stopping = store->stopping;
        pthread_mutex_unlock(&store->lock);
        while (submits != NULL) {
            struct late_submit *next = submits->next;

            write_all(store, submits->writes, submits->count);
            submits->done(submits->context, submits->writes, submits->count);
            free(submits);
            submits = next;
        }
        if (stopping)
            return;
        ordo_waker_wait(&store->waker, INT64_MAX);
    }
}

static int get(void *self, ordo_str id, ordo_record_fn visit, void *context)
{
    struct fault_store *store = self;
    struct ordo_record *record;

    atomic_fetch_add(&store->gets, 1);
    if (store->fail_read != 0)
        return store->fail_read;
    pthread_mutex_lock(&store->lock);
    if ((record = find(store, id)) != NULL)
        visit(context, record);
    pthread_mutex_unlock(&store->lock);
    return record == NULL ? ORDO_ENOTFOUND : 0;
}

static void find_all(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment)
{
    struct fault_store *store = self;

    atomic_fetch_add(&store->finds, 1);
    atomic_fetch_add(&store->ids_asked, (int)count);
    pthread_mutex_lock(&store->lock);
    *ret_moment = MOMENT;
    for (size_t i = 0; i < count; i++)
        ret_results[i] = store->fail_read != 0         ? store->fail_read
                         : find(store, ids[i]) == NULL ? ORDO_ENOTFOUND
                                                       : 0;
    pthread_mutex_unlock(&store->lock);
}

static int list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
                struct ordo_store_cursor *ret_after)
{
    struct fault_store *store = self;

    (void)query;
    for (size_t i = store->count; i > 0; i--)
        if (!visit(context, &store->records[i - 1]))
            break;
    *ret_after = (struct ordo_store_cursor){0, 0};
    return 0;
}

/* All at once. */
static int pending(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                   ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after)
{
    struct fault_store *store = self;
    size_t i;

    pthread_mutex_lock(&store->lock);
    for (i = after.low; i < store->count && limit > 0; i++)
        if (store->records[i].priority == priority && store->records[i].status < ORDO_STATUS_DONE) {
            visit(context, &store->records[i]);
            limit--;
        }
    *ret_after = (struct ordo_store_cursor){0, i < store->count ? i : 0};
    pthread_mutex_unlock(&store->lock);
    return 0;
}

static int sinks(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken, struct ordo_error *err)
{
    (void)self, (void)names, (void)err;
    for (size_t i = 0; i < count; i++)
        ret_taken[i] = 0;
    return 0;
}

static int emissions(void *self, uint64_t after, ordo_emission_fn visit, void *context)
{
    struct fault_store *store = self;
    size_t end;

    if (atomic_load(&store->fail_emissions) != 0) {
        atomic_fetch_add(&store->failed_emissions, 1);
        return atomic_load(&store->fail_emissions);
    }
    pthread_mutex_lock(&store->lock);
    end = store->emission_count;
    pthread_mutex_unlock(&store->lock);
    for (size_t i = after; i < end; i++) { /* they do not change */
        bool is_lost = i < 64 && (atomic_load(&store->lost_emissions) >> i & 1) != 0;

        if (!visit(context, i + 1, is_lost ? NULL : &store->emissions[i]))
            break;
    }
    return 0;
}

static void taken(void *self, size_t sink, uint64_t sequence)
{
    (void)sink;
    atomic_store(&((struct fault_store *)self)->taken, sequence);
}

static void stat(void *self, struct ordo_store_stat *ret_stat)
{
    struct fault_store *store = self;

    pthread_mutex_lock(&store->lock);
    *ret_stat = (struct ordo_store_stat){
        .size = sizeof(*ret_stat), .records = store->count, .sequence = store->emission_count};
    pthread_mutex_unlock(&store->lock);
}

#define OPS_1_0                                                                                              \
    .submit = submit, .get = get, .list = list, .pending = pending, .stat = stat, .sinks = sinks,            \
    .emissions = emissions, .taken = taken

const struct ordo_store_ops fault_store_ops = {.size = sizeof(fault_store_ops), OPS_1_0, .find = find_all};

/* Behind its end may be anything. */
const struct ordo_store_ops fault_store_ops_1_0 = {.size = ORDO_STORE_OPS_1_0, OPS_1_0, .find = find_all};

void fault_store_init(struct fault_store *store, bool late)
{
    memset(store, 0, sizeof(*store));
    store->late = late;
    ORDO_REQUIRE(pthread_mutex_init(&store->lock, NULL) == 0);
    ordo_waker_init(&store->waker);
    if (late)
        ORDO_REQUIRE(ordo_thread_start(&store->thread, "fault-store", run_late, store) == 0);
}

void fault_store_done(struct fault_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_mutex_unlock(&store->lock);
    ordo_waker_wake(&store->waker);
    ordo_thread_join(&store->thread);
    for (size_t i = 0; i < store->count; i++)
        record_done(&store->records[i]);
    for (size_t i = 0; i < store->emission_count; i++) {
        free((char *)store->emissions[i].id.ptr);
        free((char *)store->emissions[i].decision.ptr);
    }
    ordo_waker_done(&store->waker);
    pthread_mutex_destroy(&store->lock);
}

void fault_store_hold(struct fault_store *store, bool holding)
{
    pthread_mutex_lock(&store->lock);
    store->holding = holding;
    pthread_mutex_unlock(&store->lock);
    ordo_waker_wake(&store->waker);
}

size_t fault_store_held(struct fault_store *store)
{
    size_t count = 0;

    pthread_mutex_lock(&store->lock);
    for (const struct late_submit *submit = store->submits; submit != NULL; submit = submit->next)
        count++;
    pthread_mutex_unlock(&store->lock);
    return count;
}

int fault_store_status(struct fault_store *store, const char *id, struct ordo_record *ret_record)
{
    const struct ordo_record *record;
    int status = -1;

    pthread_mutex_lock(&store->lock);
    if ((record = find(store, ordo_str_from(id))) != NULL) {
        status = (int)record->status;
        if (ret_record != NULL)
            *ret_record = *record;
    }
    pthread_mutex_unlock(&store->lock);
    return status;
}
