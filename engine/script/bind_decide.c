/* SPDX-License-Identifier: MIT
 * bind_decide.c: `decide`, by which rules state operations. Each call is one operation with the rule, file
 * and line that made it; what it means for the totals is core/decision.c's business.
 *
 * reject and retry end the evaluation by yielding out of the run's coroutine for good: no pcall of a rule can
 * swallow that, and it costs a tenth of raising an error. Inside a coroutine of the rule's own, and where a
 * C function of Lua calls back (a comparator of table.sort), they raise; whatever the rule makes of it, the
 * verdict stands and the next call to decide ends the run.
 */
#include "script/script_impl.h"

#include <stdio.h>

static const int64_t RETRY_MAX_MS = (int64_t)30 * 86400 * 1000;

/* The caller's run; NULL: it has ended, return stop(L). */
static struct ordo__run *enter(lua_State *L, const char *method)
{
    struct ordo__run *run = ordo__bind_self(L, ordo__script_of(L)->decide, "decide", method);

    if (run->skipping)
        luaL_error(L, "decide:%s: a validation script cannot decide; it reports problems", method);
    return run->run.decision.ended ? NULL : run;
}

static int stop(lua_State *L)
{
    if (ordo__script_of(L)->current->thread == L && lua_isyieldable(L))
        return lua_yield(L, 0);
    return luaL_error(L, "the decision has ended by reject or retry; nothing runs behind it");
}

static struct ordo_place place_of(lua_State *L, struct ordo__run *run, const char *method)
{
    struct ordo_place place;
    struct ordo__unit *unit;

    if (!ordo__place_find(run, L, 1, &place, &unit) || unit == NULL)
        luaL_error(L, "decide:%s: only rules decide", method);
    else if (unit->file->kind != ORDO_SCRIPT_RULE)
        luaL_error(L, "decide:%s: a validation script cannot decide; it reports problems", method);
    return place;
}

/* Errors of core/decision.c mostly begin with the method, but those about limits. */
static int done(lua_State *L, const char *method, int code, const struct ordo_error *err)
{
    size_t len = strlen(method);

    if (code == 0)
        return 0;
    if (strncmp(err->message, method, len) == 0 && err->message[len] == ':')
        return luaL_error(L, "decide:%s", err->message);
    return luaL_error(L, "decide:%s: %s", method, err->message);
}

static ordo_str text_of(lua_State *L, int index, const char *call, const char *argument)
{
    ordo_str text = ordo__bind_text(L, index, call, argument);

    if (text.len == 0)
        luaL_error(L, "%s: %s must not be empty", call, argument);
    return text;
}

static ordo_str optional_text(lua_State *L, int index, const char *call, const char *argument)
{
    return lua_isnoneornil(L, index) ? ORDO_STR_NONE : ordo__bind_text(L, index, call, argument);
}

static void check_options(lua_State *L, int index, const char *call, const char *example)
{
    char got[64];

    if (!lua_istable(L, index))
        luaL_error(L, "%s: the options must be a table such as %s, got %s", call, example,
                   ordo__bind_describe(L, index, got, sizeof(got)));
}

static bool key_is(lua_State *L, int index, const char *name)
{
    return lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), name) == 0;
}

static void unknown_option(lua_State *L, const char *call, const char *known)
{
    char got[64];

    luaL_error(L, "%s: there is no option %s, only %s", call, ordo__bind_describe(L, -2, got, sizeof(got)),
               known);
}

/* opts.item and opts.included of an amount. */
static void read_options(lua_State *L, int index, const char *call, bool is_tax, uint32_t *ret_item,
                         bool *ret_included)
{
    check_options(L, index, call, "{item = 1}");
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (key_is(L, -2, "item")) {
            int64_t item = ordo__bind_whole(L, -1, call, "opts.item", " from 1");

            if (item < 1 || item > UINT32_MAX)
                luaL_error(L, "%s: opts.item counts from 1, got %f", call, (lua_Number)item);
            *ret_item = (uint32_t)item;
        } else if (is_tax && key_is(L, -2, "included")) {
            if (!lua_isboolean(L, -1))
                luaL_error(L, "%s: opts.included must be true or false", call);
            *ret_included = lua_toboolean(L, -1);
        } else {
            unknown_option(L, call, is_tax ? "item and included" : "item");
        }
    }
}

