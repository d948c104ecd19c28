/* SPDX-License-Identifier: MIT
 * server.c: starts and stops the loops and their listeners.
 */
#include "http/http_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/listen.h"

#include <sys/resource.h>

enum {
    ENTITY_SLACK = 64 * 1024, /* above the limit of a batch, so that the handler can say what is too large */
    FD_RESERVE = 128,         /* for files, the admin listener and h2o itself */
    CLOSE_NS = 1000000000,
};

/* Admin routes need a token wherever others than this machine reach them. */
static int check_tokens(const struct ordo_http_options *options, bool main_is_loopback,
                        bool admin_is_loopback, struct ordo_error *err)
{
    bool apart = options->admin_listen[0] != '\0';

    if (options->admin_token_file[0] != '\0' || (apart ? admin_is_loopback : main_is_loopback))
        return 0;
    if (apart)
        return ordo_fail(err, ORDO_ECONFIG, "admin.listen",
                         "%s is not a loopback address, so it needs a token: set admin.token_file",
                         options->admin_listen);
    return ordo_fail(
        err, ORDO_ECONFIG, "http.listen",
        "%s is not a loopback address, and admin routes are on it: set admin.listen to a loopback "
        "address, or admin.token_file",
        options->listen);
}

bool ordo_http_check(const struct ordo_http_options *options, ordo_http_complain_fn complain, void *context)
{
    const struct {
        const char *option, *path;
    } token_files[] = {{"http.token_file", options->token_file},
                       {"admin.token_file", options->admin_token_file}};
    bool main_is_loopback = true, admin_is_loopback = true, ok = true;
    struct ordo_token token;
    struct ordo_error err = {0};
    char text[1024];

    if (ordo__listen_check(options->listen, "http.listen", &main_is_loopback, &err) != 0) {
        complain(context, err.place, err.message);
        ok = false;
    }
    if (options->admin_listen[0] != '\0' &&
        ordo__listen_check(options->admin_listen, "admin.listen", &admin_is_loopback, &err) != 0) {
        complain(context, err.place, err.message);
        ok = false;
    }
    if (check_tokens(options, main_is_loopback, admin_is_loopback, &err) != 0) {
        complain(context, err.place, err.message);
        ok = false;
    }
    for (size_t i = 0; i < sizeof(token_files) / sizeof(*token_files); i++)
        if (token_files[i].path[0] != '\0' && ordo_token_read(token_files[i].path, &token, &err) != 0) {
            complain(context, token_files[i].option, ordo_error_format(&err, text, sizeof(text)));
            ok = false;
        }
    return ok;
}

static int read_tokens(struct ordo_http *http, struct ordo_error *err)
{
    const struct ordo_http_options *options = &http->options;
    int result = 0;

    if (options->token_file[0] != '\0')
        result = ordo_token_read(options->token_file, &http->token, err);
    if (result == 0 && options->admin_token_file[0] != '\0')
        result = ordo_token_read(options->admin_token_file, &http->admin_token, err);
    return result;
}

static int bind_listeners(struct ordo_http *http, struct ordo_error *err)
{
    struct ordo__listener main = {.fd = -1}, admin = {.fd = -1};
    int result = ordo__listen(http->options.listen, "http.listen", &main, err);

    if (result == 0 && http->admin_apart)
        result = ordo__listen(http->options.admin_listen, "admin.listen", &admin, err);
    http->listener = main.fd;
    http->admin_listener = admin.fd;
    http->port = main.port;
    http->admin_port = admin.port;
    return result != 0 ? result : check_tokens(&http->options, main.is_loopback, admin.is_loopback, err);
}

/* As many descriptors as the system allows this process; then what is left for connections. */
static uint32_t find_max_connections(uint32_t wanted)
{
    struct rlimit limit;
    uint64_t most;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted > 0 ? wanted : 1024 - FD_RESERVE;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    most = limit.rlim_cur > 2 * FD_RESERVE ? limit.rlim_cur - FD_RESERVE : FD_RESERVE;
    if (most > 1000000)
        most = 1000000;
    return wanted > 0 && wanted < most ? wanted : (uint32_t)most;
}

static void configure(struct ordo_http *http)
{
    h2o_globalconf_t *config = &http->config;
    h2o_hostconf_t *host;

    h2o_config_init(config);
    config->server_name = h2o_iovec_init(H2O_STRLIT("ordo"));
    config->max_request_entity_size = http->limits->batch_bytes + ENTITY_SLACK;
    if (http->limits->order_bytes > http->limits->batch_bytes)
        config->max_request_entity_size = http->limits->order_bytes + ENTITY_SLACK;
    config->http1.req_timeout = (uint64_t)http->options.timeout_s * 1000;
    config->http2.idle_timeout = (uint64_t)http->options.timeout_s * 1000;
    config->http2.graceful_shutdown_timeout = 0; /* whom to cut off, and when, is decided in loop.c */
    host = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    ordo__fallback_install(host);
    h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
        ordo__request_handle;
}

