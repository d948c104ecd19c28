/* SPDX-License-Identifier: MIT
 * line_table.h: gives every line of Lua that was met in a stack an address, so that stacks of C and Lua are
 * one list of addresses for whoever keeps them: the sampler, jemalloc's heap profile, jeprof.
 *
 * The addresses lie in a range that is reserved and never mapped for anything else. One line has ORDO_LINE_SLOT
 * bytes, and its address is the middle of them: tools ask for a caller's address less one, and find the same
 * line. Entries are never removed or changed, so a profile can be read long after its rules are gone.
 *
 * Any thread, also in a signal handler and inside of the allocator: nothing is allocated, no lock is taken.
 */
#pragma once

#include "base/error.h"

enum { ORDO_LINE_SLOT = 16, ORDO_LINE_CAPACITY = 1 << 16, ORDO_LINE_SOURCE_MAX = 255 };

/* What stands for an address. */
struct ordo_line {
    const char *source; /* the name of the chunk, as the VM has it: "@rules/30_coupon.lua", "=driver" */
    int function_line;  /* where its function begins; 0: the chunk itself */
    int line;           /* 0: not known */
};

/* The address of the line; the same for equal ones. A source longer than ORDO_LINE_SOURCE_MAX is cut at its front.
 * Once the table is full, every new line gets the address of one named "=(too many lines)". */
uint64_t ordo_line_address(const char *source, int function_line, int line);

/* False: the address is in no line's slot. The text lives as long as the process. */
bool ordo_line_find(uint64_t address, struct ordo_line *ret_line);

/* Lines that have an address. */
uint32_t ordo_line_count(void);
