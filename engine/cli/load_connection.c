/* SPDX-License-Identifier: MIT
 * load_connection.c: a request costs one send and one recv: sockets are watched for both directions,
 * edge-triggered, once for their life.
 */
#include "cli/load_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

void ordo_load_connection_make_head(struct ordo_load_client *client)
{
    const struct ordo_load_options *options = client->options;
    bool v6 = strchr(options->host, ':') != NULL;

    ordo_buffer_printf(&client->head,
                       "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: ordo-load\r\nContent-Type: %s\r\n",
                       options->path, v6 ? "[" : "", options->host, v6 ? "]" : "", options->port,
                       options->mode == ORDO_LOAD_NDJSON ? "application/x-ndjson" : "application/json");
    if (options->mode == ORDO_LOAD_ASYNC)
        ordo_buffer_printf(&client->head, "Prefer: respond-async\r\n");
    if (options->token != NULL)
        ordo_buffer_printf(&client->head, "Authorization: Bearer %s\r\n", options->token);
    ordo_buffer_printf(&client->head, "Content-Length: ");
}

static void push_idle(struct ordo_load_client *client, struct ordo_load_connection *connection)
{
    connection->state = ORDO_LOAD_IDLE;
    if (!connection->listed) {
        connection->listed = true;
        client->idle[client->idle_count++] = connection;
    }
}

struct ordo_load_connection *ordo_load_connection_pop(struct ordo_load_client *client)
{
    while (client->idle_count > 0) {
        struct ordo_load_connection *connection = client->idle[--client->idle_count];

        connection->listed = false;
        if (connection->state == ORDO_LOAD_IDLE)
            return connection;
    }
    return NULL;
}

void ordo_load_connection_close(struct ordo_load_client *client, struct ordo_load_connection *connection)
{
    if (connection->state == ORDO_LOAD_BUSY)
        client->busy--;
    if (connection->state != ORDO_LOAD_CLOSED) {
        close(connection->fd);
        client->closed++;
    }
    connection->state = ORDO_LOAD_CLOSED;
}

void ordo_load_connection_fail(struct ordo_load_client *client, struct ordo_load_connection *connection,
                               enum ordo_load_error error)
{
    if (connection->state == ORDO_LOAD_BUSY || connection->state == ORDO_LOAD_CONNECTING)
        client->stats->errors[error]++;
    ordo_load_connection_close(client, connection);
}

/* Returns 0 or a negative errno value; -EINPROGRESS never leaves. */
static int open_connection(struct ordo_load_client *client, struct ordo_load_connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    int on = 1, code = 0;

    connection->fd = socket(client->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0)
        return -errno;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(connection->fd, (struct sockaddr *)&client->address, client->address_len) != 0 &&
        errno != EINPROGRESS)
        code = -errno;
    if (code == 0 && epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        code = -errno;
    if (code != 0) {
        close(connection->fd);
        return code;
    }
    connection->state = ORDO_LOAD_CONNECTING;
    client->closed--;
    return 0;
}

void ordo_load_connection_reopen_all(struct ordo_load_client *client)
{
    for (uint32_t i = 0; i < client->options->connections && client->closed > 0; i++)
        if (client->connections[i].state == ORDO_LOAD_CLOSED &&
            open_connection(client, &client->connections[i]) != 0)
            client->stats->errors[ORDO_LOAD_ERROR_CONNECT]++;
}

static void flush(struct ordo_load_client *client, struct ordo_load_connection *connection)
{
    while (connection->sent < connection->out.len) {
        ssize_t written = send(connection->fd, connection->out.ptr + connection->sent,
                               connection->out.len - connection->sent, MSG_NOSIGNAL);

        if (written < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                ordo_load_connection_fail(client, connection, ORDO_LOAD_ERROR_CLOSED);
            return;
        }
        connection->sent += (size_t)written;
        client->stats->bytes_out += (uint64_t)written;
    }
}

static uint32_t orders_of_next(const struct ordo_load_client *client)
{
    uint64_t left = UINT64_MAX;

    if (client->options->limit > 0)
        left = client->options->limit - client->stats->sent_orders;
    return left < client->options->batch ? (uint32_t)left : client->options->batch;
}

void ordo_load_connection_send(struct ordo_load_client *client, struct ordo_load_connection *connection,
                               int64_t intended_ns, int64_t now_ns)
{
    connection->orders = orders_of_next(client);
    ordo_buffer_clear(&client->body);
    for (uint32_t i = 0; i < connection->orders; i++) {
        ordo_load_orders_write(&client->orders, &client->body);
        if (client->options->mode == ORDO_LOAD_NDJSON)
            ordo_buffer_put(&client->body, '\n');
    }
    ordo_buffer_clear(&connection->out);
    ordo_buffer_append(&connection->out, ordo_buffer_str(&client->head));
    ordo_buffer_printf(&connection->out, "%zu\r\n\r\n", client->body.len);
    ordo_buffer_append(&connection->out, ordo_buffer_str(&client->body));
    connection->sent = 0;
    connection->intended_ns = intended_ns;
    connection->deadline_ns = now_ns + client->options->timeout_ns;
    connection->state = ORDO_LOAD_BUSY;
    client->busy++;
    client->stats->sent++;
    client->stats->sent_orders += connection->orders;
    ordo_load_response_start(&connection->response, client->options->mode == ORDO_LOAD_NDJSON);
    if (client->options->limit > 0 && client->stats->sent_orders >= client->options->limit)
        client->draining = true;
    flush(client, connection);
}

