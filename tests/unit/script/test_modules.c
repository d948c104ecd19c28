/* SPDX-License-Identifier: MIT
 * test_modules.c: `require`, and the engine's modules. Money is held against 128-bit arithmetic.
 */
#include "fixture.h"

#include "base/int128.h"
#include "script/script_impl.h"

static void test_require_gives_engine_and_own_modules_once(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "lib/own.lua",
                  "local loads = 0\nloads = loads + 1\nreturn { loads = loads, set = {} }");
    fixture_write(fixture, "lib/other.lua", "return { own = require 'own', name = 'other' }");
    assert_string_equal(
        fixture_value(fixture, "require('own') == require('other').own and require('own').loads"), "1");
    assert_string_equal(
        fixture_value(fixture, "require('money') == require('money') and tostring(require 'money')"),
        "money");
    assert_contains(fixture_break(fixture, "require 'missing'"),
                    "require: there is no module \"missing\"; the engine has list, money, text, time; "
                    "scripts/lib has other, own");
    assert_contains(fixture_break(fixture, "require('money').shar(1, 1)"), "money has no 'shar'");
    fixture_write(fixture, "lib/own.lua", NULL);
    fixture_write(fixture, "lib/other.lua", NULL);
}

/* xorshift; values of all sizes, with the edges more often than chance. */
static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int64_t random_whole(int64_t least, int64_t most)
{
    uint64_t bits = next_random() % 54;
    int64_t number = (int64_t)(next_random() & (((uint64_t)1 << bits) - 1 + (bits == 0)));

    if (next_random() % 16 == 0)
        number = ORDO_AMOUNT_MAX - number % 3;
    return number < least ? least : number > most ? most : number;
}

static int64_t exact_ratio(int64_t amount, int64_t numerator, int64_t denominator)
{
    ordo_int128 product = (ordo_int128)(amount < 0 ? -amount : amount) * numerator;
    ordo_int128 quotient = product / denominator, rest = product % denominator;

    if (rest * 2 > denominator || (rest * 2 == denominator && quotient % 2 == 1))
        quotient++;
    if (quotient > ORDO_AMOUNT_MAX)
        return INT64_MAX;
    return amount < 0 ? -(int64_t)quotient : (int64_t)quotient;
}

/* A rule computes order.cases and notes the results, comma by comma. */
static void check_cases(struct fixture *fixture, const char *call, int64_t (*exact)(const int64_t *),
                        const int64_t *least, const int64_t *most)
{
    struct ordo_buffer order = {0}, expected = {0};
    char body[512];

    snprintf(body, sizeof(body),
             "local money, out = require 'money', {}\nfor i, c in ipairs(order.cases) do\n"
             "  local ok, r = pcall(function() return money.%s end)\n  out[i] = ok and ('%%.0f'):format(r) "
             "or 'over'\nend\n"
             "decide:note(table.concat(out, ','))",
             call);
    fixture_rule(fixture, body);
    for (int round = 0; round < 40; round++) {
        ordo_buffer_clear(&order);
        ordo_buffer_clear(&expected);
        ordo_buffer_printf(&order, "{\"id\":\"o-1\",\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,"
                                   "\"price\":1}],\"cases\":[");
        ordo_buffer_printf(&expected, "accepted\nnote '");
        for (int i = 0; i < 500; i++) {
            int64_t arguments[3], result;

            for (int j = 0; j < 3; j++)
                arguments[j] = random_whole(least[j], most[j]);
            if (next_random() % 8 == 0)
                arguments[0] = -arguments[0];
            ordo_buffer_printf(&order, "%s[%lld,%lld,%lld]", i == 0 ? "" : ",", (long long)arguments[0],
                               (long long)arguments[1], (long long)arguments[2]);
            result = exact(arguments);
            if (result == INT64_MAX)
                ordo_buffer_printf(&expected, "%sover", i == 0 ? "" : ",");
            else
                ordo_buffer_printf(&expected, "%s%lld", i == 0 ? "" : ",", (long long)result);
        }
        ordo_buffer_printf(&order, "]}");
        ordo_buffer_put(&order, 0);
        ordo_buffer_printf(&expected, "' @ test rules/10_test.lua:7\n");
        ordo_buffer_put(&expected, 0);
        if (strcmp(fixture_decide(fixture, order.ptr), expected.ptr) != 0) {
            const char *got = fixture->text.ptr, *want = expected.ptr;
            int at = 0;

            while (*got == *want && *got != 0) {
                at += *got == ',';
                got++;
                want++;
            }
            fail_msg("money.%s: case %d of %s", call, at, order.ptr);
        }
    }
    ordo_buffer_done(&order);
    ordo_buffer_done(&expected);
}

