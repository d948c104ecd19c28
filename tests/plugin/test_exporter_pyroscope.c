/* SPDX-License-Identifier: MIT
 * test_exporter_pyroscope.c: what is particular to Pyroscope: names, the form, what each answer means, the token, the log. Runs
 * below pyroscope_server.py, which refuses what Pyroscope would: test_exporter_pyroscope EXPORTER.so URL FOLDER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <ordo/exporter.h>

#include "base/clock.h"
#include "base/error.h"
#include "fake_host.h"

#define S_NS ((int64_t)1000000000)

static const char *module, *folder;
static char url_setting[256];
static unsigned requests, taken; /* that the server has had, and taken, before */

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
static char *read_part(unsigned number, const char *part)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%u.%s", folder, number, part);
    return fake_read_file(path, NULL);
}

static unsigned count_parts(unsigned from, const char *part)
{
    unsigned count = 0;
    char *text;

    while ((text = read_part(from + count + 1, part)) != NULL) {
        free(text);
        count++;
    }
    return count;
}

static struct fake_plugin *open_exporter(const char *plan, const char *first, const char *second)
{
    struct fake_plugin *exporter =
        fake_plugin_open(module, (const char *[]){url_setting, "backoff_min=0us", first, second, NULL});

    ORDO_REQUIRE(exporter->self != NULL);
    write_text("plan", plan);
    requests += count_parts(requests, "head");
    taken += count_parts(taken, "json");
    return exporter;
}

static const struct ordo_exporter_ops *ops_of(const struct fake_plugin *exporter)
{
    return exporter->plugin->ops;
}

static int give(struct fake_plugin *exporter, const char *kind, uint32_t hz, const char *bytes,
                struct ordo_error *err)
{
    const struct ordo_exported_profile profile = {
        .size = sizeof(profile),
        .kind = kind,
        .from_utc_ns = 1790000000999999999,
        .until_utc_ns = 1790000061000000001,
        .hz = hz,
        .pprof = ordo_str_from(bytes),
    };

    return ops_of(exporter)->profile(exporter->self, &profile, err);
}

static void give_cpu(struct fake_plugin *exporter)
{
    assert_int_equal(give(exporter, "cpu", 100, "\x1f\x8b profile", NULL), 0);
}

/* All that waits is pushed, or as much as goes well. */
static struct ordo_exporter_stat stop(struct fake_plugin *exporter)
{
    struct ordo_exporter_stat stat = {.size = sizeof(stat)};

    ops_of(exporter)->stop(exporter->self, ordo_clock_ns() + FAKE_WAIT_S * S_NS);
    ops_of(exporter)->stat(exporter->self, &stat);
    return stat;
}

/* Until the figure that is at this offset is so high. */
static void wait_for(struct fake_plugin *exporter, size_t offset, uint64_t wanted)
{
    int64_t began_ns = ordo_clock_ns();
    uint64_t value = 0;

    while (value < wanted) {
        struct ordo_exporter_stat stat = {.size = sizeof(stat)};

        fake_poll(began_ns, "figures of the exporter");
        ops_of(exporter)->stat(exporter->self, &stat);
        memcpy(&value, (const char *)&stat + offset, sizeof(value));
    }
}

#define WAIT_FOR(exporter, figure, wanted)                                                                   \
    wait_for(exporter, offsetof(struct ordo_exporter_stat, figure), wanted)

