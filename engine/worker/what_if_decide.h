/* SPDX-License-Identifier: MIT
 * what_if_decide.h: a recorded order decided once more, with changed fields or by other rules, and how that differs from what was
 * recorded. Nothing is kept of it: no store, no sink, no counter hears of it.
 */
#pragma once

#include "worker/recorded.h"

enum { ORDO_WHAT_IF_NS = 200000000 }; /* CPU time that the rules may take: ordo_script_limit */

struct ordo_what_if {
    const struct ordo_recorded *recorded;
    const struct ordo_json_value *changes; /* an object to merge into the order (RFC 7396); NULL: none */
    struct ordo_script *script;            /* has the rules; limited */
    const struct ordo_limits *limits;
    uint64_t generation; /* of the rules; 0: they are not a generation of this engine */
};

/* 0, and appended is
 *
 *   {"id":…,"generation":{"recorded":1,"what_if":2},"same":false,"recorded":{…},"what_if":{…},"difference":{…}}
 *
 * where both sides are decisions as clients get them, or what there is instead (status, decision null, problem or
 * reason), and the difference is that of decision_diff.h. Or a problem as a positive (problem + 1), with the sentence in
 * *err. One thread with the script. */
int ordo_what_if_decide(const struct ordo_what_if *what_if, struct ordo_buffer *out, struct ordo_error *err);
