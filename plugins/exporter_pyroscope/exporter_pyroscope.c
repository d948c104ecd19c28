/* SPDX-License-Identifier: MIT
 * exporter_pyroscope.c: pushes profiles to Pyroscope, or to whatever takes what Pyroscope takes.
 *
 * Profiles wait in a queue that is bounded by its bytes; the oldest make room. A thread pushes them one by one, oldest first.
 * While the receiver is away or says that it cannot (5xx), the oldest one stays first and is tried again with growing waits, until
 * it is taken or had to make room. What the receiver refuses is dropped.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>
#include <ordo/exporter.h>

#include "backoff.h"
#include "http_post.h"
#include "monotonic_cond.h"
#include "pyroscope_request.h"
#include "quiet_thread.h"

#define TELL_AGAIN_NS ((int64_t)60000000000)

static const struct ordo_option options[] = {
    {"url", ORDO_OPTION_STRING, NULL, 1, 4000, NULL,
     "Address of Pyroscope: http:// or https://; profiles are posted to /ingest below it."},
    {"service", ORDO_OPTION_STRING, "ordo", 1, 200, NULL, "Name under which profiles are kept."},
    {"labels", ORDO_OPTION_STRING, "", 0, 1000, NULL,
     "Labels of all profiles: key=value,key=value; the host's name, say."},
    {"tenant", ORDO_OPTION_STRING, "", 0, 150, NULL, "Tenant, for the header X-Scope-OrgID; empty: none."},
    {"token_file", ORDO_OPTION_STRING, "", 0, 4095, NULL,
     "File with the token for the Authorization header; read again for each request."},
    {"timeout", ORDO_OPTION_DURATION, "10s", 1000, 600000000, NULL,
     "Longest time that one request may take."},
    {"backoff_min", ORDO_OPTION_DURATION, "1s", 0, 3600000000, NULL,
     "Longest wait before the first retry; it doubles with each."},
    {"backoff_max", ORDO_OPTION_DURATION, "1m", 0, 3600000000, NULL,
     "Longest wait before any retry, but for Retry-After."},
    {"queue", ORDO_OPTION_SIZE, "16MiB", 1024, 1073741824, NULL,
     "Memory for profiles that wait; then the oldest ones are dropped."},
    {0},
};

struct exporter {
    /* set once */
    const struct ordo_host *host;
    struct pyroscope_target target;
    const char *token_file; /* the options' */
    char tenant[192];       /* a header line; empty: none */
    int64_t backoff_min_ns, backoff_max_ns;
    size_t bytes_max;
    pthread_t thread;
    bool is_started;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock */
    struct pyroscope_request *first, **last;
    size_t bytes; /* of those in the queue */
    bool is_stopping, has_ended;
    uint64_t pushed, failed, dropped, waiting; /* waiting: with the one that is being pushed */

    /* its thread */
    struct http_poster *poster; /* abandoned by any */
    struct random_state random;
    unsigned attempts; /* that failed, since one went well */
    int64_t due_ns;    /* of the next attempt; 0: now */
    int64_t told_ns;   /* when a failure was told last; 0: never, or it is over */
};

static int64_t now_ns(const struct exporter *exporter)
{
    return exporter->host->monotonic_ns(exporter->host->engine);
}

/* --- the queue; all of it needs the lock --- */

static struct pyroscope_request *pop(struct exporter *exporter)
{
    struct pyroscope_request *request = exporter->first;

    exporter->first = request->next;
    if (exporter->first == NULL)
        exporter->last = &exporter->first;
    exporter->bytes -= request->len;
    return request;
}

static void drop(struct exporter *exporter, struct pyroscope_request *request)
{
    exporter->waiting--;
    exporter->dropped++;
    pyroscope_request_free(request);
}

static void drop_oldest(struct exporter *exporter, size_t bytes_max)
{
    while (exporter->bytes > bytes_max)
        drop(exporter, pop(exporter));
}

static void push_last(struct exporter *exporter, struct pyroscope_request *request)
{
    *exporter->last = request;
    exporter->last = &request->next;
    exporter->bytes += request->len;
    exporter->waiting++;
    drop_oldest(exporter, exporter->bytes_max);
}

static void push_first_again(struct exporter *exporter, struct pyroscope_request *request)
{
    request->next = exporter->first;
    exporter->first = request;
    if (request->next == NULL)
        exporter->last = &request->next;
    exporter->bytes += request->len;
    drop_oldest(exporter, exporter->bytes_max);
}

/* Waits until the monotonic time, or a change. */
static void wait_until(struct exporter *exporter, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    if (until_ns == INT64_MAX)
        pthread_cond_wait(&exporter->changed, &exporter->lock);
    else
        pthread_cond_timedwait(&exporter->changed, &exporter->lock, &until);
}

/* Waits for a request whose time has come; at a stop that is at once. NULL: it stops, and there is none. */
static struct pyroscope_request *take(struct exporter *exporter)
{
    struct pyroscope_request *request = NULL;

