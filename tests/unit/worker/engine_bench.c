/* SPDX-License-Identifier: MIT
 * engine_bench.c: see engine_bench.h.
 */
#include "engine_bench.h"

/* What the rules do is said by the order's coupon. */
static const char rule_text[] = "return { name = 'test', about = 'x', apply = function(order, decide, ctx)\n"
                                "  local c = order.coupon\n"
                                "  if c == 'reject' then decide:reject('no', 'rejected by test')\n"
                                "  elseif c == 'hold' then decide:hold('held by test')\n"
                                "  elseif c == 'retry' then decide:retry(1, 'not now')\n"
                                "  elseif c == 'sleep' then ctx.sleep(20)\n"
                                "  elseif c == 'long' then ctx.sleep(3600000)\n"
                                "  elseif c == 'break' then error('broken') end\n"
                                "  decide:set('generation', %d)\n"
                                "end }\n";

static void desk_finish(struct ordo_origin *origin, struct ordo_job *jobs)
{
    struct desk *desk = (struct desk *)origin;

    pthread_mutex_lock(&desk->lock);
    while (jobs != NULL) {
        struct ordo_job *next = jobs->next;

        ordo_job_list_push(&desk->answered, jobs);
        jobs = next;
    }
    pthread_cond_broadcast(&desk->changed);
    pthread_mutex_unlock(&desk->lock);
}

struct ordo_job *wait_answer(struct bench *bench)
{
    struct ordo_job *job;

    pthread_mutex_lock(&bench->desk.lock);
    while ((job = ordo_job_list_pop(&bench->desk.answered)) == NULL)
        pthread_cond_wait(&bench->desk.changed, &bench->desk.lock);
    pthread_mutex_unlock(&bench->desk.lock);
    return job;
}

static int sink_emit(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err)
{
    struct bench *bench = self;
    int result = 0;

    pthread_mutex_lock(&bench->sink_lock);
    bench->attempts++;
    if (bench->sink_failures > 0 || (bench->sink_bounded && bench->sink_room == 0)) {
        bench->sink_failures -= bench->sink_failures > 0;
        result = ordo_fail(err, ORDO_EIO, "test", "does not take it");
    } else {
        if (bench->sink_bounded && bench->sink_room < count)
            result = (int)(count = bench->sink_room);
        bench->sink_room -= bench->sink_bounded ? count : 0;
        for (size_t i = 0; i < count; i++)
            ordo_buffer_printf(&bench->emitted, ORDO_STR_FMT "/%u ", ORDO_STR_ARG(items[i].id),
                               items[i].revision);
    }
    pthread_mutex_unlock(&bench->sink_lock);
    return result;
}

static int sink_flush(void *self, struct ordo_error *err)
{
    struct bench *bench = self;

    (void)err;
    pthread_mutex_lock(&bench->sink_lock);
    bench->flushes++;
    pthread_mutex_unlock(&bench->sink_lock);
    return 0;
}

static void sink_stat(void *self, struct ordo_sink_stat *ret_stat)
{
    struct bench *bench = self;

    pthread_mutex_lock(&bench->sink_lock);
    ret_stat->failed = (uint64_t)bench->attempts;
    pthread_mutex_unlock(&bench->sink_lock);
}

static const struct ordo_sink_ops sink_ops = {
    .size = sizeof(sink_ops), .emit = sink_emit, .flush = sink_flush, .stat = sink_stat};

struct ordo_ruleset *ruleset_of(struct bench *bench, int generation)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset;
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/rules/10_test.lua", bench->folder);
    file = fopen(path, "w");
    assert_non_null(file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(file, rule_text, generation);
#pragma GCC diagnostic pop
    fclose(file);
    ruleset = ordo_ruleset_read(bench->folder, &err);
    if (ruleset == NULL)
        fail_msg("%s", err.message);
    ruleset->number = (uint64_t)generation;
    return ruleset;
}

struct setup {
    bool late_store;
    uint32_t high_capacity, max_in_flight, pending;
    const char *coupon; /* of those that are pending */
    int64_t medium_wait_ns;
    const struct ordo_store_ops *store;
};

