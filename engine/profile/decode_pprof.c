/* SPDX-License-Identifier: MIT
 * decode_pprof.c: pprof's messages as the model. Everything that names something else is looked at before it is
 * followed, so a damaged file is an error and nothing worse.
 */
#include "profile/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "profile/gzip.h"
#include "profile/profile.pb-c.h"

enum { DEEPEST = 4096 }; /* a stack of more frames is a bomb */

struct decoder {
    const Ordo__Pprof__Profile *message;
    struct ordo_error *err;
    struct ordo_profile *profile;
    struct ordo_buffer frames; /* numbers of the frames of all locations, one after the other */
    struct ordo_buffer starts; /* where each location's begin, and the end */
    struct ordo_buffer stack;
};

static bool refuse(struct decoder *decoder, const char *what, size_t index, const char *why)
{
    ordo_fail(decoder->err, -EBADMSG, NULL, "%s %zu %s", what, index, why);
    return false;
}

static bool find_text(struct decoder *decoder, int64_t index, const char *what, size_t of, ordo_str *ret_text)
{
    const Ordo__Pprof__Profile *message = decoder->message;

    if (index < 0 || (uint64_t)index >= message->n_string_table)
        return refuse(decoder, what, of, "names a text that is not in string_table");
    *ret_text = ordo_str_from(message->string_table[index]);
    return true;
}

static bool find_value_type(struct decoder *decoder, const Ordo__Pprof__ValueType *type, const char *what,
                            size_t of, struct ordo_value_type *ret_value)
{
    ordo_str name, unit;

    if (!find_text(decoder, type->type, what, of, &name) || !find_text(decoder, type->unit, what, of, &unit))
        return false;
    *ret_value = (struct ordo_value_type){name.ptr, unit.ptr};
    return true;
}

static bool read_meaning(struct decoder *decoder, struct ordo_profile_meaning *ret_meaning)
{
    const Ordo__Pprof__Profile *message = decoder->message;
    ordo_str shown;

    if (message->n_sample_type == 0 || message->n_sample_type > ORDO_PROFILE_VALUES) {
        ordo_fail(decoder->err, -EBADMSG, NULL, "it has %zu values a sample; 1 to %d can be read",
                  message->n_sample_type, ORDO_PROFILE_VALUES);
        return false;
    }
    if (!find_text(decoder, message->default_sample_type, "default_sample_type", 0, &shown))
        return false;
    ret_meaning->shown = (unsigned)message->n_sample_type - 1; /* as tools take it when nothing is said */
    for (size_t i = 0; i < message->n_sample_type; i++) {
        if (!find_value_type(decoder, message->sample_type[i], "sample_type", i, &ret_meaning->values[i]))
            return false;
        if (ordo_str_equal(shown, ordo_str_from(ret_meaning->values[i].type)))
            ret_meaning->shown = (unsigned)i;
    }
    return message->period_type == NULL ||
           find_value_type(decoder, message->period_type, "period_type", 0, &ret_meaning->period_type);
}

/* What other programs leave out. */
static enum ordo_frame_kind guess_kind(const struct ordo_frame *frame)
{
    if (frame->file.len > 4 && memcmp(frame->file.ptr + frame->file.len - 4, ".lua", 4) == 0)
        return ORDO_FRAME_LUA;
    if (frame->module.len == 0 && frame->file.len == 0)
        return ORDO_FRAME_NOTE;
    return ORDO_FRAME_LIBRARY;
}

static bool check_ids(struct decoder *decoder)
{
    const Ordo__Pprof__Profile *message = decoder->message;

    for (size_t i = 0; i < message->n_mapping; i++)
        if (message->mapping[i]->id != i + 1)
            return refuse(decoder, "mapping", i + 1, "has another id; ids count from 1");
    for (size_t i = 0; i < message->n_function; i++)
        if (message->function[i]->id != i + 1)
            return refuse(decoder, "function", i + 1, "has another id; ids count from 1");
    for (size_t i = 0; i < message->n_location; i++)
        if (message->location[i]->id != i + 1)
            return refuse(decoder, "location", i + 1, "has another id; ids count from 1");
    return true;
}

