/* SPDX-License-Identifier: MIT
 * http_impl.h: what the files of http/ share: the server, a loop, a connection, a request, a job.
 *
 * One order inside here:
 *
 *   connection.c   accepts, counts, limits
 *   request.c      finds the route, checks the token, calls the handler
 *   orders_post.c  makes a job of the request's body      (orders_batch.c: of each line)
 *   http_job.c     hands the jobs of one turn of the loop to the engine, and takes finished ones back
 *   reply.c        answers
 *
 * Everything here belongs to the loop's thread but for the two mailboxes of a loop and what is marked
 * otherwise. A request can die at any moment (the client left): its dispose callback cuts the links from job
 * or batch to it, so a pointer to a request that is not NULL is good.
 */
#pragma once

#include <h2o.h>

#include "base/thread.h"
#include "http/auth.h"
#include "http/route.h"
#include "http/server.h"

struct ordo__loop;
struct ordo__request;

enum {
    ORDO__ACCEPT_MAX = 16,     /* connections taken at once */
    ORDO__INSIDE_MAX = 128,    /* requests of one connection with orders in the engine */
    ORDO__CANCELLED_MAX = 100, /* requests that one connection may reset, if they are more than half of all */
    ORDO__ADMIN_CONNECTIONS = 64, /* of the admin listener */
    ORDO__DRAIN_MS = 50,          /* how often idle connections are looked for while the server stops */
};

/* Something to be done on a loop's thread. Lives in whatever it is about. */
struct ordo__letter {
    struct ordo__letter *next;
    void (*deliver)(struct ordo__loop *loop, struct ordo__letter *letter);
};

/* One connection. */
struct ordo__conn {
    struct ordo__loop *loop;
    h2o_linklist_t link;  /* in loop->conns, until it is closed */
    h2o_socket_t *socket; /* NULL: closed */
    uint32_t references;  /* the socket's, and one for each request that lives or has orders inside */
    uint32_t open;        /* requests that are not disposed */
    uint32_t inside;      /* requests with orders in the engine, those whose client left included */
    uint64_t requests, cancelled;
    bool limited;
};

/* One request; lives in its pool. */
struct ordo__request {
    h2o_req_t *req;
    struct ordo__loop *loop;
    struct ordo__conn *conn;
    const struct ordo__route *route;             /* NULL: none fits */
    ordo_str id;                                 /* what stands for {id} in the path, decoded; valid */
    ordo_str path;                               /* what stands for {path}, decoded */
    ordo_str query;                              /* behind the '?', as sent */
    void (*left)(struct ordo__request *request); /* the client left before the answer; may be NULL */
    void *owner;                                 /* for `left`: job, batch, ... */
    h2o_linklist_t link;                         /* in loop->requests */
    bool answered;
};

/* An order of one request, or a line of a batch. */
struct ordo__http_job {
    struct ordo_job job;           /* first: both convert */
    struct ordo__request *request; /* NULL: answered, left, or a line */
    struct ordo__conn *conn;       /* counted as inside */
    struct ordo_buffer body;       /* the order's bytes and padding; of a line: unused */
    h2o_linklist_t wait;           /* in one of the loop's waits */
    int64_t wait_until_ns;
    struct ordo__letter promised; /* the record is written that the promise needs, or was refused */
    bool promise_kept;            /* it is written; set before the letter is posted */
    bool promising;               /* that letter is on its way */
    bool back;                    /* the engine has given the job back */
    bool preferred_wait;          /* it is in one of loop->preferred_waits */

    struct ordo__batch *batch; /* lines only */
    struct ordo__http_job *batch_next;
    uint32_t line; /* from 1 */
};

/* A loop: its thread, connections and jobs. */
struct ordo__loop {
    /* set once */
    struct ordo_http *http;
    struct ordo_engine *engine;
    struct ordo_metrics *metrics;
    unsigned scopes; /* ORDO__SCOPE_ bits of the routes that its listener offers */
    bool is_admin;
    int listener_fd; /* taken over by `listener` */
    char name[16];
    struct ordo_thread thread;
    struct ordo_origin origin;

