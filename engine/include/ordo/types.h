/* SPDX-License-Identifier: MIT
 * ordo/types.h: the types that the engine and its plugins share.
 *
 * Strings carry their length and need not end in NUL. Enum values are part of the ABI: new ones are added at
 * the end. Functions that can fail return 0 or a negative code of ordo/error_table.h; human text travels in
 * struct ordo_error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes with a length; not owned. */
typedef struct ordo_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} ordo_str;

#define ORDO_STR(literal) ((ordo_str){"" literal, sizeof(literal) - 1})
#define ORDO_STR_NONE ((ordo_str){NULL, 0})
#define ORDO_STR_FMT "%.*s"
#define ORDO_STR_ARG(s) (int)(s).len, (s).ptr

static inline ordo_str ordo_str_from(const char *c_string)
{
    ordo_str text;

    text.ptr = c_string;
    text.len = c_string == NULL ? 0 : strlen(c_string);
    return text;
}

static inline bool ordo_str_equal(ordo_str a, ordo_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* What can go wrong: a code of error_table.h, or a negative errno value. */
enum ordo_error_code {
#define X(name, value, text) ORDO_E##name = (value),
#include <ordo/error_table.h>
#undef X
};

/* An error with its place. The caller owns it; a function that fails fills it, one that succeeds leaves it
 * alone. */
struct ordo_error {
    int code;          /* negative */
    int line, column;  /* from 1; 0: not known */
    char place[256];   /* the file, option or address it is about; may be empty */
    char message[512]; /* one sentence: what is wrong, and the cure where there is one */
};

enum ordo_priority {
    ORDO_PRIORITY_HIGH = 0,
    ORDO_PRIORITY_MEDIUM,
    ORDO_PRIORITY_LOW,
    ORDO_PRIORITY_COUNT,
};

/* Where an order stands. The first four are on the way; the others are recorded outcomes. */
enum ordo_status {
    ORDO_STATUS_QUEUED = 0,
    ORDO_STATUS_RUNNING,
    ORDO_STATUS_WAITING,
    ORDO_STATUS_RECORDING,
    ORDO_STATUS_DONE,
    ORDO_STATUS_HELD,
    ORDO_STATUS_INVALID,
    ORDO_STATUS_DEAD,
    ORDO_STATUS_COUNT,
};

#define ORDO_STATUS_BIT(status) (1u << (unsigned)(status))
#define ORDO_STATUS_BIT_ABSENT (1u << 31) /* in struct ordo_write.replaces: there is no such order yet */

enum { ORDO_ID_MAX = 128 }; /* bytes of an order id */
