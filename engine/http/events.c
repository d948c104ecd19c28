/* SPDX-License-Identifier: MIT
 * events.c: GET /events: decisions and statistics as server-sent events.
 *
 * Workers write frames into a feed a loop, under its lock and only while somebody listens; the loop swaps the
 * feed's buffer for an empty one and gives each subscriber its copy. A subscriber that reads too slowly loses
 * events, and is told how many: its queue is bounded, because h2o has no write timeout and the engine must
 * not wait for a reader.
 */
#include "http/http_impl.h"
#include "http/query.h"

enum {
    TYPE_DECISION = 1,
    TYPE_STATS = 2,
    QUEUE_EVENTS = 256,
    QUEUE_BYTES = 1024 * 1024,
    FEED_BYTES = 4 * 1024 * 1024,
    HEARTBEAT_S = 10,
};

/* Frames for one loop, each behind its length. */
struct feed {
    struct ordo_lock lock;
    struct ordo_buffer frames;    /* under lock */
    uint64_t dropped;             /* under lock: the loop was too slow */
    bool posted;                  /* under lock: the letter is on its way */
    _Atomic uint32_t subscribers; /* for decisions; written by the loop */
    struct ordo_buffer reading;   /* the loop's */
};

struct ordo__events {
    struct ordo_listener listener; /* first: both convert */
    struct ordo_http *http;
    _Atomic uint32_t subscribers; /* for decisions, of all loops */
    _Atomic uint32_t readers;     /* of anything */
    struct feed feeds[];
};

struct subscriber {
    h2o_linklist_t link;
    struct ordo__loop *loop;
    struct ordo__stream *stream;
    unsigned types;
    uint32_t queued;  /* events pending */
    uint64_t dropped; /* since the last that went in */
    unsigned silent_s;
};

static struct feed *feed_of(struct ordo__loop *loop)
{
    return &loop->http->events->feeds[loop - loop->http->loops];
}

static void write_frame(struct ordo_buffer *out, ordo_str decision)
{
    static const char head[] = "event: decision\ndata: ";
    uint32_t len = (uint32_t)(sizeof(head) - 1 + decision.len + 2);

    ordo_buffer_append(out, (ordo_str){(const char *)&len, sizeof(len)});
    ordo_buffer_append(out, (ordo_str){head, sizeof(head) - 1});
    ordo_buffer_append(out, decision);
    ordo_buffer_append(out, ORDO_STR("\n\n"));
}

static bool fill(struct feed *feed, const struct ordo_emission *items, size_t count)
{
    bool post;

    ordo_lock(&feed->lock);
    for (size_t i = 0; i < count; i++) {
        if (feed->frames.len >= FEED_BYTES)
            feed->dropped++;
        else
            write_frame(&feed->frames, items[i].decision);
    }
    post = !feed->posted;
    feed->posted = true;
    ordo_unlock(&feed->lock);
    return post;
}

static void hear(struct ordo_listener *listener, const struct ordo_emission *items,
                 size_t count) /* any worker */
{
    struct ordo__events *events = (struct ordo__events *)listener;
    struct ordo_http *http = events->http;

    if (atomic_load_explicit(&events->subscribers, memory_order_relaxed) == 0)
        return;
    for (uint32_t i = 0; i < http->loop_count; i++)
        if (atomic_load_explicit(&events->feeds[i].subscribers, memory_order_relaxed) > 0 &&
            fill(&events->feeds[i], items, count))
            ordo__loop_post(&http->loops[i], &http->loops[i].events_letter);
}

struct ordo__events *ordo__events_new(struct ordo_http *http)
{
    struct ordo__events *events = calloc(1, sizeof(*events) + http->loop_count * sizeof(events->feeds[0]));

    ORDO_REQUIRE(events != NULL);
    events->http = http;
    events->listener.hear = hear;
    for (uint32_t i = 0; i < http->loop_count; i++)
        ordo_lock_init(&events->feeds[i].lock, ORDO_LOCK_EVENTS);
    return events;
}