    pthread_mutex_lock(&exporter->lock);
    while (!exporter->is_stopping && (exporter->first == NULL || now_ns(exporter) < exporter->due_ns))
        wait_until(exporter, exporter->first == NULL ? INT64_MAX : exporter->due_ns);
    if (exporter->first != NULL)
        request = pop(exporter);
    pthread_mutex_unlock(&exporter->lock);
    return request;
}

/* --- its thread --- */

static bool is_retried(enum http_verdict verdict)
{
    return verdict == HTTP_RETRY || verdict == HTTP_AWAY;
}

static void post(struct exporter *exporter, const struct pyroscope_request *request,
                 struct http_answer *ret_answer)
{
    const struct ordo_host *host = exporter->host;
    const char *headers[] = {request->content_type, exporter->tenant[0] != '\0' ? exporter->tenant : NULL,
                             NULL};
    struct ordo_error err = {0};
    int64_t began_ns = now_ns(exporter);

    if (http_poster_read_token(exporter->poster, host, exporter->token_file, &err) != 0) {
        *ret_answer = (struct http_answer){.verdict = HTTP_AWAY};
        snprintf(ret_answer->reason, sizeof(ret_answer->reason), "%.120s: %.180s", err.place, err.message);
        return;
    }
    http_post(exporter->poster, request->url, headers, (ordo_str){request->body, request->len}, ret_answer);
    host->span(host->engine, "push a profile", began_ns, now_ns(exporter));
}

/* Counts, and puts the request where it belongs. Returns how many wait. */
static uint64_t settle(struct exporter *exporter, struct pyroscope_request *request,
                       enum http_verdict verdict, bool *ret_stopping)
{
    uint64_t waiting;

    pthread_mutex_lock(&exporter->lock);
    *ret_stopping = exporter->is_stopping;
    if (verdict != HTTP_TAKEN)
        exporter->failed++;
    if (verdict == HTTP_TAKEN) {
        exporter->pushed++;
        exporter->waiting--;
        pyroscope_request_free(request);
    } else if (verdict == HTTP_REFUSED) {
        drop(exporter, request);
    } else {
        push_first_again(exporter, request);
    }
    waiting = exporter->waiting;
    if (is_retried(verdict) && exporter->is_stopping)
        drop_oldest(exporter, 0);
    pthread_mutex_unlock(&exporter->lock);
    return waiting;
}

/* Once when it begins, then once a minute. */
static void tell_failure(struct exporter *exporter, enum http_verdict verdict, uint64_t waiting,
                         bool is_stopping, const char *reason)
{
    const struct ordo_host *host = exporter->host;
    int64_t now = now_ns(exporter);
    char text[512];

    if (is_stopping && is_retried(verdict))
        snprintf(text, sizeof(text), "%llu profile(s) were not pushed before the stop: %s",
                 (unsigned long long)waiting, reason);
    else if (exporter->told_ns != 0 && now - exporter->told_ns < TELL_AGAIN_NS)
        return;
    else if (verdict == HTTP_REFUSED)
        snprintf(text, sizeof(text), "a profile was refused, and is dropped: %s", reason);
    else
        snprintf(text, sizeof(text), "cannot push, %llu profile(s) wait: %s", (unsigned long long)waiting,
                 reason);
    host->log(host->engine, ORDO_LOG_WARN, text);
    exporter->told_ns = now;
}

static void push(struct exporter *exporter, struct pyroscope_request *request)
{
    const struct ordo_host *host = exporter->host;
    struct http_answer answer;
    uint64_t waiting;
    bool is_stopping;

    post(exporter, request, &answer);
    waiting = settle(exporter, request, answer.verdict, &is_stopping);
    exporter->attempts = is_retried(answer.verdict) ? exporter->attempts + 1 : 0;
    exporter->due_ns = !is_retried(answer.verdict)
                           ? 0
                           : now_ns(exporter) + backoff_ns(&exporter->random, exporter->backoff_min_ns,
                                                           exporter->backoff_max_ns, exporter->attempts,
                                                           answer.retry_after_ms);
    if (answer.verdict != HTTP_TAKEN) {
        tell_failure(exporter, answer.verdict, waiting, is_stopping, answer.reason);
    } else if (exporter->told_ns != 0) {
        host->log(host->engine, ORDO_LOG_INFO, "profiles are taken again");
        exporter->told_ns = 0;
    }
}

static void *run(void *context)
{
    struct exporter *exporter = context;
    struct pyroscope_request *request;

    while ((request = take(exporter)) != NULL)
        push(exporter, request);
    pthread_mutex_lock(&exporter->lock);
    exporter->has_ended = true;
    pthread_cond_broadcast(&exporter->changed);
    pthread_mutex_unlock(&exporter->lock);
    return NULL;
}

/* --- the operations --- */

