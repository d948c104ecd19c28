/* SPDX-License-Identifier: MIT
 * encode_pprof.c: the model as pprof's messages. A location is one frame, or a frame and those that were inlined
 * into it; its key is their numbers, which hold all that it is.
 *
 * Messages and their lists are of one arena, and live until the file is packed.
 */
#include "profile/encode.h"

#include "profile/gzip.h"
#include "profile/intern.h"
#include "profile/profile.pb-c.h"

enum { PAGE = 4096 };

struct encoder {
    const struct ordo_profile *profile;
    struct ordo_arena arena;
    struct ordo_intern texts, mapping_keys, function_keys, location_keys;
    struct ordo_buffer mappings, locations, functions; /* pointers to the messages */
};

static void *make(struct encoder *encoder, size_t size)
{
    void *memory = ordo_arena_alloc(&encoder->arena, size);

    ORDO_REQUIRE(memory != NULL);
    memset(memory, 0, size);
    return memory;
}

static int64_t text_of(struct encoder *encoder, ordo_str text)
{
    return ordo_intern(&encoder->texts, text);
}

static void append_pointer(struct ordo_buffer *list, void *pointer)
{
    ordo_buffer_append(list, (ordo_str){(const char *)&pointer, sizeof(pointer)});
}

static void *pointer_at(const struct ordo_buffer *list, size_t index)
{
    void *pointer;

    memcpy(&pointer, list->ptr + index * sizeof(pointer), sizeof(pointer));
    return pointer;
}

static Ordo__Pprof__ValueType *make_value_type(struct encoder *encoder, struct ordo_value_type value)
{
    Ordo__Pprof__ValueType *type = make(encoder, sizeof(*type));

    ordo__pprof__value_type__init(type);
    type->type = text_of(encoder, ordo_str_from(value.type));
    type->unit = text_of(encoder, ordo_str_from(value.unit));
    return type;
}

/* Counts a frame into the mapping of its module. Returns its id; 0: none. */
static uint64_t add_to_mapping(struct encoder *encoder, const struct ordo_frame *frame)
{
    Ordo__Pprof__Mapping *mapping;
    uint32_t number;
    bool is_new;

    if (frame->module.len == 0)
        return 0;
    number = ordo_intern_is_new(&encoder->mapping_keys, frame->module, &is_new);
    if (is_new) {
        mapping = make(encoder, sizeof(*mapping));
        ordo__pprof__mapping__init(mapping);
        mapping->id = number + 1;
        mapping->memory_start = UINT64_MAX;
        mapping->filename = text_of(encoder, frame->module);
        mapping->has_functions = true;
        append_pointer(&encoder->mappings, mapping);
    }
    mapping = pointer_at(&encoder->mappings, number);
    mapping->has_filenames |= frame->file.len > 0;
    mapping->has_line_numbers |= frame->line > 0;
    mapping->has_inline_frames |= frame->inlined;
    if (frame->address < mapping->memory_start)
        mapping->memory_start = frame->address / PAGE * PAGE;
    if (frame->address >= mapping->memory_limit)
        mapping->memory_limit =
            frame->address > UINT64_MAX - PAGE ? UINT64_MAX : frame->address / PAGE * PAGE + PAGE;
    return mapping->id;
}

/* The program's own file first: that is what tools name the profile after. */
static void add_program(struct encoder *encoder)
{
    for (uint32_t i = 0; i < ordo_profile_frame_count(encoder->profile); i++) {
        const struct ordo_frame *frame = ordo_profile_frame_at(encoder->profile, i);

        if (frame->kind == ORDO_FRAME_ENGINE && add_to_mapping(encoder, frame) != 0)
            return;
    }
}

static uint64_t add_function(struct encoder *encoder, const struct ordo_frame *frame)
{
    int64_t key[4] = {text_of(encoder, frame->function), text_of(encoder, frame->file), frame->function_line,
                      frame->kind};
    Ordo__Pprof__Function *function;
    bool is_new;
    uint32_t number =
        ordo_intern_is_new(&encoder->function_keys, (ordo_str){(const char *)key, sizeof(key)}, &is_new);

    if (is_new) {
        function = make(encoder, sizeof(*function));
        ordo__pprof__function__init(function);
        function->id = number + 1;
        function->name = function->system_name = key[0];
        function->filename = key[1];
        function->start_line = key[2];
        function->kind = (uint32_t)frame->kind + 1;
        append_pointer(&encoder->functions, function);
    }
    return number + 1;
}

static void make_location(struct encoder *encoder, uint64_t id, const uint32_t *frames, size_t count)
{
    Ordo__Pprof__Location *location = make(encoder, sizeof(*location));

    ordo__pprof__location__init(location);
    location->id = id;
    location->n_line = count;
    location->line = make(encoder, count * sizeof(*location->line));
    for (size_t i = 0; i < count; i++) {
        const struct ordo_frame *frame = ordo_profile_frame_at(encoder->profile, frames[i]);
        Ordo__Pprof__Line *line = make(encoder, sizeof(*line));

        ordo__pprof__line__init(line);
        line->function_id = add_function(encoder, frame);
        line->line = frame->line;
        location->line[i] = line;
        location->mapping_id = add_to_mapping(encoder, frame);
        location->address = frame->address;
    }
    append_pointer(&encoder->locations, location);
}

/* How many frames from the first on are one location. */
static size_t inlined_together(const struct ordo_profile *profile, const uint32_t *frames, size_t count)
{
    size_t length = 1;

    for (; length < count; length++) {
        const struct ordo_frame *callee = ordo_profile_frame_at(profile, frames[length - 1]);
        const struct ordo_frame *caller = ordo_profile_frame_at(profile, frames[length]);

        if (!callee->inlined || callee->address != caller->address ||
            !ordo_str_equal(callee->module, caller->module))
            break;
    }
    return length;
}

