/* SPDX-License-Identifier: MIT
 * test_ruleset.c: which files of a folder make a rule set, and what gives it its identity.
 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ordo_ruleset *read_folder(struct fixture *fixture)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(fixture->folder, &err);

    if (ruleset == NULL)
        fail_msg("%s: %s", err.place, err.message);
    return ruleset;
}

static bool fixture_exists(const struct fixture *fixture, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    return access(path, F_OK) == 0;
}

static void test_files_by_kind_and_name_without_backups(void **state)
{
    static const char *const expected[] = {"validation/10_v.lua", "rules/10_a.lua", "rules/20_b.lua",
                                           "lib/x.lua", "tests/t.lua"};
    static const char *const passed_over[] = {"rules/.30_c.lua",     "rules/20_b.lua~", "rules/#20_b.lua#",
                                              "rules/.20_b.lua.swp", "rules/#x.lua",    "rules/README.md",
                                              "rules/.lua",          "types/ordo.lua"};
    struct fixture *fixture = *state;
    struct ordo_ruleset *ruleset;

    for (size_t i = 0; i < sizeof(passed_over) / sizeof(*passed_over); i++)
        fixture_write(fixture, passed_over[i], "not Lua");
    for (size_t i = 5; i > 0; i--)
        fixture_write(fixture, expected[i - 1], expected[i - 1]);
    ruleset = read_folder(fixture);
    assert_int_equal(ruleset->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(ruleset->files[i].path, expected[i]);
        assert_string_equal(ruleset->files[i].source, expected[i]);
        assert_int_equal(ruleset->files[i].len, strlen(expected[i]));
    }
    assert_int_equal(ruleset->files[0].kind, ORDO_SCRIPT_VALIDATION);
    assert_int_equal(ruleset->files[1].kind, ORDO_SCRIPT_RULE);
    assert_int_equal(ruleset->files[3].kind, ORDO_SCRIPT_LIB);
    assert_int_equal(ruleset->files[4].kind, ORDO_SCRIPT_TEST);
    assert_int_equal(ruleset->number, 0);
    assert_string_equal(ruleset->folder, fixture->folder);
    assert_ptr_equal(ordo_ruleset_ref(ruleset), ruleset);
    ordo_ruleset_unref(ruleset);
    assert_int_equal(ruleset->count, 5);
    ordo_ruleset_unref(ruleset);
    ordo_ruleset_unref(NULL);
}

static void assert_identity(struct fixture *fixture, const char *other, bool same)
{
    struct ordo_ruleset *ruleset = read_folder(fixture);

    assert_int_equal(strlen(ruleset->identity), 64);
    assert_int_equal(strcmp(ruleset->identity, other) == 0, same);
    ordo_ruleset_unref(ruleset);
}

static void test_identity_is_that_of_names_and_contents(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_ruleset *ruleset;
    char identity[65];

    fixture_write(fixture, "rules/10_a.lua", "one");
    fixture_write(fixture, "rules/20_b.lua", "two");
    ruleset = read_folder(fixture);
    memcpy(identity, ruleset->identity, sizeof(identity));
    ordo_ruleset_unref(ruleset);
    /* sha256sum of "rules/10_a.lua\0" "3\0one" "rules/20_b.lua\0" "3\0two" */
    assert_string_equal(identity, "0993b99c4656281bbb04b8de6ad449f020764137e32231e8e4e1aabd49847302");
    assert_identity(fixture, identity, true);
    fixture_write(fixture, "rules/10_a.lua", "onet");
    fixture_write(fixture, "rules/20_b.lua", "wo");
    assert_identity(fixture, identity, false);
    fixture_write(fixture, "rules/10_a.lua", "one");
    fixture_write(fixture, "rules/20_b.lua", "two");
    assert_identity(fixture, identity, true);
    fixture_write(fixture, "tests/t.lua", "");
    assert_identity(fixture, identity, false);
    fixture_write(fixture, "tests/t.lua", NULL);
    fixture_write(fixture, "rules/20_b.lua", NULL);
    fixture_write(fixture, "rules/21_b.lua", "two");
    assert_identity(fixture, identity, false);
}

/* The errors of opening the folder's tables. */
static const char *open_tables(struct fixture *fixture)
{
    struct ordo_ruleset *ruleset = read_folder(fixture);
    int code;

    ordo_buffer_clear(&fixture->errors);
    code = ordo_ruleset_open_tables(ruleset, &fixture->errors);
    ordo_buffer_put(&fixture->errors, '\0');
    assert_int_equal(code, fixture->errors.len == 1 ? 0 : ORDO_ESCRIPT);
    ordo_ruleset_unref(ruleset);
    return fixture->errors.ptr;
}