static bool read_function(struct decoder *decoder, uint64_t id, struct ordo_frame *frame)
{
    const Ordo__Pprof__Function *function;

    if (id == 0)
        return true;
    function = decoder->message->function[id - 1];
    if (!find_text(decoder, function->name, "function", id, &frame->function) ||
        !find_text(decoder, function->filename, "function", id, &frame->file))
        return false;
    if (function->start_line < 0 || function->start_line > INT_MAX)
        return refuse(decoder, "function", id, "has an impossible start_line");
    if (function->kind > ORDO_FRAME_NOTE + 1)
        return refuse(decoder, "function", id, "is of a kind that is not known");
    frame->function_line = (int)function->start_line;
    frame->kind = function->kind > 0 ? (enum ordo_frame_kind)(function->kind - 1) : guess_kind(frame);
    return true;
}

static void append_number(struct ordo_buffer *list, uint32_t number)
{
    ordo_buffer_append(list, (ordo_str){(const char *)&number, sizeof(number)});
}

static bool read_location(struct decoder *decoder, const Ordo__Pprof__Location *location)
{
    const Ordo__Pprof__Profile *message = decoder->message;
    struct ordo_frame base = {.address = location->address, .kind = ORDO_FRAME_LIBRARY};

    if (location->mapping_id > message->n_mapping)
        return refuse(decoder, "location", location->id, "is of a mapping that does not exist");
    if (location->mapping_id != 0 && !find_text(decoder, message->mapping[location->mapping_id - 1]->filename,
                                                "mapping", location->mapping_id, &base.module))
        return false;
    for (size_t i = 0; i < location->n_line; i++) {
        const Ordo__Pprof__Line *line = location->line[i];
        struct ordo_frame frame = base;

        if (line->function_id > message->n_function)
            return refuse(decoder, "location", location->id, "is of a function that does not exist");
        if (line->line < 0 || line->line > INT_MAX)
            return refuse(decoder, "location", location->id, "has an impossible line");
        if (!read_function(decoder, line->function_id, &frame))
            return false;
        frame.line = (int)line->line;
        frame.inlined = i + 1 < location->n_line;
        append_number(&decoder->frames, ordo_profile_frame(decoder->profile, &frame));
    }
    if (location->n_line == 0)
        append_number(&decoder->frames, ordo_profile_frame(decoder->profile, &base));
    return true;
}

static bool read_locations(struct decoder *decoder)
{
    for (size_t i = 0; i < decoder->message->n_location; i++) {
        append_number(&decoder->starts, (uint32_t)(decoder->frames.len / sizeof(uint32_t)));
        if (!read_location(decoder, decoder->message->location[i]))
            return false;
    }
    append_number(&decoder->starts, (uint32_t)(decoder->frames.len / sizeof(uint32_t)));
    return true;
}

static bool read_stack(struct decoder *decoder, const Ordo__Pprof__Sample *sample, size_t number)
{
    const uint32_t *starts = (const uint32_t *)(const void *)decoder->starts.ptr;
    const uint32_t *frames = (const uint32_t *)(const void *)decoder->frames.ptr;

    ordo_buffer_clear(&decoder->stack);
    for (size_t i = 0; i < sample->n_location_id; i++) {
        uint64_t id = sample->location_id[i];
        size_t count;

        if (id == 0 || id > decoder->message->n_location)
            return refuse(decoder, "sample", number, "has a location that does not exist");
        count = starts[id] - starts[id - 1];
        if (decoder->stack.len / sizeof(*frames) + count > DEEPEST)
            return refuse(decoder, "sample", number, "has an impossibly deep stack");
        ordo_buffer_append(&decoder->stack,
                           (ordo_str){(const char *)(frames + starts[id - 1]), count * sizeof(*frames)});
    }
    return true;
}

