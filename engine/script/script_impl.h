/* SPDX-License-Identifier: MIT
 * script_impl.h: what the files of script/ share: a script's insides, a generation's, a run's.
 *
 *   ruleset.c     the files of a folder            generation.c     a rule set becomes functions and a driver
 *   sandbox.c     what scripts find as globals     sandbox_hints.c  what to use instead of what is not there
 *   modules.c     the engine's modules, `require`  bind_*.c         one Lua type each
 *   run.c         one attempt at one order         place.c          which rule, file and line is running
 *   budget.c      the end of a run that takes too long
 *   test_run.c    the tests of a rule set          fakes.c          what they answer in place of the world
 *   coverage.c    which lines they run             warnings.c       what `ordo check` warns of
 *   script.c      the public side, and the VM
 *
 * Objects of the engine inside Lua (decide, ctx, problems, the libraries) are userdata without bytes:
 * indexing goes to a table that scripts cannot reach, and nothing writes to them, not even rawset or
 * table.insert.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>

#include "base/embedded.h"
#include "script/script_test.h"
#include "vm/vm.h"

/* One file of a generation. */
struct ordo__unit {
    const struct ordo_script_file *file;
    ordo_str name;      /* of the rule: what the script calls itself, else from the file's name */
    ordo_str path;      /* rules/30_coupon.lua */
    const char *source; /* the VM's name of the chunk: the frames of this file have the same pointer */
    int line;           /* where its function begins */
    uint16_t span;      /* name's number on the timeline */
    bool broken;        /* found while loading */
};

struct ordo__generation {
    struct ordo__generation *next; /* in the script's list */
    struct ordo_ruleset *ruleset;
    struct ordo__unit *units; /* as the scripts of ruleset->files: validation, rules, lib, tests */
    size_t count;
    size_t checks, rules; /* the first `checks` units validate, the next `rules` decide */
    int driver_ref;       /* function (): checks, then rules */
    int marked_ref;       /* the same, for an order that is followed on the timeline, or measured */
    uint32_t plain_runs;  /* begun by driver_ref, up to what makes it compiled */
    uint32_t cold_runs;   /* that are followed, before that */
    int checks_ref;       /* function (from): the checks, each protected */
    int env_ref;          /* metatable of every script's environment */
    int modules_ref;      /* table: name -> what scripts/lib/name.lua returned */
    int names_ref;        /* table: keeps the strings that units point into */
    int tests_ref;        /* table: unit number -> list of tests */
    uint32_t runs;        /* that go on */
    bool retired;         /* another one is loaded: freed with its last run */
};

/* A run and what only the engine knows of it. */
struct ordo__run {
    struct ordo_run run;    /* first: both convert */
    struct ordo__run *next; /* in the pool */
    struct ordo__generation *generation;
    lua_State *thread;           /* NULL: needs a new one */
    int thread_ref;              /* its place in the registry */
    struct ordo_json_value root; /* valid until start returns */
    ordo_str id;
    enum ordo_priority priority;
    uint32_t attempt;
    uint64_t random; /* state of ctx.random; */
    bool seeded;     /* ... when it has one */
    bool knows_now;  /* it has asked ctx.now */
    bool sleeping;   /* it yielded by ctx.sleep */
    bool skipping;   /* only checks are running: the order is known to be wrong */
    int64_t now_ms;
    uint64_t follow;      /* its number on the timeline; 0: none */
    uint64_t marked_at;   /* when the unit that runs began, in ticks; 0: none runs */
    uint16_t marked_span; /* that unit's name */
    bool interpreted;     /* nothing is compiled because of it */
    struct ordo_script_cost *costs,
        *cost;           /* of all units; of the one that runs; NULL: not wanted, none runs */
    int64_t cost_ns;     /* when that one began */
    uint64_t cost_bytes; /* what had been allocated then */
    struct ordo_cart cart;
};

/* Calls of ctx that a test answers. */
enum ordo__fake { ORDO__FAKE_RANDOM = 0, ORDO__FAKE_COUNT };