static int add_amount(lua_State *L, enum ordo_operation_kind kind, const char *call, const char *label_name)
{
    const char *method = call + sizeof("decide:") - 1;
    struct ordo__run *run = enter(L, method);
    struct ordo_error err;
    bool included = false;
    uint32_t item = 0;
    int64_t amount;
    ordo_str label;

    if (run == NULL)
        return stop(L);
    label = text_of(L, 2, call, label_name);
    amount = ordo__bind_whole(L, 3, call, "amount", " of minor units");
    if (!lua_isnoneornil(L, 4))
        read_options(L, 4, call, kind == ORDO_OPERATION_TAX, &item, &included);
    return done(L, method,
                ordo_decision_amount(&run->run.decision, kind, label, amount, item, included,
                                     place_of(L, run, method), &err),
                &err);
}

static int discount(lua_State *L)
{
    return add_amount(L, ORDO_OPERATION_DISCOUNT, "decide:discount", "label");
}

static int fee(lua_State *L)
{
    return add_amount(L, ORDO_OPERATION_FEE, "decide:fee", "label");
}

static int tax(lua_State *L)
{
    return add_amount(L, ORDO_OPERATION_TAX, "decide:tax", "label");
}

static int pay(lua_State *L)
{
    return add_amount(L, ORDO_OPERATION_PAY, "decide:pay", "method");
}

static int cap(lua_State *L)
{
    struct ordo__run *run = enter(L, "cap");
    struct ordo_error err;
    ordo_str kind, reason;
    int64_t amount;

    if (run == NULL)
        return stop(L);
    kind = text_of(L, 2, "decide:cap", "kind");
    amount = ordo__bind_whole(L, 3, "decide:cap", "amount", " of minor units");
    reason = optional_text(L, 4, "decide:cap", "reason");
    return done(L, "cap",
                ordo_decision_cap(&run->run.decision, kind, amount, reason, place_of(L, run, "cap"), &err),
                &err);
}

/* A list with holes has no certain length, so items would be left out or not by chance. */
static void check_list(lua_State *L, int index, uint32_t length)
{
    uint32_t count = 0;

    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        count++;
    if (count != length)
        luaL_error(L, "decide:ship: opts.items must be a list without gaps and other keys, such as {1, 3}");
}

/* opts.items of ship, as an array that Lua's garbage collector owns. */
static uint32_t *read_items(lua_State *L, int index, uint32_t *ret_count)
{
    uint32_t *items = NULL;

    check_options(L, index, "decide:ship", "{items = {1, 3}}");
    lua_pushliteral(L, "items");
    lua_rawget(L, index);
    if (!lua_istable(L, -1))
        luaL_error(L, "decide:ship: opts.items must be a list of item numbers such as {1, 3}");
    *ret_count = (uint32_t)lua_objlen(L, -1);
    check_list(L, lua_gettop(L), *ret_count);
    items = lua_newuserdata(L, (*ret_count + 1) * sizeof(*items));
    for (uint32_t i = 0; i < *ret_count; i++) {
        int64_t item;

        lua_rawgeti(L, -2, (int)i + 1);
        item = ordo__bind_whole(L, -1, "decide:ship", "each of opts.items", " from 1");
        if (item < 1 || item > UINT32_MAX)
            luaL_error(L, "decide:ship: items count from 1, got %f", (lua_Number)item);
        items[i] = (uint32_t)item;
        lua_pop(L, 1);
    }
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (!key_is(L, -2, "items"))
            unknown_option(L, "decide:ship", "items");
        lua_pop(L, 1);
    }
    return items;
}

