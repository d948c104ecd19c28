/* SPDX-License-Identifier: MIT
 * test_sink_webhook.c: what is particular to the webhook: requests, retries, dead letters, the stop. Runs
 * below webhook_server.py: test_sink_webhook SINK.so URL FOLDER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <ordo/sink.h>

#include "base/clock.h"
#include "base/error.h"
#include "fake_host.h"

static const char *module, *folder;
static char url_setting[256];
static unsigned requests; /* that the server has had */

static void write_text(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Free it. NULL: there is none. */
static char *read_text(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fake_read_file(path, NULL);
}

static char *request_part(unsigned number, const char *part)
{
    char name[32];

    snprintf(name, sizeof(name), "%u.%s", number, part);
    return read_text(name);
}

/* How many requests came since the last call. */
static unsigned new_requests(void)
{
    unsigned before = requests;
    char *head;

    while ((head = request_part(requests + 1, "head")) != NULL) {
        free(head);
        requests++;
    }
    return requests - before;
}

static struct fake_plugin *open_sink(const char *plan, const char *first, const char *second)
{
    struct fake_plugin *sink =
        fake_plugin_open(module, (const char *[]){url_setting, "dead_letter=@TMP@/dead", "backoff_min=0us",
                                                  first, second, NULL});

    ORDO_REQUIRE(sink->self != NULL);
    write_text("plan", plan);
    new_requests();
    return sink;
}

/* One call of emit, of decisions from number `from` on. */
static int emit_once(struct fake_plugin *sink, unsigned from, size_t count, struct ordo_error *err)
{
    static char ids[300][16], decisions[300][32];
    struct ordo_emission items[300];

    for (size_t i = 0; i < count; i++) {
        snprintf(ids[i], sizeof(ids[i]), "o-%u", from + (unsigned)i);
        snprintf(decisions[i], sizeof(decisions[i]), "{\"id\":\"o-%u\"}", from + (unsigned)i);
        items[i] = (struct ordo_emission){ordo_str_from(ids[i]), 1, ordo_str_from(decisions[i])};
    }
    return ((const struct ordo_sink_ops *)sink->plugin->ops)->emit(sink->self, items, count, err);
}

/* As the engine does it: calls until all is taken or something fails. */
static int emit_numbers(struct fake_plugin *sink, unsigned from, size_t count, struct ordo_error *err)
{
    while (count > 0) {
        int result = emit_once(sink, from, count, err);

        if (result <= 0)
            return result;
        assert_true((size_t)result <= count);
        from += (unsigned)result;
        count -= (size_t)result;
    }
    return 0;
}

static struct ordo_sink_stat stat_of(struct fake_plugin *sink)
{
    struct ordo_sink_stat stat = {.size = sizeof(stat)};

    ((const struct ordo_sink_ops *)sink->plugin->ops)->stat(sink->self, &stat);
    return stat;
}

static char *dead_letters(struct fake_plugin *sink)
{
    char *path = fake_expand(sink, "@TMP@/dead"), *text = fake_read_file(path, NULL);

    free(path);
    assert_non_null(text);
    return text;
}

static void assert_dead_letters(struct fake_plugin *sink, const char *expected)
{
    char *text = dead_letters(sink);

    assert_string_equal(text, expected);
    free(text);
}

static void assert_header(unsigned number, const char *line, bool present)
{
    char *head = request_part(number, "head");

    assert_non_null(head);
    assert_int_equal(strstr(head, line) != NULL, present);
    free(head);
}

static void test_request_says_what_it_carries(void **state)
{
    struct fake_plugin *sink = open_sink("", NULL, NULL);
    char *body;

    (void)state;
    assert_int_equal(emit_numbers(sink, 1, 2, NULL), 0);
    assert_int_equal(new_requests(), 1);
    body = request_part(requests, "body");
    assert_string_equal(body, "{\"id\":\"o-1\"}\n{\"id\":\"o-2\"}\n");
    free(body);
    assert_header(requests, "/hook\n", true);
    assert_header(requests, "Content-Type: application/x-ndjson\n", true);
    assert_header(requests, "User-Agent: ordo/", true);
    assert_header(requests, "Idempotency-Key: ordo-", true);
    assert_header(requests, "Expect", false);
    assert_header(requests, "Authorization", false);
    fake_plugin_close(sink);
}

static void test_batches_are_cut_to_size(void **state)
{
    struct fake_plugin *sink = open_sink("", "batch=100", NULL);

    (void)state;
    assert_int_equal(emit_numbers(sink, 0, 100, NULL), 0);
    assert_int_equal(new_requests(), 1);
    assert_int_equal(emit_numbers(sink, 0, 201, NULL), 0);
    assert_int_equal(new_requests(), 3);
    assert_int_equal(stat_of(sink).emitted, 301);
    fake_plugin_close(sink);
}

static void copy_key(unsigned number, char key[64])
{
    char *head = request_part(number, "head"), *at = strstr(head, "Idempotency-Key: ");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "Idempotency-Key: %63s", key), 1);
    free(head);
}

