/* SPDX-License-Identifier: MIT
 * test_options.c: single values, tables over a mapping, and every way in which they are refused.
 */
#include "core/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/config_yaml.h"
#include "core/nearest.h"

static const struct ordo_option table[] = {
    {"enabled", ORDO_OPTION_BOOL, "true", 0, 0, NULL, "A switch."},
    {"rate", ORDO_OPTION_INT, "50", 0, 1000, "orders/s", "Orders a second."},
    {"offset", ORDO_OPTION_INT, "-5", 0, 0, NULL, "Any number."},
    {"wait", ORDO_OPTION_DURATION, "50ms", 1000, 3600000000, NULL, "A wait."},
    {"room", ORDO_OPTION_SIZE, "64KiB", 1, (int64_t)1 << 30, NULL, "A size."},
    {"path", ORDO_OPTION_STRING, NULL, 0, 0, "path", "File to write."},
    {"tag", ORDO_OPTION_STRING, "", 0, 4, NULL, "A short text."},
    {"mode", ORDO_OPTION_ENUM, "fast", 0, 0, "fast|safe|slow", "How."},
    {"queue.high", ORDO_OPTION_INT, "10", 1, 100, NULL, "In a section."},
    {0},
};

static struct ordo_buffer errors;
static struct ordo_config_node *root;

/* The values of a document, or NULL with `errors` as a string. */
static struct ordo_options *parse(const char *yaml, const char *prefix, const char *skip)
{
    struct ordo_config_source source = {.origin = "ordo.yaml", .layer = ORDO_CONFIG_FILE};
    struct ordo_options *options;

    ordo_buffer_clear(&errors);
    ordo__config_free(root);
    root = ordo__config_parse(ordo_str_from(yaml), &source, &errors);
    options = ordo_options_parse(table, root, prefix, skip, &errors);
    ordo_buffer_put(&errors, '\0');
    return options;
}

static void assert_refused(const char *yaml, const char *expected)
{
    assert_null(parse(yaml, "", NULL));
    assert_string_equal(errors.ptr, expected);
}

static int drop(void **state)
{
    (void)state;
    ordo__config_free(root);
    root = NULL;
    ordo_buffer_done(&errors);
    return 0;
}

static void test_presets_fill_what_is_not_given(void **state)
{
    struct ordo_options *options = parse("path: a.ndjson\n", "", NULL);

    (void)state;
    assert_non_null(options);
    assert_true(ordo_options_bool(options, "enabled"));
    assert_int_equal(ordo_options_int(options, "rate"), 50);
    assert_int_equal(ordo_options_int(options, "offset"), -5);
    assert_int_equal(ordo_options_int(options, "wait"), 50000);
    assert_int_equal(ordo_options_int(options, "room"), 65536);
    assert_string_equal(ordo_options_string(options, "path"), "a.ndjson");
    assert_string_equal(ordo_options_string(options, "tag"), "");
    assert_string_equal(ordo_options_string(options, "mode"), "fast");
    assert_int_equal(ordo_options_int(options, "queue.high"), 10);
    ordo_options_free(options);
}

static void test_given_values_of_every_type(void **state)
{
    struct ordo_options *options =
        parse("{enabled: false, rate: 1000, offset: -9223372036854775807, wait: '1h', "
              "room: 1GiB, path: \"5\", tag: abcd, mode: slow, queue: {high: 100}}",
              "", NULL);

    (void)state;
    assert_non_null(options);
    assert_false(ordo_options_bool(options, "enabled"));
    assert_int_equal(ordo_options_int(options, "rate"), 1000);
    assert_true(ordo_options_int(options, "offset") == -INT64_MAX);
    assert_int_equal(ordo_options_int(options, "wait"), 3600000000);
    assert_int_equal(ordo_options_int(options, "room"), 1 << 30);
    assert_string_equal(ordo_options_string(options, "path"), "5");
    assert_string_equal(ordo_options_string(options, "tag"), "abcd");
    assert_string_equal(ordo_options_string(options, "mode"), "slow");
    assert_int_equal(ordo_options_int(options, "queue.high"), 100);
    ordo_options_free(options);
}

