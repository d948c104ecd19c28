/* SPDX-License-Identifier: MIT
 * test_run.c: one attempt at one order: its states, the failure policies, precedence, generations.
 */
#include "fixture.h"

static void test_rules_run_in_name_order_and_say_where(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "lib/fees.lua",
                  "return { add = function(decide)\n  decide:fee('lib', 7)\n  return true\nend }\n");
    fixture_write(fixture, "rules/20_b.lua",
                  "local fees = require 'fees'\nreturn { name = 'second', apply = function(order, decide)\n"
                  "  fees.add(decide)\n  return decide:fee('tail', 3)\nend }\n");
    fixture_write(fixture, "rules/10_a.lua",
                  "return { apply = function(order, decide)\n  for i = 1, 2 do\n    decide:discount('d' .. "
                  "i, i)\n  end\n"
                  "  coroutine.wrap(function() decide:note('inside') end)()\nend }\n");
    assert_int_equal(fixture_load(fixture), 0);
    for (int i = 0; i < 300; i++) /* compiled by then */
        assert_string_equal(fixture_decide(fixture, ORDER("")), "accepted\n"
                                                                "discount d1 1 @ a rules/10_a.lua:3\n"
                                                                "discount d2 2 @ a rules/10_a.lua:3\n"
                                                                "note 'inside' @ a rules/10_a.lua:5\n"
                                                                "fee lib 7 @ second lib/fees.lua:2\n"
                                                                "fee tail 3 @ second rules/20_b.lua:2\n");
}

static void test_sixty_rules_and_checks_are_all_called(void **state)
{
    struct fixture *fixture = *state;
    char path[64], text[256], expected[4096] = "accepted\n";

    for (int i = 10; i < 70; i++) {
        snprintf(path, sizeof(path), "validation/%d_v.lua", i);
        fixture_write(fixture, path,
                      "return { check = function(order) order.seen = (order.seen or 0) + 1 end }");
        snprintf(path, sizeof(path), "rules/%d_r.lua", i);
        snprintf(text, sizeof(text),
                 "return { name = 'r%d', apply = function(order, decide) decide:note(order.seen .. '') end }",
                 i);
        fixture_write(fixture, path, text);
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
                 "note '60' @ r%d rules/%d_r.lua:1\n", i, i);
    }
    assert_int_equal(fixture_load(fixture), 0);
    assert_string_equal(fixture_decide(fixture, ORDER("")), expected);
}

static void test_reject_ends_and_no_pcall_swallows_it(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "rules/20_later.lua",
                  "return { apply = function(_, decide) decide:note('later') end }");
    assert_string_equal(
        fixture_run(fixture, "pcall(function() decide:reject('no', 'because') end) decide:note('behind')"),
        "rejected no: because\nreject no 'because' @ test rules/10_test.lua:2\n");
    /* In a coroutine of the rule's own, and over a comparator, it is an error; the verdict stands whatever
     * becomes of it. */
    assert_string_equal(fixture_run(fixture, "coroutine.wrap(function() decide:reject('no') end)()"),
                        "rejected no: \nreject no @ test rules/10_test.lua:2\n");
    assert_string_equal(
        fixture_run(fixture,
                    "pcall(coroutine.wrap(function() decide:reject('no') end)) decide:note('behind')"),
        "rejected no: \nreject no @ test rules/10_test.lua:2\n");
    assert_string_equal(fixture_run(fixture, "pcall(table.sort, {1, 2}, function() decide:reject('no') end)"),
                        "rejected no: \nreject no @ test rules/10_test.lua:2\n");
    assert_string_equal(
        fixture_run(fixture, "return order.id:gsub('o', function() decide:retry(5, 'busy') end)"),
        "retry 5: busy\nretry 5 'busy' @ test rules/10_test.lua:2\n");
    fixture_write(fixture, "lib/keep.lua", "return {}");
    fixture_rule(fixture, "local keep = require 'keep' if keep.text then decide:note(keep.text) end\n"
                          "local _, e = pcall(table.sort, {1, 2}, function() decide:reject('no') end)\n"
                          "keep.text = e");
    assert_contains(fixture_decide(fixture, ORDER("")), "rejected no");
    assert_contains(
        fixture_decide(fixture, ORDER("")),
        "note 'rules/10_test.lua:3: the decision has ended by reject or retry; nothing runs behind it'");
}