    /* any thread */
    _Atomic(struct ordo_job *) finished; /* linked by next, newest list first */
    _Atomic(struct ordo__letter *) letters;
    _Atomic uint32_t posting; /* threads that are adding to one of these */
    h2o_multithread_receiver_t finished_receiver, letters_receiver;
    h2o_multithread_message_t finished_message, letters_message; /* linked only by who found the list empty */
    struct ordo__letter close_letter, stop_letter, events_letter;
    int64_t stop_ns; /* written before stop_letter is sent */

    /* owner thread only */
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener;
    bool listening;         /* it reads the listener */
    uint32_t closing_turns; /* since the listener closed, until what was sent before is read; 0: not so */
    h2o_linklist_t conns, requests;
    uint32_t conn_count;
    struct ordo_json_parser *parser;
    struct ordo_job_list submit; /* jobs of this turn */
    h2o_timeout_entry_t turn, second, drain;
    int64_t now_ns, now_ms; /* of this turn; 0: not read yet */
    struct ordo__http_job *free_jobs;
    uint32_t free_job_count;
    uint64_t jobs_out;               /* jobs in the engine, and others who will write here */
    h2o_linklist_t waits;            /* jobs with the usual bound on their wait, soonest first */
    h2o_linklist_t *preferred_waits; /* the same for each whole number of seconds that a client may prefer */
    uint32_t preferred_max, preferred_count;
    int64_t preferred_check_ns;
    h2o_linklist_t batches;      /* all of them */
    struct ordo__batch *touched; /* batches that got something back in this turn */
    struct ordo__batch *free_batches;
    uint32_t free_batch_count, starved; /* starved: batches with lines that the queue had no room for */
    int64_t starved_next_ns;
    h2o_linklist_t streams, subscribers;
    bool stopping;
    int64_t end_ns; /* when stopping: whoever still waits then is answered 503 or cut off */

    bool ran, disposed; /* read when it is joined */
};

struct ordo_http {
    /* set once */
    struct ordo_engine *engine;
    struct ordo_rules *rules; /* may be NULL */
    struct ordo_http_options options;
    const struct ordo_limits *limits;
    h2o_globalconf_t config;
    struct ordo__loop *loops; /* the admin loop is the last */
    uint32_t loop_count, main_count;
    struct ordo_token token, admin_token; /* len 0: none is needed */
    bool admin_apart;
    int listener, admin_listener;
    uint16_t port, admin_port;
    uint32_t max_connections;
    struct ordo__events *events;

    /* any thread */
    _Atomic uint32_t connections, open_loops; /* of the main listener; loops that may bring new requests */
    _Atomic bool closing;
    _Atomic uint64_t processed_before, processed_rate; /* for orders a second; written by the first loop */
    struct ordo_waker changed;                         /* close and stop wait here for the loops */
};

/* loop.c */
/* What may be done before its thread runs; all else is made there. */
int ordo__loop_init(struct ordo__loop *loop, struct ordo_http *http, int listener, const char *name);
void ordo__loop_run(void *loop);
/* Any thread. */
void ordo__loop_post(struct ordo__loop *loop, struct ordo__letter *letter);
/* At the end of this turn batches go on and jobs are submitted. */
void ordo__loop_need_turn(struct ordo__loop *loop);
int64_t ordo__loop_now_ns(struct ordo__loop *loop);
int64_t ordo__loop_now_ms(struct ordo__loop *loop);
static inline struct ordo__loop *ordo__loop_of(h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(struct ordo__loop, context, req->conn->ctx);
}

/* errand.c: a request that another thread answers. The client may leave meanwhile; the loop stays until it is back. */
struct ordo__errand {
    struct ordo__letter letter;
    struct ordo__loop *loop;
    struct ordo__request *request; /* the loop's; NULL: the client left */
    void (*back)(struct ordo__errand *errand, struct ordo__request *request);
};
/* `back` is called once on the loop, with the request to answer or NULL, and frees what the errand lives in. Until then
 * request->owner is the errand. */