static int64_t share_of(const int64_t *c)
{
    return exact_ratio(c[0], c[1], 10000);
}

static int64_t contained_of(const int64_t *c)
{
    return exact_ratio(c[0], c[1], 10000 + c[1]);
}

static int64_t ratio_of(const int64_t *c)
{
    return exact_ratio(c[0], c[1], c[2]);
}

static void test_money_is_exact(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t zero[] = {0, 0, 1}, rates[] = {ORDO_AMOUNT_MAX, 20000, 1},
                         all[] = {ORDO_AMOUNT_MAX, ORDO_AMOUNT_MAX, ORDO_AMOUNT_MAX},
                         most[] = {ORDO_AMOUNT_MAX, ORDO_AMOUNT_MAX - 10000, 1}, small[] = {9, 9, 9};

    check_cases(fixture, "share(c[1], c[2])", share_of, zero, rates);
    check_cases(fixture, "share(c[1], c[2])", share_of, zero, all);
    check_cases(fixture, "contained(c[1], c[2])", contained_of, zero, most);
    check_cases(fixture, "ratio(c[1], c[2], c[3])", ratio_of, zero, all);
    check_cases(fixture, "ratio(c[1], c[2], c[3])", ratio_of, zero, small);
}

static void test_money_split_loses_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(fixture_value(fixture, "table.concat(require('money').split(100, {1, 1, 1}), ' ')"),
                        "34 33 33");
    assert_string_equal(fixture_value(fixture, "table.concat(require('money').split(-100, {1, 1, 1}), ' ')"),
                        "-34 -33 -33");
    assert_string_equal(fixture_value(fixture, "table.concat(require('money').split(10, {0, 5, 0}), ' ')"),
                        "0 10 0");
    assert_string_equal(fixture_value(fixture, "table.concat(require('money').split(5, {3, 3, 4}), ' ')"),
                        "2 1 2");
    assert_string_equal(
        fixture_value(fixture,
                      "(function() local money = require 'money' for n = 1, 2000 do local w, sum = {}, 0 "
                      "for i = 1, n % 7 + 1 do w[i] = (n * 7919 * i) % 1009 + 1 end local amount = n * "
                      "4503599627 % 2 ^ 53 for i, p in ipairs(money.split(amount, w)) do assert(p >= 0) "
                      "sum = sum + p end assert(sum == amount) end return 'exact' end)()"),
        "exact");
    assert_contains(fixture_break(fixture, "require('money').split(1, {0})"),
                    "money.split: the weights must sum up to more than 0");
    assert_contains(fixture_break(fixture, "require('money').split(1, {1, 0.5})"),
                    "money.split: weights[2] must be a whole number of 0 or more, got 0.5");
}

