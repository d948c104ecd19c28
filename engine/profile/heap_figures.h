/* SPDX-License-Identifier: MIT
 * heap_figures.h: how much memory jemalloc has, and the heap as it was at its largest. Any thread but a signal handler; a
 * peak has one owner.
 */
#pragma once

#include "profile/heap.h"

struct ordo_heap_figures {
    uint64_t allocated; /* bytes that the program asked for and has not freed */
    uint64_t active;    /* in pages that hold some of these */
    uint64_t metadata;  /* jemalloc's own */
    uint64_t resident;  /* that the kernel counts, about */
    uint64_t mapped;
    uint64_t retained; /* mapped once, given back, and kept as addresses */
    bool sampling;     /* for heap profiles */
    uint64_t sample_bytes;
};

/* ORDO_ENOTFOUND and *err: this program has no jemalloc. */
int ordo_heap_figures_read(struct ordo_heap_figures *ret_figures, struct ordo_error *err);
/* {"allocated":…,…,"fragmentation":1.08,"sampling":true,…}, fragmentation being active / allocated; or
 * {"unavailable":"why"}. */
void ordo_heap_figures_write(struct ordo_buffer *out);

/* The heap at its high water: whoever owns it looks every second or so, and a dump is taken when the heap has
 * grown by a tenth over the last one that was. A spike between two looks, and the last tenth, are missed. */
struct ordo_heap_peak {
    uint64_t active;             /* of the dump */
    struct ordo_heap_dump *dump; /* NULL: none yet */
    uint64_t taken;              /* dumps */
    int64_t spent_ns;            /* on looking and taking */
};

void ordo_heap_peak_look(struct ordo_heap_peak *peak);
void ordo_heap_peak_done(struct ordo_heap_peak *peak);
