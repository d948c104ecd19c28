/* SPDX-License-Identifier: MIT
 * unwind_rules.h: how the caller's registers are had from those of a frame, as the object of its code says.
 * Async-signal-safe, as all of unwinding.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/unwind_cfi.h"

/* Stacks are read as they are, red zones included, while other threads may write to theirs. */
#define ORDO__RAW __attribute__((no_sanitize("address", "undefined"), no_sanitize("thread")))

/* Bytes that are read one by one. */
struct ordo__bytes {
    const uint8_t *at, *end;
    bool is_bad; /* something was read behind the end, or is not understood */
};

uint64_t ordo__bytes_take(struct ordo__bytes *bytes, size_t size);
uint64_t ordo__bytes_take_unsigned(struct ordo__bytes *bytes);
int64_t ordo__bytes_take_signed(struct ordo__bytes *bytes);

/* Where a register of the caller is. */
enum ordo__rule_kind {
    ORDO__SAME = 0,
    ORDO__AT_OFFSET,
    ORDO__IS_OFFSET,
    ORDO__AT_EXPRESSION,
    ORDO__IS_EXPRESSION,
    ORDO__IN_REGISTER,
    ORDO__UNDEFINED
};

struct ordo__rule {
    enum ordo__rule_kind kind;
    int64_t offset; /* from the CFA; or the number of a register */
    struct ordo__bytes expression;
};

struct ordo__rules {
    struct ordo__rule rbp, rip;
    bool cfa_is_expression;
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct ordo__bytes cfa_expression;
};

/* Where the function of an address begins; 0: it is not known. */
uint64_t ordo__function_start(uint64_t address);
/* Of the code at an address; false: it has none, or they are not understood. */
bool ordo__rules_find(uint64_t address, struct ordo__rules *ret_rules);
