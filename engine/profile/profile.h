/* SPDX-License-Identifier: MIT
 * profile.h: samples by stack, with names: what every kind of profile ends up as, what the encoders write, and what
 * is read back from the history.
 *
 * Texts and frames are kept once and named by their number. Texts come out as UTF-8 of one line, whatever went in: U+FFFD
 * stands for each control character and for what is no UTF-8. Samples with the same stack and labels are one, and
 * their values are added. A profile belongs to one thread at a time; readers of one that nobody changes may be many.
 */
#pragma once

#include "base/buffer.h"

enum { ORDO_PROFILE_VALUES = 4, ORDO_PROFILE_LABELS = 8, ORDO_PROFILE_DEPTH = 192 };

/* Where a frame's code comes from: what colours it, and what can be left out. */
enum ordo_frame_kind {
    ORDO_FRAME_LUA = 0, /* scripts and the engine's Lua modules */
    ORDO_FRAME_ENGINE,  /* the program */
    ORDO_FRAME_PLUGIN,
    ORDO_FRAME_RUNTIME, /* LuaJIT itself: interpreter, collector, compiler */
    ORDO_FRAME_LIBRARY, /* h2o, RocksDB, libc, ... */
    ORDO_FRAME_KERNEL,
    ORDO_FRAME_NOTE, /* no code: "(queue wait)", "(unknown)" */
};

/* One frame of one line; where calls were inlined, there is one for each of them, and all of them have the address of
 * the code that they became. */
struct ordo_frame {
    ordo_str function;       /* "coupon.apply", "ordo_json_parse" */
    ordo_str file;           /* a path that exists on disk where that can be; may be empty */
    ordo_str module;         /* the file that the code is mapped from; may be empty */
    uint64_t address;        /* 0: none */
    int line, function_line; /* 0: not known */
    enum ordo_frame_kind kind;
    bool inlined; /* into the function of the next frame, its caller */
};

struct ordo_label {
    ordo_str key, value; /* "rule", "coupon" */
};

struct ordo_value_type {
    const char *type, *unit; /* "cpu", "nanoseconds" */
};

/* What its numbers are. */
struct ordo_profile_meaning {
    struct ordo_value_type values[ORDO_PROFILE_VALUES]; /* as many as have a type */
    unsigned shown;                                     /* the value that is shown by default */
    struct ordo_value_type period_type;
};

/* The meanings that clients know. */
extern const struct ordo_profile_meaning ordo_meaning_cpu;  /* samples/count cpu/nanoseconds */
extern const struct ordo_profile_meaning ordo_meaning_wall; /* samples/count wall/nanoseconds */
extern const struct ordo_profile_meaning
    ordo_meaning_heap; /* alloc_objects alloc_space inuse_objects inuse_space */
extern const struct ordo_profile_meaning ordo_meaning_allocs;    /* the same, alloc_space shown */
extern const struct ordo_profile_meaning ordo_meaning_wait;      /* contentions/count delay/nanoseconds */
extern const struct ordo_profile_meaning ordo_meaning_coroutine; /* goroutine/count */

struct ordo_profile;

/* The meaning is copied. `period`: between two samples, in units of the meaning's period_type; 0: none. */
struct ordo_profile *ordo_profile_new(const struct ordo_profile_meaning *meaning, int64_t period);
void ordo_profile_free(struct ordo_profile *profile); /* NULL is allowed */

/* The number of a frame; equal ones have one. The texts are copied. */
uint32_t ordo_profile_frame(struct ordo_profile *profile, const struct ordo_frame *frame);
/* Adds values to the sample of this stack (innermost frame first) with these labels, at most ORDO_PROFILE_LABELS;
 * the same labels in another order are other labels. */
void ordo_profile_add(struct ordo_profile *profile, const uint32_t *frames, size_t frame_count,
                      const struct ordo_label *labels, size_t label_count, const int64_t *values);

/* When it was taken, and for how long; both 0 at first. */
void ordo_profile_set_time(struct ordo_profile *profile, int64_t utc_ns, int64_t duration_ns);
/* A remark for whoever reads it: "samples dropped: 3". */
void ordo_profile_comment(struct ordo_profile *profile, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- reading --- */

struct ordo_profile_sample {
    const uint32_t *frames; /* innermost first */
    size_t frame_count;
    const struct ordo_label *labels;
    size_t label_count;
    const int64_t *values; /* value_count of the profile */
};

int64_t ordo_profile_period(const struct ordo_profile *profile);
const struct ordo_profile_meaning *ordo_profile_meaning(const struct ordo_profile *profile);
unsigned ordo_profile_value_count(const struct ordo_profile *profile);
int64_t ordo_profile_utc_ns(const struct ordo_profile *profile);
int64_t ordo_profile_duration_ns(const struct ordo_profile *profile);
size_t ordo_profile_sample_count(const struct ordo_profile *profile);
/* Valid until the profile changes. */
struct ordo_profile_sample ordo_profile_sample(const struct ordo_profile *profile, size_t index);
size_t ordo_profile_frame_count(const struct ordo_profile *profile);
/* Valid until the profile changes; its texts as long as the profile. */
const struct ordo_frame *ordo_profile_frame_at(const struct ordo_profile *profile, uint32_t number);
size_t ordo_profile_comment_count(const struct ordo_profile *profile);
ordo_str ordo_profile_comment_at(const struct ordo_profile *profile, size_t index);
int64_t ordo_profile_total(const struct ordo_profile *profile, unsigned value);
