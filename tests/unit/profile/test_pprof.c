/* SPDX-License-Identifier: MIT
 * test_pprof.c: what is written is read back as it was, and what is damaged is refused.
 */
#include "profile/encode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../profile/known.h"
#include "profile/gzip.h"
#include "profile/profile.pb-c.h"

static void assert_same_text(ordo_str a, ordo_str b)
{
    assert_string_equal(a.ptr, b.ptr); /* texts of a profile end in NUL */
}

static void assert_same_frame(const struct ordo_frame *a, const struct ordo_frame *b)
{
    assert_same_text(a->function, b->function);
    assert_same_text(a->file, b->file);
    assert_same_text(a->module, b->module);
    assert_int_equal(a->address, b->address);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->function_line, b->function_line);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->inlined, b->inlined);
}

static void assert_same_meaning(const struct ordo_profile *a, const struct ordo_profile *b)
{
    const struct ordo_profile_meaning *left = ordo_profile_meaning(a), *right = ordo_profile_meaning(b);

    assert_int_equal(ordo_profile_value_count(a), ordo_profile_value_count(b));
    for (unsigned i = 0; i < ordo_profile_value_count(a); i++) {
        assert_string_equal(left->values[i].type, right->values[i].type);
        assert_string_equal(left->values[i].unit, right->values[i].unit);
    }
    assert_int_equal(left->shown, right->shown);
    assert_string_equal(left->period_type.type, right->period_type.type);
    assert_string_equal(left->period_type.unit, right->period_type.unit);
    assert_int_equal(ordo_profile_period(a), ordo_profile_period(b));
}

static void assert_same(const struct ordo_profile *a, const struct ordo_profile *b)
{
    assert_same_meaning(a, b);
    assert_int_equal(ordo_profile_utc_ns(a), ordo_profile_utc_ns(b));
    assert_int_equal(ordo_profile_duration_ns(a), ordo_profile_duration_ns(b));
    assert_int_equal(ordo_profile_comment_count(a), ordo_profile_comment_count(b));
    for (size_t i = 0; i < ordo_profile_comment_count(a); i++)
        assert_same_text(ordo_profile_comment_at(a, i), ordo_profile_comment_at(b, i));
    assert_int_equal(ordo_profile_sample_count(a), ordo_profile_sample_count(b));
    for (size_t i = 0; i < ordo_profile_sample_count(a); i++) {
        struct ordo_profile_sample left = ordo_profile_sample(a, i), right = ordo_profile_sample(b, i);

        assert_int_equal(left.frame_count, right.frame_count);
        for (size_t k = 0; k < left.frame_count; k++)
            assert_same_frame(ordo_profile_frame_at(a, left.frames[k]),
                              ordo_profile_frame_at(b, right.frames[k]));
        assert_int_equal(left.label_count, right.label_count);
        for (size_t k = 0; k < left.label_count; k++) {
            assert_same_text(left.labels[k].key, right.labels[k].key);
            assert_same_text(left.labels[k].value, right.labels[k].value);
        }
        assert_memory_equal(left.values, right.values, ordo_profile_value_count(a) * sizeof(int64_t));
    }
}

static void expect_round_trip(struct ordo_profile *profile)
{
    struct ordo_buffer bytes = {0}, raw = {0};
    struct ordo_error err = {0};
    struct ordo_profile *back;

    ordo_encode_pprof(profile, &bytes);
    assert_true(ordo_is_gzip(ordo_buffer_str(&bytes)));
    back = ordo_decode_pprof(ordo_buffer_str(&bytes), &err);
    assert_string_equal(err.message, "");
    assert_non_null(back);
    assert_same(profile, back);
    ordo_profile_free(back);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, &err), 0);
    back = ordo_decode_pprof(ordo_buffer_str(&raw), &err); /* not gzipped */
    assert_same(profile, back);
    ordo_profile_free(back);
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

static void test_what_was_written_is_read_back(void **state)
{
    (void)state;
    expect_round_trip(known_cpu("/src"));
    expect_round_trip(known_heap("/src"));
    expect_round_trip(known_deep(191, 300));
}