static void add_locations(struct encoder *encoder, const struct ordo_profile_sample *from,
                          Ordo__Pprof__Sample *sample)
{
    size_t length;

    sample->location_id = make(encoder, from->frame_count * sizeof(*sample->location_id));
    for (size_t at = 0; at < from->frame_count; at += length) {
        const uint32_t *frames = from->frames + at;
        uint32_t number;
        bool is_new;

        length = inlined_together(encoder->profile, frames, from->frame_count - at);
        number = ordo_intern_is_new(&encoder->location_keys,
                                    (ordo_str){(const char *)frames, length * sizeof(*frames)}, &is_new);
        if (is_new)
            make_location(encoder, number + 1, frames, length);
        sample->location_id[sample->n_location_id++] = number + 1;
    }
}

static Ordo__Pprof__Sample *make_sample(struct encoder *encoder, const struct ordo_profile_sample *from)
{
    Ordo__Pprof__Sample *sample = make(encoder, sizeof(*sample));

    ordo__pprof__sample__init(sample);
    add_locations(encoder, from, sample);
    sample->n_value = ordo_profile_value_count(encoder->profile);
    sample->value = make(encoder, sample->n_value * sizeof(*sample->value));
    memcpy(sample->value, from->values, sample->n_value * sizeof(*sample->value));
    sample->n_label = from->label_count;
    sample->label = make(encoder, from->label_count * sizeof(*sample->label));
    for (size_t i = 0; i < from->label_count; i++) {
        sample->label[i] = make(encoder, sizeof(*sample->label[i]));
        ordo__pprof__label__init(sample->label[i]);
        sample->label[i]->key = text_of(encoder, from->labels[i].key);
        sample->label[i]->str = text_of(encoder, from->labels[i].value);
    }
    return sample;
}

static void add_head(struct encoder *encoder, Ordo__Pprof__Profile *message)
{
    const struct ordo_profile *profile = encoder->profile;
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);

    message->n_sample_type = ordo_profile_value_count(profile);
    message->sample_type = make(encoder, message->n_sample_type * sizeof(*message->sample_type));
    for (size_t i = 0; i < message->n_sample_type; i++)
        message->sample_type[i] = make_value_type(encoder, meaning->values[i]);
    message->default_sample_type = message->sample_type[meaning->shown]->type;
    if (meaning->period_type.type != NULL)
        message->period_type = make_value_type(encoder, meaning->period_type);
    message->period = ordo_profile_period(profile);
    message->time_nanos = ordo_profile_utc_ns(profile);
    message->duration_nanos = ordo_profile_duration_ns(profile);
    message->n_comment = ordo_profile_comment_count(profile);
    message->comment = make(encoder, message->n_comment * sizeof(*message->comment));
    for (size_t i = 0; i < message->n_comment; i++)
        message->comment[i] = text_of(encoder, ordo_profile_comment_at(profile, i));
}

static void add_samples(struct encoder *encoder, Ordo__Pprof__Profile *message)
{
    message->n_sample = ordo_profile_sample_count(encoder->profile);
    message->sample = make(encoder, message->n_sample * sizeof(*message->sample));
    for (size_t i = 0; i < message->n_sample; i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(encoder->profile, i);

        message->sample[i] = make_sample(encoder, &sample);
    }
}

/* When all are known. */
static void add_tables(struct encoder *encoder, Ordo__Pprof__Profile *message)
{
    message->n_mapping = encoder->mapping_keys.count;
    message->mapping = (void *)encoder->mappings.ptr;
    message->n_location = encoder->location_keys.count;
    message->location = (void *)encoder->locations.ptr;
    message->n_function = encoder->function_keys.count;
    message->function = (void *)encoder->functions.ptr;
    message->n_string_table = encoder->texts.count;
    message->string_table = make(encoder, encoder->texts.count * sizeof(*message->string_table));
    for (uint32_t i = 0; i < encoder->texts.count; i++)
        message->string_table[i] = (char *)ordo_intern_at(&encoder->texts, i).ptr;
}

static void done(struct encoder *encoder)
{
    ordo_arena_done(&encoder->arena);
    ordo_intern_done(&encoder->texts);
    ordo_intern_done(&encoder->mapping_keys);
    ordo_intern_done(&encoder->function_keys);
    ordo_intern_done(&encoder->location_keys);
    ordo_buffer_done(&encoder->mappings);
    ordo_buffer_done(&encoder->locations);
    ordo_buffer_done(&encoder->functions);
}

void ordo_encode_pprof(const struct ordo_profile *profile, struct ordo_buffer *out)
{
    struct encoder encoder = {.profile = profile};
    Ordo__Pprof__Profile message;
    struct ordo_buffer packed = {0};
    size_t size;

    ordo_arena_init(&encoder.arena, SIZE_MAX);
    text_of(&encoder, ORDO_STR("")); /* which has to be the first */
    ordo__pprof__profile__init(&message);
    add_head(&encoder, &message);
    add_program(&encoder);
    add_samples(&encoder, &message);
    add_tables(&encoder, &message);
    size = ordo__pprof__profile__get_packed_size(&message);
    packed.len = ordo__pprof__profile__pack(&message, (uint8_t *)ordo_buffer_reserve(&packed, size + 1));
    ordo_gzip(ordo_buffer_str(&packed), out);
    ordo_buffer_done(&packed);
    done(&encoder);
}