static void test_retry_has_the_same_key_and_another_batch_has_not(void **state)
{
    struct fake_plugin *sink = open_sink("503\n", NULL, NULL);
    char first[64], again[64], other[64];

    (void)state;
    assert_true(emit_numbers(sink, 1, 2, NULL) < 0);
    assert_int_equal(emit_numbers(sink, 1, 2, NULL), 0);
    assert_int_equal(emit_numbers(sink, 3, 2, NULL), 0);
    assert_int_equal(new_requests(), 3);
    copy_key(requests - 2, first);
    copy_key(requests - 1, again);
    copy_key(requests, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    fake_plugin_close(sink);
}

/* So that the engine can remember it, whatever becomes of the rest. */
static void test_each_call_says_what_one_request_took(void **state)
{
    struct fake_plugin *sink = open_sink("204\n503\n404\n", "batch=10", NULL);

    (void)state;
    assert_int_equal(emit_once(sink, 0, 25, NULL), 10);
    assert_int_equal(new_requests(), 1);
    assert_int_equal(stat_of(sink).emitted, 10);
    assert_int_equal(emit_once(sink, 10, 15, NULL), ORDO_EIO);
    assert_int_equal(emit_once(sink, 10, 15, NULL), 10); /* to the dead-letter file: it counts as taken */
    assert_int_equal(stat_of(sink).dead_lettered, 10);
    assert_int_equal(emit_once(sink, 20, 5, NULL), 5);
    assert_int_equal(new_requests(), 3);
    assert_int_equal(stat_of(sink).emitted, 15);
    fake_plugin_close(sink);
}

static void test_every_passing_failure_is_retried(void **state)
{
    static const char *const plans[] = {"408\n", "429\n", "500\n", "502\n", "503\n", "599\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct fake_plugin *sink = open_sink(plans[i], NULL, NULL);
        struct ordo_error err = {0};

        assert_int_equal(emit_numbers(sink, 0, 1, &err), ORDO_EIO);
        assert_non_null(strstr(err.message, "refusal 1 of 9: HTTP status "));
        assert_int_equal(stat_of(sink).failed, 1);
        assert_int_equal(emit_numbers(sink, 0, 1, NULL), 0);
        assert_dead_letters(sink, "");
        fake_plugin_close(sink);
    }
}

static void test_receiver_that_hangs_runs_into_the_timeout(void **state)
{
    struct fake_plugin *sink = open_sink("hang\n", "timeout=200ms", NULL);
    struct ordo_error err = {0};

    (void)state;
    assert_int_equal(emit_numbers(sink, 0, 1, &err), ORDO_EIO);
    assert_non_null(strstr(err.message, "timed out"));
    while (emit_numbers(sink, 0, 1, NULL) != 0) { /* on a busy machine the next may take longer too */
    }
    assert_dead_letters(sink, "");
    fake_plugin_close(sink);
}

static void test_refused_batch_goes_to_the_dead_letter_file_at_once(void **state)
{
    static const char *const plans[] = {"400\n", "404\n", "422\n", "302 Location=/elsewhere\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct fake_plugin *sink = open_sink(plans[i], NULL, NULL);
        char expected[512], status[4] = {0};

        memcpy(status, plans[i], 3);
        assert_int_equal(emit_numbers(sink, 1, 2, NULL), 0);
        assert_int_equal(new_requests(), 1); /* a redirect is not followed */
        snprintf(
            expected, sizeof(expected),
            "{\"id\":\"o-1\",\"revision\":1,\"reason\":\"HTTP status %s: answer   of the \\\"receiver\\\" \","
            "\"decision\":{\"id\":\"o-1\"}}\n"
            "{\"id\":\"o-2\",\"revision\":1,\"reason\":\"HTTP status %s: answer   of the \\\"receiver\\\" \","
            "\"decision\":{\"id\":\"o-2\"}}\n",
            status, status);
        assert_dead_letters(sink, expected);
        assert_int_equal(stat_of(sink).dead_lettered, 2);
        assert_int_equal(stat_of(sink).emitted, 0);
        assert_int_equal(fake_log_count(sink, "2 decisions went to the dead-letter file: HTTP status"), 1);
        assert_int_equal(emit_numbers(sink, 3, 1, NULL), 0); /* and it goes on */
        assert_int_equal(stat_of(sink).emitted, 1);
        fake_plugin_close(sink);
    }
}

static void test_refusals_do_not_flood_the_log(void **state)
{
    struct fake_plugin *sink =
        open_sink("400\n400\n400\n400\n400\n400\n400\n400\n400\n400\n", "batch=1", NULL);

    (void)state;
    assert_int_equal(emit_numbers(sink, 1, 10, NULL), 0);
    assert_int_equal(stat_of(sink).dead_lettered, 10);
    assert_in_range(fake_log_count(sink, "went to the dead-letter file"), 1, 9);
    fake_plugin_close(sink);
}

static void test_batch_goes_to_the_dead_letter_file_after_its_retries(void **state)
{
    struct fake_plugin *sink = open_sink("503\n503\n503\n", "retries=2", NULL);
    char *text;

    (void)state;
    assert_true(emit_numbers(sink, 1, 1, NULL) < 0);
    assert_true(emit_numbers(sink, 1, 1, NULL) < 0);
    assert_int_equal(emit_numbers(sink, 1, 1, NULL), 0);
    assert_int_equal(new_requests(), 3);
    text = dead_letters(sink);
    assert_non_null(strstr(text, "{\"id\":\"o-1\",\"revision\":1,\"reason\":\"HTTP status 503"));
    free(text);
    assert_int_equal(stat_of(sink).dead_lettered, 1);
    assert_int_equal(stat_of(sink).failed, 3);
    fake_plugin_close(sink);
}

static void test_each_batch_has_its_own_retries(void **state)
{
    struct fake_plugin *sink = open_sink("503\n204\n503\n204\n", "retries=1", "batch=1");

    (void)state;
    assert_true(emit_numbers(sink, 1, 2, NULL) < 0);
    assert_true(emit_numbers(sink, 1, 2, NULL) < 0); /* 1 is taken, 2 fails */
    assert_int_equal(emit_numbers(sink, 2, 1, NULL), 0);
    assert_int_equal(stat_of(sink).emitted, 2);
    assert_dead_letters(sink, "");
    fake_plugin_close(sink);
}

/* It says nothing about the decisions, so it is no reason to give them up. */
static void test_no_answer_is_tried_again_without_end(void **state)
{
    struct fake_plugin *sink =
        fake_plugin_open(module, (const char *[]){"url=http://127.0.0.1:1/", "retries=0", "backoff_min=0us",
                                                  "dead_letter=@TMP@/dead", NULL});
    struct ordo_error err = {0};

    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        assert_int_equal(emit_numbers(sink, 1, 1, &err), ORDO_EIO);
        assert_non_null(strstr(err.message, "connect"));
    }
    assert_non_null(strstr(err.message, "no answer at attempt 20, it goes on trying: "));
    assert_int_equal(stat_of(sink).failed, 20);
    assert_int_equal(stat_of(sink).dead_lettered, 0);
    assert_dead_letters(sink, "");
    fake_plugin_close(sink);

    /* Broken connections among refusals count no more: the batch has all of its retries. */
    sink =
        open_sink("drop\n503 Connection=close\ndrop\n503 Connection=close\ndrop\n503\n", "retries=2", NULL);
    for (unsigned i = 1; i <= 5; i++)
        assert_int_equal(emit_numbers(sink, 1, 1, NULL), ORDO_EIO);
    assert_dead_letters(sink, "");
    assert_int_equal(emit_numbers(sink, 1, 1, NULL), 0);
    assert_int_equal(stat_of(sink).dead_lettered, 1);
    fake_plugin_close(sink);
}

