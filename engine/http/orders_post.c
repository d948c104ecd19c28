/* SPDX-License-Identifier: MIT
 * orders_post.c: POST /orders with one order: read, handed over, answered; and the bound on the wait.
 *
 * A client that has waited long enough is answered 202, but only after the store has the order
 * (ordo_engine_make_pending). Meanwhile the decision may come: whichever is first answers. The job goes back
 * to its pool when both the engine and that promise are done with it.
 */
#include "http/http_impl.h"
#include "http/prefer.h"

#define NS_S ((int64_t)1000000000)
#define PREFERRED_CHECK_NS (50 * (int64_t)1000000)

static void recycle(struct ordo__loop *loop, struct ordo__http_job *job)
{
    struct ordo__conn *conn = job->conn;

    if (!job->back || job->promising)
        return;
    job->conn = NULL;
    ordo__job_free(loop, job);
    ordo__conn_leave(conn);
}

static void unlink_wait(struct ordo__loop *loop, struct ordo__http_job *job)
{
    if (!h2o_linklist_is_linked(&job->wait))
        return;
    h2o_linklist_unlink(&job->wait);
    if (job->preferred_wait)
        loop->preferred_count--;
}

/* Cuts the two apart; the request, so that it can be answered, or NULL when its client has left. */
static struct ordo__request *detach(struct ordo__loop *loop, struct ordo__http_job *job)
{
    struct ordo__request *request = job->request;

    unlink_wait(loop, job);
    if (request != NULL) {
        request->left = NULL;
        job->request = NULL;
    }
    return request;
}

static void client_left(struct ordo__request *request)
{
    detach(request->loop, request->owner);
}

static void answer(struct ordo__request *request, const struct ordo_job *job)
{
    ordo_str body = ordo_buffer_str(&job->answer);

    switch (job->kind) {
    case ORDO_ANSWER_REPLAY:
        ordo__reply_header(request, "idempotent-replayed", "true");
        ordo__reply_json(request, 200, body);
        return;
    case ORDO_ANSWER_LATER:
        ordo__reply_later(request, ordo_job_id(job), "queued", job->retry_after_ms);
        return;
    case ORDO_ANSWER_PROBLEM:
        ordo__reply_problem_body(request, job->problem, body);
        return;
    default:
        ordo__reply_json(request, 200, body);
    }
}

void ordo__order_answered(struct ordo__loop *loop, struct ordo__http_job *job)
{
    struct ordo__request *request = detach(loop, job);

    job->back = true;
    if (request != NULL)
        answer(request, &job->job);
    recycle(loop, job);
}

/* The record is there that the promise needs. */
static void promise_kept(struct ordo__loop *loop, struct ordo__letter *letter)
{
    struct ordo__http_job *job = H2O_STRUCT_FROM_MEMBER(struct ordo__http_job, promised, letter);
    struct ordo__request *request =
        job->promise_kept ? detach(loop, job) : NULL; /* else the outcome answers */

    job->promising = false;
    loop->jobs_out--;
    if (request != NULL) {
        ordo_metrics_add(loop->metrics, ORDO_COUNTER_HTTP_LATE, 1);
        ordo__reply_later(request, ordo_job_id(&job->job),
                          ordo__stage_status(atomic_load_explicit(&job->job.stage, memory_order_relaxed)), 0);
    }
    recycle(loop, job);
}

static void promise_stored(void *context, bool is_recorded) /* any thread */
{
    struct ordo__http_job *job = context;

    job->promise_kept = is_recorded;
    ordo__loop_post(H2O_STRUCT_FROM_MEMBER(struct ordo__loop, origin, job->job.origin), &job->promised);
}

static void wait_over(struct ordo__loop *loop, struct ordo__http_job *job)
{
    unlink_wait(loop, job);
    if (job->job.id_len == 0)
        return; /* not an order that can be recorded: its problem is on the way */
    job->promised.deliver = promise_kept;
    job->promising = true;
    loop->jobs_out++;
    if (ordo_engine_make_pending(loop->engine, &job->job, promise_stored, job))
        return;
    job->promising = false; /* it has just ended; the answer is on the way */
    loop->jobs_out--;
}

