/* SPDX-License-Identifier: MIT
 * sink_webhook.c: posts decisions to a URL, in batches of one JSON document a line.
 *
 * emit makes one attempt with one request a call, and says how many decisions that was: a stop or a crash repeats
 * no more than these. When the receiver does not take them it fails, and the engine, which alone knows whether it is
 * about to stop, brings the same decisions again. The sink remembers how often it tried and when the next attempt is
 * due (exponential backoff with full jitter, or what Retry-After says). A call before that time waits, but at most
 * WAIT_MAX_NS, so a stop is held up by no more than that and the timeout of one request.
 *
 * A batch that is refused, or was answered with a passing failure `retries` times more, goes to the dead-letter file:
 * nothing is given up silently. No answer is no refusal: then the sink tries for as long as it takes. What was not
 * delivered before a stop waits in the store and comes again after the next start.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>
#include <ordo/sink.h>

#include "backoff.h"
#include "http_post.h"
#include "line_file.h"

enum { WAIT_MAX_NS = 1000000000, TELL_AGAIN_NS = 1000000000 };

static const struct ordo_option options[] = {
    {"url", ORDO_OPTION_STRING, NULL, 1, 4095, NULL, "Where to post decisions: http:// or https://."},
    {"dead_letter", ORDO_OPTION_STRING, NULL, 1, 4095, NULL, "File for decisions that the receiver refused."},
    {"batch", ORDO_OPTION_INT, "100", 1, 10000, "decisions", "Decisions in one request at most."},
    {"timeout", ORDO_OPTION_DURATION, "10s", 1000, 600000000, NULL,
     "Longest time that one request may take."},
    {"retries", ORDO_OPTION_INT, "8", 0, 1000, NULL,
     "Passing failures (408, 429, 5xx) that are tried again; one more, and the batch goes to the dead-letter "
     "file."},
    {"backoff_min", ORDO_OPTION_DURATION, "200ms", 0, 3600000000, NULL,
     "Longest wait before the first retry; it doubles with each."},
    {"backoff_max", ORDO_OPTION_DURATION, "30s", 0, 3600000000, NULL,
     "Longest wait before any retry, but for Retry-After."},
    {"token_file", ORDO_OPTION_STRING, "", 0, 4095, NULL,
     "File with the token for the Authorization header; read again on SIGUSR1."},
    {0},
};

struct identity {
    uint64_t a, b;
};

struct webhook {
    /* set once */
    const struct ordo_host *host;
    size_t batch;
    unsigned retries;
    int64_t backoff_min_ns, backoff_max_ns, timeout_ms;
    const char *url, *token_file; /* the options' */

    /* the sink's thread */
    struct http_poster *poster;
    struct line_file dead_letter;
    struct random_state random;
    char *body; /* of a request */
    size_t body_capacity;
    struct identity identity; /* of the batch that was tried last */
    unsigned attempts;        /* with it, all in vain; 0: it is done with */
    unsigned refusals;        /* of these, answered with a passing failure */
    int64_t due_ns;           /* of the next attempt */
    size_t untold;            /* decisions in the dead-letter file that the log does not know of */
    int64_t told_ns;          /* when it was told last; 0: never */

    _Atomic uint64_t emitted, failed, dead_lettered;
};

static struct identity identify(const struct ordo_emission *items, size_t count)
{
    struct identity identity = {0xcbf29ce484222325u, 0x6c62272e07bb0142u};

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < items[i].id.len; at++) {
            identity.a = (identity.a ^ (unsigned char)items[i].id.ptr[at]) * 0x100000001b3u;
            identity.b = (identity.b + (unsigned char)items[i].id.ptr[at]) * 0x9e3779b97f4a7c15u;
        }
        identity.a = (identity.a ^ items[i].revision ^ 0x100u) * 0x100000001b3u;
        identity.b = (identity.b + items[i].revision + 0x100u) * 0x9e3779b97f4a7c15u;
        identity.b ^= identity.b >> 29;
    }
    return identity;
}

static void add_dead_letters(struct line_file *file, const struct ordo_emission *items, size_t count,
                             const char *reason)
{
    char revision[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(revision, sizeof(revision), ",\"revision\":%u,", items[i].revision);
        line_file_add(file, ORDO_STR("{\"id\":"));
        line_file_add_json(file, items[i].id);
        line_file_add(file, ordo_str_from(revision));
        line_file_add(file, ORDO_STR("\"reason\":"));
        line_file_add_json(file, ordo_str_from(reason));
        line_file_add(file, ORDO_STR(",\"decision\":"));
        line_file_add(file, items[i].decision);
        line_file_add(file, ORDO_STR("}"));
        line_file_end(file);
    }
}

