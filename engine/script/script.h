/* SPDX-License-Identifier: MIT
 * script.h: the rule runtime: one LuaJIT VM with the engine's Lua modules, a sandbox, and one or more
 * generations of rules.
 *
 * A script belongs to one thread. Orders run in coroutines ("runs"): a run that waits gives the thread back,
 * and is resumed when its time has come. A run keeps the generation that it started with.
 *
 *   struct ordo_script *script = ordo_script_new(&options, &err);
 *   ordo_script_load(script, ruleset, &errors);
 *   struct ordo_run *run = ordo_script_start(script, &order);
 *   while (run->state == ORDO_RUN_WAITING) { wait until run->wake_ns; ordo_script_resume(script, run); }
 *   ... use run->decision, run->problems ...
 *   ordo_script_finish(script, run);
 */
#pragma once

#include "core/decision.h"
#include "script/ruleset.h"

/* What becomes of an order whose rule broke. */
enum ordo_on_error { ORDO_ON_ERROR_HOLD = 0, ORDO_ON_ERROR_REJECT, ORDO_ON_ERROR_RETRY };

struct ordo_script_options {
    struct ordo_limits limits;
    enum ordo_on_error on_error; /* the policy, applied here: a broken rule comes out as a decision */
    int64_t retry_after_ms;      /* wait of the policy `retry`; 1000 */
    bool jit;                    /* false: interpreter only (tests) */
};

enum ordo_run_state {
    ORDO_RUN_DECIDED = 0, /* decision holds the verdict */
    ORDO_RUN_INVALID,     /* problems is not empty */
    ORDO_RUN_WAITING,     /* ctx.sleep: resume at wake_ns */
};

struct ordo_script;

/* One attempt at one order. Read-only for the caller. Made and reused by the script. */
struct ordo_run {
    enum ordo_run_state state;
    int64_t wake_ns, waits_since_ns; /* monotonic, when WAITING */
    const char *waits_for;           /* when WAITING: "sleep" */
    int64_t blocked_ns;              /* time spent waiting so far */
    struct ordo_decision decision;   /* when DECIDED */
    struct ordo_problems problems;   /* when INVALID */
    struct ordo_arena arena;         /* memory of both */
    uint64_t generation;             /* number of its rule set */
    bool broke;                      /* a rule broke and the policy decided; error says how */
    struct ordo_error error;         /* when broke: place rules/x.lua, line, message */
    struct ordo_place broke_at;
    void *user; /* the caller's */
};

/* What one check or rule took of a run. */
struct ordo_script_cost {
    bool ran;       /* it began */
    int64_t ns;     /* of the monotonic clock */
    uint64_t bytes; /* that it allocated in Lua, freed ones included */
};

struct ordo_script_order {
    struct ordo_json_value root; /* the parsed order; lives until start returns (it is copied into Lua) */
    ordo_str id; /* the id in use; seeds ctx.random, and is order.id when the order has none; copied */
    enum ordo_priority priority;
    uint32_t attempt; /* from 1 */
    int64_t now_ms;   /* ctx.now() */
    uint64_t follow;  /* its number on the timeline, where its rules leave spans; 0: none */
    void *user;       /* becomes run->user */
    /* Filled while it runs, an element for each check and then each rule, in the order in which they run; they must be 0
     * before. NULL: nobody wants to know, and nothing is paid for it. */
    struct ordo_script_cost *costs;
};

struct ordo_script *ordo_script_new(const struct ordo_script_options *options, struct ordo_error *err);
void ordo_script_free(struct ordo_script *script); /* no run may be left */

/* Compiles a rule set and makes it the one that new orders start with; the old one is dropped with its last
 * run. Every error is a line in *errors ("scripts/rules/x.lua:3: message"), warnings (see docs/rules.md) in
 * *warnings (may be NULL). 0, or ORDO_ESCRIPT and the old set goes on. */
int ordo_script_load(struct ordo_script *script, struct ordo_ruleset *ruleset, struct ordo_buffer *errors,
                     struct ordo_buffer *warnings);

struct ordo_run *ordo_script_start(struct ordo_script *script, const struct ordo_script_order *order);
void ordo_script_resume(struct ordo_script *script, struct ordo_run *run); /* when WAITING */
/* Both, to the end: waits pass at once. */
struct ordo_run *ordo_script_decide(struct ordo_script *script, const struct ordo_script_order *order);
/* Where a run that is WAITING stands: addresses of the table of lines, innermost first. Owner thread. */
size_t ordo_script_stack(const struct ordo_run *run, uint64_t *ret_frames, size_t most);
/* Takes the run back; also when WAITING (it is given up). */
void ordo_script_finish(struct ordo_script *script, struct ordo_run *run);

/* A chunk of the rule set that is loaded, for whoever names places in it. Texts live as long as the set is loaded. */
struct ordo_script_chunk {
    const char *source; /* as the VM names it: @rules/30_coupon.lua */
    const char *path;   /* within the folder */
    ordo_str text;
    ordo_str rule; /* what the rule or check calls itself; empty: a module or a test */
    bool is_check;
    int line; /* where the function of the rule or check begins */
};
/* The checks come first, then the rules, both in the order in which they run. */
void ordo_script_each_chunk(const struct ordo_script *script,
                            void (*visit)(void *context, const struct ordo_script_chunk *chunk),
                            void *context);
struct ordo_vm *ordo_script_vm(const struct ordo_script *script); /* owner thread */

/* A run may take so much CPU time in all, and is then ended by an error that no rule can catch; 0: no end. One
 * run at a time, of a script without compiled code, which would not hear of it. What C functions take is noticed when they return. */
void ordo_script_limit(struct ordo_script *script, int64_t budget_ns);
/* The run that was started last came to that end. */
bool ordo_script_ran_out(const struct ordo_script *script);

/* Collects all garbage; not within a run. */
void ordo_script_collect(struct ordo_script *script);
size_t ordo_script_lua_bytes(const struct ordo_script *script); /* Lua heap; owner thread */
/* Loaded now; more than 1 while old runs wait. */
size_t ordo_script_generations(const struct ordo_script *script);
