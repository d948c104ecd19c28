/* SPDX-License-Identifier: MIT
 * loop.c: one h2o loop on its thread.
 *
 * A turn is one h2o_evloop_run: sockets first, then timeouts. What the requests of a turn want from the
 * engine is collected and handed over in an entry of h2o's zero timeout, so once a turn, behind all its
 * sockets. Nothing is sent outside of h2o_evloop_run: h2o would not look at the socket again before its next
 * event.
 */
#include "http/http_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "base/clock.h"

#define NS_MS ((int64_t)1000000)
#define STARVED_NS (5 * NS_MS) /* until batches whose lines found no room try again */
#define SLEEP_MAX_MS 1000
#define CLOSING_MS 1
#define EVENTS_A_TURN 256      /* of h2o's epoll_wait */
#define LAST_NS (1000 * NS_MS) /* for the last answers to go out at least, when the time to stop is up */
#define CUT_NS (200 * NS_MS)   /* behind that: for h2o to see which connections were cut off */

int64_t ordo__loop_now_ns(struct ordo__loop *loop)
{
    if (loop->now_ns == 0) {
        loop->now_ns = ordo_clock_ns();
        ordo_timeline_turn_begin(); /* what h2o did before, for its first request of this turn, is not in it */
    }
    return loop->now_ns;
}

int64_t ordo__loop_now_ms(struct ordo__loop *loop)
{
    if (loop->now_ms == 0)
        loop->now_ms = ordo_clock_utc_ms();
    return loop->now_ms;
}

void ordo__loop_post(struct ordo__loop *loop, struct ordo__letter *letter)
{
    struct ordo__letter *head = atomic_load_explicit(&loop->letters, memory_order_relaxed);

    atomic_fetch_add(&loop->posting, 1);
    do
        letter->next = head;
    while (!atomic_compare_exchange_weak_explicit(&loop->letters, &head, letter, memory_order_acq_rel,
                                                  memory_order_relaxed));
    if (head == NULL)
        h2o_multithread_send_message(&loop->letters_receiver, &loop->letters_message);
    atomic_fetch_sub(&loop->posting, 1);
}

/* See http_job.c for why the message is unlinked first. */
static void letters_received(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, letters_receiver, receiver);
    struct ordo__letter *letter, *next, *in_order = NULL;

    while (!h2o_linklist_is_empty(messages))
        h2o_linklist_unlink(messages->next);
    letter = atomic_exchange_explicit(&loop->letters, NULL, memory_order_acq_rel);
    for (; letter != NULL; letter = next) {
        next = letter->next;
        letter->next = in_order;
        in_order = letter;
    }
    for (; in_order != NULL; in_order = next) {
        next = in_order->next;
        in_order->deliver(loop, in_order);
    }
}

static void on_turn(h2o_timeout_entry_t *entry)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, turn, entry);

    ordo__batches_turn(loop);
    ordo__jobs_send(loop);
}

void ordo__loop_need_turn(struct ordo__loop *loop)
{
    if (!h2o_timeout_is_linked(&loop->turn))
        h2o_timeout_link(loop->context.loop, &loop->context.zero_timeout, &loop->turn);
}

static void on_second(h2o_timeout_entry_t *entry)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, second, entry);

    ordo__conn_sweep(loop);
    ordo__streams_sweep(loop);
    ordo__batches_second(loop);
    if (loop == loop->http->loops)
        ordo__stats_second(loop->http);
    ordo__events_second(loop);
    ordo__profiles_second(loop);
    h2o_timeout_link(loop->context.loop, &loop->context.one_sec_timeout, &loop->second);
}

static void close_listener(struct ordo__loop *loop)
{
    if (loop->listener == NULL)
        return;
    h2o_socket_close(loop->listener);
    loop->listener = NULL;
}

static void on_close_letter(struct ordo__loop *loop, struct ordo__letter *letter)
{
    (void)letter;
    if (loop->listener != NULL)
        ordo__conn_accept_rest(loop);
    close_listener(loop);
    h2o_context_request_shutdown(&loop->context);
    loop->closing_turns = 1;
}

/* The listener is closed. Who was accepted may have sent a request already: each turn h2o reads up to
 * EVENTS_A_TURN sockets, those that have waited longest first. A request that has come in part is waited for
 * (ordo_http_close_listeners does so for a second at most). */
static void closing_turn(struct ordo__loop *loop)
{
    if (loop->closing_turns++ < 2 + loop->conn_count / EVENTS_A_TURN || ordo__conn_is_any_sending(loop))
        return;
    loop->closing_turns = 0;
    atomic_fetch_sub(&loop->http->open_loops, 1);
    ordo_waker_wake(&loop->http->changed);
}

static void on_drain(h2o_timeout_entry_t *entry)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, drain, entry);

    if (ordo_clock_ns() >= loop->end_ns)
        ordo__requests_end(loop);
    ordo__conn_close_idle(loop);
    h2o_timeout_link(loop->context.loop, &loop->context.hundred_ms_timeout, &loop->drain);
}

static void on_stop_letter(struct ordo__loop *loop, struct ordo__letter *letter)
{
    int64_t last_ns = ordo_clock_ns() + LAST_NS;

    (void)letter;
    loop->end_ns = loop->stop_ns > last_ns ? loop->stop_ns : last_ns;
    loop->stopping = true;
    close_listener(loop);
    h2o_context_request_shutdown(&loop->context);
    ordo__events_end(loop);
    h2o_timeout_link(loop->context.loop, &loop->context.hundred_ms_timeout, &loop->drain);
}