static void test_precedence(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_run(fixture, "decide:hold('look') decide:note('goes on')"),
                    "held: look\nhold 'look' @ test rules/10_test.lua:2\nnote 'goes on'");
    assert_contains(fixture_run(fixture, "decide:hold('look') decide:reject('no', 'r')"), "rejected no: r\n");
    assert_contains(fixture_run(fixture, "decide:hold('look') decide:retry(50, 'busy')"), "retry 50: busy\n");
}

static void test_broken_rule_follows_the_policy(void **state)
{
    struct fixture *fixture = *state;
    static const char *const body = "decide:fee('before', 5)\nlocal t = nil\nreturn t.x";
    struct ordo_run *run;

    assert_contains(fixture_run(fixture, body), "held: rule error: attempt to index local 't' (a nil "
                                                "value)\nfee before 5 @ test rules/10_test.lua:2\n");
    run = fixture_start(fixture, ORDER(""));
    assert_true(run->broke);
    assert_int_equal(run->state, ORDO_RUN_DECIDED);
    assert_string_equal(run->error.place, "rules/10_test.lua");
    assert_int_equal(run->error.line, 4);
    assert_true(ordo_str_equal(run->broke_at.rule, ORDO_STR("test")));
    fixture_finish(fixture, run);
    run = fixture_start(fixture, ORDER("")); /* its run is used again */
    assert_true(run->broke);
    fixture_finish(fixture, run);

    fixture->options.on_error = ORDO_ON_ERROR_REJECT;
    fixture_restart(fixture);
    assert_contains(fixture_run(fixture, body), "rejected rule_error: rule error: attempt to index");
    fixture->options.on_error = ORDO_ON_ERROR_RETRY;
    fixture_restart(fixture);
    assert_contains(fixture_run(fixture, body), "retry 1000: rule error: attempt to index");
}

static void test_error_texts(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *run;

    assert_string_equal(fixture_break(fixture, "error('plain')"), "plain");
    assert_string_equal(fixture_break(fixture, "error('no place', 0)"), "no place");
    assert_string_equal(fixture_break(fixture, "error({})"),
                        "an error that is a table; give error() a string");
    assert_string_equal(fixture_break(fixture, "error()"), "error(nil)");
    assert_contains(fixture_break(fixture, "local function f() return 1 + f() end f()"), "stack overflow");
    /* the frame of a tail call is gone: the place is where the rule begins */
    assert_string_equal(fixture_break(fixture, "\nreturn decide:fee('f', -1)"),
                        "decide:fee: the amount must not be negative, it is -1");
    run = fixture_start(fixture, ORDER(""));
    assert_string_equal(run->error.place, "rules/10_test.lua");
    assert_int_equal(run->error.line, 1);
    fixture_finish(fixture, run);
    assert_string_equal(fixture_break(fixture, "error('driver:1 fails', 0)"), "driver:1 fails");
    /* a coroutine puts its place before that of the error, which is the one to tell */
    assert_string_equal(fixture_break(fixture, "coroutine.wrap(function()\nerror('deep') end)()"), "deep");
    run = fixture_start(fixture, ORDER(""));
    assert_int_equal(run->error.line, 3);
    assert_int_equal(run->broke_at.line, 3);
    fixture_finish(fixture, run);
    /* the place is that of the error in a library, the rule the one that called it */
    fixture_write(fixture, "lib/help.lua", "return {\n  go = function()\n    error('helpless')\n  end }");
    fixture_rule(fixture, "require('help').go()");
    run = fixture_start(fixture, ORDER(""));
    assert_string_equal(run->error.place, "lib/help.lua");
    assert_int_equal(run->error.line, 3);
    assert_string_equal(run->error.message, "helpless");
    assert_true(ordo_str_equal(run->broke_at.rule, ORDO_STR("test")));
    fixture_finish(fixture, run);
}

