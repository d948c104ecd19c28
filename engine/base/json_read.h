/* SPDX-License-Identifier: MIT
 * json_read.h: reads JSON (RFC 8259, strict: UTF-8 checked, exact integers up to 2^64 - 1, no duplicate
 * keys).
 *
 * A parser owns the document that it parsed last: values and strings live until the next parse or the
 * parser's end. One thread at a time. Values are read in order, front to back, as the tape that simdjson
 * writes:
 *
 *   struct ordo_json_value root = ordo_json_root(parser), value;
 *   ordo_str key;
 *   for (struct ordo_json_iter it = ordo_json_iter_of(root); ordo_json_next(&it, &key, &value);)
 *       if (ordo_str_equal(key, ORDO_STR("id"))) ...
 */
#pragma once

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ORDO_JSON_PADDING = 64
}; /* bytes behind the text that must be readable (their content does not matter) */

struct ordo_json_parser;

enum ordo_json_type {
    ORDO_JSON_NULL = 0,
    ORDO_JSON_BOOL,
    ORDO_JSON_INT,    /* fits int64 */
    ORDO_JSON_UINT,   /* above INT64_MAX, fits uint64 */
    ORDO_JSON_DOUBLE, /* written with a fraction or exponent */
    ORDO_JSON_STRING,
    ORDO_JSON_ARRAY,
    ORDO_JSON_OBJECT,
};

/* A position in the document; copied freely. */
struct ordo_json_value {
    const uint64_t *word; /* on the tape */
    const uint64_t *tape; /* its start */
    const unsigned char *strings;
};

/* Walks the members of an array or object. */
struct ordo_json_iter {
    struct ordo_json_value at;
    const uint64_t *end;
    bool is_object;
};

struct ordo_json_parser *ordo_json_parser_new(size_t max_depth); /* aborts when out of memory */
void ordo_json_parser_free(struct ordo_json_parser *parser);

/* Parses len bytes behind which ORDO_JSON_PADDING more are readable. 0, or ORDO_EJSON with the line, column
 * and what was expected there in *err (which costs a second, slow pass that only errors pay), ORDO_ELIMIT
 * when nested too deeply. A duplicate key in any object is ORDO_EJSON and is named. */
int ordo_json_parse(struct ordo_json_parser *parser, const char *bytes, size_t len, struct ordo_error *err);

/* The same of a buffer's bytes, which stay as they are; the buffer gets room for the padding. */
struct ordo_buffer;
int ordo_json_parse_buffer(struct ordo_json_parser *parser, struct ordo_buffer *text, struct ordo_error *err);

struct ordo_json_value ordo_json_root(const struct ordo_json_parser *parser);

#ifdef __cplusplus
}
#endif

/* The tape: one 64-bit word a value, its type as a character in the top byte and a payload in the rest.
 * Numbers have their value in a second word; the payload of a string is where its length and bytes are in
 * `strings`; that of an opening bracket has the index behind the container in its low 32 bits. */
#define ORDO_JSON_PAYLOAD 0xffffffffffffffu

static inline enum ordo_json_type ordo_json_type(struct ordo_json_value value)
{
    switch ((char)(*value.word >> 56)) {
    case 't':
    case 'f':
        return ORDO_JSON_BOOL;
    case 'l':
        return ORDO_JSON_INT;
    case 'u':
        return ORDO_JSON_UINT;
    case 'd':
        return ORDO_JSON_DOUBLE;
    case '"':
        return ORDO_JSON_STRING;
    case '[':
        return ORDO_JSON_ARRAY;
    case '{':
        return ORDO_JSON_OBJECT;
    default:
        return ORDO_JSON_NULL;
    }
}

static inline bool ordo_json_as_bool(struct ordo_json_value value)
{
    return (char)(*value.word >> 56) == 't';
}

/* ORDO_JSON_INT only. */
static inline int64_t ordo_json_as_int(struct ordo_json_value value)
{
    return (int64_t)value.word[1];
}

/* ORDO_JSON_INT that is not negative, ORDO_JSON_UINT. */
static inline uint64_t ordo_json_as_uint(struct ordo_json_value value)
{
    return value.word[1];
}

