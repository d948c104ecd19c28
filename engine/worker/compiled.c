/* SPDX-License-Identifier: MIT
 * compiled.c: what LuaJIT compiles, and gives up, as spans of the worker on the timeline.
 */
#include <stdio.h>

#include "vm/trace_table.h"
#include "worker/worker_impl.h"

/* "rules/30_coupon.lua:12" */
static int format_line(uint64_t address, char *out, size_t size)
{
    struct ordo_line line = {.source = "?"};

    ordo_line_find(address, &line);
    return snprintf(out, size, "%s:%d", line.source[0] == '@' ? line.source + 1 : line.source, line.line);
}

static void heard(struct ordo_vm *vm, const struct ordo_trace_event *event, void *context)
{
    char text[512];
    size_t len;

    (void)vm, (void)context;
    if (event->kind == ORDO_TRACE_FLUSHED) {
        ordo_timeline_instant(ORDO_TIMELINE_JIT_FLUSH, ORDO_TIMELINE_NONE);
        return;
    }
    len = (size_t)format_line(event->kind == ORDO_TRACE_COMPILED ? event->trace->line : event->abort->line,
                              text, sizeof(text) / 2);
    if (len >= sizeof(text) / 2)
        len = sizeof(text) / 2 - 1;
    if (event->kind == ORDO_TRACE_COMPILED)
        snprintf(text + len, sizeof(text) - len, ", then %s", event->trace->link_kind);
    else
        snprintf(text + len, sizeof(text) - len, ": %s%s", event->abort->reason,
                 event->abort->blacklisted ? "; it is not tried again" : "");
    ordo_timeline_took(event->kind == ORDO_TRACE_COMPILED ? ORDO_TIMELINE_JIT : ORDO_TIMELINE_JIT_ABORT,
                       ordo_timeline_intern_detail(ordo_str_from(text)), event->ended_ns - event->began_ns);
}

void ordo__compiled_enter(struct ordo__worker *worker)
{
    if (ordo_timeline_is_on())
        ordo_traces_on_event(ordo_script_vm(worker->script), heard, worker);
}
