/* SPDX-License-Identifier: MIT
 * orders_batch.c: POST /orders with an order a line. The loop only finds the newlines; workers read the
 * lines.
 *
 * Each line is a job of its own. At most http.batch_window lines are undecided at a time, and a line that the
 * queue has no room for waits here: a batch is never refused for a full queue. Answers leave in the order of
 * the lines; a drain waits for all of them. A small batch is answered whole, with its length; a large one streams
 * as its lines are decided, and while its client reads slowly no more lines are taken.
 */
#include "http/http_impl.h"
#include "http/prefer.h"

enum {
    STREAM_BYTES = 64 * 1024,      /* of answers make a stream of it */
    HELD_BYTES = 8 * 1024 * 1024,  /* of answers not gone out: no more lines are taken */
    FREE_MAX = 4,                  /* unused batches kept */
    BUFFER_KEPT = 4 * 1024 * 1024, /* capacity of their buffers */
};

struct ordo__batch {
    struct ordo__loop *loop;
    struct ordo__request *request; /* NULL: the client left */
    struct ordo__conn *conn;
    struct ordo__stream *stream; /* NULL: not begun */
    h2o_linklist_t link;
    struct ordo__batch *next; /* touched or free */
    struct ordo_buffer body, out;
    const char *at, *end;               /* the next line */
    uint32_t line;                      /* the number of the last one taken */
    struct ordo__http_job *head, *tail; /* lines not answered, in order */
    struct ordo_job_list waiting;       /* of these: the queue had no room */
    uint32_t undecided;                 /* of these: in the engine or waiting */
    uint32_t came_back;                 /* since the last turn */
    size_t held;                        /* bytes of answers that wait for a line before them */
    bool touched, async;
};

static void touch(struct ordo__batch *batch)
{
    if (batch->touched)
        return;
    batch->touched = true;
    batch->next = batch->loop->touched;
    batch->loop->touched = batch;
    ordo__loop_need_turn(batch->loop);
}

static void write_problem(struct ordo_buffer *out, const struct ordo__http_job *job)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("line"), job->line);
    ordo_json_key(&json, ORDO_STR("id"));
    if (job->job.id_len > 0)
        ordo_json_string(&json, ordo_job_id(&job->job));
    else
        ordo_json_null(&json);
    ordo_json_key(&json, ORDO_STR("problem"));
    ordo_json_raw(&json, ordo_buffer_str(&job->job.answer));
    ordo_json_end_object(&json);
}

static void write_answer(struct ordo_buffer *out, const struct ordo__http_job *job)
{
    if (job->job.kind == ORDO_ANSWER_PROBLEM)
        write_problem(out, job);
    else if (job->job.kind == ORDO_ANSWER_LATER)
        ordo__write_later(out, ordo_job_id(&job->job), "queued");
    else
        ordo_buffer_append(out, ordo_buffer_str(&job->job.answer));
    ordo_buffer_put(out, '\n');
}

/* Moves answers from the head of the lines to the output, as far as they are there. */
static void collect(struct ordo__batch *batch)
{
    struct ordo_buffer *out = batch->stream != NULL ? &batch->stream->pending : &batch->out;
    struct ordo__http_job *job;

    while ((job = batch->head) != NULL && job->back) {
        batch->head = job->batch_next;
        batch->held -= job->job.answer.len;
        if (batch->request != NULL)
            write_answer(out, job);
        ordo__job_free(batch->loop, job);
    }
}

/* The next line that is not blank; false at the end. Blank lines count. */
static bool next_line(struct ordo__batch *batch, ordo_str *ret_line)
{
    while (batch->at < batch->end) {
        const char *start = batch->at, *end = memchr(start, '\n', (size_t)(batch->end - start));

        if (end == NULL)
            end = batch->end;
        batch->at = end + 1;
        batch->line++;
        for (const char *c = start; c < end; c++)
            if (*c != ' ' && *c != '\t' && *c != '\r') {
                *ret_line = (ordo_str){start, (size_t)(end - start)};
                return true;
            }
    }
    return false;
}