void ordo__errand_begin(struct ordo__errand *errand, struct ordo__request *request,
                        void (*back)(struct ordo__errand *errand, struct ordo__request *request));
void ordo__errand_return(struct ordo__errand *errand); /* any thread; the errand is the loop's again */
/* It was not taken: the request is its handler's again, and `back` is not called. */
void ordo__errand_drop(struct ordo__errand *errand);
void ordo__errand_left(struct ordo__request *request); /* what request->left is meanwhile */

/* connection.c */
void ordo__conn_accept(h2o_socket_t *listener, const char *error);
void ordo__conn_accept_rest(
    struct ordo__loop *loop);                    /* those who have connected before the listener closes */
void ordo__conn_listen(struct ordo__loop *loop); /* reads the listener or not, by the number of connections */
struct ordo__conn *ordo__conn_of(h2o_req_t *req);
void ordo__conn_unref(struct ordo__conn *conn);
bool ordo__conn_is_abusive(const struct ordo__conn *conn);
void ordo__conn_cut(struct ordo__conn *conn); /* h2o then closes it by itself */
/* h2o stops reading an HTTP/1 connection while an answer is pending, which costs two epoll_ctl a request, a
 * fifth of the loop's time. This leaves the socket polled. Only for a request with a body, for h2o has then
 * copied all else; the body is gone afterwards. */
void ordo__conn_keep_polled(struct ordo__request *request);
void ordo__conn_enter(struct ordo__conn *conn); /* a request's orders are in the engine */
void ordo__conn_leave(struct ordo__conn *conn);
void ordo__conn_sweep(struct ordo__loop *loop);                /* cuts off clients that are too slow */
bool ordo__conn_is_any_sending(const struct ordo__loop *loop); /* a request that has not come in whole */
void ordo__conn_close_idle(struct ordo__loop *loop);           /* while stopping */

/* request.c */
int ordo__request_handle(h2o_handler_t *self, h2o_req_t *req);
/* The time to stop is up: whoever still waits is answered 503 or cut off. */
void ordo__requests_end(struct ordo__loop *loop);
/* By its name in lower case; empty when absent. */
ordo_str ordo__request_header(const struct ordo__request *request, const char *name);
bool ordo__request_has_header(const struct ordo__request *request, const char *name);
/* Whether the content type is `type` with any parameters. */
bool ordo__request_is_type(const struct ordo__request *request, ordo_str type);
/* Whether the body says that it is JSON, and is no larger than an order; else it is answered so. `too_large` says what is usual. */
bool ordo__request_takes_json(struct ordo__request *request, const char *too_large);
/* That, and the body as JSON: valid until the loop's parser is used again. False: it is answered. */
bool ordo__request_json(struct ordo__request *request, const char *too_large,
                        struct ordo_json_value *ret_root);