static void test_every_error_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("path: x\nrate: 1001\nwait: 30\nmode: quick\nqueue:\n  hihg: 5\n",
                   "ordo.yaml:2:7: rate: must be a whole number from 0 to 1000, not '1001'\n"
                   "ordo.yaml:3:7: wait: must be a duration with its unit (us, ms, s, m, h; 30s) from 1ms to "
                   "1h, not '30'\n"
                   "ordo.yaml:4:7: mode: must be fast, safe or slow, not 'quick'\n"
                   "ordo.yaml:6:3: queue.hihg: unknown option; did you mean queue.high?\n");
}

static void test_wrong_kinds_are_refused(void **state)
{
    (void)state;
    assert_refused("{path: x, enabled: yes}", "ordo.yaml:1:20: enabled: must be true or false, not 'yes'\n");
    assert_refused("{path: x, enabled: \"true\"}",
                   "ordo.yaml:1:20: enabled: must be true or false, without quotes\n");
    assert_refused("{path: x, rate: '5'}", "ordo.yaml:1:17: rate: must be a whole number, without quotes\n");
    assert_refused("{path: x, rate: 010}",
                   "ordo.yaml:1:17: rate: must be a whole number from 0 to 1000, not '010'\n");
    assert_refused("{path: x, offset: 9223372036854775808}",
                   "ordo.yaml:1:19: offset: must be a whole number, not '9223372036854775808'\n");
    assert_refused("{path: x, rate: -1}",
                   "ordo.yaml:1:17: rate: must be a whole number from 0 to 1000, not '-1'\n");
    assert_refused("{path: x, room: 1MB}", "ordo.yaml:1:17: room: must be a size in bytes or with its unit "
                                           "(KiB, MiB, GiB; 64KiB) from 1 to 1GiB, not '1MB'\n");
    assert_refused("{path: x, room: 99999999999GiB}",
                   "ordo.yaml:1:17: room: must be a size in bytes or with its unit "
                   "(KiB, MiB, GiB; 64KiB) from 1 to 1GiB, not '99999999999GiB'\n");
    assert_refused("{path: x, tag: abcde}",
                   "ordo.yaml:1:16: tag: must be text of 0 to 4 bytes, not 'abcde'\n");
    assert_refused("path: [x]\n", "ordo.yaml:1:7: path: must be a single value, not a list\n");
    assert_refused("path: {x: y}\n", "ordo.yaml:1:7: path: must be a single value, not a mapping\n");
    assert_refused("path: ~\n",
                   "ordo.yaml:1:7: path: null is no value; leave the line out for the default\n");
    assert_refused("path:\n",
                   "ordo.yaml:1:6: path: has no value; leave the line out for the default, or write \"\" for "
                   "an empty text\n");
    assert_refused("path: x\nqueue: 5\n",
                   "ordo.yaml:2:8: queue: must be a section with options of its own\n");
    assert_refused("path: x\nqueue.high: 5\n",
                   "ordo.yaml:2:1: queue.high: a dot makes no section here; write queue: {high: ...}\n");
    assert_refused("{path: x, mode: \"\\n\\e[1m\"}",
                   "ordo.yaml:1:17: mode: must be fast, safe or slow, not '??[1m'\n");
}

static void test_missing_required_option(void **state)
{
    struct ordo_buffer text = {0};

    (void)state;
    assert_null(parse("\n\nrate: 1\n", "sinks[0].", NULL));
    assert_string_equal(errors.ptr, "ordo.yaml:3:1: sinks[0].path: must be given: File to write.\n");
    assert_null(ordo_options_parse(table, NULL, "", NULL, &text));
    assert_memory_equal(text.ptr, "path: must be given: File to write.\n", text.len);
    ordo_buffer_done(&text);
}

