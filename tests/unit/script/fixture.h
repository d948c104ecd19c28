/* SPDX-License-Identifier: MIT
 * fixture.h: what the tests of script/ share: a scripts folder made of strings, a script that has loaded it,
 * and orders as JSON texts. Asserts on its own.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "script/script.h"
#include "script/script_test.h"

struct fixture {
    char folder[64];
    struct ordo_script_options options;
    struct ordo_script *script;
    struct ordo_json_parser *parser;
    struct ordo_buffer errors, warnings, text, json;
    uint64_t number;
};

/* A valid order; its `extra` members end in a comma. */
#define ORDER(extra)                                                                                         \
    "{\"id\":\"o-1\"," extra "\"customer\":{\"id\":\"c-42\",\"tier\":\"gold\",\"country\":\"DE\"},"          \
    "\"currency\":\"EUR\",\"items\":[{\"sku\":\"A-1001\",\"qty\":2,\"price\":1999},"                         \
    "{\"sku\":\"B-7\",\"qty\":1,\"price\":4950},{\"sku\":\"C-33\",\"qty\":5,\"price\":250}]}"
#define SUBTOTAL 10198

/* A test whose state is a fixture of its own; and all of them, interpreted and compiled. Gives what failed. */
#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define FIXTURE_RUN_BOTH(tests) fixture_run_both(tests, sizeof(tests) / sizeof(*(tests)))
int fixture_setup(void **state);
int fixture_teardown(void **state);
int fixture_run_both(const struct CMUnitTest *tests, size_t count);

void fixture_init(struct fixture *fixture, bool jit);
void fixture_done(struct fixture *fixture);
/* Writes a file into the folder; NULL removes it. */
void fixture_write(struct fixture *fixture, const char *path, const char *text);
/* A new script, as fixture->options say now. */
void fixture_restart(struct fixture *fixture);
/* Reads and loads the folder; errors and warnings are in the fixture, ending in NUL. */
int fixture_load(struct fixture *fixture);
/* rules/10_test.lua whose `apply` has this body, loaded; fails the test when it does not load. */
void fixture_rule(struct fixture *fixture, const char *body);
void fixture_check(struct fixture *fixture, const char *body); /* validation/10_test.lua, the same */

struct ordo_run *fixture_start(struct fixture *fixture, const char *order);
struct ordo_run *fixture_start_as(struct fixture *fixture, const char *order, uint32_t attempt,
                                  int64_t now_ms);
void fixture_finish(struct fixture *fixture, struct ordo_run *run);

/* Decides an order and gives it back: "accepted", "rejected CODE: REASON", "held: REASON", "retry MS:
 * REASON", "invalid:" and its problems; then a line an operation: "op label amount of REQUESTED item text @
 * rule file:line". In fixture->text. */
const char *fixture_decide(struct fixture *fixture, const char *order);
/* Decides an order; the decision as clients get it. In fixture->text. */
const char *fixture_json(struct fixture *fixture, const char *order);
/* The decision of the rule with this body on a usual order. */
const char *fixture_run(struct fixture *fixture, const char *body);
/* The reason for which the rule with this body broke, without "rule error: ". Fails the test when it did
 * not. */
const char *fixture_break(struct fixture *fixture, const char *body);
/* What the expression gives, as tostring says it. */
const char *fixture_value(struct fixture *fixture, const char *expression);
/* What loading warned of, with F for the folder. In fixture->text. */
const char *fixture_warnings(struct fixture *fixture);
/* Files of the sources, for tests that compare with them: main's argument is the folder, else the current one. */
void fixture_sources(int argc, char **argv);
FILE *fixture_open_source(const char *path);
void assert_contains(const char *text, const char *part);