/* reply.c: every answer but streams. Each call answers, once. */
void ordo__reply(struct ordo__request *request, int status, const char *type, ordo_str body);
void ordo__reply_json(struct ordo__request *request, int status, ordo_str body);
void ordo__reply_problem(struct ordo__request *request, enum ordo_problem_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The problem document is written already. */
void ordo__reply_problem_body(struct ordo__request *request, enum ordo_problem_code code, ordo_str body);
/* Before the answer; name in lower case; the value is copied. */
void ordo__reply_header(struct ordo__request *request, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 202 with its Location; retry_after_ms 0: no Retry-After. */
void ordo__reply_later(struct ordo__request *request, ordo_str id, const char *status,
                       int64_t retry_after_ms);
/* Marks the request as answered with this status and counts it; for streams. */
void ordo__reply_count(struct ordo__request *request, int status);
void ordo__write_later(struct ordo_buffer *out, ordo_str id, const char *status);

/* fallback.c: h2o's own refusals become problem documents. */
void ordo__fallback_install(h2o_hostconf_t *host);

/* http_job.c */
struct ordo__http_job *ordo__job_new(struct ordo__loop *loop);
void ordo__job_free(struct ordo__loop *loop, struct ordo__http_job *job);
void ordo__job_submit(struct ordo__loop *loop, struct ordo__http_job *job); /* with the others of this turn */
void ordo__jobs_send(struct ordo__loop *loop);                              /* the turn's end */
void ordo__jobs_received(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);
void ordo__job_finish(struct ordo_origin *origin, struct ordo_job *jobs); /* any thread */
const char *ordo__stage_status(int stage);

/* orders_post.c */
struct ordo__prefer;
/* The client's preferences, cut to what the server allows; the answer says what is applied. */
struct ordo__prefer ordo__prefer_read(struct ordo__request *request, bool batch);
/* The engine gave it back, or refused it. */
void ordo__order_answered(struct ordo__loop *loop, struct ordo__http_job *job);
void ordo__waits_init(struct ordo__loop *loop);
void ordo__waits_done(struct ordo__loop *loop);
void ordo__waits_run(struct ordo__loop *loop);
int64_t ordo__waits_next_ns(const struct ordo__loop *loop); /* INT64_MAX: none */

/* orders_batch.c */
void ordo__batch_start(struct ordo__request *request);
/* The engine gave a line back with its answer; or refused it, because the queue is full or it stops. */
void ordo__batch_line_back(struct ordo__loop *loop, struct ordo__http_job *job);
void ordo__batch_line_refused(struct ordo__loop *loop, struct ordo__http_job *job);
void ordo__batches_turn(struct ordo__loop *loop);    /* the turn's end: output, and more lines */
void ordo__batches_starved(struct ordo__loop *loop); /* some time later: once more */
void ordo__batches_second(struct ordo__loop *loop);  /* what is ready goes out, however little */
void ordo__batches_done(struct ordo__loop *loop);    /* frees the unused */

/* stream.c: an answer in parts. Lives in the request's pool, so it ends with it. */
struct ordo__stream {
    h2o_generator_t generator; /* first */
    struct ordo__request *request;
    h2o_linklist_t link; /* in loop->streams */
    struct ordo_buffer pending, sending;
    int64_t sending_since_ns; /* 0: nothing is on its way */
    bool last, ended;         /* nothing comes behind `pending`; the last part was given to h2o */
    void (*proceed)(struct ordo__stream *stream); /* a part has gone out; may be NULL */
    void (*gone)(struct ordo__stream *stream);    /* the request ends; may be NULL */
    void *owner;
};
struct ordo__stream *ordo__stream_start(struct ordo__request *request, const char *type);
void ordo__stream_flush(struct ordo__stream *stream); /* sends what is pending when nothing is on its way */
void ordo__stream_end(struct ordo__stream *stream);
size_t ordo__stream_backlog(const struct ordo__stream *stream);
void ordo__streams_sweep(struct ordo__loop *loop);

/* events.c */
struct ordo__events *ordo__events_new(struct ordo_http *http);
void ordo__events_free(struct ordo__events *events);
void ordo__events_deliver(struct ordo__loop *loop, struct ordo__letter *letter);
void ordo__events_second(struct ordo__loop *loop);
/* Ends the profiles whose client has left. */
void ordo__profiles_second(struct ordo__loop *loop);
void ordo__events_end(struct ordo__loop *loop);            /* the server stops: subscribers' streams end */
uint32_t ordo__events_subscribers(struct ordo_http *http); /* any thread */

/* stats.c */
void ordo__stats_write(struct ordo_http *http, struct ordo_buffer *out);
void ordo__stats_second(struct ordo_http *http);

/* openapi.c */
void ordo__openapi_write(struct ordo_buffer *out);

/* Handlers of the routes. */
#define X(name, method, pattern, scope, handler, summary) void handler(struct ordo__request *request);
#include "http/route_table.h"
#undef X
