/* SPDX-License-Identifier: MIT
 * json_write.h: writes JSON to the end of a buffer. The one writer of the engine.
 *
 * Commas are the writer's business: a value or key puts one before itself where one is due.
 *
 *   struct ordo_json_writer json = ordo_json_writer(&out);
 *   ordo_json_object(&json);
 *   ordo_json_key(&json, ORDO_STR("id")); ordo_json_string(&json, id);
 *   ordo_json_end_object(&json);
 */
#pragma once

#include "base/buffer.h"

struct ordo_json_writer {
    struct ordo_buffer *out;
    bool comma; /* the next key or value needs one before it */
};

static inline struct ordo_json_writer ordo_json_writer(struct ordo_buffer *out)
{
    return (struct ordo_json_writer){.out = out};
}

/* Room for `more` bytes and the comma, which is written when due. The caller stores the text at the result
 * and then calls ordo__json_wrote with its end. */
static inline char *ordo__json_begin(struct ordo_json_writer *json, size_t more)
{
    char *end = ordo_buffer_reserve(json->out, more + 1);

    *end = ',';
    return end + json->comma;
}

static inline void ordo__json_wrote(struct ordo_json_writer *json, const char *end, bool comma)
{
    json->out->len = (size_t)(end - json->out->ptr);
    json->comma = comma;
}

static inline void ordo__json_byte(struct ordo_json_writer *json, char byte, bool comma)
{
    char *end = ordo__json_begin(json, 1);

    *end = byte;
    ordo__json_wrote(json, end + 1, comma);
}

static inline void ordo_json_object(struct ordo_json_writer *json)
{
    ordo__json_byte(json, '{', false);
}

static inline void ordo_json_array(struct ordo_json_writer *json)
{
    ordo__json_byte(json, '[', false);
}

static inline void ordo_json_end_object(struct ordo_json_writer *json)
{
    ordo_buffer_put(json->out, '}');
    json->comma = true;
}

static inline void ordo_json_end_array(struct ordo_json_writer *json)
{
    ordo_buffer_put(json->out, ']');
    json->comma = true;
}

/* A key that needs no escapes. Inline, because a literal key then is a few stores. */
static inline void ordo_json_key(struct ordo_json_writer *json, ordo_str key)
{
    char *end = ordo__json_begin(json, key.len + 3);

    *end++ = '"';
    if (key.len > 0)
        memcpy(end, key.ptr, key.len);
    end += key.len;
    *end++ = '"';
    *end++ = ':';
    ordo__json_wrote(json, end, false);
}

void ordo_json_key_escaped(struct ordo_json_writer *json, ordo_str key);

/* `text` is UTF-8; each longest run of bytes that begins a character but does not end one, and each other
 * byte that is not UTF-8, becomes one U+FFFD. */
void ordo_json_string(struct ordo_json_writer *json, ordo_str text);
void ordo_json_int(struct ordo_json_writer *json, int64_t number);

/* The fewest of 15 to 17 digits that read back the same; integers up to 2^53 without a point (-0 as 0); NaN
 * and infinities: null. */
void ordo_json_double(struct ordo_json_writer *json, double number);
void ordo_json_bool(struct ordo_json_writer *json, bool value);
void ordo_json_null(struct ordo_json_writer *json);
void ordo_json_raw(struct ordo_json_writer *json, ordo_str value); /* a whole JSON value, as it is */

/* "key":value in one call. */
static inline void ordo_json_key_string(struct ordo_json_writer *json, ordo_str key, ordo_str text)
{
    ordo_json_key(json, key);
    ordo_json_string(json, text);
}

static inline void ordo_json_key_int(struct ordo_json_writer *json, ordo_str key, int64_t number)
{
    ordo_json_key(json, key);
    ordo_json_int(json, number);
}
