/* SPDX-License-Identifier: MIT
 * ordo/source.h: what a source plugin does: it brings orders in, from threads of its own, through
 * host->submit.
 */
#pragma once

#include <ordo/plugin.h>

struct ordo_source_stat {
    uint32_t size;
    uint64_t submitted, refused, decided; /* refused: wrong orders, and each time that the engine was full */
};

struct ordo_source_ops {
    uint32_t size;
    int (*start)(void *self, struct ordo_error *err); /* main thread; begins to submit */
    void (*stop)(void *self); /* main thread; returns when no submit is running or will come */
    void (*stat)(void *self, struct ordo_source_stat *ret_stat); /* any thread */
};
