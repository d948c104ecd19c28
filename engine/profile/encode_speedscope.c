/* SPDX-License-Identifier: MIT
 * encode_speedscope.c: speedscope's JSON: frames once, and stacks of their numbers, outermost first, for each value.
 *
 * A frame is a function at a line. Samples of zero and below are left out, since a weight cannot be negative.
 */
#include "profile/encode.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "profile/frame_text.h"
#include "profile/functions.h"

/* A number for each frame of the profile, by (function, line). The caller frees it. */
static uint32_t *number_lines(const struct ordo_profile *profile, struct ordo_functions *functions,
                              struct ordo_intern *lines)
{
    uint32_t *numbers = ordo_functions_of(functions, profile);

    for (size_t i = 0; i < ordo_profile_frame_count(profile); i++) {
        const uint32_t key[2] = {numbers[i], (uint32_t)ordo_profile_frame_at(profile, (uint32_t)i)->line};

        numbers[i] = ordo_intern(lines, (ordo_str){(const char *)key, sizeof(key)});
    }
    return numbers;
}

static void write_frames(struct ordo_json_writer *json, const struct ordo_functions *functions,
                         const struct ordo_intern *lines)
{
    char text[ORDO_FRAME_TEXT];

    ordo_json_key(json, ORDO_STR("frames"));
    ordo_json_array(json);
    for (uint32_t i = 0; i < lines->count; i++) {
        uint32_t key[2];
        const struct ordo_frame *frame;

        memcpy(key, ordo_intern_at(lines, i).ptr, sizeof(key));
        frame = ordo_functions_at(functions, key[0]);
        ordo_json_object(json);
        ordo_json_key_string(json, ORDO_STR("name"), ordo_frame_name(frame, text));
        if (frame->file.len > 0 || frame->module.len > 0)
            ordo_json_key_string(json, ORDO_STR("file"), frame->file.len > 0 ? frame->file : frame->module);
        if (key[1] > 0)
            ordo_json_key_int(json, ORDO_STR("line"), key[1]);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

static const char *unit_of(const struct ordo_value_type *value)
{
    return strcmp(value->unit, "nanoseconds") == 0 || strcmp(value->unit, "bytes") == 0 ? value->unit
                                                                                        : "none";
}

/* One profile in it: value number `which` of each sample. */
static void write_profile(struct ordo_json_writer *json, const struct ordo_profile *profile, unsigned which,
                          const uint32_t *numbers)
{
    const struct ordo_value_type *value = &ordo_profile_meaning(profile)->values[which];
    int64_t sum = 0;

    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("type"), ORDO_STR("sampled"));
    ordo_json_key_string(json, ORDO_STR("name"), ordo_str_from(value->type));
    ordo_json_key_string(json, ORDO_STR("unit"), ordo_str_from(unit_of(value)));
    ordo_json_key(json, ORDO_STR("samples"));
    ordo_json_array(json);
    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);

        if (sample.values[which] <= 0)
            continue;
        sum += sample.values[which];
        ordo_json_array(json);
        for (size_t k = sample.frame_count; k-- > 0;)
            ordo_json_int(json, numbers[sample.frames[k]]);
        ordo_json_end_array(json);
    }
    ordo_json_end_array(json);
    ordo_json_key(json, ORDO_STR("weights"));
    ordo_json_array(json);
    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        int64_t weight = ordo_profile_sample(profile, i).values[which];

        if (weight > 0)
            ordo_json_int(json, weight);
    }
    ordo_json_end_array(json);
    ordo_json_key_int(json, ORDO_STR("startValue"), 0);
    ordo_json_key_int(json, ORDO_STR("endValue"), sum);
    ordo_json_end_object(json);
}

void ordo_encode_speedscope(const struct ordo_profile *profile, const char *title, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_functions functions = {0};
    struct ordo_intern lines = {0};
    uint32_t *numbers = number_lines(profile, &functions, &lines);

    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("$schema"),
                         ORDO_STR("https://www.speedscope.app/file-format-schema.json"));
    ordo_json_key_string(&json, ORDO_STR("exporter"), ORDO_STR("ordo@" ORDO_VERSION));
    ordo_json_key_string(&json, ORDO_STR("name"), ordo_str_from(title));
    ordo_json_key_int(&json, ORDO_STR("activeProfileIndex"), ordo_profile_meaning(profile)->shown);
    ordo_json_key(&json, ORDO_STR("shared"));
    ordo_json_object(&json);
    write_frames(&json, &functions, &lines);
    ordo_json_end_object(&json);
    ordo_json_key(&json, ORDO_STR("profiles"));
    ordo_json_array(&json);
    for (unsigned i = 0; i < ordo_profile_value_count(profile); i++)
        write_profile(&json, profile, i, numbers);
    ordo_json_end_array(&json);
    ordo_json_end_object(&json);
    ordo_buffer_put(out, '\n');
    free(numbers);
    ordo_intern_done(&lines);
    ordo_functions_done(&functions);
}