static void test_tables_stand_behind_the_scripts(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_ruleset *ruleset;
    char identity[65];

    fixture_write(fixture, "rules/10_a.lua", "");
    fixture_write(fixture, "data/b.json", "{\"k\":1}");
    fixture_write(fixture, "data/a.csv", "k,v\n");
    fixture_write(fixture, "data/.a.csv.swp", "not CSV");
    fixture_write(fixture, "data/notes.txt", "not CSV");
    ruleset = read_folder(fixture);
    assert_int_equal(ruleset->count, 3);
    assert_int_equal(ruleset->scripts, 1);
    assert_int_equal(ordo_ruleset_open_tables(ruleset, &fixture->errors), 0);
    assert_int_equal(ordo_ruleset_open_tables(ruleset, &fixture->errors), 0);
    assert_null(ruleset->files[0].table);
    assert_string_equal(ruleset->files[1].path, "data/a.csv");
    assert_string_equal(ordo_reference_name(ruleset->files[1].table).ptr, "a");
    assert_string_equal(ruleset->files[2].path, "data/b.json");
    assert_int_equal(ruleset->files[2].kind, ORDO_SCRIPT_DATA);
    memcpy(identity, ruleset->identity, sizeof(identity));
    ordo_ruleset_unref(ruleset);
    fixture_write(fixture, "data/b.json", "{\"k\":2}");
    assert_identity(fixture, identity, false);
}

static void test_each_table_that_is_wrong_is_named(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "rules/10_a.lua", "");
    fixture_write(fixture, "data/a.csv", "k,v\nx\n");
    fixture_write(fixture, "data/b.json", "[]");
    assert_contains(open_tables(fixture), "/data/a.csv:2: the line has 1 fields, and there are 2 columns\n");
    assert_contains(open_tables(fixture), "/data/b.json:1: a reference table is an object");
    fixture_write(fixture, "data/a.csv", NULL);
    fixture_write(fixture, "data/b.csv", "k,v\n");
    fixture_write(fixture, "data/b.json", "{}");
    assert_contains(open_tables(fixture), "data/b.csv and data/b.json are both the table b; keep one\n");
}