static void assert_entry(unsigned number, const char *expected)
{
    char *text = read_part(number, "json");

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_header(unsigned number, const char *line, bool present)
{
    char *head = read_part(number, "head");

    assert_non_null(head);
    assert_int_equal(strstr(head, line) != NULL, present);
    free(head);
}

static void test_request_says_what_it_carries(void **state)
{
    struct fake_plugin *exporter = open_exporter("", NULL, NULL);
    struct ordo_exporter_stat stat;
    char *text;

    (void)state;
    give_cpu(exporter);
    assert_int_equal(give(exporter, "memory", 0, "memory's bytes", NULL), 0);
    assert_int_equal(give(exporter, "block", 0, "of a kind that may come", NULL), 0);
    stat = stop(exporter);
    assert_int_equal(stat.pushed, 3);
    assert_int_equal(stat.failed, 0);
    assert_entry(
        taken + 1,
        "{\"service\": \"ordo\", \"labels\": {}, \"from\": 1790000000, \"until\": 1790000061, "
        "\"rate\": 100, \"sample_types\": {\"samples\": {\"units\": \"samples\", "
        "\"display-name\": \"cpu\", \"aggregation\": \"sum\", \"sampled\": true}}, \"tenant\": null}");
    assert_entry(taken + 2,
                 "{\"service\": \"ordo\", \"labels\": {}, \"from\": 1790000000, \"until\": 1790000061, "
                 "\"rate\": null, "
                 "\"sample_types\": {\"alloc_objects\": {\"units\": \"objects\", \"aggregation\": \"sum\"}, "
                 "\"alloc_space\": {\"units\": \"bytes\", \"aggregation\": \"sum\"}, "
                 "\"inuse_objects\": {\"units\": \"objects\", \"aggregation\": \"average\"}, "
                 "\"inuse_space\": {\"units\": \"bytes\", \"aggregation\": \"average\"}}, \"tenant\": null}");
    assert_entry(taken + 3,
                 "{\"service\": \"ordo\", \"labels\": {}, \"from\": 1790000000, \"until\": 1790000061, "
                 "\"rate\": null, \"tenant\": null}");
    text = read_part(taken + 2, "profile");
    assert_string_equal(text, "memory's bytes");
    free(text);
    assert_header(requests + 1, "User-Agent: ordo/", true);
    assert_header(requests + 1, "Authorization", false);
    assert_header(requests + 1, "X-Scope-OrgID", false);
    assert_header(requests + 1, "Expect", false);
    fake_plugin_close(exporter);
}

static void test_names_labels_and_tenant(void **state)
{
    struct fake_plugin *exporter =
        fake_plugin_open(module, (const char *[]){url_setting, "service=shop.orders/eu-1", "tenant=team|a",
                                                  "labels=env=production,host=a b&c#1+%/?", NULL});

    (void)state;
    assert_non_null(exporter->self);
    write_text("plan", "");
    requests += count_parts(requests, "head");
    taken += count_parts(taken, "json");
    give_cpu(exporter);
    assert_int_equal(stop(exporter).pushed, 1);
    assert_entry(
        taken + 1,
        "{\"service\": \"shop.orders/eu-1\", \"labels\": {\"env\": \"production\", \"host\": \"a "
        "b&c#1+%/?\"}, "
        "\"from\": 1790000000, \"until\": 1790000061, \"rate\": 100, \"sample_types\": {\"samples\": "
        "{\"units\": \"samples\", \"display-name\": \"cpu\", \"aggregation\": \"sum\", \"sampled\": true}}, "
        "\"tenant\": \"team|a\"}");
    fake_plugin_close(exporter);
}

/* The boundary of the form is made from the time. */
static void test_profile_that_contains_the_boundary(void **state)
{
    static const char bytes[] = "\r\n--ordo-18d75b845f8dc9ff-0--\r\nordo-18d75b845f8dc9ff-1";
    struct fake_plugin *exporter = open_exporter("", NULL, NULL);
    char *text;

    (void)state;
    assert_int_equal(give(exporter, "cpu", 100, bytes, NULL), 0);
    assert_int_equal(stop(exporter).pushed, 1);
    assert_header(requests + 1, "boundary=ordo-18d75b845f8dc9ff-2\n", true);
    text = read_part(taken + 1, "profile");
    assert_string_equal(text, bytes);
    free(text);
    fake_plugin_close(exporter);
}

static void test_every_passing_failure_is_tried_again(void **state)
{
    static const char *const plans[] = {"408\n", "429\n", "500\n", "502\n", "503\n503\n", "599\n", "drop\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
        struct fake_plugin *exporter = open_exporter(plans[i], NULL, NULL);
        uint64_t failures = strlen(plans[i]) > 5 ? 2 : 1;
        struct ordo_exporter_stat stat;

        give_cpu(exporter);
        WAIT_FOR(exporter, pushed, 1);
        stat = stop(exporter);
        assert_int_equal(stat.failed, failures);
        assert_int_equal(stat.dropped, 0);
        assert_int_equal(fake_log_count(exporter, "cannot push, 1 profile(s) wait: "),
                         1); /* not twice a minute */
        assert_int_equal(fake_log_count(exporter, "profiles are taken again"), 1);
        fake_plugin_close(exporter);
    }
}

static void test_what_is_refused_is_dropped_and_told_once_a_minute(void **state)
{
    static const char *const statuses[] = {"400", "401", "413", "422", "302 Location=/elsewhere"};

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        struct ordo_exporter_stat stat;
        struct fake_plugin *exporter;
        char plan[128], reason[64];

        snprintf(plan, sizeof(plan), "%s\n%s\n", statuses[i], statuses[i]);
        snprintf(reason, sizeof(reason), "a profile was refused, and is dropped: HTTP status %.3s: answer",
                 statuses[i]);
        exporter = open_exporter(plan, NULL, NULL);
        give_cpu(exporter);
        give_cpu(exporter);
        WAIT_FOR(exporter, failed, 2);
        give_cpu(exporter);
        stat = stop(exporter);
        assert_int_equal(stat.pushed, 1); /* and it goes on */
        assert_int_equal(stat.failed, 2);
        assert_int_equal(stat.dropped, 2);
        assert_int_equal(count_parts(requests, "head"), 3); /* nothing was tried again, nor sent elsewhere */
        assert_int_equal(fake_log_count(exporter, reason), 1);
        fake_plugin_close(exporter);
    }
}

