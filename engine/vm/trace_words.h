/* SPDX-License-Identifier: MIT
 * trace_words.h: why the compiler gives up, in LuaJIT's words and in words for who writes rules.
 */
#pragma once

#include "base/error.h"

/* LuaJIT's text for the number of a reason, as a format of at most one %s or %d; NULL: it has none. */
const char *ordo__trace_original(int code);

/* What it means and what would help. Returns out. */
const char *ordo__trace_words(int code, const char *detail, char *out, size_t size);

/* What the number that comes with a reason stands for: "UCLO", or the number. Returns out. */
const char *ordo__trace_detail(int code, int number, char *out, size_t size);