void ordo__waits_init(struct ordo__loop *loop)
{
    int64_t max_s = loop->http->options.max_wait_us / 1000000;

    loop->preferred_max = (uint32_t)max_s;
    loop->preferred_waits = calloc((size_t)max_s + 1, sizeof(*loop->preferred_waits));
    ORDO_REQUIRE(loop->preferred_waits != NULL);
    h2o_linklist_init_anchor(&loop->waits);
    for (uint32_t i = 0; i <= loop->preferred_max; i++)
        h2o_linklist_init_anchor(&loop->preferred_waits[i]);
}

void ordo__waits_done(struct ordo__loop *loop)
{
    free(loop->preferred_waits);
}

/* Everyone in one list has the same wait, so the list is in the order of its ends. */
static void run_list(struct ordo__loop *loop, h2o_linklist_t *list, int64_t now_ns)
{
    while (!h2o_linklist_is_empty(list)) {
        struct ordo__http_job *job = H2O_STRUCT_FROM_MEMBER(struct ordo__http_job, wait, list->next);

        if (job->wait_until_ns > now_ns)
            return;
        wait_over(loop, job);
    }
}

void ordo__waits_run(struct ordo__loop *loop)
{
    int64_t now_ns = ordo__loop_now_ns(loop);

    run_list(loop, &loop->waits, now_ns);
    if (loop->preferred_count == 0 || now_ns < loop->preferred_check_ns)
        return;
    loop->preferred_check_ns = now_ns + PREFERRED_CHECK_NS;
    for (uint32_t i = 0; i <= loop->preferred_max; i++)
        run_list(loop, &loop->preferred_waits[i], now_ns);
}

int64_t ordo__waits_next_ns(const struct ordo__loop *loop)
{
    int64_t next_ns = INT64_MAX;

    if (loop->waits.next != &loop->waits)
        next_ns = H2O_STRUCT_FROM_MEMBER(struct ordo__http_job, wait, loop->waits.next)->wait_until_ns;
    if (loop->preferred_count > 0 && loop->preferred_check_ns < next_ns)
        next_ns = loop->preferred_check_ns;
    return next_ns;
}

static void start_wait(struct ordo__loop *loop, struct ordo__http_job *job, const struct ordo__prefer *prefer)
{
    int64_t now_ns = job->job.received_ns;

    job->preferred_wait = prefer->has_wait && prefer->wait_s <= loop->preferred_max;
    if (job->preferred_wait) {
        job->wait_until_ns = now_ns + prefer->wait_s * NS_S;
        h2o_linklist_insert(&loop->preferred_waits[prefer->wait_s], &job->wait);
        if (loop->preferred_count++ == 0)
            loop->preferred_check_ns = now_ns + PREFERRED_CHECK_NS;
    } else {
        job->wait_until_ns = now_ns + loop->http->options.max_wait_us * 1000;
        h2o_linklist_insert(&loop->waits, &job->wait);
    }
}

struct ordo__prefer ordo__prefer_read(struct ordo__request *request, bool batch)
{
    const h2o_headers_t *headers = &request->req->headers;
    uint32_t max_s = request->loop->preferred_max;
    struct ordo__prefer prefer = {0};

    for (ssize_t at = -1; (at = h2o_find_header_by_str(headers, H2O_STRLIT("prefer"), at)) != -1;)
        ordo__prefer_add(&prefer,
                         (ordo_str){headers->entries[at].value.base, headers->entries[at].value.len});
    if (batch)
        prefer.has_wait = false;
    if (prefer.has_wait && prefer.wait_s == 0)
        prefer = (struct ordo__prefer){.async = true}; /* not to wait at all */
    if (prefer.has_wait && prefer.wait_s > max_s)
        prefer.wait_s = max_s;
    if (prefer.has_wait && max_s == 0)
        return (struct ordo__prefer){0}; /* the server's own bound is below a second */
    if (prefer.has_wait)
        ordo__reply_header(request, "preference-applied", prefer.async ? "respond-async, wait=%u" : "wait=%u",
                           prefer.wait_s);
    else if (prefer.async)
        ordo__reply_header(request, "preference-applied", "respond-async");
    return prefer;
}