static void set_next_due(struct ordo_load_client *client)
{
    client->due += 1;
    client->next_due_ns = client->stats->start_ns + (int64_t)(client->due * client->interval_ns);
}

void ordo_load_connection_use(struct ordo_load_client *client, struct ordo_load_connection *connection,
                              int64_t now_ns)
{
    if (!client->draining && client->options->rate <= 0) {
        ordo_load_connection_send(client, connection, now_ns, now_ns);
    } else if (!client->draining && client->next_due_ns <= now_ns && client->next_due_ns < client->end_ns) {
        int64_t intended_ns = client->next_due_ns;

        set_next_due(client);
        ordo_load_connection_send(client, connection, intended_ns, now_ns);
    } else {
        push_idle(client, connection);
    }
}

static void count_answer(struct ordo_load_client *client, struct ordo_load_connection *connection,
                         int64_t now_ns)
{
    struct ordo_load_stats *stats = client->stats;
    const struct ordo_load_response *response = &connection->response;

    client->busy--;
    stats->requests++;
    stats->last_ns = now_ns;
    stats->classes[response->status >= 100 && response->status < 600 ? response->status / 100 : 0]++;
    ordo_histogram_add(&stats->latency, now_ns - connection->intended_ns);
    if (response->status == 200 || connection->orders == 1) {
        for (int i = 0; i < ORDO_LOAD_OUTCOME_COUNT; i++)
            stats->outcomes[i] += response->outcomes[i];
        stats->orders += response->orders;
        if (response->orders != connection->orders)
            stats->errors[ORDO_LOAD_ERROR_BAD_RESPONSE]++;
        return;
    }
    /* One problem for a whole batch. */
    for (int i = 0; i < ORDO_LOAD_OUTCOME_COUNT; i++)
        stats->outcomes[i] += response->outcomes[i] * connection->orders;
    stats->orders += connection->orders;
}

static void receive(struct ordo_load_client *client, struct ordo_load_connection *connection)
{
    for (;;) {
        ssize_t got = recv(connection->fd, client->input, ORDO_LOAD_READ_SIZE, 0);
        enum ordo_load_progress progress;
        size_t used;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            if (got == 0 && connection->state == ORDO_LOAD_BUSY &&
                ordo_load_response_end(&connection->response) == ORDO_LOAD_COMPLETE) {
                count_answer(client, connection, ordo_clock_ns());
                connection->state = ORDO_LOAD_IDLE;
            }
            ordo_load_connection_fail(client, connection, ORDO_LOAD_ERROR_CLOSED);
            return;
        }
        client->stats->bytes_in += (uint64_t)got;
        if (connection->state != ORDO_LOAD_BUSY) { /* nobody asked */
            ordo_load_connection_close(client, connection);
            return;
        }
        progress = ordo_load_response_feed(&connection->response, client->input, (size_t)got, &used);
        if (progress == ORDO_LOAD_BROKEN || used < (size_t)got) {
            ordo_load_connection_fail(client, connection, ORDO_LOAD_ERROR_BAD_RESPONSE);
            return;
        }
        if (progress == ORDO_LOAD_COMPLETE) {
            int64_t now_ns = ordo_clock_ns();

            count_answer(client, connection, now_ns);
            connection->state = ORDO_LOAD_IDLE;
            if (!connection->response.keep_alive || connection->sent < connection->out.len) {
                ordo_load_connection_close(client, connection);
                client->reopen_ns = now_ns;
                return;
            }
            ordo_load_connection_use(client, connection, now_ns);
            return; /* the answer to what was just sent comes with an edge of its own */
        }
        if (got < ORDO_LOAD_READ_SIZE)
            return;
    }
}

void ordo_load_connection_handle(struct ordo_load_client *client, struct ordo_load_connection *connection,
                                 uint32_t events)
{
    if (connection->state == ORDO_LOAD_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        int error = 0;
        socklen_t len = sizeof(error);

        if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            ordo_load_connection_fail(client, connection, ORDO_LOAD_ERROR_CONNECT);
            return;
        }
        ordo_load_connection_use(client, connection, ordo_clock_ns());
        return;
    }
    if ((events & EPOLLOUT) != 0 && connection->state == ORDO_LOAD_BUSY)
        flush(client, connection);
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && connection->state != ORDO_LOAD_CLOSED)
        receive(client, connection);
}