static void test_edges_are_read_back(void **state)
{
    const struct ordo_profile_meaning *meanings[] = {&ordo_meaning_wall, &ordo_meaning_allocs,
                                                     &ordo_meaning_wait, &ordo_meaning_coroutine};
    struct ordo_profile *profile;
    const struct ordo_frame empty = {.kind = ORDO_FRAME_NOTE};
    const struct ordo_label labels[ORDO_PROFILE_LABELS] = {{ORDO_STR("worker"), ORDO_STR("0")},
                                                           {ORDO_STR("rule"), ORDO_STR("")}};
    uint32_t frame;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        expect_round_trip(ordo_profile_new(meanings[i], 0));
    profile = ordo_profile_new(&ordo_meaning_wait, INT64_MAX);
    frame = ordo_profile_frame(profile, &empty);
    ordo_profile_add(profile, &frame, 1, labels, ORDO_PROFILE_LABELS,
                     (const int64_t[]){INT64_MAX, INT64_MIN});
    ordo_profile_add(profile, NULL, 0, NULL, 0, (const int64_t[]){0, -1});
    ordo_profile_set_time(profile, INT64_MIN, INT64_MAX);
    ordo_profile_comment(profile, "%s", "");
    expect_round_trip(profile);
}

static void test_the_same_profile_gives_the_same_bytes(void **state)
{
    struct ordo_profile *profile = known_cpu("/src");
    struct ordo_buffer first = {0}, second = {0};

    (void)state;
    ordo_encode_pprof(profile, &first);
    ordo_encode_pprof(profile, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.ptr, second.ptr, first.len);
    ordo_profile_free(profile);
    ordo_buffer_done(&first);
    ordo_buffer_done(&second);
}

/* Inlined frames share a location, and the program's file is the first mapping. */
static void test_locations_and_mappings(void **state)
{
    struct ordo_profile *profile = known_cpu("/src");
    struct ordo_buffer bytes = {0}, raw = {0};
    Ordo__Pprof__Profile *message;
    const Ordo__Pprof__Location *inlined;
    const Ordo__Pprof__Mapping *program;

    (void)state;
    ordo_encode_pprof(profile, &bytes);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, NULL), 0);
    message = ordo__pprof__profile__unpack(NULL, raw.len, (const uint8_t *)raw.ptr);
    assert_non_null(message);
    assert_int_equal(message->n_location, 11); /* of 12 frames */
    inlined = message->location[message->sample[2]->location_id[0] - 1];
    assert_int_equal(inlined->n_line, 2);
    assert_string_equal(message->string_table[message->function[inlined->line[0]->function_id - 1]->name],
                        "parse_number");
    assert_int_equal(message->n_mapping, 5);
    program = message->mapping[0];
    assert_string_equal(message->string_table[program->filename], "/usr/bin/ordo");
    assert_int_equal(program->memory_start, 0x400000);
    assert_int_equal(program->memory_limit, 0x501000);
    assert_true(program->has_functions && program->has_filenames && program->has_line_numbers &&
                program->has_inline_frames);
    assert_true(message->mapping[1]->has_functions);
    assert_false(message->mapping[1]->has_filenames || message->mapping[1]->has_inline_frames);
    assert_string_equal(message->string_table[message->default_sample_type], "cpu");
    ordo__pprof__profile__free_unpacked(message, NULL);
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

static void test_the_program_comes_first_wherever_it_was_met(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    const struct ordo_frame frames[2] = {
        {.function = ORDO_STR("read"), .module = ORDO_STR("/lib/libc.so.6"), .kind = ORDO_FRAME_LIBRARY},
        {.function = ORDO_STR("main"), .module = ORDO_STR("/usr/bin/ordo"), .kind = ORDO_FRAME_ENGINE},
    };
    uint32_t stack[2] = {ordo_profile_frame(profile, &frames[0]), ordo_profile_frame(profile, &frames[1])};
    struct ordo_buffer bytes = {0}, raw = {0};
    Ordo__Pprof__Profile *message;

    (void)state;
    ordo_profile_add(profile, stack, 2, NULL, 0, (const int64_t[]){1});
    ordo_encode_pprof(profile, &bytes);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, NULL), 0);
    message = ordo__pprof__profile__unpack(NULL, raw.len, (const uint8_t *)raw.ptr);
    assert_non_null(message);
    assert_int_equal(message->n_mapping, 2);
    assert_string_equal(message->string_table[message->mapping[0]->filename], "/usr/bin/ordo");
    assert_int_equal(message->location[0]->mapping_id, 2);
    ordo__pprof__profile__free_unpacked(message, NULL);
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

/* --- damage --- */