static void test_money_text_and_currencies(void **state)
{
    static const char *const pairs[][2] = {
        {"money.exponent('EUR')", "2"},
        {"money.exponent('JPY')", "0"},
        {"money.exponent('KWD')", "3"},
        {"money.exponent('CLF')", "4"},
        {"money.format(123456, 'EUR')", "1234.56 EUR"},
        {"money.format(5, 'EUR')", "0.05 EUR"},
        {"money.format(-5, 'KWD')", "-0.005 KWD"},
        {"money.format(500, 'JPY')", "500 JPY"},
        {"money.format(2 ^ 53, 'EUR')", "90071992547409.92 EUR"},
        {"money.parse('12.34', 'EUR')", "1234"},
        {"money.parse('12', 'EUR')", "1200"},
        {"money.parse('-0.5 EUR', 'EUR')", "-50"},
        {"money.parse('0', 'JPY')", "0"},
        {"money.parse('90071992547409.92', 'EUR')", "9.007199254741e+15"},
        {"select(2, money.parse('90071992547409.93', 'EUR'))", "over 9007199254740992 minor units"},
        {"select(2, money.parse('1.234', 'EUR'))", "EUR has 2 digits behind the point"},
        {"select(2, money.parse('1.0', 'JPY'))", "JPY has no digits behind the point"},
        {"select(2, money.parse('1,000', 'EUR'))", "not an amount such as 12.34"},
        {"select(2, money.parse('1.', 'EUR'))", "not an amount such as 12.34"},
        {"select(2, money.parse('1 USD', 'EUR'))", "the amount is in USD, not EUR"},
        {"money.share(25, 1000)", "2"},
        {"money.share(35, 1000)", "4"},
    };
    struct fixture *fixture = *state;
    char expression[256];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(expression, sizeof(expression), "(function(money) return (%s) end)(require 'money')",
                 pairs[i][0]);
        assert_string_equal(fixture_value(fixture, expression), pairs[i][1]);
    }
    assert_string_equal(fixture_break(fixture, "require('money').share(2.5, 1)"),
                        "money.share: amount must be a whole number, got 2.5");
    assert_contains(fixture_break(fixture, "require('money').share(1, -1)"),
                    "basis points must be a whole number of 0 or more, got -1");
    assert_contains(fixture_break(fixture, "require('money').share('5', 1)"),
                    "amount must be a whole number, got \"5\"");
    assert_contains(fixture_break(fixture, "require('money').share(0/0, 1)"),
                    "amount must be a whole number, got ");
    assert_contains(fixture_break(fixture, "require('money').ratio(1, 1, 0)"),
                    "denominator must be a whole number of 1 or more, got 0");
    assert_contains(fixture_break(fixture, "require('money').ratio(2 ^ 53, 2, 1)"),
                    "money.ratio: the result is over 9007199254740992");
    assert_contains(fixture_break(fixture, "require('money').exponent('Eur')"),
                    "currency must be three capital letters, got \"Eur\"");
}

static void test_list(void **state)
{
    static const char *const pairs[][2] = {
        {"table.concat(list.map({1, 2}, function(x, i) return x * 10 + i end), ' ')", "11 22"},
        {"table.concat(list.filter({1, 2, 3}, function(x) return x ~= 2 end), ' ')", "1 3"},
        {"list.sum({1, 2, 3})", "6"},
        {"list.sum({{q = 2}, {q = 5}}, function(x) return x.q end)", "7"},
        {"tostring(list.any({1, 2}, function(x) return x == 2 end)) .. tostring(list.any({}, print))",
         "truefalse"},
        {"tostring(list.all({1, 2}, function(x) return x == 2 end)) .. tostring(list.all({}, print))",
         "falsetrue"},
        {"select(2, list.find({5, 6, 6}, function(x) return x == 6 end))", "2"},
        {"list.find({}, print)", "nil"},
        {"#list.group({1, 2, 3, 4}, function(x) return x % 2 == 0 and 'even' or nil end).even", "2"},
        {"table.concat(list.sort({3, 1, 2}), ' ')", "1 2 3"},
        {"table.concat(list.map(list.sort({'b1', 'a2', 'b0', 'a1', 'c9'}, function(a, b) return a:sub(1, 1) "
         "< b:sub(1, 1) end), "
         "tostring), ' ')",
         "a2 a1 b1 b0 c9"},
        {"#list.sort({})", "0"},
        {"tostring(list.contains({1, 'x'}, 'x')) .. tostring(list.contains({}, nil))", "truefalse"},
        {"table.concat(list.keys({b = 1, a = 2, [3] = 1}), ' ')", "3 a b"},
    };
    struct fixture *fixture = *state;
    char expression[256];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(expression, sizeof(expression), "(function(list) return (%s) end)(require 'list')",
                 pairs[i][0]);
        assert_string_equal(fixture_value(fixture, expression), pairs[i][1]);
    }
    assert_contains(fixture_break(fixture, "require('list').map(nil, print)"),
                    "list.map: a list is needed, got nil");
    assert_contains(fixture_break(fixture, "require('list').map({}, 5)"),
                    "list.map: a function is needed as second argument, got number");
    assert_contains(fixture_break(fixture, "require('list').sum({1, 'x'})"),
                    "list.sum: item 2 gives no number but a string");
}