static int ship(lua_State *L)
{
    struct ordo__run *run = enter(L, "ship");
    struct ordo_error err;
    uint32_t *items, count;
    ordo_str name;

    if (run == NULL)
        return stop(L);
    name = text_of(L, 2, "decide:ship", "name");
    items = read_items(L, 3, &count);
    return done(L, "ship",
                ordo_decision_ship(&run->run.decision, name, items, count, place_of(L, run, "ship"), &err),
                &err);
}

static int add(lua_State *L, struct ordo__run *run, enum ordo_operation_kind kind, const char *method,
               ordo_str label, ordo_str text, int64_t amount)
{
    struct ordo_error err;

    return done(
        L, method,
        ordo_decision_add(&run->run.decision, kind, label, text, amount, place_of(L, run, method), &err),
        &err);
}

static int route(lua_State *L)
{
    struct ordo__run *run = enter(L, "route");

    if (run == NULL)
        return stop(L);
    return add(L, run, ORDO_OPERATION_ROUTE, "route", text_of(L, 2, "decide:route", "name"), ORDO_STR_NONE,
               0);
}

static int flag(lua_State *L)
{
    struct ordo__run *run = enter(L, "flag");
    ordo_str kind;

    if (run == NULL)
        return stop(L);
    kind = text_of(L, 2, "decide:flag", "kind");
    return add(L, run, ORDO_OPERATION_FLAG, "flag", kind, optional_text(L, 3, "decide:flag", "reason"), 0);
}

static int note(lua_State *L)
{
    struct ordo__run *run = enter(L, "note");

    if (run == NULL)
        return stop(L);
    return add(L, run, ORDO_OPERATION_NOTE, "note", ORDO_STR_NONE, text_of(L, 2, "decide:note", "text"), 0);
}

static int set(lua_State *L)
{
    struct ordo__run *run = enter(L, "set");
    struct ordo_script *script = ordo__script_of(L);
    struct ordo_json_writer json;
    ordo_str key;

    if (run == NULL)
        return stop(L);
    key = text_of(L, 2, "decide:set", "key");
    if (lua_isnoneornil(L, 3))
        return luaL_error(L, "decide:set: value must not be nil; ctx.null gives null");
    ordo_buffer_clear(&script->scratch);
    json = ordo_json_writer(&script->scratch);
    ordo__json_pull(L, 3, "decide:set", &json);
    return add(L, run, ORDO_OPERATION_SET, "set", key, ordo_buffer_str(&script->scratch), 0);
}

static int count(lua_State *L)
{
    struct ordo__run *run = enter(L, "count");
    int64_t amount;
    ordo_str key;

    if (run == NULL)
        return stop(L);
    key = text_of(L, 2, "decide:count", "key");
    amount = lua_isnoneornil(L, 3) ? 1 : ordo__bind_whole(L, 3, "decide:count", "amount", "");
    if (amount < 0)
        return luaL_error(L, "decide:count: amount must not be negative, got %f", (lua_Number)amount);
    return add(L, run, ORDO_OPERATION_COUNT, "count", key, ORDO_STR_NONE, amount);
}

static int reject(lua_State *L)
{
    struct ordo__run *run = enter(L, "reject");
    struct ordo_error err;
    ordo_str code, reason;
    int result;

    if (run == NULL)
        return stop(L);
    code = text_of(L, 2, "decide:reject", "code");
    reason = optional_text(L, 3, "decide:reject", "reason");
    result = ordo_decision_reject(&run->run.decision, code, reason, place_of(L, run, "reject"), &err);
    return result == 0 ? stop(L) : done(L, "reject", result, &err);
}

static int hold(lua_State *L)
{
    struct ordo__run *run = enter(L, "hold");
    struct ordo_error err;
    ordo_str reason;

    if (run == NULL)
        return stop(L);
    reason = text_of(L, 2, "decide:hold", "reason");
    return done(L, "hold", ordo_decision_hold(&run->run.decision, reason, place_of(L, run, "hold"), &err),
                &err);
}