static void test_what_pyroscope_says_is_in_the_log(void **state)
{
    struct fake_plugin *exporter = fake_plugin_open(
                           module, (const char *[]){"url=http://127.0.0.1:1/", "backoff_min=0us", NULL}),
                       *wrong;
    char setting[300];

    (void)state;
    give_cpu(exporter);
    WAIT_FOR(exporter, failed, 2);
    assert_int_equal(stop(exporter).dropped, 1);
    assert_int_equal(fake_log_count(exporter, "cannot push, 1 profile(s) wait: Failed to connect"), 1);
    assert_int_equal(
        fake_log_count(exporter, "1 profile(s) were not pushed before the stop: Failed to connect"), 1);
    fake_plugin_close(exporter);

    snprintf(setting, sizeof(setting), "%s/elsewhere", url_setting);
    wrong = fake_plugin_open(module, (const char *[]){setting, NULL});
    give_cpu(wrong);
    assert_int_equal(stop(wrong).dropped, 1);
    assert_int_equal(fake_log_count(wrong, "a profile was refused, and is dropped: HTTP status 400: "
                                           "/pyro/elsewhere/ingest is not where profiles are taken"),
                     1);
    fake_plugin_close(wrong);
}

static void test_path_query_and_slashes_of_the_url(void **state)
{
    static const char *const ends[] = {"/", "//", "?a=b", "/?a=b#c"};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct fake_plugin *exporter;
        char setting[300];

        snprintf(setting, sizeof(setting), "%s%s", url_setting, ends[i]);
        exporter = fake_plugin_open(module, (const char *[]){setting, NULL});
        give_cpu(exporter);
        assert_int_equal(stop(exporter).pushed, 1);
        fake_plugin_close(exporter);
    }
}

static void test_receiver_that_hangs_runs_into_the_timeout(void **state)
{
    struct fake_plugin *exporter = open_exporter("hang\n", "timeout=300ms", NULL);

    (void)state;
    give_cpu(exporter);
    WAIT_FOR(exporter, pushed, 1); /* on a busy machine others may run into it too */
    stop(exporter);
    assert_int_equal(fake_log_count(exporter, "timed out"), 1);
    fake_plugin_close(exporter);
}

static void test_retry_after_is_waited_for(void **state)
{
    struct fake_plugin *exporter = open_exporter("429 Retry-After=1\n", NULL, NULL);
    int64_t began_ns;

    (void)state;
    began_ns = ordo_clock_ns();
    give_cpu(exporter);
    WAIT_FOR(exporter, pushed, 1);
    assert_true(ordo_clock_ns() - began_ns > 900000000); /* the lower bound only: it never comes too early */
    stop(exporter);
    fake_plugin_close(exporter);

    /* A stop does not sit it out: it tries once more, and goes. */
    exporter = open_exporter("503 Retry-After=3000\n503\n", NULL, NULL);
    give_cpu(exporter);
    WAIT_FOR(exporter, failed, 1);
    assert_int_equal(stop(exporter).failed, 2);
    fake_plugin_close(exporter);
}

/* A form of "queue" bytes fits, and one byte more does not. */
static void test_queue_at_its_edge(void **state)
{
    enum { AROUND = 600 };
    char bytes[1025];
    struct ordo_error err = {0};
    struct fake_plugin *exporter;
    size_t around = 0, len;

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    exporter = open_exporter("", "queue=1024", NULL);
    bytes[1024] = '\0';
    assert_int_equal(give(exporter, "block", 0, bytes, &err), ORDO_ELIMIT);
    assert_int_equal(sscanf(err.message, "%zu bytes do not fit into 1024; make it larger", &around), 1);
    assert_string_equal(err.place, "queue");
    around -= 1024;
    assert_in_range(around, 100, AROUND);
    len = 1024 - around;
    bytes[len] = '\0';
    assert_int_equal(give(exporter, "block", 0, bytes, NULL), 0);
    WAIT_FOR(exporter, pushed, 1);
    bytes[len] = 'x';
    bytes[len + 1] = '\0';
    assert_int_equal(give(exporter, "block", 0, bytes, NULL), ORDO_ELIMIT);
    assert_int_equal(stop(exporter).dropped, 2);
    fake_plugin_close(exporter);
}