static void test_text(void **state)
{
    static const char *const pairs[][2] = {
        {"text.trim('  a b\\t\\n') .. '|' .. text.trim('   ')", "a b|"},
        {"table.concat(text.split('a,b,,c', ','), '/')", "a/b//c"},
        {"#text.split('', ',')", "1"},
        {"table.concat(text.split('a.b', '.'), '/')", "a/b"},
        {"tostring(text.starts('B-7', 'B-')) .. tostring(text.starts('B', 'B-'))", "truefalse"},
        {"tostring(text.ends('B-7', '-7')) .. tostring(text.ends('7', '-7')) .. tostring(text.ends('x', ''))",
         "truefalsetrue"},
        {"tostring(text.contains('a.c', '.')) .. tostring(text.contains('abc', '.'))", "truefalse"},
        {"text.pad('7', 3, '0') .. text.pad('7', -3) .. '|' .. text.pad('long', 2)", "0077  |long"},
        {"text.upper('aZ9') .. text.lower('aZ9')", "AZ9az9"},
    };
    struct fixture *fixture = *state;
    char expression[256];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(expression, sizeof(expression), "(function(text) return (%s) end)(require 'text')",
                 pairs[i][0]);
        assert_string_equal(fixture_value(fixture, expression), pairs[i][1]);
    }
    assert_contains(fixture_break(fixture, "require('text').trim(5)"),
                    "text.trim: text must be a string, got number");
    assert_contains(fixture_break(fixture, "require('text').split('a', '')"),
                    "text.split: separator must not be empty");
}

static void test_time(void **state)
{
    static const char *const pairs[][2] = {
        {"time.format(0)", "1970-01-01T00:00:00.000Z"},
        {"time.format(1790000000123)", "2026-09-21T14:13:20.123Z"},
        {"time.format(-1)", "1969-12-31T23:59:59.999Z"},
        {"time.format(951782400000)", "2000-02-29T00:00:00.000Z"},
        {"time.utc(1790000000123).wday .. ' ' .. time.utc(1790000000123).yday", "2 264"},
        {"time.utc(0).wday", "5"},
        {"time.parse('1970-01-01') + 0", "0"},
        {"time.format(time.parse('2026-11-23T07:21:05.012Z'))", "2026-11-23T07:21:05.012Z"},
        {"time.format(time.parse('2026-11-23T07:21:05+01:30'))", "2026-11-23T05:51:05.000Z"},
        {"select(2, time.parse('2026-02-29'))", "there is no day 29 in that month"},
        {"select(2, time.parse('2026-13-01'))", "there is no month 13"},
        {"select(2, time.parse('2026-11-23T07:21:05'))", "not a time such as T07:21:05Z; the zone is needed"},
        {"select(2, time.parse('2026-11-23T24:00:00Z'))", "there is no such time of day"},
        {"select(2, time.parse('yesterday'))", "not a date such as 2026-11-23T07:21:05Z"},
        /* summer time ends 2026-10-25 01:00 UTC in Berlin, 2026-11-01 06:00 UTC in New York */
        {"time.zoned(time.parse('2026-10-25T00:59:59Z'), 'Europe/Berlin').hour", "2"},
        {"time.zoned(time.parse('2026-10-25T01:00:00Z'), 'Europe/Berlin').hour", "2"},
        {"tostring(time.zoned(time.parse('2026-10-25T01:00:00Z'), 'Europe/Berlin').dst)", "false"},
        {"time.zoned(time.parse('2026-03-29T01:00:00Z'), 'Europe/Berlin').hour", "3"},
        {"time.zoned(time.parse('2026-11-01T05:59:59Z'), 'America/New_York').offset_min", "-240"},
        {"time.zoned(time.parse('2026-11-01T06:00:00Z'), 'America/New_York').offset_min", "-300"},
        {"time.zoned(time.parse('2026-03-08T06:59:59Z'), 'America/New_York').hour", "1"},
        {"time.zoned(time.parse('2026-03-08T07:00:00Z'), 'America/New_York').hour", "3"},
        {"time.zoned(time.parse('2026-12-31T16:00:00Z'), 'Asia/Tokyo').year", "2027"},
        {"time.zoned(0, 'Asia/Kolkata').min", "30"},
        {"time.zoned(0, 'UTC').hour", "0"},
    };
    struct fixture *fixture = *state;
    char expression[256];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(expression, sizeof(expression), "(function(time) return (%s) end)(require 'time')",
                 pairs[i][0]);
        assert_string_equal(fixture_value(fixture, expression), pairs[i][1]);
    }
    assert_string_equal(
        fixture_value(fixture,
                      "(function(time) for day = -700000, 2900000, 37 do local ms = day * 86400000 + 1 "
                      "assert(time.parse(time.format(ms)) == ms) end return 'same' end)(require 'time')"),
        "same");
    assert_contains(fixture_break(fixture, "require('time').utc('x')"),
                    "time.utc: milliseconds must be a number, got string");
    assert_contains(fixture_break(fixture, "require('time').utc(1e20)"),
                    "time.utc: milliseconds must lie in the years 0 to 9999");
    assert_contains(fixture_break(fixture, "require('time').zoned(0, 'Mars/Base')"),
                    "time.zoned: there is no zone \"Mars/Base\"");
}