struct ordo__fakes {
    int answers_ref;             /* table: name of the call -> answers */
    int asked[ORDO__FAKE_COUNT]; /* calls so far that a list answers */
    struct ordo_buffer missing;  /* about the first call without an answer; empty: there was none */
};

struct ordo_script {
    struct ordo_script_options options;
    struct ordo_vm *vm;
    struct ordo__run *current; /* whose coroutine is running; NULL: none */
    struct ordo__run *pool;
    struct ordo__generation *generations, *loaded;
    size_t run_count; /* runs that go on */
    bool flagged;     /* what flags[1] says: the order has problems */
    bool ran_out;     /* the last run took longer than budget_ns */
    int64_t budget_ns, ends_ns;

    int flags_ref; /* table: [1] is true when the current order has problems */
    int prepare_ref, decide_ref, problems_ref, ctx_ref, null_ref;
    int base_ref;   /* table: what every environment starts from */
    int engine_ref; /* table: the engine's modules by name */
    int boot_ref;   /* table of Lua functions that the engine uses (lua/base.lua, lua/test.lua) */
    const void *decide, *problems; /* to know `self` by */
    const char *driver_source;     /* chunk name of drivers */
    int driver_name_ref;           /* keeps it */

    struct ordo__fakes *fakes;      /* NULL: no test runs */
    struct ordo_coverage *coverage; /* NULL: lines are not noted */

    struct ordo_json_parser *parser; /* for decide:get and tests; made when needed */
    struct ordo_buffer scratch;      /* JSON on its way */
};

static inline struct ordo_script *ordo__script_of(lua_State *L)
{
    return ordo_vm_of(L)->owner;
}

/* --- bind_*.c: each open leaves the object on the stack. [-0, +1] --- */

ORDO_LJMP void ordo__bind_decide_open(lua_State *L);
ORDO_LJMP void ordo__bind_problems_open(lua_State *L);
ORDO_LJMP void ordo__bind_ctx_open(lua_State *L);
ORDO_LJMP void ordo__bind_order_open(lua_State *L); /* the function `prepare` that makes the order's table */

/* Makes a userdata that reads from the table on top, which it replaces; `what` names it in errors.
 * [-1, +1] */
ORDO_LJMP void ordo__bind_seal(lua_State *L, const char *what);

/* The run whose function is calling; raises when there is none, or `self` is not what it should be. */
ORDO_LJMP struct ordo__run *ordo__bind_run(lua_State *L, const char *object);
ORDO_LJMP struct ordo__run *ordo__bind_self(lua_State *L, const void *self, const char *object,
                                            const char *method);

ORDO_LJMP ordo_str ordo__bind_text(lua_State *L, int index, const char *call, const char *argument);
ORDO_LJMP int64_t ordo__bind_whole(lua_State *L, int index, const char *call, const char *argument,
                                   const char *unit);
/* Describes the value for an error: `2.5`, `"text"`, `a table`. */
const char *ordo__bind_describe(lua_State *L, int index, char *out, size_t size);

/* Pushes a JSON value as Lua value. [-0, +1] */
ORDO_LJMP void ordo__json_push(lua_State *L, struct ordo_json_value value);
/* Writes a Lua value as JSON. `what` begins error messages. [-0, +0] */
ORDO_LJMP void ordo__json_pull(lua_State *L, int index, const char *what, struct ordo_json_writer *json);
ORDO_LJMP void ordo__null_push(lua_State *L); /* ctx.null [-0, +1] */

/* --- place.c --- */

/* Where `L` stands: *ret_place, and the unit whose function the driver called. `level` is the first frame to
 * look at. False: in no script. */
bool ordo__place_find(struct ordo__run *run, lua_State *L, int level, struct ordo_place *ret_place,
                      struct ordo__unit **ret_unit);
/* The same for the error message on top of L's stack, which may name lines itself; *ret_message is its text
 * without any of them. */
void ordo__place_of_error(struct ordo__run *run, lua_State *L, struct ordo_place *ret_place,
                          struct ordo__unit **ret_unit, ordo_str *ret_message);
