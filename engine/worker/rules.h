/* SPDX-License-Identifier: MIT
 * rules.h: keeps the engine's rules equal to the `scripts` folder: watches it, tries each new generation
 * aside, and switches the workers. Keeps the generations, and makes one of them the folder's content when it is asked to.
 *
 * One thread ("rules") owns the watch, the trial VM and the folders. A generation that does not compile, or fails its
 * tests, changes nothing but `refused`.
 */
#pragma once

#include "core/problem.h"
#include "worker/engine.h"

struct ordo_rules;

/* Compiles a rule set and runs its tests in a VM of its own. False, and each error as a line in *errors; warnings as lines
 * in *warnings, which may be NULL. Any thread. */
bool ordo_rules_try_set(struct ordo_ruleset *ruleset, const struct ordo_script_options *options,
                        struct ordo_buffer *errors, struct ordo_buffer *warnings, size_t *ret_tests);
/* The same of a folder: the rule set, or NULL. */
struct ordo_ruleset *ordo_rules_try(const char *folder, const struct ordo_script_options *options,
                                    struct ordo_buffer *errors, struct ordo_buffer *warnings,
                                    size_t *ret_tests);

struct ordo_rules_options {
    const char *folder, *data_dir;
    size_t keep; /* rules.keep */
    struct ordo_script_options script;
};

/* Opens the generations that are kept, finishes what the last run began, and tries the folder. NULL with every error as a
 * line in *errors; *ret_busy: another process uses them. */
struct ordo_rules *ordo_rules_open(const struct ordo_rules_options *options, struct ordo_buffer *errors,
                                   struct ordo_buffer *warnings, bool *ret_busy);
/* What the folder holds: the first set that the engine runs, with its number. Before the start. */
struct ordo_ruleset *ordo_rules_first(struct ordo_rules *rules);
int ordo_rules_start(struct ordo_rules *rules, struct ordo_engine *engine, struct ordo_error *err);
void ordo_rules_stop(struct ordo_rules *rules); /* also of one that was not started */

/* Something that the rules thread is asked to do, and its answer. */
struct ordo_rules_call {
    struct ordo_rules_call *next;                                        /* the rules' own */
    void (*run)(struct ordo_rules *rules, struct ordo_rules_call *call); /* one of those below */
    void (*done)(
        struct ordo_rules_call *call); /* once, on the rules thread; then the call is the asker's again */

    /* What is asked; all of it lives until done. */
    ordo_str generation, to; /* a number, `active` or `draft` */
    ordo_str path, bytes;    /* of a file */
    ordo_str if_match, if_none_match;
    ordo_str by, note;
    bool as_text;

    /* The answer. */
    int status; /* of HTTP; 0: `problem`, with its detail in body */
    enum ordo_problem_code problem;
    const char *type;
    char etag[ORDO_HASH_SIZE]; /* empty: none */
    uint64_t made;             /* a generation that was made; 0: none */
    struct ordo_buffer body;   /* the asker frees it */
};

/* Any thread. The calls are done one after the other; when the engine stops, the problem is STOPPING. */
void ordo_rules_submit(struct ordo_rules *rules, struct ordo_rules_call *call);
/* SIGHUP. */
void ordo_rules_reload_soon(struct ordo_rules *rules);

/* Looks at the folder: {"generation":…,"identity":…,"changed":…}. */
void ordo_rules_reload(struct ordo_rules *rules, struct ordo_rules_call *call);
/* `generation` becomes active, unless `if_match` names another set than the one that is active now; by, note. */
void ordo_rules_activate(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_rollback(struct ordo_rules *rules,
                         struct ordo_rules_call *call); /* the one before becomes active */
/* What `generation` is, with its files; one file at `path`; what differs from it to `to`. */
void ordo_rules_show(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_file(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_diff(struct ordo_rules *rules, struct ordo_rules_call *call);
/* The draft: a file at `path` becomes `bytes`, or goes, unless if_match or if_none_match say otherwise; it begins anew;
 * it is tried; a generation is made of it. */
void ordo_rules_draft_put(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_draft_delete(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_draft_drop(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_draft_check(struct ordo_rules *rules, struct ordo_rules_call *call);
void ordo_rules_draft_seal(struct ordo_rules *rules, struct ordo_rules_call *call);

/* Appends {"generation":…,"identity":…,"folder":…,"loaded_at":…,"files":[…],"refused":null|{"at":…,"errors":[…]},
 * "generations":[…],"damaged":[…]}; *ret_etag is the identity. Any thread. */
void ordo_rules_write(struct ordo_rules *rules, struct ordo_buffer *out, char ret_etag[ORDO_HASH_SIZE]);
