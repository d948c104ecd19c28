/* SPDX-License-Identifier: MIT
 * load_connection.h: one connection of the load generator: opened, sent on, read from, and opened again.
 *
 * Everything here belongs to the one thread of load_client.c.
 */
#pragma once

#include <sys/socket.h>

#include "cli/load_client.h"

enum { ORDO_LOAD_READ_SIZE = 256 * 1024 };

enum ordo_load_connection_state {
    ORDO_LOAD_CLOSED = 0,
    ORDO_LOAD_CONNECTING,
    ORDO_LOAD_IDLE,
    ORDO_LOAD_BUSY
};

struct ordo_load_connection {
    int fd;
    enum ordo_load_connection_state state;
    bool listed;         /* in the idle stack, perhaps stale */
    uint32_t orders;     /* in the request */
    size_t sent;         /* of out */
    int64_t intended_ns; /* when the request was due */
    int64_t deadline_ns;
    struct ordo_buffer out; /* the request */
    struct ordo_load_response response;
};

struct ordo_load_client {
    const struct ordo_load_options *options;
    struct ordo_load_stats *stats;
    struct ordo_load_orders orders;
    struct sockaddr_storage address;
    socklen_t address_len;
    int epoll;
    struct ordo_load_connection *connections, **idle;
    size_t idle_count, busy, closed;
    bool draining;
    int64_t next_due_ns, end_ns, reopen_ns;
    double interval_ns;
    double due; /* requests that have become due; next_due_ns is made from it, so that rounding does not add
                   up */
    struct ordo_buffer head, body;
    char *input;
};

/* Makes the part of a request that is the same in all. */
void ordo_load_connection_make_head(struct ordo_load_client *client);
/* Opens all that are closed, as far as it goes; failures are counted. */
void ordo_load_connection_reopen_all(struct ordo_load_client *client);
void ordo_load_connection_close(struct ordo_load_client *client, struct ordo_load_connection *connection);
/* Closes, and counts the error when something was under way. */
void ordo_load_connection_fail(struct ordo_load_client *client, struct ordo_load_connection *connection,
                               enum ordo_load_error error);
/* A free connection, or NULL. */
struct ordo_load_connection *ordo_load_connection_pop(struct ordo_load_client *client);
void ordo_load_connection_send(struct ordo_load_client *client, struct ordo_load_connection *connection,
                               int64_t intended_ns, int64_t now_ns);
/* Sends on a free connection if something is due, else keeps it for later. */
void ordo_load_connection_use(struct ordo_load_client *client, struct ordo_load_connection *connection,
                              int64_t now_ns);
/* What epoll told of it. */
void ordo_load_connection_handle(struct ordo_load_client *client, struct ordo_load_connection *connection,
                                 uint32_t events);