/* Takes "rules/x.lua:12: " off the front of a message; the unit it names or NULL. */
struct ordo__unit *ordo__place_strip(const struct ordo__generation *generation, ordo_str *message,
                                     int *ret_line);
ordo_str ordo__error_text(lua_State *L, int index);

/* --- sandbox.c, modules.c --- */

ORDO_LJMP void ordo__sandbox_open(lua_State *L); /* fills base_ref, boot_ref */
/* Pushes the environment of a new script of this generation. [-0, +1] */
ORDO_LJMP void ordo__sandbox_env(lua_State *L, struct ordo__generation *generation);
ORDO_LJMP void ordo__modules_open(lua_State *L);   /* fills engine_ref */
ORDO_LJMP int ordo__modules_require(lua_State *L); /* the function `require`; upvalue 1: the generation */
ORDO_LJMP int ordo__modules_exists(lua_State *L);  /* name -> boolean; upvalue 1: the generation */

/* The files of lua/. */
extern const struct ordo_embedded ordo__embedded[];
extern const size_t ordo__embedded_count;
/* Leaves an embedded file as a function; runs one and leaves what it returns. [-0, +1] */
ORDO_LJMP void ordo__embedded_load(lua_State *L, const char *name);
ORDO_LJMP void ordo__embedded_run(lua_State *L, const char *name);

/* --- sandbox_hints.c: errors about names that scripts are not given. Tables and keys are stack indices. --- */

ORDO_LJMP int ordo__hint_field(lua_State *L, const char *object, int table,
                               int key); /* of a library, decide, … */
ORDO_LJMP int ordo__hint_read(lua_State *L, int globals, int key);
ORDO_LJMP int ordo__hint_write(lua_State *L, int globals, int key);
ORDO_LJMP void ordo__hint_module(lua_State *L, const char *name); /* raises, or has nothing to say */

/* --- generation.c, warnings.c --- */

struct ordo__generation *ordo__generation_new(struct ordo_script *script, struct ordo_ruleset *ruleset,
                                              struct ordo_buffer *errors, struct ordo_buffer *warnings);
void ordo__generation_free(struct ordo_script *script, struct ordo__generation *generation);
/* Runs the unit's chunk and leaves what it returns; raises. [-0, +1] */
ORDO_LJMP void ordo__generation_run_file(lua_State *L, struct ordo__generation *generation,
                                         struct ordo__unit *unit);
/* If nobody needs it. */
void ordo__generation_drop(struct ordo_script *script, struct ordo__generation *generation);
/* Adds lines about the main function of a unit, which is on top of the stack. [-1, +0] */
ORDO_LJMP void ordo__warnings_find(lua_State *L, struct ordo__generation *generation,
                                   const struct ordo__unit *unit, struct ordo_buffer *warnings);

/* jit.util, LuaJIT's look at compiled code. [-0, +1] */
ORDO_LJMP void ordo__jit_util_push(lua_State *L);

/* --- fakes.c --- */

/* Takes the answers of the test at the stack index, whose first call is next; raises when they are not right. [-0, +0] */
ORDO_LJMP void ordo__fakes_take(lua_State *L, int test, struct ordo__fakes *fakes);
/* A call of ctx, whose arguments are the stack: leaves the test's answer, or raises because it has none. False, and
 * nothing: no test runs. [-0, +0|1] */
ORDO_LJMP bool ordo__fakes_answer(lua_State *L, enum ordo__fake call);

/* --- budget.c --- */

void ordo__budget_begin(struct ordo_script *script); /* a run starts */
void ordo__budget_end(struct ordo_script *script);   /* and is given back */

/* --- run.c --- */

/* Function for marked drivers: unit number n begins, and the one before it has ended: for the timeline, and for what each takes. */
int ordo__run_mark(lua_State *L);
void ordo__run_free_pool(struct ordo_script *script);
/* Sets flags[1], by which the driver knows that the order has problems. [-0, +0] */
void ordo__run_set_flag(struct ordo_script *script, lua_State *L, bool flagged);