static int take_profile(void *self, const struct ordo_exported_profile *profile, struct ordo_error *err)
{
    struct exporter *exporter = self;
    struct pyroscope_request *request = pyroscope_request_new(&exporter->target, profile);
    bool fits = request != NULL && request->len <= exporter->bytes_max;

    pthread_mutex_lock(&exporter->lock);
    if (fits)
        push_last(exporter, request);
    else
        exporter->dropped++;
    pthread_cond_broadcast(&exporter->changed);
    pthread_mutex_unlock(&exporter->lock);
    if (fits)
        return 0;
    if (request == NULL)
        return exporter->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    exporter->host->fail(err, ORDO_ELIMIT, "queue", "%zu bytes do not fit into %zu; make it larger",
                         request->len, exporter->bytes_max);
    pyroscope_request_free(request);
    return ORDO_ELIMIT;
}

static void stop_exporter(void *self, int64_t until_ns)
{
    struct exporter *exporter = self;
    bool has_ended;

    if (!exporter->is_started)
        return;
    pthread_mutex_lock(&exporter->lock);
    exporter->is_stopping = true;
    pthread_cond_broadcast(&exporter->changed);
    while (!exporter->has_ended && now_ns(exporter) < until_ns)
        wait_until(exporter, until_ns);
    has_ended = exporter->has_ended;
    pthread_mutex_unlock(&exporter->lock);
    if (!has_ended)
        http_poster_abandon(exporter->poster);
    pthread_join(exporter->thread, NULL);
    exporter->is_started = false;
}

static void stat_exporter(void *self, struct ordo_exporter_stat *ret_stat)
{
    struct exporter *exporter = self;
    struct ordo_exporter_stat stat = {.size = ret_stat->size};

    pthread_mutex_lock(&exporter->lock);
    stat.pushed = exporter->pushed;
    stat.failed = exporter->failed;
    stat.dropped = exporter->dropped;
    stat.waiting = exporter->waiting;
    pthread_mutex_unlock(&exporter->lock);
    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}

static void close_exporter(void *self)
{
    struct exporter *exporter = self;

    if (exporter == NULL)
        return;
    stop_exporter(exporter, 0);
    while (exporter->first != NULL)
        pyroscope_request_free(pop(exporter));
    http_poster_close(exporter->poster);
    pyroscope_target_done(&exporter->target);
    pthread_cond_destroy(&exporter->changed);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter);
    curl_global_cleanup();
}

static int read_tenant(struct exporter *exporter, const char *tenant, struct ordo_error *err)
{
    for (const char *at = tenant; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return exporter->host->fail(err, ORDO_ECONFIG, "tenant",
                                        "must be printable ASCII without spaces");
    if (*tenant != '\0')
        snprintf(exporter->tenant, sizeof(exporter->tenant), "X-Scope-OrgID: %s", tenant);
    return 0;
}

static int start(struct exporter *exporter, const struct ordo_options *values, struct ordo_error *err)
{
    const struct ordo_host *host = exporter->host;
    const char *url = host->option_string(values, "url");
    int result =
        http_poster_open(host, url, host->option_int(values, "timeout") / 1000, &exporter->poster, err);

    if (result == 0)
        result = pyroscope_target_init(&exporter->target, host, url, host->option_string(values, "service"),
                                       host->option_string(values, "labels"), err);
    if (result == 0)
        result = read_tenant(exporter, host->option_string(values, "tenant"), err);
    if (result == 0)
        result = http_poster_read_token(exporter->poster, host, exporter->token_file, err);
    if (result == 0)
        result = quiet_thread_start(&exporter->thread, "pyroscope", run, exporter, host, err);
    exporter->is_started = result == 0;
    return result;
}

static int open_exporter(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                         struct ordo_error *err)
{
    struct exporter *exporter = calloc(1, sizeof(*exporter));
    int result;

    if (exporter == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(exporter);
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    exporter->host = host;
    exporter->token_file = host->option_string(values, "token_file");
    exporter->backoff_min_ns = host->option_int(values, "backoff_min") * 1000;
    exporter->backoff_max_ns = host->option_int(values, "backoff_max") * 1000;
    exporter->bytes_max = (size_t)host->option_int(values, "queue");
    exporter->last = &exporter->first;
    exporter->random = random_from(0);
    pthread_mutex_init(&exporter->lock, NULL);
    monotonic_cond_init(&exporter->changed);
    result = start(exporter, values, err);
    if (result != 0) {
        close_exporter(exporter);
        return result;
    }
    *ret_self = exporter;
    return 0;
}

static const struct ordo_exporter_ops ops = {
    .size = sizeof(ops),
    .profile = take_profile,
    .stop = stop_exporter,
    .stat = stat_exporter,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_EXPORTER,
        .name = "exporter_pyroscope",
        .version = ORDO_VERSION,
        .summary = "Pushes profiles of CPU and memory to Pyroscope.",
        .options = options,
        .open = open_exporter,
        .close = close_exporter,
        .ops = &ops,
    };

    return &plugin;
}
