/* SPDX-License-Identifier: MIT
 * timeline.h: the flight recorder: what each thread did lately, in a ring of its own that is always written.
 *
 * A thread that ordo_thread_start began has a ring from its start on; another one gets it with its first call. An event is
 * 32 bytes: a few stores without lock, allocation or system call. The ring is read without stopping its writer: what was
 * overwritten meanwhile is known and left out, so no event is ever seen in part.
 *
 * A span is one event, written at its end. So what was overwritten takes no end or begin from what was not, and a thread's
 * spans nest because its calls do. The turn that has not ended is published apart.
 *
 *   uint64_t began = ordo_timeline_ticks();
 *   ...
 *   ordo_timeline_span(ORDO_TIMELINE_PARSE, began, number);
 *
 * What is followed across threads (an order) has a number that the process gives once, 0 for one that is not recorded;
 * whoever records asks ordo_timeline_choose whether there is room. It is recorded whole or not at all.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>

#include "base/error.h"
#include "base/timeline_clock.h"

enum { ORDO_TIMELINE_RINGS = 512 /* threads that are recorded at most */ };

enum ordo_timeline_name {
#define X(name, text) ORDO_TIMELINE_##name,
#include "base/timeline_table.h"
#undef X
    ORDO_TIMELINE_NAME_COUNT, /* the next ones are given by ordo_timeline_intern */
};

enum ordo_timeline_kind {
    ORDO_TIMELINE_EMPTY = 0,
    ORDO_TIMELINE_SPAN, /* at: its begin; more: ticks that it took; number: followed by it, or 0; extra: a name that says
                              more, or 0 */
    ORDO_TIMELINE_MERGED,  /* short spans close together; number: ticks inside of them; extra: how many */
    ORDO_TIMELINE_INSTANT, /* more: a name that says more, or 0 */
    ORDO_TIMELINE_STEP,    /* of what `number` follows; extra: what is known of it (ordo_timeline_step) */
    ORDO_TIMELINE_LABEL, /* the name of what `number` follows: extra bytes in the events behind it, of kind TEXT */
    ORDO_TIMELINE_TEXT,  /* 24 bytes in at, more and number */
    ORDO_TIMELINE_COUNT, /* a counter's value, in number */
    ORDO_TIMELINE_SLOW, /* what took too long, its name is in the LABEL behind: at, more: begin and end in monotonic ns;
                              extra: 1: its steps are on the timeline under its number */
    ORDO_TIMELINE_SLOW_STEPS, /* of the SLOW before: three more times in ns; 0: not known; extra: attempt */
    ORDO_TIMELINE_SHARE, /* of those that could have been followed since the last one: more: all; number: recorded ones;
                              extra: spans left out because there were too many short ones */
};

struct ordo_timeline_event {
    uint64_t at, more, number;
    uint32_t extra;
    uint16_t name;
    uint8_t kind;  /* enum ordo_timeline_kind */
    uint8_t is_ns; /* `at` is in monotonic nanoseconds, else in ticks */
};
enum { ORDO_TIMELINE_TEXT_BYTES = 24 };
static_assert(sizeof(struct ordo_timeline_event) == 32, "an event is half a cache line");

/* A thread's ring. */
struct ordo_timeline {
    /* written by the owner, read by any thread */
    _Alignas(64) _Atomic uint64_t head; /* events written; the newest is in slot (head - 1) & mask */
    _Atomic uint64_t turn_at;           /* ticks at the begin of the turn that goes on; 0: none */
    struct {                            /* short turns that are not written yet; version odd: being changed */
        _Atomic uint64_t version, at, end, inside, count;
    } turns;

    /* set once an owner */
    _Atomic uint64_t (*slots)[4];
    uint64_t mask;
    unsigned id; /* from 0 */

    _Atomic uint64_t seen, chosen; /* since the last SHARE: that could be followed, and those that are */
    _Atomic uint64_t left_out;     /* spans */
    _Atomic uint64_t
        interval_at; /* ticks at the begin of the interval; the room for events is shared out in intervals */

    /* owner only */
    uint64_t rationed_end;  /* when the last rationed span was written */
    uint64_t short_spans;   /* written one by one in this interval */
    uint64_t interval_head; /* head at the begin of the interval */
    int64_t room;           /* events that may be written; below 0: too many were */
    uint64_t seen_before;   /* in the last interval */
    uint64_t allowed;       /* that may be chosen in this interval */
    uint64_t detail;        /* events written for what is followed, in this interval */
    uint64_t followed;      /* that were done with in it */
    uint64_t cost;          /* 16 times the events that one takes, mean */
    uint64_t numbers;       /* given; the high bits are the ring's own */
    uint64_t random;
    uint64_t slow_count; /* notes of slow ones, in this interval */

    /* under the registry's lock */
    char thread[16];
    int tid;
    uint64_t first; /* head when its owner began */
    bool in_use;
    int64_t ended_ns; /* when not in use */
    struct ordo_timeline *next;
};

extern _Thread_local struct ordo_timeline *ordo_timeline_own; /* NULL: not recorded */

struct ordo_timeline_options {
    size_t ring_bytes; /* for each thread, a power of two; 0: nothing is recorded */
    int64_t slow_ns;   /* what takes longer is noted (ordo_timeline_ended); 0: nothing */
};