static void tell_dead_letters(struct webhook *webhook, const char *reason)
{
    const struct ordo_host *host = webhook->host;
    char text[512];

    snprintf(text, sizeof(text), "%zu decisions went to the dead-letter file: %s", webhook->untold, reason);
    host->log(host->engine, ORDO_LOG_ERROR, text);
    webhook->told_ns = host->monotonic_ns(host->engine);
    webhook->untold = 0;
}

/* Writes what was added to the dead-letter file. A receiver that refuses everything does not flood the log. */
static int write_dead_letters(struct webhook *webhook, size_t count, const char *reason,
                              struct ordo_error *err)
{
    const struct ordo_host *host = webhook->host;
    int result = line_file_write(&webhook->dead_letter, true, err);

    if (result != 0)
        return result;
    atomic_fetch_add_explicit(&webhook->dead_lettered, count, memory_order_relaxed);
    webhook->untold += count;
    if (webhook->told_ns == 0 || host->monotonic_ns(host->engine) - webhook->told_ns >= TELL_AGAIN_NS)
        tell_dead_letters(webhook, reason);
    return 0;
}

/* False when the next attempt is still not due. */
static bool wait_until_due(const struct webhook *webhook)
{
    int64_t now_ns = webhook->host->monotonic_ns(webhook->host->engine);
    int64_t wait_ns = webhook->due_ns - now_ns < WAIT_MAX_NS ? webhook->due_ns - now_ns : WAIT_MAX_NS;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};

    if (webhook->attempts == 0 || wait_ns <= 0)
        return true;
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR) {
    }
    return webhook->due_ns - now_ns <= WAIT_MAX_NS;
}

static int make_body(struct webhook *webhook, const struct ordo_emission *items, size_t count,
                     ordo_str *ret_body)
{
    size_t len = 0;
    char *to;

    for (size_t i = 0; i < count; i++)
        len += items[i].decision.len + 1;
    if (len > webhook->body_capacity) {
        char *body = realloc(webhook->body, len);

        if (body == NULL)
            return ORDO_ENOMEM;
        webhook->body = body;
        webhook->body_capacity = len;
    }
    to = webhook->body;
    for (size_t i = 0; i < count; i++) {
        if (items[i].decision.len > 0)
            memcpy(to, items[i].decision.ptr, items[i].decision.len);
        to += items[i].decision.len;
        *to++ = '\n';
    }
    *ret_body = (ordo_str){webhook->body, len};
    return 0;
}

/* The batch was not taken. 0: it is in the dead-letter file, there is no more to do with it. */
static int note_failure(struct webhook *webhook, const struct ordo_emission *items, size_t count,
                        const struct http_answer *answer, struct ordo_error *err)
{
    const struct ordo_host *host = webhook->host;

    webhook->attempts++;
    webhook->refusals += answer->verdict == HTTP_RETRY;
    atomic_fetch_add_explicit(&webhook->failed, 1, memory_order_relaxed);
    if (answer->verdict == HTTP_REFUSED || webhook->refusals > webhook->retries) {
        add_dead_letters(&webhook->dead_letter, items, count, answer->reason);
        return write_dead_letters(webhook, count, answer->reason, err);
    }
    webhook->due_ns = host->monotonic_ns(host->engine) +
                      backoff_ns(&webhook->random, webhook->backoff_min_ns, webhook->backoff_max_ns,
                                 webhook->attempts, answer->retry_after_ms);
    if (answer->verdict == HTTP_AWAY)
        return host->fail(err, ORDO_EIO, webhook->url, "no answer at attempt %u, it goes on trying: %s",
                          webhook->attempts, answer->reason);
    return host->fail(err, ORDO_EIO, webhook->url, "refusal %u of %u: %s", webhook->refusals,
                      webhook->retries + 1, answer->reason);
}

/* One attempt with one batch. 0: it is taken, or in the dead-letter file. */
static int try_batch(struct webhook *webhook, const struct ordo_emission *items, size_t count,
                     struct ordo_error *err)
{
    const struct ordo_host *host = webhook->host;
    struct http_answer answer;
    ordo_str body;
    char key[96];

    if (!wait_until_due(webhook))
        return host->fail(err, ORDO_EIO, webhook->url, "waits before retry %u", webhook->attempts);
    if (make_body(webhook, items, count, &body) != 0)
        return host->fail(err, ORDO_ENOMEM, webhook->url, "out of memory");
    snprintf(key, sizeof(key), "Idempotency-Key: ordo-%016llx%016llx",
             (unsigned long long)webhook->identity.a, (unsigned long long)webhook->identity.b);
    http_post(webhook->poster, NULL, (const char *[]){"Content-Type: application/x-ndjson", key, NULL}, body,
              &answer);
    if (answer.verdict != HTTP_TAKEN)
        return note_failure(webhook, items, count, &answer, err);
    atomic_fetch_add_explicit(&webhook->emitted, count, memory_order_relaxed);
    return 0;
}

