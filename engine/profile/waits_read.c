/* SPDX-License-Identifier: MIT
 * waits_read.c: what was counted, since ever or since a mark. Places are never given up, so a mark is their sums.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "core/order.h"
#include "profile/waits_impl.h"

struct ordo_waits_mark {
    struct {
        uint64_t count, ns;
    } sums[ORDO__WAIT_PLACES];
};

struct ordo_waits_mark *ordo_waits_mark_new(enum ordo_wait_kind kind)
{
    struct ordo_waits_mark *mark = malloc(sizeof(*mark));

    ORDO_REQUIRE(mark != NULL);
    for (size_t i = 0; i < ORDO__WAIT_PLACES; i++) {
        struct ordo__wait_place *place = &ordo__wait_places[kind][i];

        mark->sums[i].count = atomic_load_explicit(&place->count, memory_order_relaxed);
        mark->sums[i].ns = atomic_load_explicit(&place->ns, memory_order_relaxed);
    }
    return mark;
}

void ordo_waits_mark_free(struct ordo_waits_mark *mark)
{
    free(mark);
}

void ordo_waits_each(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                     void (*visit)(void *context, const struct ordo_wait_stack *stack), void *context)
{
    for (size_t i = 0; i < ORDO__WAIT_PLACES; i++) {
        struct ordo__wait_place *place = &ordo__wait_places[kind][i];
        uint64_t count, ns;

        if (atomic_load_explicit(&place->state, memory_order_acquire) != ORDO__WAIT_READY)
            continue;
        count = atomic_load_explicit(&place->count, memory_order_relaxed);
        ns = atomic_load_explicit(&place->ns, memory_order_relaxed);
        if (since != NULL) {
            count -= since->sums[i].count;
            ns -= since->sums[i].ns;
        }
        if (count == 0 || ns == 0) /* nothing, or in the midst of being added to */
            continue;
        visit(context, &(struct ordo_wait_stack){
                           .about = place->about,
                           .frames = place->frames,
                           .frame_count = place->frame_count,
                           .count = (int64_t)((count + ORDO__WAIT_ONE / 2) / ORDO__WAIT_ONE),
                           .ns = (int64_t)ns,
                       });
    }
}

/* --- with names --- */

struct naming {
    struct ordo_symbols *symbols;
    struct ordo_profile *profile;
};

static void add(void *context, const struct ordo_wait_stack *stack)
{
    const struct naming *naming = context;
    struct ordo_label labels[ORDO_PROFILE_LABELS];
    ordo_str rule = ordo_symbols_rule_of(naming->symbols, stack->frames, stack->frame_count);
    size_t count = 0;
    char worker[8];

    if (rule.len > 0)
        labels[count++] = (struct ordo_label){ORDO_STR("rule"), rule};
    if (stack->about.priority > 0)
        labels[count++] = (struct ordo_label){ORDO_STR("priority"),
                                              ordo_str_from(ordo_priority_name(stack->about.priority - 1))};
    if (stack->about.worker > 0) {
        snprintf(worker, sizeof(worker), "%u", stack->about.worker - 1u);
        labels[count++] = (struct ordo_label){ORDO_STR("worker"), ordo_str_from(worker)};
    }
    if (stack->about.lock > 0)
        labels[count++] = (struct ordo_label){
            ORDO_STR("lock"), ordo_str_from(ordo_lock_text((enum ordo_lock_name)(stack->about.lock - 1)))};
    ordo_symbols_add(naming->symbols, naming->profile, stack->frames, stack->frame_count, labels, count,
                     (const int64_t[]){stack->count, stack->ns});
}

struct ordo_profile *ordo_waits_profile(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                                        struct ordo_symbols *symbols)
{
    struct naming naming = {symbols, ordo_profile_new(&ordo_meaning_wait, 1)};

    ordo_waits_each(kind, since, add, &naming);
    return naming.profile;
}