static void test_retry_after_is_waited_for(void **state)
{
    struct fake_plugin *sink = open_sink("429 Retry-After=1\n", NULL, NULL), *later;
    struct ordo_error err = {0};
    int64_t start_ns;

    (void)state;
    assert_true(emit_numbers(sink, 1, 1, NULL) < 0);
    start_ns = ordo_clock_ns();
    while (emit_numbers(sink, 1, 1, &err) != 0) {
    }
    assert_true(ordo_clock_ns() - start_ns > 900000000); /* the lower bound only: it never comes too early */
    assert_int_equal(new_requests(), 2);
    fake_plugin_close(sink);

    /* A long wait is not sat out in one call, so that a stop is not held up. */
    later = open_sink("503 Retry-After=3000\n", NULL, NULL);
    assert_true(emit_numbers(later, 1, 1, NULL) < 0);
    assert_int_equal(emit_numbers(later, 1, 1, &err), ORDO_EIO);
    assert_string_equal(err.message, "waits before retry 1");
    assert_int_equal(new_requests(), 1);
    fake_plugin_close(later);
}

/* The engine gave up on 2 and 3 at its stop, and has them in its store. */
static void test_what_is_unfinished_at_the_close_is_no_dead_letter(void **state)
{
    char path[300], setting[320], *text;
    struct fake_plugin *sink;

    (void)state;
    snprintf(path, sizeof(path), "%s/dead", folder);
    snprintf(setting, sizeof(setting), "dead_letter=%s", path);
    sink = fake_plugin_open(module, (const char *[]){url_setting, setting, "batch=1", NULL});
    write_text("plan", "204\n503\n");
    assert_true(emit_numbers(sink, 1, 3, NULL) < 0); /* 1 is taken, 2 fails */
    assert_int_equal(stat_of(sink).emitted, 1);
    assert_int_equal(stat_of(sink).dead_lettered, 0);
    fake_plugin_close(sink);
    text = fake_read_file(path, NULL);
    assert_string_equal(text, "");
    free(text);
}