/* The key without the quotes that newer clients put around it; false when it was refused. */
static bool read_key(struct ordo__request *request, ordo_str *ret_key)
{
    ordo_str key = ordo__request_header(request, "idempotency-key");

    *ret_key = ORDO_STR_NONE;
    if (key.len == 0 && !ordo__request_has_header(request, "idempotency-key"))
        return true;
    if (key.len >= 2 && key.ptr[0] == '"' && key.ptr[key.len - 1] == '"')
        key = (ordo_str){key.ptr + 1, key.len - 2};
    *ret_key = key;
    if (key.len > 0)
        return true;
    ordo__reply_problem(request, ORDO_PROBLEM_BAD_KEY,
                        "Idempotency-Key is empty; leave it out, or send an id");
    return false;
}

static void post_one(struct ordo__request *request, ordo_str bytes)
{
    struct ordo__loop *loop = request->loop;
    struct ordo__http_job *job;
    struct ordo__prefer prefer;
    ordo_str key;
    uint64_t began;
    int read;

    if (!read_key(request, &key))
        return;
    job = ordo__job_new(loop);
    ordo_buffer_clear(&job->body);
    ordo_buffer_reserve(&job->body, bytes.len + ORDO_JSON_PADDING);
    ordo_buffer_append(&job->body, bytes);
    job->job.bytes = ordo_buffer_str(&job->body);
    job->conn = request->conn;
    ordo__conn_enter(request->conn);
    prefer = ordo__prefer_read(request, false);
    job->job.async = prefer.async && !prefer.has_wait;
    job->request = request;
    began = ordo_timeline_ticks();
    read = ordo_engine_read(loop->engine, loop->parser, &job->job, key);
    ordo_timeline_span_rationed(ORDO_TIMELINE_PARSE, ORDO_TIMELINE_NONE, began);
    if (read != 0) {
        ordo__order_answered(loop, job);
        return;
    }
    ordo_metrics_add(loop->metrics, ORDO_COUNTER_ORDERS_RECEIVED, 1);
    request->owner = job;
    request->left = client_left;
    if (!job->job.async)
        start_wait(loop, job, &prefer);
    ordo__job_submit(loop, job);
    ordo__conn_keep_polled(request);
}

static bool has_body(struct ordo__request *request)
{
    const h2o_iovec_t *body = &request->req->entity;

    for (size_t i = 0; i < body->len; i++)
        if (strchr(" \t\r\n", body->base[i]) == NULL || body->base[i] == '\0')
            return true;
    ordo__reply_problem(request, ORDO_PROBLEM_INVALID_JSON, "the body is empty; send an order as JSON");
    return false;
}

void ordo__orders_post(struct ordo__request *request)
{
    ordo_str body = {request->req->entity.base, request->req->entity.len};
    bool batch = ordo__request_is_type(request, ORDO_STR("application/x-ndjson")) ||
                 ordo__request_is_type(request, ORDO_STR("application/jsonl"));
    const struct ordo_limits *limits = request->loop->http->limits;

    if (!batch && !ordo__request_is_type(request, ORDO_STR("application/json")))
        ordo__reply_problem(request, ORDO_PROBLEM_UNSUPPORTED_TYPE,
                            "send Content-Type: application/json with one order, or application/x-ndjson "
                            "with an order a line");
    else if (request->conn->inside >= ORDO__INSIDE_MAX)
        ordo__reply_problem(
            request, ORDO_PROBLEM_CONNECTION_LIMITED,
            "one connection may have %d requests with orders on their way; send it again later",
            ORDO__INSIDE_MAX);
    else if (batch && body.len > limits->batch_bytes)
        ordo__reply_problem(request, ORDO_PROBLEM_BATCH_TOO_LARGE,
                            "a batch may have %zu bytes; this one has %zu (limits.batch_bytes)",
                            limits->batch_bytes, body.len);
    else if (!batch && body.len > limits->order_bytes)
        ordo__reply_problem(request, ORDO_PROBLEM_ORDER_TOO_LARGE,
                            "an order may have %zu bytes; this one has %zu (limits.order_bytes)",
                            limits->order_bytes, body.len);
    else if (!has_body(request))
        return;
    else if (batch)
        ordo__batch_start(request);
    else
        post_one(request, body);
}