static const struct setup preset = {
    .high_capacity = 1000,
    .max_in_flight = 1000,
    .medium_wait_ns = 500000000,
    .store = &fault_store_ops,
};

static void no_wait(void *context, struct ordo_write *writes, size_t count)
{
    (void)context;
    assert_int_equal(count, 1);
    assert_int_equal(writes[0].result, 0);
}

void bench_know(struct bench *bench, const char *id, const char *coupon, enum ordo_status status)
{
    struct ordo_job *job = job_new(bench, id, coupon);
    struct ordo_write write = {
        .record =
            {
                .size = sizeof(write.record),
                .status = status,
                .id = ordo_str_from(id),
                .order = job->bytes,
                .answer = status == ORDO_STATUS_QUEUED ? ORDO_STR_NONE : ORDO_STR("{}"),
            },
        .replaces = ORDO_STATUS_BIT_ABSENT,
    };

    fault_store_ops.submit(&bench->store, &write, 1, no_wait, NULL);
    job_free(job);
}

static void init(struct bench *bench, const struct setup *setup)
{
    struct ordo_engine_options options = {
        .limits = ordo_limits_preset,
        .queue = {.capacity = {setup->high_capacity, 1000, 1000},
                  .max_wait_ns = {INT64_MAX, setup->medium_wait_ns, (int64_t)2000000000}},
        .script = {.on_error = ORDO_ON_ERROR_HOLD, .retry_after_ms = 1, .jit = true},
        .workers = 2,
        .max_in_flight = setup->max_in_flight,
        .max_attempts = 3,
        .retry_max_ms = 3600000,
        .store = setup->store,
        .store_self = &bench->store,
        .sinks = bench->sinks,
        .sink_count = 1,
    };
    struct ordo_error err = {0};
    char path[128], id[16];

    memset(bench, 0, sizeof(*bench));
    fault_store_init(&bench->store, setup->late_store);
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/test_engine.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(path, sizeof(path), "%s/rules", bench->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    bench->sink_plugin = (struct ordo_plugin){.ops = &sink_ops};
    bench->sink =
        (struct ordo_plugin_instance){.plugin = &bench->sink_plugin, .self = bench, .tag = "sink_test"};
    bench->sinks[0] = &bench->sink;
    pthread_mutex_init(&bench->sink_lock, NULL);
    pthread_mutex_init(&bench->desk.lock, NULL);
    pthread_cond_init(&bench->desk.changed, NULL);
    bench->desk.origin.finish = desk_finish;
    bench->parser = ordo_json_parser_new(64);
    options.ruleset = ruleset_of(bench, 1);
    bench->engine = ordo_engine_new(&options, &err);
    assert_non_null(bench->engine);
    ordo_ruleset_unref(options.ruleset);
    for (uint32_t i = 0; i < setup->pending; i++) {
        snprintf(id, sizeof(id), "p-%u", i);
        bench_know(bench, id, setup->coupon, ORDO_STATUS_QUEUED);
    }
    if (setup->pending > 0)
        pthread_mutex_lock(&bench->store.lock);
    assert_int_equal(ordo_engine_start(bench->engine, &err), 0);
}

void bench_init(struct bench *bench, bool late_store, uint32_t high_capacity)
{
    struct setup setup = preset;

    setup.late_store = late_store;
    setup.high_capacity = high_capacity;
    init(bench, &setup);
}

void bench_init_narrow(struct bench *bench, uint32_t max_in_flight)
{
    struct setup setup = preset;

    setup.max_in_flight = max_in_flight;
    init(bench, &setup);
}

void bench_init_hasty(struct bench *bench, uint32_t max_in_flight)
{
    struct setup setup = preset;

    setup.max_in_flight = max_in_flight;
    setup.medium_wait_ns = 1;
    init(bench, &setup);
}

void bench_init_pending(struct bench *bench, uint32_t max_in_flight, uint32_t pending, const char *coupon)
{
    struct setup setup = preset;

    setup.max_in_flight = max_in_flight;
    setup.pending = pending;
    setup.coupon = coupon;
    init(bench, &setup);
}

void bench_init_1_0(struct bench *bench)
{
    struct setup setup = preset;

    setup.store = &fault_store_ops_1_0;
    init(bench, &setup);
}

void bench_done(struct bench *bench)
{
    char path[128];

    assert_true(ordo_engine_drain(bench->engine, INT64_MAX));
    ordo_engine_stop(bench->engine);
    ordo_engine_stop_sinks(bench->engine, 0);
    ordo_engine_free(bench->engine);
    fault_store_done(&bench->store);
    ordo_json_parser_free(bench->parser);
    ordo_buffer_done(&bench->emitted);
    snprintf(path, sizeof(path), "%s/rules/10_test.lua", bench->folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/rules", bench->folder);
    rmdir(path);
    rmdir(bench->folder);
}

struct ordo_job *job_new(struct bench *bench, const char *id, const char *coupon)
{
    struct ordo_job *job = calloc(1, sizeof(*job));
    char *bytes = calloc(1, 512);
    int len = snprintf(bytes, 256,
                       "{%s%s%s\"customer\":{\"id\":\"c-1\"},\"currency\":\"EUR\",\"priority\":1,"
                       "\"items\":[{\"sku\":\"A\",\"qty\":2,\"price\":100}],\"coupon\":\"%s\"}",
                       id == NULL ? "" : "\"id\":\"", id == NULL ? "" : id, id == NULL ? "" : "\",", coupon);

    job->bytes = (ordo_str){bytes, (size_t)len};
    job->origin = &bench->desk.origin;
    job->received_ms = ordo_clock_utc_ms();
    job->received_ns = ordo_clock_ns();
    return job;
}

void job_free(struct ordo_job *job)
{
    free((char *)job->bytes.ptr);
    ordo_buffer_done(&job->answer);
    free(job);
}

bool submit(struct bench *bench, struct ordo_job *job)
{
    struct ordo_job_list list = {0};

    assert_int_equal(ordo_engine_read(bench->engine, bench->parser, job, ORDO_STR_NONE), 0);
    ordo_job_list_push(&list, job);
    ordo_engine_submit(bench->engine, &list);
    return list.first == NULL;
}

bool submit_line(struct bench *bench, struct ordo_job *job)
{
    return submit_lines(bench, &job, 1);
}

bool submit_lines(struct bench *bench, struct ordo_job **jobs, size_t count)
{
    struct ordo_job_list list = {0};

    for (size_t i = 0; i < count; i++)
        ordo_job_list_push(&list, jobs[i]);
    ordo_engine_submit(bench->engine, &list);
    return list.first == NULL;
}

struct ordo_job *decide(struct bench *bench, const char *id, const char *coupon)
{
    struct ordo_job *job = job_new(bench, id, coupon);

    if (!submit(bench, job))
        return job;
    assert_ptr_equal(wait_answer(bench), job);
    return job;
}

static void wait_at_gate(struct ordo_listener *listener, const struct ordo_emission *items, size_t count)
{
    struct gate *gate = (struct gate *)listener;

    (void)items, (void)count;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_close(struct gate *gate, struct bench *bench, struct ordo_job *job)
{
    *gate = (struct gate){.listener.hear = wait_at_gate,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    ordo_engine_listen(bench->engine, &gate->listener);
    assert_true(submit(bench, job));
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_open(struct gate *gate, struct bench *bench)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    job_free(wait_answer(bench));
    ordo_engine_listen(bench->engine, NULL);
}

void assert_answer_has(const struct ordo_job *job, const char *text)
{
    if (memmem(job->answer.ptr, job->answer.len, text, strlen(text)) == NULL)
        fail_msg("no %s in " ORDO_STR_FMT, text, ORDO_STR_ARG(ordo_buffer_str(&job->answer)));
}

uint64_t counter(struct bench *bench, enum ordo_counter counter)
{
    return ordo_metrics_sum(ordo_engine_metrics(bench->engine), counter);
}
