/* SPDX-License-Identifier: MIT
 * connection.c: connections: how many there are, what each has inside the engine, and when one is cut off.
 *
 * h2o 2.2.5 spins on a listener when descriptors run out, lets a client reset requests without end, and has
 * no timeout for one that reads slowly. So this file stops reading the listener below the limit, keeps an
 * account a connection, and sweeps once a second. Cutting off is shutdown(2): h2o then sees the end and
 * closes by itself.
 */
#include "http/http_impl.h"

#include "base/clock.h"

#include <sys/ioctl.h>

void ordo__conn_unref(struct ordo__conn *conn)
{
    if (--conn->references == 0)
        free(conn);
}

void ordo__conn_cut(struct ordo__conn *conn)
{
    if (conn->socket != NULL)
        shutdown(h2o_socket_get_fd(conn->socket), SHUT_RDWR);
}

void ordo__conn_enter(struct ordo__conn *conn)
{
    conn->inside++;
    conn->references++;
}

void ordo__conn_leave(struct ordo__conn *conn)
{
    conn->inside--;
    ordo__conn_unref(conn);
}

bool ordo__conn_is_abusive(const struct ordo__conn *conn)
{
    return conn->cancelled > ORDO__CANCELLED_MAX && conn->cancelled * 2 > conn->requests;
}

struct ordo__conn *ordo__conn_of(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static uint32_t connections(const struct ordo__loop *loop)
{
    return loop->is_admin ? loop->conn_count
                          : atomic_load_explicit(&loop->http->connections, memory_order_relaxed);
}

static uint32_t limit(const struct ordo__loop *loop)
{
    return loop->is_admin ? ORDO__ADMIN_CONNECTIONS : loop->http->max_connections;
}

void ordo__conn_listen(struct ordo__loop *loop)
{
    bool room = connections(loop) < limit(loop);

    if (loop->listener == NULL || room == loop->listening)
        return;
    loop->listening = room;
    if (room)
        h2o_socket_read_start(loop->listener, ordo__conn_accept);
    else
        h2o_socket_read_stop(loop->listener);
}

static void on_close(void *data)
{
    struct ordo__conn *conn = data;
    struct ordo__loop *loop = conn->loop;

    conn->socket = NULL;
    h2o_linklist_unlink(&conn->link);
    loop->conn_count--;
    if (!loop->is_admin)
        atomic_fetch_sub_explicit(&loop->http->connections, 1, memory_order_relaxed);
    ordo__conn_listen(loop);
    ordo__conn_unref(conn);
}

static void open_connection(struct ordo__loop *loop, h2o_socket_t *socket)
{
    struct ordo__conn *conn = calloc(1, sizeof(*conn));

    ORDO_REQUIRE(conn != NULL);
    conn->loop = loop;
    conn->socket = socket;
    conn->references = 1;
    h2o_linklist_insert(&loop->conns, &conn->link);
    loop->conn_count++;
    if (!loop->is_admin)
        atomic_fetch_add_explicit(&loop->http->connections, 1, memory_order_relaxed);
    socket->on_close.cb = on_close;
    socket->on_close.data = conn;
    h2o_accept(&loop->accept, socket);
}

static void accept_some(struct ordo__loop *loop, uint32_t most)
{
    h2o_socket_t *socket;

    for (uint32_t i = 0; i < most && connections(loop) < limit(loop); i++) {
        if ((socket = h2o_evloop_socket_accept(loop->listener)) == NULL)
            break;
        open_connection(loop, socket);
    }
}

void ordo__conn_accept(h2o_socket_t *listener, const char *error)
{
    struct ordo__loop *loop = listener->data;

    if (error == NULL)
        accept_some(loop, ORDO__ACCEPT_MAX);
    ordo__conn_listen(loop);
}

void ordo__conn_accept_rest(struct ordo__loop *loop)
{
    accept_some(loop, UINT32_MAX);
}

/* More came while the answer is pending: the next request, or the end. h2o finds it in the socket's buffer,
 * or meets it again, once it reads on. */
static void on_early_read(h2o_socket_t *socket, const char *error)
{
    (void)error;
    h2o_socket_read_stop(socket);
}

void ordo__conn_keep_polled(struct ordo__request *request)
{
    h2o_req_t *req = request->req;

    if (req->version >= 0x200)
        return;
    req->entity = h2o_iovec_init(NULL, 0); /* early data may move the buffer that it is in */
    h2o_socket_read_start(req->conn->callbacks->get_socket(req->conn), on_early_read);
}

/* Whether more than http.timeout has passed; not set: no. */
static bool is_over(const struct ordo__conn *conn, struct timeval since, const struct timeval *now)
{
    return since.tv_sec != 0 && now->tv_sec - since.tv_sec > conn->loop->http->options.timeout_s;
}

/* A request that has not come in whole, or an answer of one part that has not gone out; streams are swept by
 * themselves. */
static int sweep_request(h2o_req_t *req, void *context)
{
    const struct timeval *now = context;
    bool sending = req->timestamps.response_start_at.tv_sec != 0;
    struct ordo__conn *conn = ordo__conn_of(req);

    if (req->processed_at.at.tv_sec == 0 ? is_over(conn, req->timestamps.request_begin_at, now)
                                         : sending && req->res.content_length != SIZE_MAX &&
                                               is_over(conn, req->timestamps.response_start_at, now))
        ordo__conn_cut(conn);
    return 0;
}

void ordo__conn_sweep(struct ordo__loop *loop)
{
    struct timeval *now = h2o_get_timestamp(&loop->context, NULL, NULL);
    h2o_globalconf_t *config = loop->context.globalconf;

    config->http1.callbacks.foreach_request(&loop->context, sweep_request, now);
    config->http2.callbacks.foreach_request(&loop->context, sweep_request, now);
    ordo__conn_listen(loop);
}

/* Without a request that h2o knows, but with bytes of one: in its buffer, or in the system's. */
static bool is_sending(const struct ordo__conn *conn)
{
    int unread = 0;

    if (conn->open > 0)
        return false;
    return conn->socket->input->size > 0 ||
           (ioctl(h2o_socket_get_fd(conn->socket), FIONREAD, &unread) == 0 && unread > 0);
}

bool ordo__conn_is_any_sending(const struct ordo__loop *loop)
{
    for (h2o_linklist_t *node = loop->conns.next; node != &loop->conns; node = node->next)
        if (is_sending(H2O_STRUCT_FROM_MEMBER(struct ordo__conn, link, node)))
            return true;
    return false;
}

void ordo__conn_close_idle(struct ordo__loop *loop)
{
    bool all = ordo_clock_ns() >= loop->end_ns;

    for (h2o_linklist_t *node = loop->conns.next; node != &loop->conns; node = node->next) {
        struct ordo__conn *conn = H2O_STRUCT_FROM_MEMBER(struct ordo__conn, link, node);

        if (conn->open == 0 && (all || !is_sending(conn)))
            ordo__conn_cut(conn);
    }
}