/* Pushes the table ZONES of lua/time.lua, which only the function that uses it can reach. */
static void push_zones(lua_State *L, const struct ordo_script *script)
{
    const char *name;

    lua_rawgeti(L, LUA_REGISTRYINDEX, script->engine_ref);
    lua_getfield(L, -1, "time");
    lua_getfield(L, -1, "zoned");
    for (int i = 1; (name = lua_getupvalue(L, -1, i)) != NULL; i++) {
        if (strcmp(name, "ZONES") == 0)
            return;
        lua_pop(L, 1);
    }
    fail_msg("time.zoned has no upvalue ZONES");
}

/* One `Zone/Name` of a documented row; the table of zones is on top of the stack. */
static void check_zone(lua_State *L, const char *name, int offset_min, const char *summer)
{
    lua_getfield(L, -1, name);
    if (!lua_istable(L, -1))
        fail_msg("docs/rules.md has %s, the module time has not", name);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    if (lua_tointeger(L, -2) != offset_min)
        fail_msg("%s: docs/rules.md says %d minutes, the module %d", name, offset_min,
                 (int)lua_tointeger(L, -2));
    assert_string_equal(lua_isnil(L, -1)                         ? "none"
                        : strcmp(lua_tostring(L, -1), "eu") == 0 ? "European"
                                                                 : "American",
                        summer);
    lua_pop(L, 3);
}

/* "| +01:00 | European | `Europe/Amsterdam` … |"; gives the number of its zones. */
static int check_zone_row(lua_State *L, const char *row)
{
    char sign, summer[16], name[64];
    int hours, minutes, count = 0;

    if (sscanf(row, "| %c%2d:%2d | %15s |", &sign, &hours, &minutes, summer) != 4)
        return 0;
    for (const char *at = strchr(row, '`'); at != NULL; at = strchr(at, '`')) {
        size_t len = strcspn(at + 1, "`");

        assert_true(len < sizeof(name));
        memcpy(name, at + 1, len);
        name[len] = 0;
        check_zone(L, name, (sign == '-' ? -1 : 1) * (60 * hours + minutes), summer);
        at += len + 2;
        count++;
    }
    return count;
}

static void test_the_documented_zones_are_those_of_the_module(void **state)
{
    struct fixture *fixture = *state;
    lua_State *L = fixture->script->vm->L;
    int top = lua_gettop(L), documented = 0, known = 0;
    FILE *file = fixture_open_source("docs/rules.md");
    char line[4096];

    push_zones(L, fixture->script);
    while (fgets(line, sizeof(line), file) != NULL)
        documented += check_zone_row(L, line);
    fclose(file);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        known++;
    assert_int_equal(documented, known);
    lua_settop(L, top);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_require_gives_engine_and_own_modules_once),
        cmocka_unit_test(test_money_is_exact),
        cmocka_unit_test(test_money_split_loses_nothing),
        cmocka_unit_test(test_money_text_and_currencies),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_the_documented_zones_are_those_of_the_module),
    };

    fixture_sources(argc, argv);
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