/* Any number. */
static inline double ordo_json_as_double(struct ordo_json_value value)
{
    double number;

    switch ((char)(*value.word >> 56)) {
    case 'l':
        return (double)(int64_t)value.word[1];
    case 'u':
        return (double)value.word[1];
    default:
        memcpy(&number, &value.word[1], sizeof(number));
        return number;
    }
}

/* Unescaped; may hold NUL bytes. */
static inline ordo_str ordo_json_as_str(struct ordo_json_value value)
{
    const unsigned char *at = value.strings + (*value.word & ORDO_JSON_PAYLOAD);
    ordo_str text;
    uint32_t len;

    memcpy(&len, at, sizeof(len));
    text.ptr = (const char *)at + sizeof(len);
    text.len = len;
    return text;
}

/* Walks the members of an array or object; other types have none. */
static inline struct ordo_json_iter ordo_json_iter_of(struct ordo_json_value container)
{
    char type = (char)(*container.word >> 56);
    struct ordo_json_iter iter;

    iter.at = container;
    iter.at.word++;
    iter.end =
        type == '[' || type == '{' ? container.tape + (*container.word & 0xffffffffu) - 1 : iter.at.word;
    iter.is_object = type == '{';
    return iter;
}

/* The next member; ret_key is set for objects only and may be NULL. */
static inline bool ordo_json_next(struct ordo_json_iter *iter, ordo_str *ret_key,
                                  struct ordo_json_value *ret_value)
{
    char type;

    if (iter->at.word >= iter->end)
        return false;
    if (iter->is_object) {
        if (ret_key != NULL)
            *ret_key = ordo_json_as_str(iter->at);
        iter->at.word++;
    }
    *ret_value = iter->at;
    type = (char)(*iter->at.word >> 56);
    if (type == '[' || type == '{')
        iter->at.word = iter->at.tape + (*iter->at.word & 0xffffffffu);
    else
        iter->at.word += type == 'l' || type == 'u' || type == 'd' ? 2 : 1;
    return true;
}

/* Members of an array or object; 0 for others. Walks them when there are many. */
static inline size_t ordo_json_count(struct ordo_json_value value)
{
    struct ordo_json_iter iter = ordo_json_iter_of(value);
    struct ordo_json_value member;
    size_t count = iter.at.word < iter.end ? (*value.word >> 32) & 0xffffffu : 0;

    if (count == 0xffffffu)
        for (count = 0; ordo_json_next(&iter, NULL, &member);)
            count++;
    return count;
}

/* A member by key; false when absent or not an object. Linear. */
static inline bool ordo_json_get(struct ordo_json_value object, ordo_str key,
                                 struct ordo_json_value *ret_value)
{
    struct ordo_json_iter iter = ordo_json_iter_of(object);
    struct ordo_json_value value;
    ordo_str name;

    while (iter.is_object && ordo_json_next(&iter, &name, &value))
        if (ordo_str_equal(name, key)) {
            *ret_value = value;
            return true;
        }
    return false;
}

/* Members of an object: empty, or `absent`, when it is not there or of another type. */
static inline ordo_str ordo_json_text(struct ordo_json_value object, ordo_str key)
{
    struct ordo_json_value value;
    ordo_str text = {NULL, 0};

    if (ordo_json_get(object, key, &value) && ordo_json_type(value) == ORDO_JSON_STRING)
        text = ordo_json_as_str(value);
    return text;
}

static inline int64_t ordo_json_number(struct ordo_json_value object, ordo_str key, int64_t absent)
{
    struct ordo_json_value value;

    if (!ordo_json_get(object, key, &value) || ordo_json_type(value) != ORDO_JSON_INT)
        return absent;
    return ordo_json_as_int(value);
}

/* A member that is an object or array; false otherwise. */
static inline bool ordo_json_member(struct ordo_json_value object, ordo_str key,
                                    struct ordo_json_value *ret_member)
{
    return ordo_json_get(object, key, ret_member) && (ordo_json_type(*ret_member) == ORDO_JSON_OBJECT ||
                                                      ordo_json_type(*ret_member) == ORDO_JSON_ARRAY);
}