static void take_line(struct ordo__batch *batch, ordo_str line)
{
    struct ordo__loop *loop = batch->loop;
    struct ordo__http_job *job = ordo__job_new(loop);

    job->job.bytes = line;
    job->job.async = batch->async;
    job->batch = batch;
    job->batch_next = NULL;
    job->line = batch->line;
    /* what stays when the queue has no room: then the engine makes no answer */
    job->job.kind = ORDO_ANSWER_PROBLEM;
    job->job.problem = ORDO_PROBLEM_QUEUE_FULL;
    if (batch->head == NULL)
        batch->head = job;
    else
        batch->tail->batch_next = job;
    batch->tail = job;
    batch->undecided++;
    ordo_metrics_add(loop->metrics, ORDO_COUNTER_ORDERS_RECEIVED, 1);
    ordo__job_submit(loop, job);
}

static void submit_waiting(struct ordo__batch *batch, uint32_t count)
{
    struct ordo_job *job;

    if (batch->waiting.count == 0)
        return;
    while (count-- > 0 && (job = ordo_job_list_pop(&batch->waiting)) != NULL)
        ordo__job_submit(batch->loop, (struct ordo__http_job *)job);
    if (batch->waiting.count == 0)
        batch->loop->starved--;
}

static void feed(struct ordo__batch *batch)
{
    uint32_t window = batch->loop->http->options.batch_window;
    size_t backlog = batch->out.len + (batch->stream != NULL ? ordo__stream_backlog(batch->stream) : 0);
    ordo_str line;

    submit_waiting(batch, batch->came_back);
    batch->came_back = 0;
    while (batch->waiting.count == 0 && batch->undecided < window && batch->held + backlog < HELD_BYTES &&
           next_line(batch, &line))
        take_line(batch, line);
}

static void trim(struct ordo_buffer *buffer)
{
    ordo_buffer_clear(buffer);
    if (buffer->capacity > BUFFER_KEPT)
        ordo_buffer_done(buffer);
}

static void batch_free(struct ordo__batch *batch)
{
    struct ordo__loop *loop = batch->loop;

    h2o_linklist_unlink(&batch->link);
    ordo__conn_leave(batch->conn);
    ordo_engine_leave(loop->engine);
    trim(&batch->body);
    trim(&batch->out);
    if (loop->free_batch_count == FREE_MAX) {
        ordo_buffer_done(&batch->body);
        ordo_buffer_done(&batch->out);
        free(batch);
        return;
    }
    batch->next = loop->free_batches;
    loop->free_batches = batch;
    loop->free_batch_count++;
}

static void detach(struct ordo__batch *batch)
{
    if (batch->request != NULL)
        batch->request->left = NULL;
    if (batch->stream != NULL)
        batch->stream->gone = NULL;
    batch->request = NULL;
    batch->stream = NULL;
}

/* Lines that are inside go on, and come back; the others are never begun. */
static void abandon(struct ordo__batch *batch)
{
    struct ordo_job *job;

    detach(batch);
    batch->at = batch->end;
    if (batch->waiting.count > 0)
        batch->loop->starved--;
    while ((job = ordo_job_list_pop(&batch->waiting)) != NULL) {
        ((struct ordo__http_job *)job)->back = true;
        ordo_buffer_clear(&job->answer);
        batch->undecided--;
    }
    touch(batch);
}

static void client_left(struct ordo__request *request)
{
    abandon(request->owner);
}

/* A stream's request was answered, as far as its account goes; it left all the same. */
static void stream_gone(struct ordo__stream *stream)
{
    abandon(stream->owner);
}

static void stream_proceed(struct ordo__stream *stream)
{
    touch(stream->owner);
}

static void begin_stream(struct ordo__batch *batch)
{
    struct ordo__stream *stream = ordo__stream_start(batch->request, "application/x-ndjson");

    batch->stream = stream;
    batch->request->left = NULL;
    stream->owner = batch;
    stream->gone = stream_gone;
    stream->proceed = stream_proceed;
    ordo_buffer_append(&stream->pending, ordo_buffer_str(&batch->out));
    ordo_buffer_clear(&batch->out);
}

static void finish(struct ordo__batch *batch)
{
    struct ordo__stream *stream = batch->stream;
    struct ordo__request *request = batch->request;

    detach(batch);
    if (stream != NULL) {
        stream->proceed = NULL;
        ordo__stream_end(stream);
    } else if (request != NULL) {
        ordo__reply(request, 200, "application/x-ndjson", ordo_buffer_str(&batch->out));
    }
    batch_free(batch);
}

