/* SPDX-License-Identifier: MIT
 * jeprof.h: profiles as gperftools and jemalloc write them, which hold addresses and no names, and the names for
 * jeprof and `go tool pprof`: asked for by address (/pprof/symbol), or in front of a dump, which jeprof then opens
 * as it comes.
 *
 * A name is a function's; of a Lua line also its file and line, since these clients have no other way to know them:
 * "coupon.apply rules/30_coupon.lua:12". Inlined calls are joined by "--", the caller first.
 *
 *   struct ordo_raw_stacks stacks = {0};
 *   ordo_raw_stacks_add(&stacks, addresses, count, 1);
 *   ordo_encode_gperftools(&stacks, 10000000, &out);
 *   ordo_raw_stacks_done(&stacks);
 */
#pragma once

#include "profile/intern.h"
#include "profile/symbols.h"
#include "profile/waits.h"

/* Stacks of addresses, innermost first, each once, with how often it was met. One owner. */
struct ordo_raw_stacks {
    struct ordo_intern stacks;
    struct ordo_buffer counts; /* uint64_t, by number of the stack */
};

void ordo_raw_stacks_add(struct ordo_raw_stacks *stacks, const uint64_t *addresses, size_t count,
                         uint64_t samples);
void ordo_raw_stacks_done(struct ordo_raw_stacks *stacks);

/* gperftools' CPU profile: binary, with the process's memory map at its end. */
void ordo_encode_gperftools(const struct ordo_raw_stacks *stacks, int64_t period_ns, struct ordo_buffer *out);
/* The same behind the names of its addresses, for `jeprof FILE`. */
void ordo_encode_gperftools_named(const struct ordo_raw_stacks *stacks, int64_t period_ns,
                                  struct ordo_symbols *symbols, struct ordo_buffer *out);
/* Waits since the mark (NULL: ever) as "--- contention:". Without symbols, with the memory map: for clients that ask for
 * names, and for others through ordo_jeprof_name_dump; with symbols, for people, with names. */
void ordo_encode_contention(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                            struct ordo_symbols *symbols, struct ordo_buffer *out);
/* A dump of text whose stacks are lines with "@ 0xADDRESS ..." (jemalloc's heap profile, "--- contention") behind the
 * names of its addresses. */
void ordo_jeprof_name_dump(ordo_str dump, struct ordo_symbols *symbols, struct ordo_buffer *out);

/* What /pprof/symbol answers: to GET and HEAD (an empty body) that it can be asked, to POST of "0xADDRESS+0xADDRESS..."
 * a line for each. They ask for a caller's address less one. -EINVAL and *err when the body is something else. */
int ordo_jeprof_symbol(ordo_str body, struct ordo_symbols *symbols, struct ordo_buffer *out,
                       struct ordo_error *err);
/* What /pprof/cmdline answers: the program and its arguments with a NUL between. */
void ordo_jeprof_cmdline(struct ordo_buffer *out);
