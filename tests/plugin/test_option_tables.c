/* SPDX-License-Identifier: MIT
 * test_option_tables.c: the option table of a plugin stands in each of the documents given, as the engine
 * prints it:
 *
 *   test_option_tables PLUGIN.so DOCUMENT.md ...
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/options.h"
#include "fake_host.h"

static char **arguments;

static void test_documents_hold_the_option_table(void **state)
{
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    const struct ordo_plugin *(*entry)(void);
    struct ordo_buffer table = {0};

    (void)state;
    assert_non_null(library);
    *(void **)&entry = dlsym(library, "ordo_plugin_entry");
    assert_non_null(entry);
    ordo_options_help(entry()->options, &table);
    ordo_buffer_put(&table, '\0');
    for (char **document = arguments + 2; *document != NULL; document++) {
        char *text = fake_read_file(*document, NULL);

        assert_non_null(text);
        if (strstr(text, table.ptr) == NULL) {
            fprintf(stderr, "%s does not have this table:\n%s", *document, table.ptr);
            fail();
        }
        free(text);
    }
    ordo_buffer_done(&table);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_documents_hold_the_option_table)};

    ORDO_REQUIRE(argc > 2);
    arguments = argv;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