static void test_unknown_keys_and_what_was_meant(void **state)
{
    struct ordo_options *options = parse("{plugin: x, path: y}", "store.", "name|plugin");

    (void)state;
    assert_non_null(options);
    ordo_options_free(options);
    assert_null(parse("{plugn: x, path: y}", "store.", "name|plugin"));
    assert_string_equal(errors.ptr,
                        "ordo.yaml:1:2: store.plugn: unknown option; did you mean store.plugin?\n");
    assert_refused("{path: y, high: 4}", "ordo.yaml:1:11: high: unknown option; did you mean queue.high?\n");
    assert_refused("{path: y, qeue: {high: 4}}",
                   "ordo.yaml:1:11: qeue: unknown option; did you mean queue?\n");
    assert_refused("{path: y, colour: red}", "ordo.yaml:1:11: colour: unknown option\n");
}

static void test_empty_section_is_fine(void **state)
{
    struct ordo_options *options = parse("path: x\nqueue:\n#  high: 5\n", "", NULL);

    (void)state;
    assert_non_null(options);
    ordo_options_free(options);
}

static void test_unread_options_are_named(void **state)
{
    struct ordo_options *options = parse("path: x\n", "", NULL);

    (void)state;
    assert_string_equal(ordo_options_unread(options), "enabled");
    ordo_options_bool(options, "enabled");
    assert_string_equal(ordo_options_unread(options), "rate");
    for (size_t i = 1; i < sizeof table / sizeof *table - 1; i++)
        if (table[i].type == ORDO_OPTION_STRING || table[i].type == ORDO_OPTION_ENUM)
            ordo_options_string(options, table[i].name);
        else
            ordo_options_int(options, table[i].name);
    assert_null(ordo_options_unread(options));
    ordo_options_free(options);
}

static void test_values_are_written_as_in_a_file(void **state)
{
    static const struct {
        enum ordo_option_type type;
        const char *text;
    } cases[] = {
        {ORDO_OPTION_BOOL, "false"},     {ORDO_OPTION_INT, "-7"},        {ORDO_OPTION_DURATION, "0s"},
        {ORDO_OPTION_DURATION, "250us"}, {ORDO_OPTION_DURATION, "50ms"}, {ORDO_OPTION_DURATION, "90s"},
        {ORDO_OPTION_DURATION, "5m"},    {ORDO_OPTION_DURATION, "24h"},  {ORDO_OPTION_SIZE, "0"},
        {ORDO_OPTION_SIZE, "4097"},      {ORDO_OPTION_SIZE, "64KiB"},    {ORDO_OPTION_SIZE, "3GiB"},
    };
    struct ordo_buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ordo_option option = {.name = "x", .type = cases[i].type};
        int64_t number;

        assert_int_equal(ordo_option_parse(&option, ordo_str_from(cases[i].text), &number, NULL), 0);
        ordo_buffer_clear(&out);
        ordo_option_format(&out, &option, number, NULL);
        ordo_buffer_put(&out, '\0');
        assert_string_equal(out.ptr, cases[i].text);
    }
    ordo_buffer_done(&out);
}

static void test_texts_are_quoted_where_needed(void **state)
{
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"data/x.ndjson", "data/x.ndjson"},
        {"127.0.0.1:8080", "127.0.0.1:8080"},
        {"true", "\"true\""},
        {"No", "\"No\""},
        {"50", "\"50\""},
        {"1.5", "\"1.5\""},
        {"./x", "./x"},
        {"-x", "\"-x\""},
        {"a b", "\"a b\""},
        {"a: \"b\"", "\"a: \\\"b\\\"\""},
        {"a\nb", "\"a\\x0Ab\""},
        {"x:", "\"x:\""},
        {"[::1]:80", "\"[::1]:80\""},
        {"~", "\"~\""},
    };
    struct ordo_option option = {.name = "x", .type = ORDO_OPTION_STRING};
    struct ordo_buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ordo_buffer_clear(&out);
        ordo_option_format(&out, &option, 0, cases[i][0]);
        ordo_buffer_put(&out, '\0');
        assert_string_equal(out.ptr, cases[i][1]);
    }
    ordo_buffer_done(&out);
}

