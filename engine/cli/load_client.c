/* SPDX-License-Identifier: MIT
 * load_client.c: one epoll loop over the connections: what is due when, the end, and signals.
 */
#include "cli/load_client.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/load_connection.h"

enum { EVENTS = 256 };
#define REOPEN_NS ((int64_t)100000000)
#define SECOND_NS ((int64_t)1000000000)

static volatile sig_atomic_t interrupts;

static void on_signal(int number)
{
    (void)number;
    interrupts++;
}

const char *ordo_load_error_name(enum ordo_load_error error)
{
    static const char *const names[] = {
#define X(name, text) text,
        ORDO_LOAD_ERROR_TABLE(X)
#undef X
    };

    return names[error];
}

static void end_late_requests(struct ordo_load_client *client, int64_t now_ns)
{
    for (uint32_t i = 0; i < client->options->connections; i++) {
        struct ordo_load_connection *connection = &client->connections[i];

        if (connection->state == ORDO_LOAD_BUSY && connection->deadline_ns <= now_ns)
            ordo_load_connection_fail(client, connection, ORDO_LOAD_ERROR_TIMED_OUT);
    }
}

/* What is due at the moment, on connections that are free. */
static void launch(struct ordo_load_client *client, int64_t now_ns)
{
    struct ordo_load_connection *connection;

    if (client->options->rate <= 0) {
        while (!client->draining && (connection = ordo_load_connection_pop(client)) != NULL)
            ordo_load_connection_send(client, connection, now_ns, now_ns);
        return;
    }
    while (!client->draining && client->next_due_ns <= now_ns && client->next_due_ns < client->end_ns &&
           (connection = ordo_load_connection_pop(client)) != NULL)
        ordo_load_connection_use(client, connection, now_ns);
}

static void begin_drain(struct ordo_load_client *client, int64_t now_ns)
{
    int64_t until = now_ns < client->end_ns ? now_ns : client->end_ns;

    if (client->options->rate > 0 && client->options->limit == 0 && client->next_due_ns < until)
        client->stats->unsent = (uint64_t)ceil((double)(until - client->next_due_ns) / client->interval_ns) *
                                client->options->batch;
    client->draining = true;
}

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void wait_for_events(struct ordo_load_client *client, int64_t until_ns, const sigset_t *unblocked)
{
    struct epoll_event events[EVENTS];
    int64_t wait_ns = until_ns - ordo_clock_ns();
    struct timespec timeout = {0};
    int count;

    if (wait_ns > 0)
        timeout = (struct timespec){wait_ns / SECOND_NS, wait_ns % SECOND_NS};
    count = epoll_pwait2(client->epoll, events, EVENTS, &timeout, unblocked);
    if (count < 0 && errno == ENOSYS) /* an old kernel, or a filter that does not know the call */
        count = epoll_pwait(client->epoll, events, EVENTS, (int)((wait_ns + 999999) / 1000000), unblocked);
    for (int i = 0; i < count; i++)
        ordo_load_connection_handle(client, events[i].data.ptr, events[i].events);
}

static void loop(struct ordo_load_client *client, struct ordo_load_observer *observer,
                 const sigset_t *unblocked)
{
    int64_t tick_ns = client->stats->start_ns + SECOND_NS;
    sig_atomic_t seen = 0;

    for (;;) {
        int64_t now_ns = ordo_clock_ns(), until_ns;

        if (interrupts > seen) {
            client->stats->interrupted = true;
            if (seen > 0 || interrupts > 1)
                break;
            seen = interrupts;
        }
        if (!client->draining && (now_ns >= client->end_ns || seen > 0))
            begin_drain(client, now_ns);
        if (client->draining && client->busy == 0)
            break;
        if (now_ns >= tick_ns) {
            end_late_requests(client, now_ns);
            observer->second(observer, client->stats, now_ns);
            while (tick_ns <= now_ns)
                tick_ns += SECOND_NS;
        }
        if (client->closed > 0 && !client->draining && now_ns >= client->reopen_ns) {
            ordo_load_connection_reopen_all(client);
            client->reopen_ns = now_ns + REOPEN_NS;
        }
        launch(client, now_ns);
        until_ns = tick_ns;
        if (!client->draining)
            until_ns = min_ns(until_ns, client->end_ns);
        if (!client->draining && client->closed > 0)
            until_ns = min_ns(until_ns, client->reopen_ns);
        if (!client->draining && client->options->rate > 0 && client->idle_count > 0)
            until_ns = min_ns(until_ns, client->next_due_ns);
        wait_for_events(client, until_ns, unblocked);
    }
    client->stats->errors[ORDO_LOAD_ERROR_UNFINISHED] += client->busy;
}