/* The total that a client would compute from what it sees. */
static void assert_adds_up(const struct ordo_decision *decision, int64_t total)
{
    int64_t sums[ORDO_AMOUNT_KINDS] = {0};

    for (uint32_t i = 0; i < decision->count; i++)
        if (decision->operations[i].kind <= ORDO_OPERATION_PAY && !decision->operations[i].included)
            sums[decision->operations[i].kind] += decision->operations[i].amount;
    assert_memory_equal(sums, decision->sums, sizeof(sums));
    assert_int_equal(ordo_decision_net(decision) + sums[ORDO_OPERATION_TAX], total);
    assert_true(sums[ORDO_OPERATION_PAY] <= total);
}

/* Decides, and holds the sums against SUBTOTAL: what is left when no amount counts. */
static const char *decide_withdrawn(struct fixture *fixture, const char *body)
{
    struct ordo_run *run;

    fixture_rule(fixture, body);
    run = fixture_start(fixture, ORDER(""));
    assert_true(run->decision.withdrawn);
    assert_adds_up(&run->decision, SUBTOTAL);
    fixture_finish(fixture, run);
    return fixture_decide(fixture, ORDER(""));
}

static void test_an_impossible_total_takes_the_amounts_along_and_keeps_the_operations(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *run;

    fixture_write(fixture, "rules/20_route.lua",
                  "return { name = 'route', apply = function(_, decide) decide:route('slow') end }");
    assert_string_equal(
        decide_withdrawn(fixture, "decide:fee('f', 5)\ndecide:cap('pay', 0)\n"
                                  "decide:discount('too much', order.subtotal + 6)\n"
                                  "decide:tax('in', 7, { included = true }) decide:pay('card', 3)"),
        "held: rule error: the total is -1 (subtotal 10198 - discount 10204 + fee 5 + tax 0); it must be in "
        "0..9007199254740992\n"
        "fee f of 5 @ test rules/10_test.lua:2\n"
        "cap pay @ test rules/10_test.lua:3\n"
        "discount too much of 10204 @ test rules/10_test.lua:4\n"
        "tax in of 7 included @ test rules/10_test.lua:5\n"
        "pay card of 3 @ test rules/10_test.lua:5\n"
        "route slow @ route rules/20_route.lua:1\n"
        "hold 'rule error: the total is -1 (subtotal 10198 - discount 10204 + fee 5 + tax 0); it must be in "
        "0..9007199254740992' @ test rules/10_test.lua:4\n");
    run = fixture_start(fixture, ORDER("")); /* the rule to blame is the one that changed a sum last */
    assert_true(run->broke);
    assert_int_equal(run->error.line, 4);
    assert_true(ordo_str_equal(run->broke_at.rule, ORDO_STR("test")));
    fixture_finish(fixture, run);
    fixture_write(fixture, "rules/20_route.lua", NULL);

    assert_contains(decide_withdrawn(fixture, "decide:pay('card', order.subtotal + 1)"),
                    "held: rule error: 10199 is paid, but the total is 10198\n"
                    "pay card of 10199 @ test rules/10_test.lua:2\n");
    assert_contains(decide_withdrawn(fixture, "decide:fee('huge', 2 ^ 53)"),
                    "held: rule error: the total is 9007199254751190 (");
    /* what a cap had cut is known by what was asked for */
    assert_contains(decide_withdrawn(fixture, "decide:cap('discount', 20000) decide:discount('d', 30000)"),
                    "cap discount 20000 @ test rules/10_test.lua:2\n"
                    "discount d of 30000 @ test rules/10_test.lua:2\n");
    /* the reason is what is wrong, also when a rule held the order before */
    assert_contains(decide_withdrawn(fixture, "decide:hold('look') decide:discount('d', order.subtotal + 1)"),
                    "held: rule error: the total is -1 (");
}

