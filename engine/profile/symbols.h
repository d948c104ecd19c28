/* SPDX-License-Identifier: MIT
 * symbols.h: names for addresses: of the program and its libraries by their symbol tables and debug information, of Lua
 * lines by the table of lines and the sources of rules.
 *
 * Any thread but a signal handler. Look-ups of native addresses read files and take up to milliseconds (60 where debug
 * information is compressed) the first time, and are remembered; others then wait for them, but not those who tell of
 * chunks or look up Lua.
 */
#pragma once

#include "profile/profile.h"

struct ordo_symbols;

struct ordo_symbols *ordo_symbols_new(void);
void ordo_symbols_free(struct ordo_symbols *symbols);

/* Tells where a chunk of Lua lies on disk ("@rules/30_coupon.lua" is <folder>/rules/30_coupon.lua), the text it was compiled
 * from, and the rule that it is ("coupon"; empty: none). A later call for the same chunk replaces the earlier. */
void ordo_symbols_add_chunk(struct ordo_symbols *symbols, const char *source, const char *path, ordo_str text,
                            ordo_str rule);

/* The frames that stand for an address, innermost first: more than one where calls were inlined. A return address is that
 * of every frame but the innermost. The texts live as long as the symbols. Returns at least 1. */
enum { ORDO_SYMBOLS_INLINED = 16 };
size_t ordo_symbols_find(struct ordo_symbols *symbols, uint64_t address, bool is_return_address,
                         struct ordo_frame *ret_frames, size_t most);
/* Gives back the files, and the memory for debug information, that look-ups took; the next new address opens them again. What
 * was found stays. For the end of a profile. */
void ordo_symbols_rest(struct ordo_symbols *symbols);
/* The rule that a Lua line belongs to; empty: none. */
ordo_str ordo_symbols_rule(struct ordo_symbols *symbols, uint64_t address);
/* Of a stack, innermost first: the rule of the outermost line that has one, for what a rule calls is its own. */
ordo_str ordo_symbols_rule_of(struct ordo_symbols *symbols, const uint64_t *addresses, size_t count);

/* Adds a stack of addresses, innermost first, to a profile. */
void ordo_symbols_add(struct ordo_symbols *symbols, struct ordo_profile *profile, const uint64_t *addresses,
                      size_t count, const struct ordo_label *labels, size_t label_count,
                      const int64_t *values);
