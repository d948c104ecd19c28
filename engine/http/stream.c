/* SPDX-License-Identifier: MIT
 * stream.c: answers in parts: events, and the lines of a large batch.
 *
 * Two buffers: h2o reads one until it calls `proceed`, the other is filled meanwhile. There is no write
 * timeout in h2o, so a stream whose part does not get out within http.timeout is cut off.
 */
#include "http/http_impl.h"

static void on_proceed(h2o_generator_t *self, h2o_req_t *req)
{
    struct ordo__stream *stream = (struct ordo__stream *)self;

    (void)req;
    ordo_buffer_clear(&stream->sending);
    stream->sending_since_ns = 0;
    if (stream->proceed != NULL)
        stream->proceed(stream);
    ordo__stream_flush(stream);
}

static void dispose(void *memory)
{
    struct ordo__stream *stream = memory;

    h2o_linklist_unlink(&stream->link);
    if (stream->gone != NULL)
        stream->gone(stream);
    ordo_buffer_done(&stream->pending);
    ordo_buffer_done(&stream->sending);
}

struct ordo__stream *ordo__stream_start(struct ordo__request *request, const char *type)
{
    h2o_req_t *req = request->req;
    struct ordo__stream *stream = h2o_mem_alloc_shared(&req->pool, sizeof(*stream), dispose);

    *stream = (struct ordo__stream){.generator = {.proceed = on_proceed}, .request = request};
    h2o_linklist_insert(&request->loop->streams, &stream->link);
    ordo__reply_count(request, 200);
    req->res.content_length = SIZE_MAX;
    req->compress_hint = H2O_COMPRESS_HINT_DISABLE;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL, H2O_STRLIT("no-store"));
    h2o_start_response(req, &stream->generator);
    return stream;
}

void ordo__stream_flush(struct ordo__stream *stream)
{
    struct ordo_buffer sent = stream->sending;
    h2o_iovec_t part;

    if (stream->ended || stream->sending_since_ns != 0 || (stream->pending.len == 0 && !stream->last))
        return;
    stream->sending = stream->pending;
    stream->pending = sent;
    stream->sending_since_ns = ordo__loop_now_ns(stream->request->loop);
    stream->ended = stream->last;
    part = h2o_iovec_init(stream->sending.ptr, stream->sending.len);
    h2o_send(stream->request->req, &part, part.len > 0 ? 1 : 0,
             stream->ended ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

void ordo__stream_end(struct ordo__stream *stream)
{
    stream->last = true;
    ordo__stream_flush(stream);
}

size_t ordo__stream_backlog(const struct ordo__stream *stream)
{
    return stream->pending.len + stream->sending.len;
}

void ordo__streams_sweep(struct ordo__loop *loop)
{
    int64_t now_ns = ordo__loop_now_ns(loop), most_ns = loop->http->options.timeout_s * INT64_C(1000000000);

    for (h2o_linklist_t *node = loop->streams.next; node != &loop->streams; node = node->next) {
        struct ordo__stream *stream = H2O_STRUCT_FROM_MEMBER(struct ordo__stream, link, node);

        if (stream->sending_since_ns != 0 && now_ns - stream->sending_since_ns > most_ns)
            ordo__conn_cut(stream->request->conn);
    }
}
