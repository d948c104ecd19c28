/* SPDX-License-Identifier: MIT
 * test_config_mutations.c: damaged configurations, drawn from a fixed seed. Whatever is read: an error is
 * told exactly when nothing comes back, each in one line of text, and what is printed of a configuration that
 * is right loads again.
 *
 * The first argument is the number of rounds, for a longer run under sanitizers.
 */
#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 2000 };

static const char yaml_seed[] =
    "http: { listen: 127.0.0.1:8080, max_wait: 30s, token_file: \"\" }\n"
    "queue:\n  high: 5\n  low: 1\n"
    "store: { plugin: store_memory, records: 5 }\n"
    "sources: [ { plugin: source_generator, rate: 50 } ]\n"
    "sinks:\n  - plugin: sink_file\n    path: |\n      data\n    l: [1,[2,{a: b}]]\n";
static const char *const sets_seed[] = {
    "store.records=5",          "sources.0.rate=5",     "queue={high: 1}", "sinks.1={plugin: x}",
    "store={plugin: a, b: []}", "http.listen=[::1]:80", "store.plugin=zz", "sinks.0.l.1.1.a=5",
};
static const char *const environment_seed[] = {"ORDO_QUEUE_HIGH=5", "ORDO_STORE_RECORDS=6",
                                               "ORDO_SINKS_0_PATH=x", "ORDO_SOURCES=[]"};
static const char *const pieces[] = {
    "[", "]",     "{",     "}",      ": ",    "- ",      "&a ",  "*a",   "!t ",      "\n",   "\"",
    "'", "---\n", "null",  "~",      "#",     "?",       "|\n",  ">",    ",",        "\t",   "%",
    ".", "=",     "store", "plugin", "queue", "sources", "high", "\xff", "\xc3\xa9", "\x01",
};

static char folder[] = "/tmp/ordo_test_mutations.XXXXXX";
static long rounds = 2000;
static uint64_t state_of_random = 88172645463325252;

static size_t below(size_t bound)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (size_t)(state_of_random % bound);
}

/* Puts pieces in, takes bytes out, or writes over them, one to four times. */
static void mutate(char out[TEXT_MAX], const char *in)
{
    size_t len = strlen(in);

    memcpy(out, in, len + 1);
    for (size_t times = 1 + below(4); times > 0; times--) {
        const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
        size_t at = below(len + 1), piece_len = strlen(piece), what = below(3);

        if (what == 0 && len + piece_len < TEXT_MAX) {
            memmove(out + at + piece_len, out + at, len - at + 1);
            memcpy(out + at, piece, piece_len);
            len += piece_len;
        } else if (what == 1 && at < len) {
            memmove(out + at, out + at + 1, len - at);
            len--;
        } else if (at < len) {
            out[at] = piece[0];
        }
    }
}

static void write_file(const char *text, size_t len)
{
    FILE *file = fopen("ordo.yaml", "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void check_errors(const struct ordo_buffer *errors)
{
    for (size_t i = 0; i < errors->len; i++)
        assert_true((unsigned char)errors->ptr[i] >= 0x20 || errors->ptr[i] == '\n');
    assert_true(errors->len == 0 || errors->ptr[errors->len - 1] == '\n');
}

static void run_round(struct ordo_buffer *errors, struct ordo_buffer *printed)
{
    char yaml[TEXT_MAX], set[TEXT_MAX], variable[TEXT_MAX];
    const char *sets[] = {set, sets_seed[below(8)], NULL}, *environment[] = {variable, NULL};
    struct ordo_config_input input = {.sets = sets, .environment = environment}, again = {0};
    struct ordo_config *config;

    mutate(yaml, yaml_seed);
    mutate(set, sets_seed[below(8)]);
    mutate(variable, environment_seed[below(4)]);
    sets[0] = below(2) == 0 ? set : "queue.low=3";
    environment[0] = below(2) == 0 ? variable : "ORDO_QUEUE_LOW=3";
    write_file(yaml, strlen(yaml));
    ordo_buffer_clear(errors);
    config = ordo_config_load(&input, errors);
    assert_int_equal(config == NULL, errors->len > 0);
    check_errors(errors);
    if (config == NULL)
        return;
    ordo_buffer_clear(printed);
    ordo_config_print(config, printed);
    ordo_config_free(config);
    write_file(printed->ptr, printed->len);
    config = ordo_config_load(&again, errors);
    if (config == NULL)
        fail_msg("what was printed does not load: %.*s\nof:\n%s", (int)errors->len, errors->ptr, yaml);
    ordo_config_free(config);
}

static void test_damaged_configurations(void **state)
{
    struct ordo_buffer errors = {0}, printed = {0};

    (void)state;
    for (long i = 0; i < rounds; i++)
        run_round(&errors, &printed);
    ordo_buffer_done(&errors);
    ordo_buffer_done(&printed);
}

static int drop_folder(void **state)
{
    (void)state;
    unlink("ordo.yaml");
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged_configurations)};

    if (mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 2;
    if (argc > 1)
        rounds = strtol(argv[1], NULL, 10);
    return cmocka_run_group_tests_name("config mutations", tests, NULL, drop_folder);
}
