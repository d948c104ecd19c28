/* SPDX-License-Identifier: MIT
 * load_response.c: a state machine over the bytes of a response. What it does not need it does not check: the
 * generator measures an engine, it is not a general client.
 */
#include "cli/load_response.h"

#include <stdlib.h>
#include <strings.h>

enum { STATUS = 0, HEADERS, BODY, BODY_TO_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, DONE };

const char *ordo_load_outcome_name(enum ordo_load_outcome outcome)
{
    static const char *const names[] = {
#define X(name, text) text,
        ORDO_LOAD_OUTCOME_TABLE(X)
#undef X
    };

    return names[outcome];
}

void ordo_load_response_start(struct ordo_load_response *response, bool lines)
{
    response->state = STATUS;
    response->lines = lines;
    response->status = 0;
    response->keep_alive = true;
    response->replayed = response->chunked = response->has_length = false;
    response->left = 0;
    response->line_len = response->head_len = 0;
    response->orders = 0;
    memset(response->outcomes, 0, sizeof(response->outcomes));
}

static const char *find(const struct ordo_load_response *response, ordo_str text)
{
    return memmem(response->head, response->head_len, text.ptr, text.len);
}

static enum ordo_load_outcome by_status(int status)
{
    if (status == 503)
        return ORDO_LOAD_REFUSED;
    if (status >= 500)
        return ORDO_LOAD_FAILED;
    return status >= 400 ? ORDO_LOAD_INVALID : ORDO_LOAD_UNKNOWN;
}

/* What the first bytes of a decision, a problem document or a line of a batch say. */
static enum ordo_load_outcome outcome_of(const struct ordo_load_response *response)
{
    const char *at;

    if (response->status == 202)
        return ORDO_LOAD_LATER;
    if (response->status >= 400)
        return by_status(response->status);
    if (response->lines && (at = find(response, ORDO_STR("\"problem\":{"))) != NULL) {
        at = find(response, ORDO_STR("\"status\":"));
        return at != NULL ? by_status((int)strtol(at + 9, NULL, 10)) : ORDO_LOAD_UNKNOWN;
    }
    at = find(response, ORDO_STR("\"decision\":\""));
    if (at == NULL) {
        at = find(response, ORDO_STR("\"status\":\""));
        return at != NULL && response->lines ? ORDO_LOAD_LATER : ORDO_LOAD_UNKNOWN;
    }
    if (response->replayed)
        return ORDO_LOAD_REPLAYED;
    switch (at[12]) {
    case 'a':
        return ORDO_LOAD_ACCEPTED;
    case 'r':
        return ORDO_LOAD_REJECTED;
    case 'h':
        return ORDO_LOAD_HELD;
    default:
        return ORDO_LOAD_UNKNOWN;
    }
}

static void count(struct ordo_load_response *response)
{
    /* A number or word at the very end of what was kept must not be read past it. */
    response->head[response->head_len < ORDO_LOAD_HEAD_MAX ? response->head_len : ORDO_LOAD_HEAD_MAX - 1] =
        '\0';
    response->outcomes[outcome_of(response)]++;
    response->orders++;
    response->head_len = 0;
}

static void keep(struct ordo_load_response *response, const char *bytes, size_t len)
{
    size_t room = ORDO_LOAD_HEAD_MAX - 1 - response->head_len;

    if (len > room)
        len = room;
    memcpy(response->head + response->head_len, bytes, len);
    response->head_len += len;
}