int ordo__loop_init(struct ordo__loop *loop, struct ordo_http *http, int listener, const char *name)
{
    loop->listener_fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
    if (loop->listener_fd < 0)
        return -errno;
    loop->http = http;
    loop->engine = http->engine;
    loop->metrics = ordo_metrics_join(ordo_engine_metrics(http->engine));
    loop->origin.finish = ordo__job_finish;
    snprintf(loop->name, sizeof(loop->name), "%s", name);
    loop->close_letter.deliver = on_close_letter;
    loop->stop_letter.deliver = on_stop_letter;
    loop->events_letter.deliver = ordo__events_deliver;
    return 0;
}

/* On the loop's own thread: what h2o makes recycles its memory through lists of the thread that made it. */
static void setup(struct ordo__loop *loop)
{
    loop->parser = ordo_json_parser_new(loop->http->limits->depth);
    h2o_context_init(&loop->context, h2o_evloop_create(), &loop->http->config);
    loop->accept.ctx = &loop->context;
    loop->accept.hosts = loop->http->config.hosts;
    h2o_multithread_register_receiver(loop->context.queue, &loop->finished_receiver, ordo__jobs_received);
    h2o_multithread_register_receiver(loop->context.queue, &loop->letters_receiver, letters_received);
    h2o_linklist_init_anchor(&loop->conns);
    h2o_linklist_init_anchor(&loop->requests);
    h2o_linklist_init_anchor(&loop->batches);
    h2o_linklist_init_anchor(&loop->streams);
    h2o_linklist_init_anchor(&loop->subscribers);
    ordo__waits_init(loop);
    loop->turn.cb = on_turn;
    loop->second.cb = on_second;
    loop->drain.cb = on_drain;
    h2o_timeout_link(loop->context.loop, &loop->context.one_sec_timeout, &loop->second);
    loop->listener =
        h2o_evloop_socket_create(loop->context.loop, loop->listener_fd, H2O_SOCKET_FLAG_DONT_READ);
    loop->listener->data = loop;
    ordo__conn_listen(loop);
    atomic_fetch_add(&loop->http->open_loops, 1);
    ordo_waker_wake(&loop->http->changed);
}

static int32_t sleep_ms(struct ordo__loop *loop)
{
    int64_t next_ns = ordo__waits_next_ns(loop), left_ms;

    if (loop->starved > 0 && next_ns > loop->starved_next_ns)
        next_ns = loop->starved_next_ns;
    if (loop->closing_turns > 0)
        return CLOSING_MS;
    if (next_ns == INT64_MAX)
        return SLEEP_MAX_MS;
    left_ms = (next_ns - loop->now_ns + NS_MS - 1) / NS_MS;
    return left_ms < 0 ? 0 : left_ms < SLEEP_MAX_MS ? (int32_t)left_ms : SLEEP_MAX_MS;
}

static void run_turn(struct ordo__loop *loop)
{
    int32_t wait_ms;

    ordo__loop_now_ns(loop);
    wait_ms = sleep_ms(loop);
    ordo_timeline_turn_end();
    loop->now_ns = loop->now_ms = 0;             /* what is received was received behind the wait */
    h2o_evloop_run(loop->context.loop, wait_ms); /* -1: a signal, which means nothing here */
    loop->now_ns = loop->now_ms = 0;
    ordo__waits_run(loop);
    if (loop->closing_turns > 0)
        closing_turn(loop);
    if (loop->starved > 0 && ordo__loop_now_ns(loop) >= loop->starved_next_ns) {
        loop->starved_next_ns = loop->now_ns + STARVED_NS;
        ordo__batches_starved(loop);
    }
}

/* False: orders are in the engine still and come back to this loop, so it stays as long as the process. */
static bool dispose(struct ordo__loop *loop)
{
    h2o_multithread_queue_t *queue = loop->context.queue;
    struct ordo__http_job *job;

    if (loop->jobs_out > 0 || loop->conn_count > 0)
        return false;
    /* Who sent the last message may still be about to write to the pipe that ends here: one system call. */
    while (atomic_load(&loop->posting) > 0)
        sched_yield();
    h2o_timeout_unlink(&loop->turn);
    h2o_timeout_unlink(&loop->second);
    h2o_timeout_unlink(&loop->drain);
    h2o_timeout_unlink(&loop->context.http2._graceful_shutdown_timeout);
    ordo__batches_done(loop);
    while ((job = loop->free_jobs) != NULL) {
        loop->free_jobs = (struct ordo__http_job *)job->job.next;
        ordo_buffer_done(&job->job.answer);
        ordo_buffer_done(&job->body);
        free(job);
    }
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->finished_receiver);
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->letters_receiver);
    h2o_context_dispose(&loop->context);
    h2o_evloop_destroy(loop->context.loop);
    free(queue); /* h2o empties it, and keeps the block */
    ordo_json_parser_free(loop->parser);
    ordo__waits_done(loop);
    return true;
}

static bool is_busy(const struct ordo__loop *loop)
{
    return loop->conn_count > 0 || loop->jobs_out > 0 || atomic_load(&loop->letters) != NULL;
}

void ordo__loop_run(void *context)
{
    struct ordo__loop *loop = context;

    setup(loop);
    while (!loop->stopping || (is_busy(loop) && ordo_clock_ns() < loop->end_ns + CUT_NS))
        run_turn(loop);
    loop->disposed = atomic_load(&loop->letters) == NULL && dispose(loop);
}
