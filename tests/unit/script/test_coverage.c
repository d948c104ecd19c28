/* SPDX-License-Identifier: MIT
 * test_coverage.c: which lines can run, and which ran, for every shape of code that has lines of its own. The scripts say it
 * themselves: a line that ends in --R runs, one that ends in --N can run and does not, any other has nothing to run; so
 * have a `break` and a `goto` behind a condition, which jumps to where they lead.
 */
#include "fixture.h"

#include <stdlib.h>

static const char rule[] = "local used = require 'used' --R\n"
                           "local LIMIT = 3 --R\n"
                           "\n"
                           "local function both(x) --\n"
                           "  if x then --R\n"
                           "    return 1 --R\n"
                           "  else\n"
                           "    return 2 --N\n"
                           "  end\n"
                           "end --R\n"
                           "local function never() --\n"
                           "  local sum = 0 --N\n"
                           "  for i = 1, 3 do --N\n"
                           "    sum = sum + i --N\n"
                           "  end\n"
                           "  return sum --N\n"
                           "end --R\n"
                           "local function nested(a, b)\n"
                           "  if a then --R\n"
                           "    if b then --R\n"
                           "      return 1 --N\n"
                           "    else\n"
                           "      return 2 --R\n"
                           "    end\n"
                           "  else\n"
                           "    return 3 --N\n"
                           "  end\n"
                           "end --R\n"
                           "\n"
                           "return { --R\n"
                           "  name = 'r', --\n"
                           "  apply = function(order, decide, ctx)\n"
                           "    both(true) --R\n"
                           "    nested(1, nil) --R\n"
                           "    for i = 1, LIMIT do --R\n"
                           "      if i > 5 then --R\n"
                           "        never() --N\n"
                           "      end\n"
                           "    end\n"
                           "    for i = 1, 0 do --R\n"
                           "      never() --N\n"
                           "    end\n"
                           "    for _, item in ipairs(order.items) do --R\n"
                           "      used(item) --R\n"
                           "    end\n"
                           "    for key in pairs({}) do --R\n"
                           "      never(key) --N\n"
                           "    end\n"
                           "    local n = 0 --R\n"
                           "    while n < 2 do --R\n"
                           "      n = n + 1 --R\n"
                           "      if n == 1 then goto again end --R\n"
                           "      do break end\n"
                           "      ::again::\n"
                           "    end\n"
                           "    repeat --\n"
                           "      n = n - 1 --R\n"
                           "    until n <= 0 --R\n"
                           "    local co = coroutine.wrap(function() --\n"
                           "      coroutine.yield(1) --R\n"
                           "      n = 2 --N\n"
                           "    end) --R\n"
                           "    co() --R\n"
                           "    ctx.sleep(1) --R\n"
                           "    pcall(function() --R\n"
                           "      error('x') --R\n"
                           "      n = 3 --N\n"
                           "    end) --R\n"
                           "    local t = { 3, 1, 2 } --R\n"
                           "    table.sort(t, function(a, b) --R\n"
                           "      return a < b --R\n"
                           "    end) --R\n"
                           "    if n == 0 and --R\n"
                           "      t[1] == 2 and --R\n"
                           "      t[2] == 2 then --N\n"
                           "      n = 5 --N\n"
                           "    elseif t[1] == 1 then --R\n"
                           "      n = 6 --R\n"
                           "    elseif t[1] == 7 then --N\n"
                           "      n = 7 --N\n"
                           "    end\n"
                           "    if n == 6 then --R\n"
                           "      return decide:reject('c', 'r') --R\n"
                           "    end\n"
                           "    decide:note('x') --N\n"
                           "  end, --R\n"
                           "} --\n";

static const char library[] = "return function(item) --\n"
                              "  if item == nil then return 1 end --R\n"
                              "  return item.qty --R\n"
                              "end --R\n";

static const char check[] = "return { check = function(order, problems) --\n"
                            "  if problems:count() > 0 then --R\n"
                            "    problems:add('x', 'y') --N\n"
                            "  end\n"
                            "end } --R\n";

static const char tests_text[] =
    "return { { name = 't', order = { currency = 'EUR', items = { { sku = 'A', qty = 1, price = 1 } } },\n"
    "expect = { decision = 'rejected' } } }\n";

static const char *text_of(const char *path)
{
    return strncmp(path, "rules/", 6) == 0 ? rule : strncmp(path, "lib/", 4) == 0 ? library : check;
}

/* The file again, with what the coverage says behind each line. A line that ends in --, whose place within its statement
 * is the compiler's own affair, is left as it is. */
static void compare_file(void *context, const struct ordo_coverage_file *file)
{
    size_t *files = context;
    const char *at = text_of(file->path);

    for (size_t line = 1; *at != 0; line++) {
        const char *end = strchr(at, '\n');
        uint8_t want = memcmp(end - 3, "--R", 3) == 0   ? ORDO_LINE_CAN_RUN | ORDO_LINE_RAN
                       : memcmp(end - 3, "--N", 3) == 0 ? ORDO_LINE_CAN_RUN
                                                        : 0;

        assert_true(line <= file->lines);
        if (memcmp(end - 2, "--", 2) != 0 && file->marks[line] != want)
            fail_msg("%s:%zu: %d instead of %d: %.*s", file->path, line, file->marks[line], want,
                     (int)(end - at), at);
        at = end + 1;
    }
    ++*files;
}

static void test_lines_that_ran_and_that_can(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_coverage *coverage;
    struct ordo_ruleset *ruleset;
    struct ordo_error err = {0};
    size_t files = 0;

    fixture->options.jit = false;
    fixture_restart(fixture);
    fixture_write(fixture, "rules/10_r.lua", rule);
    fixture_write(fixture, "lib/used.lua", library);
    fixture_write(fixture, "validation/10_check.lua", check);
    fixture_write(fixture, "tests/t.lua", tests_text);
    ruleset = ordo_ruleset_read(fixture->folder, &err);
    assert_non_null(ruleset);
    coverage = ordo_coverage_start(fixture->script, ruleset);
    if (ordo_script_load(fixture->script, ruleset, &fixture->errors, NULL) != 0 ||
        ordo_script_test(fixture->script, &fixture->errors, NULL) != 0)
        fail_msg("%.*s", (int)fixture->errors.len, fixture->errors.ptr);
    ordo_coverage_each(coverage, compare_file, &files);
    assert_int_equal(files, 3);
    ordo_coverage_free(coverage);
    ordo_ruleset_unref(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(test_lines_that_ran_and_that_can)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