void ordo__events_free(struct ordo__events *events)
{
    if (events == NULL)
        return;
    for (uint32_t i = 0; i < events->http->loop_count; i++) {
        ordo_lock_done(&events->feeds[i].lock);
        ordo_buffer_done(&events->feeds[i].frames);
        ordo_buffer_done(&events->feeds[i].reading);
    }
    free(events);
}

uint32_t ordo__events_subscribers(struct ordo_http *http)
{
    return atomic_load(&http->events->readers);
}

static void flush(struct subscriber *subscriber)
{
    ordo__stream_flush(subscriber->stream);
    if (subscriber->stream->pending.len == 0)
        subscriber->queued = 0;
}

static bool has_room(const struct subscriber *subscriber, size_t bytes)
{
    size_t pending = subscriber->stream->pending.len;

    return subscriber->queued < QUEUE_EVENTS && (pending == 0 || pending + bytes <= QUEUE_BYTES);
}

static void add(struct subscriber *subscriber, ordo_str frame)
{
    struct ordo_buffer *pending = &subscriber->stream->pending;
    struct ordo_metrics *metrics = subscriber->loop->metrics;

    if (!has_room(subscriber, frame.len)) {
        subscriber->dropped++;
        ordo_metrics_add(metrics, ORDO_COUNTER_EVENTS_DROPPED, 1);
        return;
    }
    if (subscriber->dropped > 0)
        ordo_buffer_printf(pending, "event: gap\ndata: {\"dropped\":%llu}\n\n",
                           (unsigned long long)subscriber->dropped);
    subscriber->dropped = 0;
    subscriber->silent_s = 0;
    subscriber->queued++;
    ordo_buffer_append(pending, frame);
    ordo_metrics_add(metrics, ORDO_COUNTER_EVENTS_SENT, 1);
}

static void give(struct subscriber *subscriber, const struct ordo_buffer *frames, uint64_t dropped)
{
    const char *at = frames->ptr, *end = at + frames->len;

    while (at < end) {
        uint32_t len;

        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        add(subscriber, (ordo_str){at, len});
        at += len;
    }
    subscriber->dropped += dropped;
    flush(subscriber);
}

void ordo__events_deliver(struct ordo__loop *loop, struct ordo__letter *letter)
{
    struct feed *feed = feed_of(loop);
    struct ordo_buffer frames;
    uint64_t dropped;

    (void)letter;
    ordo_lock(&feed->lock);
    frames = feed->frames;
    feed->frames = feed->reading;
    dropped = feed->dropped;
    feed->dropped = 0;
    feed->posted = false;
    ordo_unlock(&feed->lock);
    for (h2o_linklist_t *node = loop->subscribers.next; frames.len > 0 && node != &loop->subscribers;
         node = node->next) {
        struct subscriber *subscriber = H2O_STRUCT_FROM_MEMBER(struct subscriber, link, node);

        if ((subscriber->types & TYPE_DECISION) != 0)
            give(subscriber, &frames, dropped);
    }
    ordo_buffer_clear(&frames);
    feed->reading = frames;
}

static void write_stats(struct ordo_http *http, struct ordo_buffer *frame)
{
    ordo_buffer_append(frame, ORDO_STR("event: stats\ndata: "));
    ordo__stats_write(http, frame);
    ordo_buffer_append(frame, ORDO_STR("\n\n"));
}

void ordo__events_second(struct ordo__loop *loop)
{
    struct ordo_buffer frame = {0};

    for (h2o_linklist_t *node = loop->subscribers.next; node != &loop->subscribers; node = node->next) {
        struct subscriber *subscriber = H2O_STRUCT_FROM_MEMBER(struct subscriber, link, node);

        subscriber->silent_s++;
        if ((subscriber->types & TYPE_STATS) != 0) {
            if (frame.len == 0)
                write_stats(loop->http, &frame);
            add(subscriber, ordo_buffer_str(&frame));
        }
        if (subscriber->silent_s >= HEARTBEAT_S && subscriber->stream->pending.len == 0) {
            subscriber->silent_s = 0;
            ordo_buffer_append(&subscriber->stream->pending, ORDO_STR(":\n\n"));
        }
        flush(subscriber);
    }
    ordo_buffer_done(&frame);
}

