/* SPDX-License-Identifier: MIT
 * test_reference.c: reference tables: what their files mean, and what is refused with the line that is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json_write.h"
#include "script/reference.h"

/* The JSON that a CSV file means, or "LINE: MESSAGE". */
static const char *csv(const char *text)
{
    static struct ordo_buffer out;
    struct ordo_error err = {0};

    ordo_buffer_clear(&out);
    if (ordo__reference_csv(ordo_str_from(text), "data/t.csv", &out, &err) != 0) {
        assert_string_equal(err.place, "data/t.csv");
        ordo_buffer_clear(&out);
        ordo_buffer_printf(&out, "%d: %s", err.line, err.message);
    }
    ordo_buffer_put(&out, '\0');
    return out.ptr;
}

static void test_csv_is_an_object_of_rows_by_the_first_column(void **state)
{
    (void)state;
    assert_string_equal(csv("code,name,rate:number\nDE,Germany,1900\nFR,France,-5.5e1\n"),
                        "{\"DE\":{\"code\":\"DE\",\"name\":\"Germany\",\"rate\":1900},"
                        "\"FR\":{\"code\":\"FR\",\"name\":\"France\",\"rate\":-5.5e1}}");
    assert_string_equal(csv("zip,city\r\n01067,Dresden\r\n"),
                        "{\"01067\":{\"zip\":\"01067\",\"city\":\"Dresden\"}}");
    assert_string_equal(csv("\xef\xbb\xbfk,v\na,\n\n\nb,2"),
                        "{\"a\":{\"k\":\"a\"},\"b\":{\"k\":\"b\",\"v\":\"2\"}}");
    assert_string_equal(csv("k,v\n\"a,b\",\"say \"\"hi\"\"\ntwice\"\n"),
                        "{\"a,b\":{\"k\":\"a,b\",\"v\":\"say \\\"hi\\\"\\ntwice\"}}");
    assert_string_equal(csv("k\n"), "{}");
    assert_string_equal(csv("k,n:number\na,9007199254740992\nb,0\nc,-0.5\n"),
                        "{\"a\":{\"k\":\"a\",\"n\":9007199254740992},\"b\":{\"k\":\"b\",\"n\":0},"
                        "\"c\":{\"k\":\"c\",\"n\":-0.5}}");
}

static void test_csv_that_is_wrong_names_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "1: the first line names the columns; the file is empty"},
        {"k,,v\n", "1: column 2 has no name"},
        {"k,v:text\n", "1: column 2: it is NAME, or NAME:number, not v:text"},
        {"k:number\n", "1: column 1 is the key, which is text; leave :number out"},
        {"k,v,v\n", "1: the columns 2 and 3 are both named v"},
        {"k,v\na,1\nb\n", "3: the line has 1 fields, and there are 2 columns"},
        {"k,v\na,1,2\n", "2: the line has 3 fields, and there are 2 columns"},
        {"k,v\n,1\n", "2: the key is empty: the first field, k"},
        {"k,v\na,1\nb,2\n\na,3\n", "5: the key a is in line 2 already"},
        {"k,v\n\"a\n\",1\na,\"2\n", "4: a quote is not closed"},
        {"k,v\na,\"1\"2\n",
         "2: behind the closing quote of field 2 stands neither a comma nor the line's end"},
        {"k,v\na,1\"2\n", "2: field 2 has a quote inside; put it in quotes and write the quote twice"},
        {"k,v\na,\xff\n", "2: field 2 is not UTF-8"},
        {"k,n:number\na,01\n", "2: n: 01 is no number up to 2^53; write it as 12, -1.5 or 2e6"},
        {"k,n:number\na,1.\n", "2: n: 1. is no number up to 2^53; write it as 12, -1.5 or 2e6"},
        {"k,n:number\na,1e\n", "2: n: 1e is no number up to 2^53; write it as 12, -1.5 or 2e6"},
        {"k,n:number\na,1e999\n", "2: n: 1e999 is no number up to 2^53; write it as 12, -1.5 or 2e6"},
        {"k,n:number\na,9007199254740994\n",
         "2: n: 9007199254740994 is no number up to 2^53; write it as 12, -1.5 or 2e6"},
        {"k,n:number\na,0x10\n", "2: n: 0x10 is no number up to 2^53; write it as 12, -1.5 or 2e6"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(csv(cases[i].text), cases[i].says);
}

static void test_csv_has_at_most_200_columns(void **state)
{
    struct ordo_buffer text = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        ordo_buffer_printf(&text, "%sc%d", i == 0 ? "" : ",", i);
    ordo_buffer_put(&text, '\0');
    assert_string_equal(csv(text.ptr), "{}");
    text.len--;
    ordo_buffer_append(&text, (ordo_str){",d", 3});
    assert_string_equal(csv(text.ptr), "1: there are more than 200 columns");
    ordo_buffer_done(&text);
}

static struct ordo_reference *read_json(const char *text, struct ordo_error *err)
{
    return ordo_reference_read("data/limits.json", ordo_str_from(text), "S/data/limits.json", err);
}

static void test_a_table_finds_each_of_its_keys_and_no_other(void **state)
{
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    struct ordo_json_value value;
    struct ordo_reference *table;
    char key[16];

    (void)state;
    ordo_json_object(&json);
    for (int i = 0; i < 1000; i++) {
        int len = snprintf(key, sizeof(key), "%d", i * 7919 % 1000);

        ordo_json_key(&json, (ordo_str){key, (size_t)len});
        ordo_json_int(&json, i);
    }
    ordo_json_end_object(&json);
    table = ordo_reference_read("data/limits.json", ordo_buffer_str(&text), "S/data/limits.json", NULL);
    assert_non_null(table);
    assert_string_equal(ordo_reference_name(table).ptr, "limits");
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%d", i * 7919 % 1000);
        assert_true(ordo_reference_get(table, ordo_str_from(key), &value));
        assert_int_equal(ordo_json_as_int(value), i);
    }
    assert_false(ordo_reference_get(table, ORDO_STR(""), &value));
    assert_false(ordo_reference_get(table, ORDO_STR("00"), &value));
    assert_false(ordo_reference_get(table, ORDO_STR("1000"), &value));
    ordo_reference_free(table);
    ordo_reference_free(NULL);
    ordo_buffer_done(&text);
}

static void test_json_that_is_wrong_names_its_place(void **state)
{
    struct ordo_error err = {0};

    (void)state;
    assert_null(read_json("{\"a\":1,\n\"b\":}", &err));
    assert_string_equal(err.place, "S/data/limits.json");
    assert_int_equal(err.line, 2);
    assert_null(read_json("{\"a\":1,\"a\":2}", &err));
    assert_string_equal(err.place, "S/data/limits.json");
    assert_null(read_json("[1]", &err));
    assert_string_equal(err.message, "a reference table is an object: {\"key\": value, …}");
    assert_null(read_json("", &err));
    assert_string_equal(err.place, "S/data/limits.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_is_an_object_of_rows_by_the_first_column),
        cmocka_unit_test(test_csv_that_is_wrong_names_its_line),
        cmocka_unit_test(test_csv_has_at_most_200_columns),
        cmocka_unit_test(test_a_table_finds_each_of_its_keys_and_no_other),
        cmocka_unit_test(test_json_that_is_wrong_names_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