/* However the evaluation ended: no client sees sums that cannot be. */
static void test_impossible_sums_do_not_come_out_by_another_end(void **state)
{
    static const char *const ends[][2] = {
        {"decide:reject('no')", "rejected no: \ndiscount d of 10199 @ "},
        {"coroutine.wrap(function() decide:reject('no') end)()", "rejected no: \ndiscount d of 10199 @ "},
        {"pcall(coroutine.wrap(function() decide:reject('no') end))",
         "rejected no: \ndiscount d of 10199 @ "},
        {"error('oops')", "held: rule error: oops\ndiscount d of 10199 @ "},
    };
    struct fixture *fixture = *state;
    char body[256];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(body, sizeof(body), "decide:discount('d', order.subtotal + 1) %s", ends[i][0]);
        assert_contains(decide_withdrawn(fixture, body), ends[i][1]);
    }
    /* ... and those that can be stay */
    assert_contains(fixture_run(fixture, "decide:discount('d', order.subtotal) decide:reject('no')"),
                    "rejected no: \ndiscount d 10198 @ ");
    assert_contains(fixture_run(fixture, "decide:hold('look') decide:fee('f', 5) error('oops')"),
                    "held: rule error: oops\nhold 'look' @ test rules/10_test.lua:2\nfee f 5 @ ");
}

static void test_problems_of_engine_and_checks_come_together(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "validation/05_break.lua",
                  "return { check = function(order) local x = order.items[1].sku:upper() end }");
    fixture_rule(fixture, "decide:note('never')");
    fixture_check(fixture, "problems:add('customer.id', 'is required')\nassert(problems:count() >= "
                           "2)\nreturn problems:add('x', 'y')");
    assert_string_equal(fixture_decide(fixture, "{\"currency\":\"EUR\"}"),
                        "invalid:\nitems: is required (engine )\n"
                        "customer.id: is required (check validation/10_test.lua:2)\n"
                        "x: y (check validation/10_test.lua:1)\n");
    assert_contains(fixture_decide(fixture, "[1]"), "invalid:\n: an order must be a JSON object (engine )\n");
}

static void test_check_that_breaks(void **state)
{
    struct fixture *fixture = *state;

    fixture_rule(fixture, "decide:note('never')");
    fixture_check(fixture, "error('oops')");
    assert_string_equal(fixture_decide(fixture, ORDER("")),
                        "held: rule error: oops\nhold 'rule error: oops' @ check validation/10_test.lua:2\n");
    /* ... after another found something: that is reported, and so is what the checks behind it find */
    fixture_write(fixture, "validation/05_first.lua",
                  "return { name = 'first', check = function(o, problems) problems:add('a', 'b') end }");
    fixture_write(fixture, "validation/15_last.lua",
                  "return { name = 'last', check = function(o, problems) problems:add('c', o.subtotal and "
                  "'d' or 'none') end }");
    assert_int_equal(fixture_load(fixture), 0);
    assert_string_equal(
        fixture_decide(fixture, ORDER("")),
        "invalid:\na: b (first validation/05_first.lua:1)\nc: none (last validation/15_last.lua:1)\n");
}

static void test_checks_stop_before_the_rules(void **state)
{
    struct fixture *fixture = *state;

    fixture_rule(fixture, "decide:note('rule')");
    fixture_check(fixture, "if order.bad then ctx.sleep(0) problems:add('bad', 'is bad') end");
    for (int i = 0; i < 200; i++) {
        assert_contains(fixture_decide(fixture, ORDER("\"bad\":true,")), "invalid:\nbad: is bad");
        assert_contains(fixture_decide(fixture, ORDER("")), "accepted\nnote 'rule'");
    }
}

/* Orders that wait between others: what one found must not reach another. */
static void test_interleaved_runs_keep_apart(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *bad, *good;

    fixture_rule(fixture, "ctx.sleep(5) decide:note(order.mark)");
    fixture_check(fixture, "if order.bad then problems:add('bad', 'is bad') end ctx.sleep(5)");
    bad = fixture_start(fixture, ORDER("\"bad\":true,"));
    good = fixture_start(fixture, ORDER("\"mark\":\"good\","));
    assert_int_equal(bad->state, ORDO_RUN_WAITING);
    assert_int_equal(good->state, ORDO_RUN_WAITING);
    ordo_script_resume(fixture->script, good);
    assert_int_equal(good->state, ORDO_RUN_WAITING);
    ordo_script_resume(fixture->script, bad);
    assert_int_equal(bad->state, ORDO_RUN_INVALID);
    ordo_script_resume(fixture->script, good);
    assert_int_equal(good->state, ORDO_RUN_DECIDED);
    assert_int_equal(good->decision.count, 1);
    assert_true(ordo_str_equal(good->decision.operations[0].text, ORDO_STR("good")));
    assert_true(good->blocked_ns > 0);
    fixture_finish(fixture, bad);
    fixture_finish(fixture, good);
}