static void test_refusals_name_the_place(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset;
    char path[128], *large = malloc((1 << 20) + 2);

    assert_null(ordo_ruleset_read("/nonexistent/scripts", &err));
    assert_int_equal(err.code, -ENOENT);
    assert_string_equal(err.place, "/nonexistent/scripts");
    assert_null(ordo_ruleset_read(fixture->folder, &err));
    assert_int_equal(err.code, ORDO_ESCRIPT);
    assert_contains(err.place, "/rules");
    assert_string_equal(err.message, "there is no such folder; a scripts folder needs rules/");

    fixture_write(fixture, "rules/10_a.lua", "");
    memset(large, '-', (1 << 20) + 1);
    large[1 << 20] = 0;
    fixture_write(fixture, "lib/large.lua", large);
    ruleset = read_folder(fixture);
    assert_int_equal(ruleset->files[1].len, 1 << 20);
    ordo_ruleset_unref(ruleset);
    large[1 << 20] = '-';
    large[(1 << 20) + 1] = 0;
    fixture_write(fixture, "lib/large.lua", large);
    assert_null(ordo_ruleset_read(fixture->folder, &err));
    assert_int_equal(err.code, ORDO_ELIMIT);
    assert_contains(err.place, "/lib/large.lua");
    assert_string_equal(err.message, "the file is over 1 MiB; split it");
    fixture_write(fixture, "lib/large.lua", NULL);
    free(large);

    snprintf(path, sizeof(path), "%s/lib/pipe.lua", fixture->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(ordo_ruleset_read(fixture->folder, &err));
    assert_string_equal(err.message, "it must be a plain file");
}

/* --- sets in memory --- */

static void test_paths_of_scripts(void **state)
{
    static const char *const wrong[] = {"",
                                        "rules",
                                        "rules/",
                                        "x.lua",
                                        "rules/.lua",
                                        "rules/.x.lua",
                                        "rules/#x.lua",
                                        "rules/x.txt",
                                        "rules/a/x.lua",
                                        "rules/../x.lua",
                                        "../rules/x.lua",
                                        "/rules/x.lua",
                                        "rules//x.lua",
                                        "types/x.lua"};
    enum ordo_script_kind kind;

    (void)state;
    assert_true(ordo_script_path_parse(ORDO_STR("tests/a.lua"), &kind));
    assert_int_equal(kind, ORDO_SCRIPT_TEST);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(ordo_script_path_parse(ordo_str_from(wrong[i]), &kind));
    assert_false(ordo_script_path_parse((ordo_str){"rules/a\0.lua", 12}, &kind));
}

static void test_a_set_that_is_made_is_like_one_that_is_read(void **state)
{
    static const char *const paths[] = {"tests/t.lua", "rules/20_b.lua", "lib/x.lua", "rules/10_a.lua",
                                        "validation/10_v.lua"};
    struct fixture *fixture = *state;
    struct ordo_ruleset *read, *made, *again;
    struct ordo_buffer bytes = {0};

    fixture_write(fixture, "rules/10_a.lua", "rules/10_a.lua");
    read = read_folder(fixture);
    made = ordo_ruleset_copy(read, "made");
    assert_string_equal(made->identity, read->identity);
    ordo_ruleset_unref(read);
    for (size_t i = 0; i < 5; i++) {
        fixture_write(fixture, paths[i], paths[i]);
        assert_int_equal(ordo_ruleset_put(made, ordo_str_from(paths[i]), ordo_str_from(paths[i]), NULL), 0);
    }
    ordo_ruleset_identify(made);
    read = read_folder(fixture);
    assert_string_equal(made->identity, read->identity);
    ordo_ruleset_pack(made, &bytes);
    again = ordo_ruleset_unpack(ordo_buffer_str(&bytes), "again");
    assert_string_equal(again->identity, read->identity);
    for (size_t cut = 1; cut < bytes.len; cut++) { /* only whole files are files */
        struct ordo_ruleset *part = ordo_ruleset_unpack((ordo_str){bytes.ptr, cut}, "part");

        if (part != NULL)
            assert_true(part->count < 5);
        ordo_ruleset_unref(part);
    }
    assert_true(ordo_ruleset_remove(made, ORDO_STR("lib/x.lua")));
    assert_false(ordo_ruleset_remove(made, ORDO_STR("lib/x.lua")));
    assert_null(ordo_ruleset_find(made, ORDO_STR("lib/x.lua")));
    assert_string_equal(ordo_ruleset_find(made, ORDO_STR("tests/t.lua"))->source, "tests/t.lua");
    assert_int_equal(made->count, 4);
    ordo_buffer_done(&bytes);
    ordo_ruleset_unref(made);
    ordo_ruleset_unref(read);
    ordo_ruleset_unref(again);
}

static void test_a_folder_becomes_the_set_that_is_written(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_ruleset *read, *made;
    struct ordo_error err;
    bool begun;

    fixture_write(fixture, "rules/10_a.lua", "1");
    fixture_write(fixture, "rules/20_b.lua", "2");
    fixture_write(fixture, "rules/.ordo-3", "left by a write that was killed");
    fixture_write(fixture, "rules/README.md", "not a script");
    read = read_folder(fixture);
    made = ordo_ruleset_copy(read, "made");
    ordo_ruleset_unref(read);
    ordo_ruleset_remove(made, ORDO_STR("rules/10_a.lua"));
    ordo_ruleset_put(made, ORDO_STR("rules/20_b.lua"), ORDO_STR("3"), NULL);
    ordo_ruleset_put(made, ORDO_STR("lib/c.lua"), ORDO_STR("4"), NULL); /* in a folder that is not there */
    ordo_ruleset_identify(made);
    assert_int_equal(ordo_ruleset_write(made, fixture->folder, &begun, &err), 0);
    assert_true(begun);
    read = read_folder(fixture);
    assert_string_equal(read->identity, made->identity);
    assert_false(fixture_exists(fixture, "rules/.ordo-3"));
    assert_true(fixture_exists(fixture, "rules/README.md"));
    ordo_ruleset_unref(read);
    ordo_ruleset_unref(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_files_by_kind_and_name_without_backups),
        FIXTURE_TEST(test_identity_is_that_of_names_and_contents),
        FIXTURE_TEST(test_tables_stand_behind_the_scripts),
        FIXTURE_TEST(test_each_table_that_is_wrong_is_named),
        FIXTURE_TEST(test_refusals_name_the_place),
        FIXTURE_TEST(test_paths_of_scripts),
        FIXTURE_TEST(test_a_set_that_is_made_is_like_one_that_is_read),
        FIXTURE_TEST(test_a_folder_becomes_the_set_that_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
