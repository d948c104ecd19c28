/* SPDX-License-Identifier: MIT
 * ordo/sink.h: what a sink plugin does: it takes decisions out, at least once each.
 *
 * Each sink has one thread of the engine, which alone calls its operations. It may therefore block, and needs
 * no lock.
 */
#pragma once

#include <ordo/plugin.h>

struct ordo_emission {
    ordo_str id;
    uint32_t revision; /* (id, revision) tells duplicates */
    ordo_str decision; /* one line of JSON without the newline */
};

struct ordo_sink_stat {
    uint32_t size;
    uint64_t emitted, failed, dead_lettered; /* failed: attempts; the others: decisions */
};

struct ordo_sink_ops {
    uint32_t size;
    /* Takes the items from the first one on. Returns 0: all are taken; n > 0: the first n are, and the rest comes at once;
     * negative, with *err: the same items come again after a wait, so they may have been taken in part. What it took does not
     * come again, so it returns when that is where it is meant to be. A sink that takes its time for each part says so part
     * by part: a stop or a crash then repeats one part at most. The items are valid during the call only. */
    int (*emit)(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err);
    /* Nothing more is due for now, or the engine stops: what is buffered goes out. */
    int (*flush)(void *self, struct ordo_error *err);
    /* SIGUSR1: opens its files anew (they were moved away). */
    int (*reopen)(void *self, struct ordo_error *err);
    void (*stat)(void *self, struct ordo_sink_stat *ret_stat); /* the only one called from any thread */
};