/* Before the threads that are to be recorded. */
void ordo_timeline_start(const struct ordo_timeline_options *options);
bool ordo_timeline_is_on(void);
/* The calling thread's ring; done by ordo_thread_start for its threads. False: there is none. */
bool ordo_timeline_enter(const char *thread);
void ordo_timeline_leave(void);

/* The name's number; equal names have one. What a process uses must be bounded: beyond 4,096 it is "(too many names)". */
uint16_t ordo_timeline_intern(ordo_str name);
/* The same for what is said beside a name; these take three quarters of the room at most. */
uint16_t ordo_timeline_intern_detail(ordo_str detail);
ordo_str ordo_timeline_name(uint16_t number); /* lives as long as the process */

/* All rings, newest first; threads that start or end meanwhile wait. */
void ordo__timeline_each(void (*visit)(void *context, struct ordo_timeline *ring), void *context);

/* --- writing: the owner --- */

static inline void ordo__timeline_put(struct ordo_timeline *ring, const struct ordo_timeline_event *event)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed), words[4];
    _Atomic uint64_t *slot = ring->slots[head & ring->mask];

    /* Each word is released, so that a reader who sees one of them sees that its slot was given up (head). */
    memcpy(words, event, sizeof(words));
    for (int i = 0; i < 4; i++)
        atomic_store_explicit(&slot[i], words[i], memory_order_release);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* A span of this thread, on behalf of what `number` follows; 0: of the thread itself. */
static inline void ordo_timeline_span_until(uint16_t name, uint64_t began, uint64_t ended, uint64_t number)
{
    if (ordo_timeline_own == NULL)
        return;
    ordo_timeline_own->detail += number != 0;
    ordo__timeline_put(
        ordo_timeline_own,
        &(struct ordo_timeline_event){
            .at = began, .more = ended - began, .number = number, .name = name, .kind = ORDO_TIMELINE_SPAN});
}

/* The same, ending now. */
static inline void ordo_timeline_span(uint16_t name, uint64_t began, uint64_t number)
{
    ordo_timeline_span_until(name, began, ordo_timeline_ticks(), number);
}

/* A span of the thread itself, where there may be too many: then a short one that closely follows another is left out, and counted. */
void ordo_timeline_span_rationed(uint16_t name, uint16_t detail, uint64_t began);
/* The same, without detail, between two monotonic times, in nanoseconds. */
void ordo_timeline_span_between(uint16_t name, int64_t began_ns, int64_t ended_ns);

/* A span of this thread that ends now and took so long. `detail`: a name that says more; ORDO_TIMELINE_NONE: none. */
void ordo_timeline_took(uint16_t name, uint16_t detail, int64_t took_ns);

static inline void ordo_timeline_instant(uint16_t name, uint16_t detail)
{
    if (ordo_timeline_own != NULL)
        ordo__timeline_put(ordo_timeline_own, &(struct ordo_timeline_event){.at = ordo_timeline_ticks(),
                                                                            .more = detail,
                                                                            .name = name,
                                                                            .kind = ORDO_TIMELINE_INSTANT});
}

static inline void ordo_timeline_count(uint16_t name, uint64_t value)
{
    if (ordo_timeline_own != NULL)
        ordo__timeline_put(ordo_timeline_own, &(struct ordo_timeline_event){.at = ordo_timeline_ticks(),
                                                                            .number = value,
                                                                            .name = name,
                                                                            .kind = ORDO_TIMELINE_COUNT});
}

/* A turn of the thread's loop: from the moment that it has something to do until it waits again. When there are many, short
 * ones that follow each other closely become one span, which tells how many they are and how much time was spent in them. */
void ordo_timeline_turn_begin(void); /* nothing when it has begun already */
void ordo_timeline_turn_end(void);

/* --- what is followed across threads --- */

/* Whether there is room to follow one more: its number, or 0. All are taken while there is room; else a random share, each
 * with the same chance as its neighbours. */
uint64_t ordo_timeline_choose(void);
/* It comes to a step; `at_ns`: when, monotonic; 0: now. */
void ordo_timeline_step_at(uint64_t number, uint16_t name, int64_t at_ns);
static inline void ordo_timeline_step(uint64_t number, uint16_t name)
{
    if (number != 0)
        ordo_timeline_step_at(number, name, 0);
}
void ordo_timeline_label(uint64_t number, ordo_str label);
/* A span of this thread on its behalf: nothing when number is 0. */
static inline uint64_t ordo_timeline_begin(uint64_t number)
{
    return number != 0 ? ordo_timeline_ticks() : 0;
}
static inline void ordo_timeline_end(uint16_t name, uint64_t began, uint64_t number)
{
    if (number != 0)
        ordo_timeline_span(name, began, number);
}
/* A chosen one is done with here: what its events cost is learned from it. */
void ordo_timeline_followed(uint64_t number);

/* Times of something that took too long, in monotonic nanoseconds; 0: not known. */
struct ordo_timeline_slow {
    uint64_t number; /* 0: it was not followed */
    int64_t began_ns, ended_ns, steps_ns[3];
    uint32_t attempt;
    ordo_str label;
};
extern _Atomic int64_t ordo_timeline_slow_ns; /* INT64_MAX: nothing is too slow */
extern _Atomic uint64_t ordo_timeline_slow_noted,
    ordo_timeline_slow_refused; /* refused: too many at a time */
void ordo_timeline_note_slow(const struct ordo_timeline_slow *slow);
