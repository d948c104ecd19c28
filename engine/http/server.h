/* SPDX-License-Identifier: MIT
 * server.h: the HTTP server: h2o loops, listeners and routes over one engine. Only files in http/ include
 * h2o.h.
 */
#pragma once

#include "worker/rules.h"

struct ordo_http;

struct ordo_http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080"; port 0: the system chooses */
    uint32_t threads;
    int64_t max_wait_us; /* http.max_wait */
    uint32_t batch_window;
    const char *token_file;   /* "" none: orders need no token */
    const char *admin_listen; /* "" none: everything on the main listener */
    const char *admin_token_file;
    uint32_t max_connections;       /* 0: the fd limit less 128 */
    int64_t retry_after_s;          /* of 503 */
    struct ordo_profiler *profiler; /* NULL: no profiles */
    int64_t max_profile_ns;         /* profiling.max_duration */
    int64_t timeout_s; /* for a request to arrive, an answer to be read, a connection to be idle */
};

/* Tells of each option that ordo_http_start would refuse, and why; opens no socket. True: of none. */
typedef void (*ordo_http_complain_fn)(void *context, const char *option, const char *message);
bool ordo_http_check(const struct ordo_http_options *options, ordo_http_complain_fn complain, void *context);

/* Binds and starts the loops. Refuses admin routes on an address that is not loopback without a token. */
struct ordo_http *ordo_http_start(struct ordo_engine *engine, struct ordo_rules *rules,
                                  const struct ordo_http_options *options, struct ordo_error *err);
uint16_t ordo_http_port(const struct ordo_http *http);       /* of the main listener */
uint16_t ordo_http_admin_port(const struct ordo_http *http); /* 0: none */
/* No new connections; /readyz is 503; keep-alive ends with the next answer. Returns when requests that were
 * sent before, or are on their way in, were read and handed to the engine; after a second at most, and at the
 * monotonic time. */
void ordo_http_close_listeners(struct ordo_http *http, int64_t until_ns);
/* Waits for open answers until then, but at least a second; ends the loops, joins. */
void ordo_http_stop(struct ordo_http *http, int64_t until_ns);
