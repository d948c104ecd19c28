/* SPDX-License-Identifier: MIT
 * trial_impl.h: what trial.c, explained.c and what_if_decide.c's caller share: the thread's rule sets and parsers. The thread's own.
 */
#pragma once

#include "worker/recorded.h"
#include "worker/worker_impl.h"

/* Two VMs: one without compiled code, which can be stopped whatever its rules do, and one with it, for what rules take when
 * they are warm. */
enum ordo__trial_vm { ORDO__TRIAL_LIMITED = 0, ORDO__TRIAL_COMPILED, ORDO__TRIAL_VMS };

struct ordo__trial_thread {
    struct ordo_engine *engine;
    struct ordo_script *scripts[ORDO__TRIAL_VMS];   /* made when needed */
    struct ordo_ruleset *rulesets[ORDO__TRIAL_VMS]; /* that they have loaded */
    struct ordo_json_parser *wanted, *record, *decided;
    struct ordo_buffer record_text;
};

/* What is answered: `problem` is -1 before. */
struct ordo__trial_answer {
    int problem;
    struct ordo_buffer body;
};

void ordo__trial_problem(struct ordo__trial_answer *answer, enum ordo_problem_code code, ordo_str id,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The order with its outcome; false, and answered, when there is none. */
bool ordo__trial_find(struct ordo__trial_thread *trial, ordo_str id, struct ordo__trial_answer *answer,
                      struct ordo_recorded *ret_recorded);
/* A VM with the rule set that runs now, which *ret_number is the generation of. NULL: it does not load. */
struct ordo_script *ordo__trial_script(struct ordo__trial_thread *trial, enum ordo__trial_vm vm,
                                       uint64_t *ret_number);

/* explained.c */
void ordo__explain(struct ordo__trial_thread *trial, ordo_str id, bool as_text,
                   struct ordo__trial_answer *answer);