static void body(struct ordo_load_response *response, const char *bytes, size_t len)
{
    const char *end = bytes + len, *newline;

    if (!response->lines || response->status != 200) {
        keep(response, bytes, len);
        return;
    }
    while ((newline = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
        keep(response, bytes, (size_t)(newline - bytes));
        if (response->head_len > 0)
            count(response);
        bytes = newline + 1;
    }
    keep(response, bytes, (size_t)(end - bytes));
}

static enum ordo_load_progress complete(struct ordo_load_response *response)
{
    if (!response->lines || response->status != 200 || response->head_len > 0)
        count(response);
    response->state = DONE;
    return ORDO_LOAD_COMPLETE;
}

static bool is_header(const struct ordo_load_response *response, ordo_str name, ordo_str *ret_value)
{
    if (response->line_len < name.len || strncasecmp(response->line, name.ptr, name.len) != 0)
        return false;
    *ret_value = (ordo_str){response->line + name.len, response->line_len - name.len};
    while (ret_value->len > 0 && *ret_value->ptr == ' ')
        *ret_value = (ordo_str){ret_value->ptr + 1, ret_value->len - 1};
    return true;
}

static void header(struct ordo_load_response *response)
{
    ordo_str value;

    if (is_header(response, ORDO_STR("content-length:"), &value)) {
        response->left = strtoull(value.ptr, NULL, 10);
        response->has_length = true;
    } else if (is_header(response, ORDO_STR("transfer-encoding:"), &value)) {
        response->chunked = value.len == 7 && strncasecmp(value.ptr, "chunked", 7) == 0;
    } else if (is_header(response, ORDO_STR("connection:"), &value)) {
        response->keep_alive = !(value.len == 5 && strncasecmp(value.ptr, "close", 5) == 0);
    } else if (is_header(response, ORDO_STR("idempotent-replayed:"), &value)) {
        response->replayed = value.len == 4 && strncasecmp(value.ptr, "true", 4) == 0;
    }
}

/* A whole line of the head is there, without its end. */
static enum ordo_load_progress line(struct ordo_load_response *response)
{
    bool empty = response->line_len == 0;

    response->line[response->line_len] = '\0';
    switch (response->state) {
    case STATUS:
        if (response->line_len < 12 || memcmp(response->line, "HTTP/1.", 7) != 0)
            return ORDO_LOAD_BROKEN;
        response->status = (int)strtol(response->line + 9, NULL, 10);
        response->keep_alive = response->line[7] == '1';
        response->state = HEADERS;
        break;
    case HEADERS:
        if (!empty) {
            header(response);
        } else if (response->status < 200) {
            response->state = STATUS; /* an interim response; the real one follows */
        } else if (response->chunked) {
            response->state = CHUNK_SIZE;
        } else if (response->has_length || response->status == 204) {
            response->state = BODY;
            if (response->left == 0)
                return complete(response);
        } else {
            response->state = BODY_TO_END;
            response->keep_alive = false;
        }
        break;
    case CHUNK_SIZE:
        if (empty)
            return ORDO_LOAD_BROKEN;
        response->left = strtoull(response->line, NULL, 16);
        response->state = response->left > 0 ? CHUNK : TRAILERS;
        break;
    case CHUNK_END:
        response->state = CHUNK_SIZE;
        break;
    case TRAILERS:
        if (empty)
            return complete(response);
        break;
    }
    response->line_len = 0;
    return ORDO_LOAD_MORE;
}

static enum ordo_load_progress feed_line(struct ordo_load_response *response, const char **at,
                                         const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *stop = newline != NULL ? newline : end;
    size_t len = (size_t)(stop - *at), room = sizeof(response->line) - 1 - response->line_len;

    memcpy(response->line + response->line_len, *at, len < room ? len : room);
    response->line_len += len < room ? len : room;
    *at = newline != NULL ? newline + 1 : end;
    if (newline == NULL)
        return ORDO_LOAD_MORE;
    if (response->line_len > 0 && response->line[response->line_len - 1] == '\r')
        response->line_len--;
    return line(response);
}

enum ordo_load_progress ordo_load_response_feed(struct ordo_load_response *response, const char *bytes,
                                                size_t len, size_t *ret_used)
{
    const char *at = bytes, *end = bytes + len;
    enum ordo_load_progress progress = ORDO_LOAD_MORE;

    while (at < end && progress == ORDO_LOAD_MORE) {
        size_t here = (size_t)(end - at);

        switch (response->state) {
        case BODY:
        case CHUNK:
            if (here > response->left)
                here = (size_t)response->left;
            body(response, at, here);
            at += here;
            response->left -= here;
            if (response->left == 0) {
                if (response->state == BODY)
                    progress = complete(response);
                else
                    response->state = CHUNK_END;
            }
            break;
        case BODY_TO_END:
            body(response, at, here);
            at = end;
            break;
        case DONE:
            progress = ORDO_LOAD_COMPLETE;
            break;
        default:
            progress = feed_line(response, &at, end);
        }
    }
    *ret_used = (size_t)(at - bytes);
    return progress;
}

enum ordo_load_progress ordo_load_response_end(struct ordo_load_response *response)
{
    return response->state == BODY_TO_END ? complete(response) : ORDO_LOAD_BROKEN;
}