static void test_old_generation_lives_until_its_last_run(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *first, *second;

    fixture_rule(fixture, "ctx.sleep(1) decide:note('old')");
    first = fixture_start(fixture, ORDER(""));
    second = fixture_start(fixture, ORDER(""));
    fixture_rule(fixture, "decide:note('new')");
    assert_int_equal(ordo_script_generations(fixture->script), 2);
    assert_string_equal(fixture_decide(fixture, ORDER("")),
                        "accepted\nnote 'new' @ test rules/10_test.lua:2\n");
    ordo_script_resume(fixture->script, first);
    assert_int_equal(first->generation, 1);
    assert_true(ordo_str_equal(first->decision.operations[0].text, ORDO_STR("old")));
    fixture_finish(fixture, first);
    assert_int_equal(ordo_script_generations(fixture->script), 2);
    fixture_finish(fixture, second); /* given up while it waits */
    assert_int_equal(ordo_script_generations(fixture->script), 1);
}

static void test_load_reports_all_broken_files_and_keeps_the_old(void **state)
{
    struct fixture *fixture = *state;
    char expected[1024];

    fixture_rule(fixture, "decide:note('old')");
    fixture_write(fixture, "rules/20_syntax.lua", "return {\n  apply = function( end\n}");
    fixture_write(fixture, "rules/30_fails.lua", "\nlocal x = nil\nreturn x.y");
    fixture_write(fixture, "rules/40_nothing.lua", "local x = 1");
    fixture_write(fixture, "rules/50_no_apply.lua", "return { aply = function() end }");
    fixture_write(fixture, "rules/60_name.lua", "return { name = 7, apply = function() end }");
    fixture_write(fixture, "rules/70_lib.lua",
                  "\nlocal b = require 'bad'\nreturn { apply = function() end }");
    fixture_write(fixture, "lib/bad.lua", "\n\nerror('bad lib')");
    fixture_write(fixture, "lib/a.lua", "local b = require 'b'\nreturn b");
    fixture_write(fixture, "lib/b.lua", "local a = require 'a'\nreturn a");
    fixture_write(fixture, "lib/list.lua", "return {}");
    fixture_write(fixture, "lib/nil.lua", "");
    fixture_write(fixture, "validation/10_v.lua", "return { apply = function() end }");
    fixture_write(fixture, "tests/t.lua", "return 5");
    assert_int_equal(fixture_load(fixture), ORDO_ESCRIPT);
#define LINE(text)                                                                                           \
    assert_contains(fixture->errors.ptr,                                                                     \
                    (snprintf(expected, sizeof(expected), "%s/%s\n", fixture->folder, text), expected))
    LINE("rules/20_syntax.lua:2: <name> or '...' expected near 'end'");
    LINE("rules/30_fails.lua:3: attempt to index local 'x' (a nil value)");
    LINE("rules/40_nothing.lua: the script must return a table {name = …, apply = function(…) … end}, not "
         "nothing");
    LINE("rules/50_no_apply.lua: the script's table has no function `apply`");
    LINE("rules/60_name.lua: `name` must be a string that is not empty");
    LINE("rules/70_lib.lua:2: require: \"bad\" is broken, see lib/bad.lua");
    LINE("lib/bad.lua:3: bad lib");
    LINE("lib/b.lua:1: require: \"a\" is being loaded and needs itself, directly or through others");
    LINE("lib/list.lua: the engine has a module of this name; choose another");
    LINE("lib/nil.lua: require: lib/nil.lua returns nothing; it must return its module");
    LINE("validation/10_v.lua: the script's table has no function `check`");
    LINE("tests/t.lua: a file of tests must return a list of tests: {{name = …, order = …, expect = …}, …}");
#undef LINE
    assert_string_equal(fixture_decide(fixture, ORDER("")),
                        "accepted\nnote 'old' @ test rules/10_test.lua:2\n");
    assert_int_equal(ordo_script_generations(fixture->script), 1);
}