static int init_loops(struct ordo_http *http, struct ordo_error *err)
{
    char name[16];
    int result;

    for (uint32_t i = 0; i < http->loop_count; i++) {
        struct ordo__loop *loop = &http->loops[i];

        loop->is_admin = i == http->main_count;
        loop->scopes = loop->is_admin      ? (unsigned)ORDO__SCOPE_ADMIN
                       : http->admin_apart ? (unsigned)ORDO__SCOPE_MAIN
                                           : (unsigned)ORDO__SCOPE_BOTH;
        snprintf(name, sizeof(name), loop->is_admin ? "admin" : "http-%u", i % 1000);
        result = ordo__loop_init(loop, http, loop->is_admin ? http->admin_listener : http->listener, name);
        if (result != 0)
            return ordo_fail(err, result, NULL, "cannot make a loop: %s", strerror(-result));
    }
    return 0;
}

static int start_loops(struct ordo_http *http, struct ordo_error *err)
{
    uint32_t started = 0;
    int result = 0;

    for (; result == 0 && started < http->loop_count; started += result == 0) {
        struct ordo__loop *loop = &http->loops[started];

        result = ordo_thread_start(&loop->thread, loop->name, ordo__loop_run, loop);
        loop->ran = result == 0;
    }
    while (atomic_load(&http->open_loops) < started) /* from there on they take letters */
        ordo_waker_wait(&http->changed, INT64_MAX);
    return result == 0 ? 0 : ordo_fail(err, result, NULL, "cannot start a thread: %s", strerror(-result));
}

struct ordo_http *ordo_http_start(struct ordo_engine *engine, struct ordo_rules *rules,
                                  const struct ordo_http_options *options, struct ordo_error *err)
{
    struct ordo_http *http = calloc(1, sizeof(*http));

    ORDO_REQUIRE(http != NULL);
    *http = (struct ordo_http){.engine = engine,
                               .rules = rules,
                               .options = *options,
                               .limits = ordo_engine_limits(engine),
                               .listener = -1,
                               .admin_listener = -1,
                               .admin_apart = options->admin_listen[0] != '\0',
                               .main_count = options->threads};
    http->loop_count = http->main_count + http->admin_apart;
    ordo_waker_init(&http->changed);
    if (read_tokens(http, err) != 0 || bind_listeners(http, err) != 0) {
        if (http->listener >= 0)
            close(http->listener);
        if (http->admin_listener >= 0)
            close(http->admin_listener);
        ordo_waker_done(&http->changed);
        free(http);
        return NULL;
    }
    http->max_connections = find_max_connections(options->max_connections);
    configure(http);
    http->loops = calloc(http->loop_count, sizeof(*http->loops));
    ORDO_REQUIRE(http->loops != NULL);
    http->events = ordo__events_new(http);
    if (init_loops(http, err) != 0 || start_loops(http, err) != 0) {
        ordo_http_stop(http, 0);
        return NULL;
    }
    ordo_engine_listen(engine, (struct ordo_listener *)http->events);
    return http;
}

uint16_t ordo_http_port(const struct ordo_http *http)
{
    return http->port;
}

uint16_t ordo_http_admin_port(const struct ordo_http *http)
{
    return http->admin_port;
}

void ordo_http_close_listeners(struct ordo_http *http, int64_t until_ns)
{
    uint32_t left = http->admin_apart; /* the admin listener stays: there is something to watch now */
    int64_t now_ns = ordo_clock_ns();

    if (until_ns > now_ns + CLOSE_NS)
        until_ns = now_ns + CLOSE_NS;
    if (atomic_exchange(&http->closing, true))
        return;
    close(http->listener);
    http->listener = -1;
    for (uint32_t i = 0; i < http->main_count; i++)
        ordo__loop_post(&http->loops[i], &http->loops[i].close_letter);
    while (atomic_load(&http->open_loops) > left && ordo_clock_ns() < until_ns)
        ordo_waker_wait(&http->changed, until_ns);
}

static void free_http(struct ordo_http *http)
{
    for (uint32_t i = 0; i < http->loop_count; i++) {
        struct ordo__loop *loop = &http->loops[i];

        if (loop->ran && !loop->disposed)
            return; /* orders in the engine point to it, so all of it stays */
        if (!loop->ran && loop->http != NULL)
            close(loop->listener_fd);
    }
    h2o_config_dispose(&http->config);
    ordo__events_free(http->events);
    ordo_waker_done(&http->changed);
    free(http->loops);
    free(http);
}

void ordo_http_stop(struct ordo_http *http, int64_t until_ns)
{
    ordo_engine_listen(http->engine, NULL);
    atomic_store(&http->closing, true);
    for (uint32_t i = 0; i < http->loop_count; i++) {
        struct ordo__loop *loop = &http->loops[i];

        if (!loop->thread.started)
            continue;
        loop->stop_ns = until_ns;
        ordo__loop_post(loop, &loop->stop_letter);
    }
    for (uint32_t i = 0; i < http->loop_count; i++)
        ordo_thread_join(&http->loops[i].thread);
    if (http->listener >= 0)
        close(http->listener);
    if (http->admin_listener >= 0)
        close(http->admin_listener);
    free_http(http);
}