/* Decodes; it may be refused, with a message, or be another profile, but nothing worse. */
static bool is_refused(ordo_str bytes)
{
    struct ordo_error err = {0};
    struct ordo_profile *profile = ordo_decode_pprof(bytes, &err);

    assert_int_equal(profile == NULL, err.message[0] != '\0');
    ordo_profile_free(profile);
    return profile == NULL;
}

static void test_every_truncation_is_survived(void **state)
{
    struct ordo_profile *profile = known_cpu("/src");
    struct ordo_buffer bytes = {0}, raw = {0};

    (void)state;
    ordo_encode_pprof(profile, &bytes);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, NULL), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        char *copy = malloc(len + 1); /* of its size, so that a sanitizer sees who reads behind it */

        memcpy(copy, bytes.ptr, len);
        copy = realloc(copy, len == 0 ? 1 : len);
        assert_true(is_refused((ordo_str){copy, len}));
        free(copy);
    }
    for (size_t len = 0; len < raw.len; len++) {
        char *copy = malloc(len == 0 ? 1 : len);

        memcpy(copy, raw.ptr, len);
        is_refused((ordo_str){copy, len});
        free(copy);
    }
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

static void test_every_flipped_bit_is_survived(void **state)
{
    struct ordo_profile *profile = known_cpu("/src");
    struct ordo_buffer bytes = {0}, raw = {0};
    size_t refused = 0;

    (void)state;
    ordo_encode_pprof(profile, &bytes);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, NULL), 0);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.ptr[bit / 8] = (char)(bytes.ptr[bit / 8] ^ (1 << bit % 8));
        refused += is_refused(ordo_buffer_str(&bytes));
        bytes.ptr[bit / 8] = (char)(bytes.ptr[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused >=
                bytes.len * 8 - 8 * 10); /* all but some of gzip's head, which says nothing of the data */
    refused = 0;
    for (size_t bit = 0; bit < raw.len * 8; bit++) {
        raw.ptr[bit / 8] = (char)(raw.ptr[bit / 8] ^ (1 << bit % 8));
        refused += is_refused(ordo_buffer_str(&raw));
        raw.ptr[bit / 8] = (char)(raw.ptr[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > raw.len); /* texts and values may be others; numbers and lengths rarely */
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

typedef void (*spoil_fn)(Ordo__Pprof__Profile *message);

static void expect_refused(spoil_fn spoil, const char *expected)
{
    struct ordo_profile *profile = known_cpu("/src"), *back;
    struct ordo_buffer bytes = {0}, raw = {0};
    struct ordo_error err = {0};
    Ordo__Pprof__Profile *message;

    ordo_encode_pprof(profile, &bytes);
    assert_int_equal(ordo_gunzip(ordo_buffer_str(&bytes), ORDO_PPROF_MAX, &raw, NULL), 0);
    message = ordo__pprof__profile__unpack(NULL, raw.len, (const uint8_t *)raw.ptr);
    assert_non_null(message);
    spoil(message);
    ordo_buffer_clear(&raw);
    raw.len = ordo__pprof__profile__pack(
        message, (uint8_t *)ordo_buffer_reserve(&raw, ordo__pprof__profile__get_packed_size(message) + 1));
    back = ordo_decode_pprof(ordo_buffer_str(&raw), &err);
    assert_string_equal(err.message, expected);
    assert_null(back);
    ordo__pprof__profile__free_unpacked(message, NULL);
    ordo_profile_free(profile);
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&raw);
}

#define SPOIL(name, statement)                                                                               \
    static void name(Ordo__Pprof__Profile *message)                                                          \
    {                                                                                                        \
        statement;                                                                                           \
    }

SPOIL(text_far, message->function[1]->name = (int64_t)message->n_string_table)
SPOIL(text_negative, message->mapping[0]->filename = -1)
SPOIL(text_of_label, message->sample[4]->label[0]->key = 1000)
SPOIL(first_text, message->string_table[0][0] = 0;
      message->string_table[0] = realloc(message->string_table[0], 2);
      memcpy(message->string_table[0], "x", 2))
SPOIL(type_text, message->sample_type[1]->unit = -5)
SPOIL(default_type, message->default_sample_type = 1 << 20)
SPOIL(comment_text, message->comment[0] = 77777)
SPOIL(mapping_id, message->mapping[1]->id = 7)
SPOIL(function_id, message->function[2]->id = 1)
SPOIL(location_id, message->location[0]->id = 0)
SPOIL(mapping_of, message->location[3]->mapping_id = 6)
SPOIL(function_of, message->location[3]->line[0]->function_id = 100)
SPOIL(line_of, message->location[3]->line[0]->line = -1)
SPOIL(start_of, message->function[0]->start_line = INT64_C(1) << 31)
SPOIL(kind_of, message->function[0]->kind = 8)
SPOIL(location_of, message->sample[1]->location_id[2] = 12)
SPOIL(location_none, message->sample[1]->location_id[2] = 0)
SPOIL(one_value, message->sample[5]->n_value = 1)

static void test_each_fault_is_named(void **state)
{
    (void)state;
    expect_refused(text_far, "function 2 names a text that is not in string_table");
    expect_refused(text_negative, "mapping 1 names a text that is not in string_table");
    expect_refused(text_of_label, "a label of sample 4 names a text that is not in string_table");
    expect_refused(first_text, "string_table does not begin with an empty text");
    expect_refused(type_text, "sample_type 1 names a text that is not in string_table");
    expect_refused(default_type, "default_sample_type 0 names a text that is not in string_table");
    expect_refused(comment_text, "comment 0 names a text that is not in string_table");
    expect_refused(mapping_id, "mapping 2 has another id; ids count from 1");
    expect_refused(function_id, "function 3 has another id; ids count from 1");
    expect_refused(location_id, "location 1 has another id; ids count from 1");
    expect_refused(mapping_of, "location 4 is of a mapping that does not exist");
    expect_refused(function_of, "location 4 is of a function that does not exist");
    expect_refused(line_of, "location 4 has an impossible line");
    expect_refused(start_of, "function 1 has an impossible start_line");
    expect_refused(kind_of, "function 1 is of a kind that is not known");
    expect_refused(location_of, "sample 1 has a location that does not exist");
    expect_refused(location_none, "sample 1 has a location that does not exist");
    expect_refused(one_value, "sample 5 has more or fewer values than there are types");
}

static void expect_error(ordo_str bytes, int code, const char *message)
{
    struct ordo_error err = {0};

    assert_null(ordo_decode_pprof(bytes, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
}

static void test_what_is_no_profile_is_refused(void **state)
{
    struct ordo_buffer bytes = {0}, zeros = {0};

    (void)state;
    expect_error(ORDO_STR("heap_v2/524288\n"), -EBADMSG,
                 "it is no profile of pprof's format, or a damaged one");
    expect_error(ORDO_STR(""), -EBADMSG, "string_table does not begin with an empty text");
    expect_error(ORDO_STR("\x1f\x8b"), -EBADMSG, "the gzip data is cut short");
    expect_error(ORDO_STR("\x1f\x8b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), -EBADMSG,
                 "the gzip data is damaged: unknown header flags set");
    ordo_gzip(ORDO_STR(""), &bytes);
    ordo_buffer_put(&bytes, 'x');
    expect_error(ordo_buffer_str(&bytes), -EBADMSG, "something follows the gzip data");
    /* A bomb, and what just is none. */
    memset(ordo_buffer_reserve(&zeros, ORDO_PPROF_MAX + 1), 0, ORDO_PPROF_MAX + 1);
    zeros.len = ORDO_PPROF_MAX + 1;
    ordo_buffer_clear(&bytes);
    ordo_gzip(ordo_buffer_str(&zeros), &bytes);
    expect_error(ordo_buffer_str(&bytes), ORDO_ELIMIT, "more than 67108864 bytes when unpacked");
    expect_error(ordo_buffer_str(&zeros), ORDO_ELIMIT, "more than 67108864 bytes");
    zeros.len = ORDO_PPROF_MAX;
    ordo_buffer_clear(&bytes);
    ordo_gzip(ordo_buffer_str(&zeros), &bytes);
    expect_error(ordo_buffer_str(&bytes), -EBADMSG, "it is no profile of pprof's format, or a damaged one");
    ordo_buffer_done(&bytes);
    ordo_buffer_done(&zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_back),
        cmocka_unit_test(test_edges_are_read_back),
        cmocka_unit_test(test_the_same_profile_gives_the_same_bytes),
        cmocka_unit_test(test_locations_and_mappings),
        cmocka_unit_test(test_the_program_comes_first_wherever_it_was_met),
        cmocka_unit_test(test_every_truncation_is_survived),
        cmocka_unit_test(test_every_flipped_bit_is_survived),
        cmocka_unit_test(test_each_fault_is_named),
        cmocka_unit_test(test_what_is_no_profile_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
