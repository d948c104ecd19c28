/* SPDX-License-Identifier: MIT
 * unwind_cfi.h: from a frame of native code to its caller's, by the call frame information (.eh_frame) that each object
 * has for its exceptions.
 *
 * Async-signal-safe: it takes no lock and allocates nothing, and all that it calls is glibc's _dl_find_object, which is made
 * for this. Of the stack it reads what lies between its pointer and its end, whatever the information says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* By DWARF's numbers. */
enum { ORDO__RBP = 6, ORDO__RSP = 7, ORDO__RIP = 16, ORDO__REGISTERS };

struct ordo__registers {
    uint64_t value[ORDO__REGISTERS];
    uint32_t known;  /* bits by number: only these have a value */
    bool is_struck;  /* rip is where a signal struck, and not an address to return to */
    uint64_t bottom; /* of the stack of this thread: nothing behind it is read */
};

/* Goes to the caller. False: there is none, or it is not known how. */
bool ordo__cfi_step(struct ordo__registers *registers);

/* What is remembered of code is forgotten: other code may be at its place. */
void ordo__cfi_forget(void);