static void test_edges_of_ranges(void **state)
{
    struct ordo_option option = {.name = "n", .type = ORDO_OPTION_INT, .min = 1, .max = 64};
    struct ordo_error err = {0};
    int64_t number = 0;

    (void)state;
    assert_int_equal(ordo_option_parse(&option, ORDO_STR("1"), &number, NULL), 0);
    assert_int_equal(ordo_option_parse(&option, ORDO_STR("64"), &number, NULL), 0);
    assert_int_equal(number, 64);
    assert_int_equal(ordo_option_parse(&option, ORDO_STR("0"), &number, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, "must be a whole number from 1 to 64, not '0'");
    assert_string_equal(err.place, "n");
    assert_int_equal(ordo_option_parse(&option, ORDO_STR("65"), &number, &err), ORDO_ECONFIG);
    assert_int_equal(ordo_option_parse(&option, ORDO_STR(""), &number, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, "must be a whole number from 1 to 64, not ''");
    assert_int_equal(ordo_option_parse(&option, ORDO_STR("6 "), &number, &err), ORDO_ECONFIG);
    assert_int_equal(number, 64);
}

static void test_help_is_a_markdown_table(void **state)
{
    static const struct ordo_option some[] = {
        {"rate", ORDO_OPTION_INT, "50", 0, 1000, "orders/s", "Orders a second."},
        {"path", ORDO_OPTION_STRING, NULL, 0, 0, "path", "File to write."},
        {"mode", ORDO_OPTION_ENUM, "fast", 0, 0, "fast|safe|slow", "How."},
        {0},
    };
    struct ordo_buffer out = {0};

    (void)state;
    ordo_options_help(some, &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr, "| option | default  | range              | meaning |\n"
                                 "| ------ | -------- | ------------------ | --- |\n"
                                 "| `rate` | `50`     | 0 to 1000 orders/s | Orders a second. |\n"
                                 "| `path` | required | path               | File to write. |\n"
                                 "| `mode` | `fast`   | fast, safe or slow | How. |\n");
    ordo_buffer_done(&out);
}

static void test_nearest_word(void **state)
{
    static const char *const cases[][3] = {{"hihg", "high", "high"},
                                           {"hxxh", "high", ""},
                                           {"recrods", "records", "records"},
                                           {"x", "y", "y"},
                                           {"ab", "cd", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ordo_nearest near = ordo_nearest(cases[i][0]);

        ordo_nearest_try(&near, ordo_str_from(cases[i][1]));
        assert_string_equal(near.best, cases[i][2]);
    }
}

/* Every default must pass its own check, and every option needs its sentence. */
static void test_engine_table_is_sound(void **state)
{
    (void)state;
    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++) {
        struct ordo_error err = {0};
        int64_t number;

        assert_non_null(option->preset);
        if (ordo_option_parse(option, ordo_str_from(option->preset), &number, &err) != 0)
            fail_msg("%s: %s", option->name, err.message);
        assert_int_equal(option->help[strlen(option->help) - 1], '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets_fill_what_is_not_given),
        cmocka_unit_test(test_given_values_of_every_type),
        cmocka_unit_test(test_every_error_is_told_with_its_place),
        cmocka_unit_test(test_wrong_kinds_are_refused),
        cmocka_unit_test(test_missing_required_option),
        cmocka_unit_test(test_unknown_keys_and_what_was_meant),
        cmocka_unit_test(test_empty_section_is_fine),
        cmocka_unit_test(test_unread_options_are_named),
        cmocka_unit_test(test_values_are_written_as_in_a_file),
        cmocka_unit_test(test_texts_are_quoted_where_needed),
        cmocka_unit_test(test_edges_of_ranges),
        cmocka_unit_test(test_help_is_a_markdown_table),
        cmocka_unit_test(test_nearest_word),
        cmocka_unit_test(test_engine_table_is_sound),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, drop);
}