static int retry(lua_State *L)
{
    struct ordo__run *run = enter(L, "retry");
    struct ordo_error err;
    int64_t after_ms;
    ordo_str reason;
    int result;

    if (run == NULL)
        return stop(L);
    after_ms = ordo__bind_whole(L, 2, "decide:retry", "after_ms", " of milliseconds");
    if (after_ms < 0 || after_ms > RETRY_MAX_MS)
        return luaL_error(L, "decide:retry: after_ms must be from 0 to %f (30 days), got %f",
                          (lua_Number)RETRY_MAX_MS, (lua_Number)after_ms);
    reason = optional_text(L, 3, "decide:retry", "reason");
    result = ordo_decision_retry(&run->run.decision, after_ms, reason, place_of(L, run, "retry"), &err);
    return result == 0 ? stop(L) : done(L, "retry", result, &err);
}

static int net(lua_State *L)
{
    struct ordo__run *run = enter(L, "net");
    struct ordo_error err;
    int64_t item, amount;

    if (run == NULL)
        return stop(L);
    if (lua_isnoneornil(L, 2)) {
        lua_pushnumber(L, (lua_Number)ordo_decision_net(&run->run.decision));
        return 1;
    }
    item = ordo__bind_whole(L, 2, "decide:net", "item", " from 1");
    if (item < 1 || item > UINT32_MAX)
        return luaL_error(L, "decide:net: items count from 1, got %f", (lua_Number)item);
    if (ordo_decision_item_net(&run->run.decision, (uint32_t)item, &amount, &err) != 0)
        return done(L, "net", ORDO_ESCRIPT, &err);
    lua_pushnumber(L, (lua_Number)amount);
    return 1;
}

static int sum(lua_State *L)
{
    static const ordo_str kinds[ORDO_AMOUNT_KINDS] = {
        [ORDO_OPERATION_DISCOUNT] = {"discount", 8},
        [ORDO_OPERATION_FEE] = {"fee", 3},
        [ORDO_OPERATION_TAX] = {"tax", 3},
        [ORDO_OPERATION_PAY] = {"pay", 3},
    };
    struct ordo__run *run = enter(L, "sum");
    ordo_str kind;

    if (run == NULL)
        return stop(L);
    kind = ordo__bind_text(L, 2, "decide:sum", "kind");
    for (int i = 0; i < ORDO_AMOUNT_KINDS; i++)
        if (ordo_str_equal(kind, kinds[i])) {
            lua_pushnumber(L, (lua_Number)run->run.decision.sums[i]);
            return 1;
        }
    return luaL_error(L, "decide:sum: kind must be discount, fee, tax or pay, got \"%s\"", kind.ptr);
}

static int get(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);
    struct ordo__run *run = enter(L, "get");
    ordo_str json;

    if (run == NULL)
        return stop(L);
    json = ordo_decision_get(&run->run.decision, ordo__bind_text(L, 2, "decide:get", "key"));
    if (json.ptr == NULL)
        return 0;
    if (script->parser == NULL)
        script->parser = ordo_json_parser_new(script->options.limits.depth + 1);
    ordo_buffer_clear(&script->scratch);
    ordo_buffer_append(&script->scratch, json);
    ORDO_REQUIRE(ordo_json_parse_buffer(script->parser, &script->scratch, NULL) ==
                 0); /* it was written by set */
    ordo__json_push(L, ordo_json_root(script->parser));
    return 1;
}

void ordo__bind_decide_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"discount", discount}, {"fee", fee},       {"tax", tax},   {"pay", pay},     {"cap", cap},
        {"ship", ship},         {"route", route},   {"flag", flag}, {"note", note},   {"set", set},
        {"count", count},       {"reject", reject}, {"hold", hold}, {"retry", retry}, {"net", net},
        {"sum", sum},           {"get", get},
    };

    lua_createtable(L, 0, (int)(sizeof(methods) / sizeof(*methods)));
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        lua_pushcfunction(L, methods[i].func);
        lua_setfield(L, -2, methods[i].name);
    }
    ordo__bind_seal(L, "decide");
    ordo__script_of(L)->decide = lua_topointer(L, -1);
}
