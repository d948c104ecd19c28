/* SPDX-License-Identifier: MIT
 * rules_impl.h: what the files of the rules thread share.
 *
 *   rules.c          the thread, its watch, its calls
 *   rules_switch.c   which generation is active: the folder's, or one that is asked for
 *   rules_draft.c    the draft
 *   rules_show.c     what there is to read
 */
#pragma once

#include "base/lock.h"
#include "base/thread.h"
#include "worker/folder_watch.h"
#include "worker/rules.h"
#include "worker/rules_archive.h"

struct ordo_rules {
    struct ordo_engine *engine; /* NULL: not started */
    struct ordo_script_options options;
    char *folder;
    struct ordo_thread thread;
    struct ordo_metrics *metrics;
    int wake;                       /* eventfd; -1: not started, and there is no watch */
    struct ordo_folder_watch watch; /* the rules thread's own, as soon as it runs */

    struct ordo_lock lock;
    struct ordo_rules_call *first, *last; /* under lock; asked for and not begun */
    bool stopping;                        /* under lock */
    struct ordo_archive *archive;         /* the rules thread's own */
    struct ordo_buffer list;      /* under lock; "generations":[…],"damaged":[…] as GET /rules has them */
    struct ordo_ruleset *running; /* under lock */
    int64_t loaded_ms;            /* under lock */
    int64_t refused_ms;           /* under lock; 0: the last look was fine */
    struct ordo_buffer refused;   /* under lock; its errors, a line each */
};

void ordo__rules_log(enum ordo_log_level level, ordo_str lines);

/* rules_switch.c */
/* Gives the folder's set its number and makes it the active one. Before the start. */
int ordo__rules_adopt(struct ordo_rules *rules, struct ordo_ruleset *found, struct ordo_error *err);
/* Finishes an activation that the end of the last run cut off. Before the start. */
int ordo__rules_recover(struct ordo_rules *rules, struct ordo_error *err);
/* Looks at the folder and switches if it holds something new and right; true: it is right. */
bool ordo__rules_look(struct ordo_rules *rules, struct ordo_buffer *errors, bool *ret_changed);

/* rules_show.c: writes the list anew, behind each change of the archive. */
void ordo__rules_list(struct ordo_rules *rules);

/* The call's answer is a problem. */
void ordo__rules_problem(struct ordo_rules_call *call, enum ordo_problem_code problem, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));
void ordo__rules_problem_of(struct ordo_rules_call *call, enum ordo_problem_code problem,
                            const struct ordo_error *err);
void ordo__rules_json(struct ordo_rules_call *call, int status);

/* The files of what `name` says (a number, `active`, `draft`); *ret_number is 0 for the draft. NULL, and the call's answer
 * says why. */
struct ordo_ruleset *ordo__rules_named(struct ordo_rules *rules, struct ordo_rules_call *call, ordo_str name,
                                       uint64_t *ret_number);
/* The number that stands there; 0: none, and the call's answer says so. */
uint64_t ordo__rules_number(struct ordo_rules *rules, struct ordo_rules_call *call, ordo_str name);

/* A copy of the draft, which may be changed; the active set when there is none. NULL, and the call's answer says why. */
struct ordo_ruleset *ordo__rules_draft(struct ordo_rules *rules, struct ordo_rules_call *call,
                                       uint64_t *ret_base);

/* Entity tags: of a file, and whether If-Match or If-None-Match names one (NULL: there is nothing to name). */
void ordo__rules_etag(const struct ordo_script_file *file, char out[ORDO_HASH_SIZE]);
bool ordo__rules_etag_matches(ordo_str header, const char *etag);
