/* SPDX-License-Identifier: MIT
 * test_load_response.c: responses in pieces of any size, and what is counted in them.
 */
#include "cli/load_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static struct ordo_load_response response;

#define DECISION "{\"id\":\"o-1\",\"revision\":1,\"status\":\"done\",\"decision\":\"accepted\",\"total\":5}"

/* Feeds text in pieces of `size` bytes; fails unless it completes with the last byte. */
static void feed(const char *text, size_t size, bool lines)
{
    size_t len = strlen(text), used;

    ordo_load_response_start(&response, lines);
    for (size_t at = 0; at < len; at += size) {
        size_t piece = len - at < size ? len - at : size;
        enum ordo_load_progress progress = ordo_load_response_feed(&response, text + at, piece, &used);

        assert_int_equal(used, piece);
        assert_int_equal(progress, at + piece < len ? ORDO_LOAD_MORE : ORDO_LOAD_COMPLETE);
    }
}

static void test_length_in_pieces_of_any_size(void **state)
{
    char text[512];

    (void)state;
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\nServer: x\r\n\r\n%s",
             strlen(DECISION), DECISION);
    for (size_t size = 1; size < strlen(text) + 2; size++) {
        feed(text, size, false);
        assert_int_equal(response.status, 200);
        assert_true(response.keep_alive);
        assert_int_equal(response.outcomes[ORDO_LOAD_ACCEPTED], 1);
        assert_int_equal(response.orders, 1);
    }
}

static void add_chunk(char *text, size_t size, const char *chunk)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%zx;x=y\r\n%s\r\n", strlen(chunk), chunk);
}

static void test_chunked_batch_in_pieces_of_any_size(void **state)
{
    char text[1024] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    (void)state;
    /* The chunks cut lines, there is an empty line, and the last has no newline. */
    add_chunk(text, sizeof(text), "{\"decision\":\"accepte");
    add_chunk(text, sizeof(text), "d\"}\n{\"decision\":\"rejected\"}\n");
    add_chunk(text, sizeof(text), "{\"decision\":\"held\"}\n\n");
    add_chunk(text, sizeof(text), "{\"line\":4,\"id\":null,\"problem\":{\"status\":400,\"code\":\"x\"}}\n");
    add_chunk(text, sizeof(text), "{\"line\":5,\"id\":\"x\",\"problem\":{\"status\":503}}\n");
    add_chunk(text, sizeof(text), "{\"status\":\"queued\"}");
    snprintf(text + strlen(text), 64, "0\r\nTrailer: x\r\n\r\n");
    for (size_t size = 1; size < strlen(text) + 2; size++) {
        feed(text, size, true);
        assert_int_equal(response.outcomes[ORDO_LOAD_ACCEPTED], 1);
        assert_int_equal(response.outcomes[ORDO_LOAD_REJECTED], 1);
        assert_int_equal(response.outcomes[ORDO_LOAD_HELD], 1);
        assert_int_equal(response.outcomes[ORDO_LOAD_INVALID], 1);
        assert_int_equal(response.outcomes[ORDO_LOAD_REFUSED], 1);
        assert_int_equal(response.outcomes[ORDO_LOAD_LATER], 1);
        assert_int_equal(response.orders, 6);
    }
}

static void expect_outcome(int status, const char *headers, const char *body, enum ordo_load_outcome outcome)
{
    char text[2048];

    snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body),
             headers, body);
    feed(text, sizeof(text), false);
    assert_int_equal(response.orders, 1);
    assert_int_equal(response.outcomes[outcome], 1);
}

static void test_outcomes_by_status_and_body(void **state)
{
    (void)state;
    expect_outcome(200, "", "{\"decision\":\"rejected\"}", ORDO_LOAD_REJECTED);
    expect_outcome(200, "", "{\"decision\":\"held\"}", ORDO_LOAD_HELD);
    expect_outcome(200, "Idempotent-Replayed: true\r\n", DECISION, ORDO_LOAD_REPLAYED);
    expect_outcome(200, "", "ok", ORDO_LOAD_UNKNOWN);
    expect_outcome(200, "", "{\"id\":\"\\\"decision\\\":\\\"accepted\"}", ORDO_LOAD_UNKNOWN);
    expect_outcome(202, "", "{\"status\":\"queued\"}", ORDO_LOAD_LATER);
    expect_outcome(409, "", "{}", ORDO_LOAD_INVALID);
    expect_outcome(422, "", DECISION, ORDO_LOAD_INVALID);
    expect_outcome(503, "Retry-After: 1\r\n", "{}", ORDO_LOAD_REFUSED);
    expect_outcome(507, "", "", ORDO_LOAD_FAILED);
}

