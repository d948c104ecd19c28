/* SPDX-License-Identifier: MIT
 * rules.h: keeps the engine's rules equal to the `scripts` folder: watches it, tries each new generation
 * aside, and switches the workers.
 *
 * One thread ("rules") owns the watch and the trial VM. A generation that does not compile, or fails its
 * tests, changes nothing but `refused`.
 */
#pragma once

#include "worker/engine.h"

struct ordo_rules;

/* Reads a folder, compiles it and runs its tests in a VM of its own. The rule set, or NULL and each error as
 * a line in *errors; warnings as lines in *warnings. Any thread. */
struct ordo_ruleset *ordo_rules_try(const char *folder, const struct ordo_script_options *options,
                                    struct ordo_buffer *errors, struct ordo_buffer *warnings,
                                    size_t *ret_tests);

struct ordo_rules *ordo_rules_start(struct ordo_engine *engine, const char *folder,
                                    const struct ordo_script_options *options, struct ordo_ruleset *running,
                                    struct ordo_error *err);
void ordo_rules_stop(struct ordo_rules *rules);

/* What a reload came to; valid during the call. */
struct ordo_rules_result {
    bool ok;             /* the folder's rules are running */
    bool changed;        /* false: they were already */
    uint64_t generation; /* running now */
    const char *identity;
    ordo_str errors; /* when not ok: a line each */
};
typedef void (*ordo_rules_done_fn)(void *context, const struct ordo_rules_result *result);

/* Asks for a reload (SIGHUP, POST /rules/reload); done (may be NULL) is called once on the rules thread. Any
 * thread. */
void ordo_rules_reload(struct ordo_rules *rules, ordo_rules_done_fn done, void *context);

/* Appends
 * {"generation":…,"identity":…,"folder":…,"loaded_at":…,"files":[…],"refused":null|{"at":…,"errors":[…]}}.
 * Any thread. */
void ordo_rules_write(struct ordo_rules *rules, struct ordo_buffer *out);