/* Finds the address and makes sure that somebody is there, so that a wrong one is told at once. */
static int find_server(struct ordo_load_client *client, struct ordo_error *err)
{
    const struct ordo_load_options *options = client->options;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *each;
    char place[256];
    int code = getaddrinfo(options->host, options->port, &hints, &list), failed = 0;

    snprintf(place, sizeof(place), "%s:%s", options->host, options->port);
    if (code != 0)
        return ordo_fail(err, ORDO_EIO, place, "cannot find the host: %s", gai_strerror(code));
    for (each = list; each != NULL; each = each->ai_next) {
        int fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int connected = fd < 0 ? -1 : connect(fd, each->ai_addr, each->ai_addrlen);

        failed = errno;
        if (fd >= 0)
            close(fd);
        if (connected == 0)
            break;
    }
    if (each != NULL) {
        memcpy(&client->address, each->ai_addr, each->ai_addrlen);
        client->address_len = each->ai_addrlen;
    }
    freeaddrinfo(list);
    if (each == NULL)
        return ordo_fail(err, -failed, place,
                         "cannot connect: %s; is the engine running there (`ordo serve`)?", strerror(failed));
    return 0;
}

static int prepare(struct ordo_load_client *client, struct ordo_error *err)
{
    const struct ordo_load_options *options = client->options;
    struct rlimit files;
    int code = find_server(client, err);

    if (code != 0)
        return code;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < (rlim_t)options->connections + 16)
        return ordo_fail(err, -EMFILE, NULL,
                         "%u connections need as many open files, but %llu is the limit (ulimit -n)",
                         options->connections, (unsigned long long)files.rlim_cur);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll < 0)
        return ordo_fail(err, -errno, NULL, "cannot watch connections: %s", strerror(errno));
    client->connections = calloc(options->connections, sizeof(*client->connections));
    client->idle = calloc(options->connections, sizeof(struct ordo_load_connection *));
    client->input = malloc(ORDO_LOAD_READ_SIZE);
    ORDO_REQUIRE(client->connections != NULL && client->idle != NULL && client->input != NULL);
    client->closed = options->connections;
    ordo_load_orders_init(&client->orders, options->seed, options->mix);
    ordo_load_connection_make_head(client);
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); /* requests are due at moments, not at 50 us more or less */
    return 0;
}

static void clean_up(struct ordo_load_client *client)
{
    for (uint32_t i = 0; client->connections != NULL && i < client->options->connections; i++) {
        ordo_load_connection_close(client, &client->connections[i]);
        ordo_buffer_done(&client->connections[i].out);
    }
    if (client->epoll >= 0)
        close(client->epoll);
    free(client->connections);
    free(client->idle);
    free(client->input);
    ordo_buffer_done(&client->head);
    ordo_buffer_done(&client->body);
}

int ordo_load_client_run(const struct ordo_load_options *options, struct ordo_load_observer *observer,
                         struct ordo_load_stats *ret_stats, struct ordo_error *err)
{
    struct ordo_load_client client = {.options = options, .stats = ret_stats, .epoll = -1};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours, before;
    int code;

    memset(ret_stats, 0, sizeof(*ret_stats));
    /* Delivered inside of the wait only, so none can slip in between a look at `interrupts` and the wait. */
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, &before);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    code = prepare(&client, err);
    if (code == 0) {
        ret_stats->start_ns = ret_stats->last_ns = client.next_due_ns = ordo_clock_ns();
        client.end_ns = ret_stats->start_ns + options->duration_ns;
        if (options->rate > 0)
            client.interval_ns = 1e9 * options->batch / options->rate;
        loop(&client, observer, &before);
    }
    clean_up(&client);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}
