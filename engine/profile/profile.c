/* SPDX-License-Identifier: MIT
 * profile.c: texts, frames and samples, each kept once: a sample's key is its frames and the numbers of its labels'
 * texts, and a frame's key is all that it holds.
 */
#include "profile/profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/utf8.h"
#include "profile/intern.h"

struct frame_key {
    uint64_t address;
    uint32_t function, file, module; /* numbers of texts */
    int32_t line, function_line;
    uint32_t kind_and_inlined;
};

struct ordo_profile {
    struct ordo_profile_meaning meaning;
    unsigned value_count;
    int64_t period, utc_ns, duration_ns;
    struct ordo_intern texts;
    struct ordo_intern frame_keys;
    struct ordo_frame *frames; /* by number; as many as frame_capacity */
    size_t frame_capacity;
    struct ordo_intern sample_keys;      /* the count of frames, the frames, two texts a label */
    struct ordo_profile_sample *samples; /* by number; as many as sample_capacity */
    size_t sample_capacity;
    struct ordo_arena arena;     /* values and labels of samples */
    struct ordo_buffer key;      /* of the sample that is looked up */
    struct ordo_buffer cleaned;  /* of a text that is no plain ASCII */
    struct ordo_buffer comments; /* numbers of texts */
    size_t comment_count;
};

/* The text without what is no UTF-8 and without control characters (and the two that no XML may have): U+FFFD stands
 * for each. So no encoder need look. Valid until the next call. */
static ordo_str clean(struct ordo_profile *profile, ordo_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t at = 0, len;

    while (at < text.len && bytes[at] >= 0x20 && bytes[at] < 0x7f)
        at++;
    if (at == text.len)
        return text;
    ordo_buffer_clear(&profile->cleaned);
    ordo_buffer_append(&profile->cleaned, (ordo_str){text.ptr, at});
    for (; at < text.len; at += len) {
        bool good = bytes[at] < 0x80 ? (len = 1, bytes[at] >= 0x20 && bytes[at] < 0x7f)
                                     : ordo_utf8_scan(bytes + at, text.len - at, &len);

        good = good && !(len == 2 && bytes[at] == 0xc2 && bytes[at + 1] < 0xa0) &&
               !(len == 3 && memcmp(bytes + at, "\xef\xbf", 2) == 0 && bytes[at + 2] >= 0xbe);
        ordo_buffer_append(&profile->cleaned,
                           good ? (ordo_str){text.ptr + at, len} : ORDO_STR("\xef\xbf\xbd"));
    }
    return ordo_buffer_str(&profile->cleaned);
}

static ordo_str keep(struct ordo_profile *profile, ordo_str text, uint32_t *ret_number)
{
    *ret_number = ordo_intern(&profile->texts, clean(profile, text));
    return ordo_intern_at(&profile->texts, *ret_number);
}

static const char *keep_word(struct ordo_profile *profile, const char *word)
{
    uint32_t number;

    return word == NULL ? NULL : keep(profile, ordo_str_from(word), &number).ptr;
}

struct ordo_profile *ordo_profile_new(const struct ordo_profile_meaning *meaning, int64_t period)
{
    struct ordo_profile *profile = calloc(1, sizeof(*profile));

    ORDO_REQUIRE(profile != NULL);
    profile->meaning = *meaning;
    profile->period = period;
    ordo_arena_init(&profile->arena, SIZE_MAX);
    while (profile->value_count < ORDO_PROFILE_VALUES && meaning->values[profile->value_count].type != NULL) {
        struct ordo_value_type *value = &profile->meaning.values[profile->value_count++];

        value->type = keep_word(profile, value->type);
        value->unit = keep_word(profile, value->unit);
    }
    ORDO_REQUIRE(meaning->shown < profile->value_count);
    profile->meaning.period_type.type = keep_word(profile, meaning->period_type.type);
    profile->meaning.period_type.unit = keep_word(profile, meaning->period_type.unit);
    return profile;
}

void ordo_profile_free(struct ordo_profile *profile)
{
    if (profile == NULL)
        return;
    ordo_intern_done(&profile->texts);
    ordo_intern_done(&profile->frame_keys);
    ordo_intern_done(&profile->sample_keys);
    free(profile->frames);
    free(profile->samples);
    ordo_arena_done(&profile->arena);
    ordo_buffer_done(&profile->key);
    ordo_buffer_done(&profile->cleaned);
    ordo_buffer_done(&profile->comments);
    free(profile);
}

uint32_t ordo_profile_frame(struct ordo_profile *profile, const struct ordo_frame *frame)
{
    struct ordo_frame kept = *frame;
    struct frame_key key = {
        .address = frame->address, .line = frame->line, .function_line = frame->function_line};
    uint32_t number, count = profile->frame_keys.count;
    bool is_new;

    kept.function = keep(profile, frame->function, &key.function);
    kept.file = keep(profile, frame->file, &key.file);
    kept.module = keep(profile, frame->module, &key.module);
    key.kind_and_inlined = (uint32_t)frame->kind << 1 | frame->inlined;
    number = ordo_intern_is_new(&profile->frame_keys, (ordo_str){(const char *)&key, sizeof(key)}, &is_new);
    if (is_new) {
        profile->frames =
            ordo_array_grow(profile->frames, count, &profile->frame_capacity, sizeof(*profile->frames));
        profile->frames[number] = kept;
    }
    return number;
}

static void append_number(struct ordo_buffer *key, uint32_t number)
{
    ordo_buffer_append(key, (ordo_str){(const char *)&number, sizeof(number)});
}

