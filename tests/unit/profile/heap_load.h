/* SPDX-License-Identifier: MIT
 * heap_load.h: memory in known amounts, from C and from a rule, for the tests of heap profiles. At most one keeps it.
 */
#pragma once

#include "vm/vm.h"

/* Keeps so many blocks; freed by heap_load_free. */
void heap_load_c(size_t count, size_t size);
void heap_load_free(void);

extern const char heap_load_rule[];              /* the chunk's name */
enum { HEAP_LOAD_LINE = 4, HEAP_LOAD_LOOP = 3 }; /* where it keeps tables, and where the loop around begins */

/* A VM that has kept so many tables, in `calls` calls. Each is a block that fills its size class. */
enum { HEAP_LOAD_TABLE = 96 };
struct ordo_vm *heap_load_lua(bool jit, size_t calls, size_t tables);