static struct fake_plugin *open_with_token(const char *token)
{
    char setting[300];

    snprintf(setting, sizeof(setting), "token_file=%s/token", folder);
    if (token != NULL)
        write_text("token", token);
    return fake_plugin_open(module, (const char *[]){url_setting, "dead_letter=@TMP@/dead", setting, NULL});
}

static void test_token_is_sent_and_read_again_at_reopen(void **state)
{
    struct fake_plugin *sink = open_with_token("secret-1\n");
    const struct ordo_sink_ops *ops = sink->plugin->ops;
    struct ordo_error err = {0};

    (void)state;
    assert_non_null(sink->self);
    new_requests();
    assert_int_equal(emit_numbers(sink, 1, 1, NULL), 0);
    assert_int_equal(new_requests(), 1);
    assert_header(requests, "Authorization: Bearer secret-1\n", true);
    write_text("token", "Basic b3Jkbzp4");
    assert_int_equal(ops->reopen(sink->self, NULL), 0);
    assert_int_equal(emit_numbers(sink, 2, 1, NULL), 0);
    assert_int_equal(new_requests(), 1);
    assert_header(requests, "Authorization: Basic b3Jkbzp4\n", true);
    write_text("token", "\n");
    assert_true(ops->reopen(sink->self, &err) < 0);
    assert_string_equal(err.message, "the file is empty; write the token into it");
    assert_int_equal(emit_numbers(sink, 3, 1, NULL), 0); /* with the token that it has */
    fake_plugin_close(sink);
}

static void assert_open_fails(struct fake_plugin *sink, const char *message)
{
    assert_null(sink->self);
    assert_string_equal(sink->err.message, message);
    fake_plugin_close(sink);
}

static void test_wrong_options_are_errors_at_open(void **state)
{
    char path[256];

    (void)state;
    assert_open_fails(
        fake_plugin_open(module, (const char *[]){"url=ftp://x/", "dead_letter=@TMP@/dead", NULL}),
        "\"ftp://x/\" is no URL to post to; write http://host:port/path or https://...");
    assert_open_fails(open_with_token("two\nlines"), "the token must be one line of printable ASCII");
    snprintf(path, sizeof(path), "%s/token", folder);
    unlink(path);
    assert_open_fails(open_with_token(NULL), "cannot read the token: No such file or directory");
    assert_open_fails(
        fake_plugin_open(module, (const char *[]){url_setting, "dead_letter=/dev/null/x/dead", NULL}),
        "cannot make the folder: Not a directory");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_says_what_it_carries),
        cmocka_unit_test(test_batches_are_cut_to_size),
        cmocka_unit_test(test_retry_has_the_same_key_and_another_batch_has_not),
        cmocka_unit_test(test_each_call_says_what_one_request_took),
        cmocka_unit_test(test_every_passing_failure_is_retried),
        cmocka_unit_test(test_receiver_that_hangs_runs_into_the_timeout),
        cmocka_unit_test(test_refused_batch_goes_to_the_dead_letter_file_at_once),
        cmocka_unit_test(test_refusals_do_not_flood_the_log),
        cmocka_unit_test(test_batch_goes_to_the_dead_letter_file_after_its_retries),
        cmocka_unit_test(test_each_batch_has_its_own_retries),
        cmocka_unit_test(test_no_answer_is_tried_again_without_end),
        cmocka_unit_test(test_retry_after_is_waited_for),
        cmocka_unit_test(test_what_is_unfinished_at_the_close_is_no_dead_letter),
        cmocka_unit_test(test_token_is_sent_and_read_again_at_reopen),
        cmocka_unit_test(test_wrong_options_are_errors_at_open),
    };

    ORDO_REQUIRE(argc == 4);
    module = argv[1];
    snprintf(url_setting, sizeof(url_setting), "url=%s", argv[2]);
    folder = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