/* Makes the sample whose key is the newest of sample_keys. */
static void add_sample(struct ordo_profile *profile, size_t frame_count, size_t label_count)
{
    uint32_t number = profile->sample_keys.count - 1;
    const uint32_t *key = (const uint32_t *)(const void *)ordo_intern_at(&profile->sample_keys, number).ptr;
    struct ordo_label *labels = ordo_arena_alloc(&profile->arena, label_count * sizeof(*labels));
    size_t values_size = profile->value_count * sizeof(int64_t);
    int64_t *values = ordo_arena_alloc(&profile->arena, values_size);

    ORDO_REQUIRE(labels != NULL && values != NULL);
    memset(values, 0, values_size);
    for (size_t i = 0; i < label_count; i++) {
        labels[i].key = ordo_intern_at(&profile->texts, key[1 + frame_count + 2 * i]);
        labels[i].value = ordo_intern_at(&profile->texts, key[2 + frame_count + 2 * i]);
    }
    profile->samples =
        ordo_array_grow(profile->samples, number, &profile->sample_capacity, sizeof(*profile->samples));
    profile->samples[number] = (struct ordo_profile_sample){
        .frames = key + 1,
        .frame_count = frame_count,
        .labels = labels,
        .label_count = label_count,
        .values = values,
    };
}

void ordo_profile_add(struct ordo_profile *profile, const uint32_t *frames, size_t frame_count,
                      const struct ordo_label *labels, size_t label_count, const int64_t *values)
{
    uint32_t number;
    int64_t *sums;
    bool is_new;

    ORDO_REQUIRE(frame_count <= UINT32_MAX / 8 && label_count <= ORDO_PROFILE_LABELS);
    ordo_buffer_clear(&profile->key);
    append_number(&profile->key, (uint32_t)frame_count);
    for (size_t i = 0; i < frame_count; i++) {
        ORDO_REQUIRE(frames[i] < profile->frame_keys.count);
        append_number(&profile->key, frames[i]);
    }
    for (size_t i = 0; i < label_count; i++) {
        append_number(&profile->key, ordo_intern(&profile->texts, clean(profile, labels[i].key)));
        append_number(&profile->key, ordo_intern(&profile->texts, clean(profile, labels[i].value)));
    }
    number = ordo_intern_is_new(&profile->sample_keys, ordo_buffer_str(&profile->key), &is_new);
    if (is_new)
        add_sample(profile, frame_count, label_count);
    sums =
        (int64_t *)profile->samples[number].values; /* our own memory, which only readers must not change */
    for (unsigned i = 0; i < profile->value_count; i++)
        sums[i] = (int64_t)((uint64_t)sums[i] + (uint64_t)values[i]);
}

void ordo_profile_set_time(struct ordo_profile *profile, int64_t utc_ns, int64_t duration_ns)
{
    profile->utc_ns = utc_ns;
    profile->duration_ns = duration_ns;
}

void ordo_profile_comment(struct ordo_profile *profile, const char *format, ...)
{
    struct ordo_buffer *text = &profile->key;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ORDO_REQUIRE(len >= 0);
    ordo_buffer_clear(text);
    va_start(args, format);
    vsnprintf(ordo_buffer_reserve(text, (size_t)len + 1), (size_t)len + 1, format, args);
    va_end(args);
    append_number(&profile->comments,
                  ordo_intern(&profile->texts, clean(profile, (ordo_str){text->ptr, (size_t)len})));
    profile->comment_count++;
}

int64_t ordo_profile_period(const struct ordo_profile *profile)
{
    return profile->period;
}

const struct ordo_profile_meaning *ordo_profile_meaning(const struct ordo_profile *profile)
{
    return &profile->meaning;
}

unsigned ordo_profile_value_count(const struct ordo_profile *profile)
{
    return profile->value_count;
}

int64_t ordo_profile_utc_ns(const struct ordo_profile *profile)
{
    return profile->utc_ns;
}

int64_t ordo_profile_duration_ns(const struct ordo_profile *profile)
{
    return profile->duration_ns;
}

size_t ordo_profile_sample_count(const struct ordo_profile *profile)
{
    return profile->sample_keys.count;
}

struct ordo_profile_sample ordo_profile_sample(const struct ordo_profile *profile, size_t index)
{
    ORDO_REQUIRE(index < profile->sample_keys.count);
    return profile->samples[index];
}

size_t ordo_profile_frame_count(const struct ordo_profile *profile)
{
    return profile->frame_keys.count;
}

const struct ordo_frame *ordo_profile_frame_at(const struct ordo_profile *profile, uint32_t number)
{
    ORDO_REQUIRE(number < profile->frame_keys.count);
    return &profile->frames[number];
}

size_t ordo_profile_comment_count(const struct ordo_profile *profile)
{
    return profile->comment_count;
}

ordo_str ordo_profile_comment_at(const struct ordo_profile *profile, size_t index)
{
    uint32_t number;

    ORDO_REQUIRE(index < profile->comment_count);
    memcpy(&number, profile->comments.ptr + index * sizeof(number), sizeof(number));
    return ordo_intern_at(&profile->texts, number);
}

int64_t ordo_profile_total(const struct ordo_profile *profile, unsigned value)
{
    uint64_t total = 0;

    ORDO_REQUIRE(value < profile->value_count);
    for (uint32_t i = 0; i < profile->sample_keys.count; i++)
        total += (uint64_t)profile->samples[i].values[value];
    return (int64_t)total;
}