static int emit(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err)
{
    struct webhook *webhook = self;
    size_t size = count < webhook->batch ? count : webhook->batch;
    struct identity identity = identify(items, size);
    int result;

    if (size == 0)
        return 0;
    if (webhook->identity.a != identity.a || webhook->identity.b != identity.b) {
        webhook->identity = identity;
        webhook->attempts = webhook->refusals = 0;
    }
    result = try_batch(webhook, items, size, err);
    if (result != 0)
        return result;
    webhook->attempts = webhook->refusals = 0;
    return (int)size;
}

static int flush(void *self, struct ordo_error *err)
{
    (void)self, (void)err;
    return 0;
}

static int open_poster(struct webhook *webhook, struct ordo_error *err)
{
    struct http_poster *poster;
    int result = http_poster_open(webhook->host, webhook->url, webhook->timeout_ms, &poster, err);

    if (result != 0)
        return result;
    result = http_poster_read_token(poster, webhook->host, webhook->token_file, err);
    if (result != 0) {
        http_poster_close(poster);
        return result;
    }
    http_poster_close(webhook->poster);
    webhook->poster = poster;
    return 0;
}

static int reopen_files(void *self, struct ordo_error *err)
{
    struct webhook *webhook = self;
    int result = line_file_reopen(&webhook->dead_letter, err);

    return result != 0 ? result : open_poster(webhook, err);
}

static void stat_sink(void *self, struct ordo_sink_stat *ret_stat)
{
    struct webhook *webhook = self;
    struct ordo_sink_stat stat = {.size = ret_stat->size};

    stat.emitted = atomic_load_explicit(&webhook->emitted, memory_order_relaxed);
    stat.failed = atomic_load_explicit(&webhook->failed, memory_order_relaxed);
    stat.dead_lettered = atomic_load_explicit(&webhook->dead_lettered, memory_order_relaxed);
    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}

static void close_webhook(void *self)
{
    struct webhook *webhook = self;

    if (webhook == NULL)
        return;
    if (webhook->untold > 0)
        tell_dead_letters(webhook, "they were refused");
    http_poster_close(webhook->poster);
    line_file_close(&webhook->dead_letter);
    free(webhook->body);
    free(webhook);
    curl_global_cleanup();
}

static int open_webhook(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                        struct ordo_error *err)
{
    struct webhook *webhook = calloc(1, sizeof(*webhook));
    int result;

    if (webhook == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(webhook);
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    webhook->host = host;
    webhook->url = host->option_string(values, "url");
    webhook->token_file = host->option_string(values, "token_file");
    webhook->batch = (size_t)host->option_int(values, "batch");
    webhook->retries = (unsigned)host->option_int(values, "retries");
    webhook->timeout_ms = host->option_int(values, "timeout") / 1000;
    webhook->backoff_min_ns = host->option_int(values, "backoff_min") * 1000;
    webhook->backoff_max_ns = host->option_int(values, "backoff_max") * 1000;
    webhook->random = random_from(0);
    result = open_poster(webhook, err);
    if (result == 0)
        result = line_file_open(&webhook->dead_letter, host, host->option_string(values, "dead_letter"), err);
    if (result != 0) {
        close_webhook(webhook);
        return result;
    }
    *ret_self = webhook;
    return 0;
}

static int check_webhook(const struct ordo_host *host, const struct ordo_options *values,
                         struct ordo_error *err)
{
    struct http_poster *poster;
    int result = http_poster_open(host, host->option_string(values, "url"), 1, &poster, err);

    if (result != 0)
        return result;
    result = http_poster_read_token(poster, host, host->option_string(values, "token_file"), err);
    http_poster_close(poster); /* it has connected to nobody */
    if (result != 0)
        return result;
    return line_file_check(host, host->option_string(values, "dead_letter"), err);
}

static const struct ordo_sink_ops ops = {
    .size = sizeof(ops),
    .emit = emit,
    .flush = flush,
    .reopen = reopen_files,
    .stat = stat_sink,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_SINK,
        .name = "sink_webhook",
        .version = ORDO_VERSION,
        .summary = "Posts decisions to a URL in batches, with retries and a dead-letter file.",
        .options = options,
        .open = open_webhook,
        .close = close_webhook,
        .ops = &ops,
        .check = check_webhook,
    };

    return &plugin;
}