void ordo__events_end(struct ordo__loop *loop)
{
    h2o_linklist_t *node, *next;

    for (node = loop->subscribers.next; node != &loop->subscribers; node = next) {
        next = node->next;
        ordo__stream_end(H2O_STRUCT_FROM_MEMBER(struct subscriber, link, node)->stream);
    }
}

static void stream_proceed(struct ordo__stream *stream)
{
    struct subscriber *subscriber = stream->owner;

    if (stream->pending.len > 0)
        subscriber->queued = 0; /* it goes out now */
}

static void count(struct ordo__loop *loop, const struct subscriber *subscriber, int by)
{
    struct ordo__events *events = loop->http->events;

    atomic_fetch_add(&events->readers, (uint32_t)by);
    if ((subscriber->types & TYPE_DECISION) == 0)
        return;
    atomic_fetch_add(&events->subscribers, (uint32_t)by);
    atomic_fetch_add(&feed_of(loop)->subscribers, (uint32_t)by);
}

static void stream_gone(struct ordo__stream *stream)
{
    struct subscriber *subscriber = stream->owner;

    count(subscriber->loop, subscriber, -1);
    h2o_linklist_unlink(&subscriber->link);
    free(subscriber);
}

/* types=decision,stats; all without it. False when it was answered. */
static bool read_types(struct ordo__request *request, unsigned *ret_types)
{
    ordo_str rest = request->query, name, value;
    unsigned types = 0;

    while (ordo__query_next(&rest, &name, &value)) {
        if (!ordo_str_equal(name, ORDO_STR("types"))) {
            ordo__reply_problem(request, ORDO_PROBLEM_BAD_QUERY,
                                "there is no parameter '%.*s'; there is types",
                                (int)(name.len < 64 ? name.len : 64), name.ptr);
            return false;
        }
        while (value.len > 0) {
            const char *comma = memchr(value.ptr, ',', value.len);
            ordo_str type = {value.ptr, comma == NULL ? value.len : (size_t)(comma - value.ptr)};

            if (ordo_str_equal(type, ORDO_STR("decision"))) {
                types |= TYPE_DECISION;
            } else if (ordo_str_equal(type, ORDO_STR("stats"))) {
                types |= TYPE_STATS;
            } else {
                ordo__reply_problem(request, ORDO_PROBLEM_BAD_QUERY,
                                    "types: decision, stats or both, not '%.*s'",
                                    (int)(type.len < 64 ? type.len : 64), type.ptr);
                return false;
            }
            value.ptr += type.len + (comma != NULL);
            value.len -= type.len + (comma != NULL);
        }
    }
    *ret_types = types == 0 ? TYPE_DECISION | TYPE_STATS : types;
    return true;
}

void ordo__events_get(struct ordo__request *request)
{
    struct ordo__loop *loop = request->loop;
    struct subscriber *subscriber;
    unsigned types;

    if (!read_types(request, &types))
        return;
    if (h2o_memis(request->req->method.base, request->req->method.len, H2O_STRLIT("HEAD"))) {
        ordo__reply(request, 200, "text/event-stream", ORDO_STR_NONE);
        return;
    }
    if (loop->stopping) {
        ordo__reply_problem(request, ORDO_PROBLEM_STOPPING, "the engine is stopping");
        return;
    }
    subscriber = calloc(1, sizeof(*subscriber));
    ORDO_REQUIRE(subscriber != NULL);
    subscriber->loop = loop;
    subscriber->types = types;
    subscriber->stream = ordo__stream_start(request, "text/event-stream");
    subscriber->stream->owner = subscriber;
    subscriber->stream->gone = stream_gone;
    subscriber->stream->proceed = stream_proceed;
    h2o_linklist_insert(&loop->subscribers, &subscriber->link);
    count(loop, subscriber, 1);
    ordo_buffer_append(&subscriber->stream->pending, ORDO_STR("retry: 2000\n\n"));
    ordo__stream_flush(subscriber->stream);
}