static void test_load_warns_of_what_outlives_an_order(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "rules/20_same.lua", "return { name = 'test', apply = function() end }");
    fixture_write(
        fixture, "rules/30_count.lua",
        "local count, fixed = 0, 1\nlocal function add()\n  local mine = 0\n  (function() mine = mine + 1\n"
        "  count = count + 1 end)()\n  return mine\nend\nreturn { apply = function()\n  add()\n  count = "
        "nil\nend }");
    fixture_rule(fixture, "local sum = 0 for i = 1, 3 do sum = sum + i end return sum");
    assert_contains(fixture->warnings.ptr,
                    "rules/30_count.lua:5: `count` is changed here and outlives the order");
    assert_contains(fixture->warnings.ptr, "rules/30_count.lua:10: `count` is changed");
    assert_null(strstr(fixture->warnings.ptr, "mine"));
    assert_null(strstr(fixture->warnings.ptr, "fixed"));
    assert_contains(fixture->warnings.ptr,
                    "rules/20_same.lua: the name \"test\" is that of rules/10_test.lua too");
}

static void test_runs_are_used_again_and_memory_stays_bounded(void **state)
{
    struct fixture *fixture = *state;
    size_t before = 0;

    fixture_rule(fixture, "if order.mode == 'reject' then decide:reject('no') end\n"
                          "if order.mode == 'break' then error('x') end\n"
                          "if order.mode == 'sleep' then ctx.sleep(1) end");
    for (int i = 0; i < 3000; i++) {
        if (i == 1000)
            before = ordo_script_lua_bytes(fixture->script);
        fixture_finish(fixture, fixture_start(fixture, ORDER("")));
        fixture_finish(fixture, fixture_start(fixture, ORDER("\"mode\":\"reject\",")));
        fixture_finish(fixture, fixture_start(fixture, ORDER("\"mode\":\"break\",")));
        fixture_finish(fixture, fixture_start(fixture, ORDER("\"mode\":\"sleep\",")));
    }
    assert_true(ordo_script_lua_bytes(fixture->script) < before * 4 + (4 << 20));
}

static void test_order_too_large_to_decide(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.limits.decision_bytes = 32;
    fixture_restart(fixture);
    assert_contains(fixture_run(fixture, ""), "held: rule error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_rules_run_in_name_order_and_say_where),
        FIXTURE_TEST(test_sixty_rules_and_checks_are_all_called),
        FIXTURE_TEST(test_reject_ends_and_no_pcall_swallows_it),
        FIXTURE_TEST(test_precedence),
        FIXTURE_TEST(test_broken_rule_follows_the_policy),
        FIXTURE_TEST(test_error_texts),
        FIXTURE_TEST(test_an_impossible_total_takes_the_amounts_along_and_keeps_the_operations),
        FIXTURE_TEST(test_impossible_sums_do_not_come_out_by_another_end),
        FIXTURE_TEST(test_problems_of_engine_and_checks_come_together),
        FIXTURE_TEST(test_check_that_breaks),
        FIXTURE_TEST(test_checks_stop_before_the_rules),
        FIXTURE_TEST(test_interleaved_runs_keep_apart),
        FIXTURE_TEST(test_old_generation_lives_until_its_last_run),
        FIXTURE_TEST(test_load_reports_all_broken_files_and_keeps_the_old),
        FIXTURE_TEST(test_load_warns_of_what_outlives_an_order),
        FIXTURE_TEST(test_runs_are_used_again_and_memory_stays_bounded),
        FIXTURE_TEST(test_order_too_large_to_decide),
    };

    return FIXTURE_RUN_BOTH(tests);
}