static void test_only_the_front_of_a_body_is_looked_at(void **state)
{
    char body[ORDO_LOAD_HEAD_MAX + 64];

    (void)state;
    memset(body, ' ', sizeof(body));
    snprintf(body + ORDO_LOAD_HEAD_MAX, 64, "\"decision\":\"held\"}");
    expect_outcome(200, "", body, ORDO_LOAD_UNKNOWN);
    memset(body, ' ', sizeof(body));
    snprintf(body + ORDO_LOAD_HEAD_MAX - 18, 64, "\"decision\":\"held\"}");
    expect_outcome(200, "", body, ORDO_LOAD_HELD);
}

static void test_connection_close_and_old_protocol(void **state)
{
    size_t used;

    (void)state;
    feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 7, false);
    assert_false(response.keep_alive);
    feed("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 7, false);
    assert_false(response.keep_alive);

    ordo_load_response_start(&response, false);
    static const char endless[] = "HTTP/1.1 200 OK\r\n\r\n" DECISION;
    assert_int_equal(ordo_load_response_feed(&response, endless, sizeof(endless) - 1, &used), ORDO_LOAD_MORE);
    assert_int_equal(ordo_load_response_end(&response), ORDO_LOAD_COMPLETE);
    assert_int_equal(response.outcomes[ORDO_LOAD_ACCEPTED], 1);
}

static void test_interim_response_is_passed_over(void **state)
{
    (void)state;
    feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 5, false);
    assert_int_equal(response.status, 202);
    assert_int_equal(response.outcomes[ORDO_LOAD_LATER], 1);
}

static void test_broken_responses(void **state)
{
    static const char *const broken[] = {"SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n",
                                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"};
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ordo_load_response_start(&response, false);
        assert_int_equal(ordo_load_response_feed(&response, broken[i], strlen(broken[i]), &used),
                         ORDO_LOAD_BROKEN);
    }
    ordo_load_response_start(&response, false);
    assert_int_equal(ordo_load_response_feed(&response, "HTTP/1.1 200", 12, &used), ORDO_LOAD_MORE);
    assert_int_equal(ordo_load_response_end(&response), ORDO_LOAD_BROKEN);
}

static void test_bytes_behind_the_response_are_left(void **state)
{
    static const char text[] = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1";
    size_t used;

    (void)state;
    ordo_load_response_start(&response, false);
    assert_int_equal(ordo_load_response_feed(&response, text, sizeof(text) - 1, &used), ORDO_LOAD_COMPLETE);
    assert_int_equal(used, sizeof(text) - 1 - 8);
}

static void test_header_line_of_any_length(void **state)
{
    char text[8192] = "HTTP/1.1 200 OK\r\nX-Long: ";

    (void)state;
    memset(text + strlen(text), 'x', 4096);
    snprintf(text + strlen(text), 256, "\r\nContent-Length: 20\r\n\r\n{\"decision\":\"held\"} ");
    feed(text, 1000, false);
    assert_int_equal(response.outcomes[ORDO_LOAD_HELD], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_in_pieces_of_any_size),
        cmocka_unit_test(test_chunked_batch_in_pieces_of_any_size),
        cmocka_unit_test(test_outcomes_by_status_and_body),
        cmocka_unit_test(test_only_the_front_of_a_body_is_looked_at),
        cmocka_unit_test(test_connection_close_and_old_protocol),
        cmocka_unit_test(test_interim_response_is_passed_over),
        cmocka_unit_test(test_broken_responses),
        cmocka_unit_test(test_bytes_behind_the_response_are_left),
        cmocka_unit_test(test_header_line_of_any_length),
    };

    return cmocka_run_group_tests_name("load_response", tests, NULL, NULL);
}