static struct fake_plugin *open_with_token(const char *token)
{
    char setting[300];

    snprintf(setting, sizeof(setting), "token_file=%s/token", folder);
    if (token != NULL)
        write_text("token", token);
    write_text("plan", "");
    requests += count_parts(requests, "head");
    return fake_plugin_open(module, (const char *[]){url_setting, "backoff_min=0us", setting, NULL});
}

static void test_token_is_read_for_each_request(void **state)
{
    struct fake_plugin *exporter = open_with_token("secret-1\n");

    (void)state;
    assert_non_null(exporter->self);
    give_cpu(exporter);
    WAIT_FOR(exporter, pushed, 1);
    assert_header(requests + 1, "Authorization: Bearer secret-1\n", true);
    write_text("token", "Basic b3Jkbzp4");
    give_cpu(exporter);
    WAIT_FOR(exporter, pushed, 2);
    assert_header(requests + 2, "Authorization: Basic b3Jkbzp4\n", true);
    write_text("token", "\n");
    give_cpu(exporter);
    WAIT_FOR(exporter, failed, 1);
    write_text("token", "secret-2");
    WAIT_FOR(exporter, pushed, 3);
    assert_int_equal(fake_log_count(exporter, "/token: the file is empty; write the token into it"), 1);
    assert_header(requests + 3, "Authorization: Bearer secret-2\n", true);
    stop(exporter);
    fake_plugin_close(exporter);
}

static void assert_open_fails(const char *setting, const char *message)
{
    bool is_url = strncmp(setting, "url=", 4) == 0;
    struct fake_plugin *exporter =
        fake_plugin_open(module, (const char *[]){setting, is_url ? NULL : url_setting, NULL});

    assert_null(exporter->self);
    assert_string_equal(exporter->err.message, message);
    fake_plugin_close(exporter);
}

static void test_wrong_options_are_errors_at_open(void **state)
{
    static const char key[] =
        "\" does not begin with a label; write key=value,key=value with keys of A-Z a-z 0-9 _ "
        "that begin with a letter";
    static const char value[] = "\" has no value that can be sent; use printable ASCII but , = { }";
    static const struct {
        const char *labels;
        const char *message;
    } wrong[] = {{"env", key},    {"=x", key},     {"1a=x", key},        {"__name__=x", key},
                 {"a-b=x", key},  {",", key},      {"a=", value},        {"a=x=y", value},
                 {"a={}", value}, {"a=\n", value}, {"a=\xc3\xa4", value}};
    char setting[64], message[256];

    (void)state;
    assert_open_fails("service=a b", "\"a b\" is no name of a service; use A-Z a-z 0-9 . _ / -");
    assert_open_fails("service=a{b=c}", "\"a{b=c}\" is no name of a service; use A-Z a-z 0-9 . _ / -");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        snprintf(setting, sizeof(setting), "labels=ok=1,%s", wrong[i].labels);
        snprintf(message, sizeof(message), "\"%s%s", wrong[i].labels, wrong[i].message);
        assert_open_fails(setting, message);
    }
    assert_open_fails("labels=a=x,", "a label is missing behind the last comma");
    assert_open_fails("tenant=a b", "must be printable ASCII without spaces");
    assert_open_fails("tenant=a\r\nX-Other: 1", "must be printable ASCII without spaces");
    assert_open_fails("token_file=/nowhere/token", "cannot read the token: No such file or directory");
    assert_open_fails("url=ftp://x/",
                      "\"ftp://x/\" is no URL to post to; write http://host:port/path or https://...");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_says_what_it_carries),
        cmocka_unit_test(test_names_labels_and_tenant),
        cmocka_unit_test(test_profile_that_contains_the_boundary),
        cmocka_unit_test(test_every_passing_failure_is_tried_again),
        cmocka_unit_test(test_what_is_refused_is_dropped_and_told_once_a_minute),
        cmocka_unit_test(test_what_pyroscope_says_is_in_the_log),
        cmocka_unit_test(test_path_query_and_slashes_of_the_url),
        cmocka_unit_test(test_receiver_that_hangs_runs_into_the_timeout),
        cmocka_unit_test(test_retry_after_is_waited_for),
        cmocka_unit_test(test_queue_at_its_edge),
        cmocka_unit_test(test_token_is_read_for_each_request),
        cmocka_unit_test(test_wrong_options_are_errors_at_open),
    };

    ORDO_REQUIRE(argc == 4);
    module = argv[1];
    snprintf(url_setting, sizeof(url_setting), "url=%s", argv[2]);
    folder = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