static bool read_sample(struct decoder *decoder, const Ordo__Pprof__Sample *sample, size_t number)
{
    struct ordo_label labels[ORDO_PROFILE_LABELS];
    char numbers[ORDO_PROFILE_LABELS][32];

    if (sample->n_value != decoder->message->n_sample_type)
        return refuse(decoder, "sample", number, "has more or fewer values than there are types");
    if (sample->n_label > ORDO_PROFILE_LABELS)
        return refuse(decoder, "sample", number, "has too many labels");
    for (size_t i = 0; i < sample->n_label; i++) {
        const Ordo__Pprof__Label *label = sample->label[i];

        if (!find_text(decoder, label->key, "a label of sample", number, &labels[i].key) ||
            !find_text(decoder, label->str, "a label of sample", number, &labels[i].value))
            return false;
        if (label->str == 0 && label->num != 0) {
            snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, label->num);
            labels[i].value = ordo_str_from(numbers[i]);
        }
    }
    if (!read_stack(decoder, sample, number))
        return false;
    ordo_profile_add(decoder->profile, (const uint32_t *)(const void *)decoder->stack.ptr,
                     decoder->stack.len / sizeof(uint32_t), labels, sample->n_label, sample->value);
    return true;
}

/* Fills decoder->profile. */
static bool read_profile(struct decoder *decoder)
{
    const Ordo__Pprof__Profile *message = decoder->message;
    struct ordo_profile_meaning meaning = {0};
    ordo_str comment;

    if (message->n_string_table == 0 || message->string_table[0][0] != '\0') {
        ordo_fail(decoder->err, -EBADMSG, NULL, "string_table does not begin with an empty text");
        return false;
    }
    if (!read_meaning(decoder, &meaning))
        return false;
    decoder->profile = ordo_profile_new(&meaning, message->period);
    ordo_profile_set_time(decoder->profile, message->time_nanos, message->duration_nanos);
    for (size_t i = 0; i < message->n_comment; i++) {
        if (!find_text(decoder, message->comment[i], "comment", i, &comment))
            return false;
        ordo_profile_comment(decoder->profile, "%s", comment.ptr);
    }
    if (!check_ids(decoder) || !read_locations(decoder))
        return false;
    for (size_t i = 0; i < message->n_sample; i++)
        if (!read_sample(decoder, message->sample[i], i))
            return false;
    return true;
}

static struct ordo_profile *decode(ordo_str bytes, struct ordo_error *err)
{
    Ordo__Pprof__Profile *message = ordo__pprof__profile__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
    struct decoder decoder = {.message = message, .err = err};
    bool good;

    if (message == NULL) {
        ordo_fail(err, -EBADMSG, NULL, "it is no profile of pprof's format, or a damaged one");
        return NULL;
    }
    good = read_profile(&decoder);
    ordo__pprof__profile__free_unpacked(message, NULL);
    ordo_buffer_done(&decoder.frames);
    ordo_buffer_done(&decoder.starts);
    ordo_buffer_done(&decoder.stack);
    if (!good) {
        ordo_profile_free(decoder.profile);
        return NULL;
    }
    return decoder.profile;
}

struct ordo_profile *ordo_decode_pprof(ordo_str bytes, struct ordo_error *err)
{
    struct ordo_buffer unpacked = {0};
    struct ordo_profile *profile = NULL;

    if (!ordo_is_gzip(bytes)) {
        if (bytes.len > ORDO_PPROF_MAX) {
            ordo_fail(err, ORDO_ELIMIT, NULL, "more than %d bytes", ORDO_PPROF_MAX);
            return NULL;
        }
        return decode(bytes, err);
    }
    if (ordo_gunzip(bytes, ORDO_PPROF_MAX, &unpacked, err) == 0)
        profile = decode(ordo_buffer_str(&unpacked), err);
    ordo_buffer_done(&unpacked);
    return profile;
}