static void advance(struct ordo__batch *batch)
{
    collect(batch);
    feed(batch);
    if (batch->head == NULL && batch->at >= batch->end) {
        finish(batch);
        return;
    }
    if (batch->request != NULL && batch->stream == NULL && batch->out.len >= STREAM_BYTES)
        begin_stream(batch);
    if (batch->stream != NULL && (batch->stream->pending.len >= STREAM_BYTES || batch->head == NULL))
        ordo__stream_flush(batch->stream);
}

void ordo__batches_turn(struct ordo__loop *loop)
{
    struct ordo__batch *batch;

    while ((batch = loop->touched) != NULL) {
        loop->touched = batch->next;
        batch->touched = false;
        advance(batch);
    }
}

void ordo__batches_starved(struct ordo__loop *loop)
{
    for (h2o_linklist_t *node = loop->batches.next; node != &loop->batches; node = node->next)
        submit_waiting(H2O_STRUCT_FROM_MEMBER(struct ordo__batch, link, node), UINT32_MAX);
}

/* Lines that are ready do not wait for more than a second for those behind them. */
void ordo__batches_second(struct ordo__loop *loop)
{
    for (h2o_linklist_t *node = loop->batches.next; node != &loop->batches; node = node->next) {
        struct ordo__batch *batch = H2O_STRUCT_FROM_MEMBER(struct ordo__batch, link, node);

        if (batch->request != NULL && batch->stream == NULL && batch->out.len > 0)
            begin_stream(batch);
        if (batch->stream != NULL)
            ordo__stream_flush(batch->stream);
    }
}

void ordo__batch_line_back(struct ordo__loop *loop, struct ordo__http_job *job)
{
    struct ordo__batch *batch = job->batch;

    (void)loop;
    job->back = true;
    batch->undecided--;
    batch->came_back++;
    batch->held += job->job.answer.len;
    touch(batch);
}

void ordo__batch_line_refused(struct ordo__loop *loop, struct ordo__http_job *job)
{
    struct ordo__batch *batch = job->batch;

    if (job->job.problem != ORDO_PROBLEM_QUEUE_FULL) {
        ordo__batch_line_back(loop, job);
        return;
    }
    if (batch->request == NULL) { /* nobody waits for it */
        ordo_buffer_clear(&job->job.answer);
        ordo__batch_line_back(loop, job);
        return;
    }
    if (batch->waiting.count == 0)
        loop->starved++;
    ordo_job_list_push(&batch->waiting, &job->job);
}

static struct ordo__batch *batch_new(struct ordo__loop *loop)
{
    struct ordo__batch *batch = loop->free_batches;
    struct ordo_buffer body, out;

    if (batch != NULL) {
        loop->free_batches = batch->next;
        loop->free_batch_count--;
    } else {
        batch = calloc(1, sizeof(*batch));
        ORDO_REQUIRE(batch != NULL);
    }
    body = batch->body;
    out = batch->out;
    *batch = (struct ordo__batch){.loop = loop, .body = body, .out = out};
    h2o_linklist_insert(&loop->batches, &batch->link);
    return batch;
}

void ordo__batch_start(struct ordo__request *request)
{
    ordo_str body = {request->req->entity.base, request->req->entity.len};
    struct ordo__batch *batch;

    if (ordo__request_has_header(request, "idempotency-key")) {
        ordo__reply_problem(request, ORDO_PROBLEM_BAD_KEY,
                            "Idempotency-Key is for one order; in a batch the ids of the lines are the keys");
        return;
    }
    if (!ordo_engine_enter(request->loop->engine)) {
        ordo__reply_problem(request, ORDO_PROBLEM_STOPPING,
                            "the engine is stopping; send it to another one, or later");
        return;
    }
    batch = batch_new(request->loop);
    batch->request = request;
    batch->conn = request->conn;
    ordo__conn_enter(batch->conn);
    batch->async = ordo__prefer_read(request, true).async;
    ordo_buffer_reserve(&batch->body, body.len + ORDO_JSON_PADDING);
    ordo_buffer_append(&batch->body, body);
    batch->at = batch->body.ptr;
    batch->end = batch->body.ptr + body.len;
    request->owner = batch;
    request->left = client_left;
    touch(batch);
}

void ordo__batches_done(struct ordo__loop *loop)
{
    struct ordo__batch *batch;

    while ((batch = loop->free_batches) != NULL) {
        loop->free_batches = batch->next;
        ordo_buffer_done(&batch->body);
        ordo_buffer_done(&batch->out);
        free(batch);
    }
}
