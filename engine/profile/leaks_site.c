/* SPDX-License-Identifier: MIT
 * leaks_site.c: by which frame of its stack an allocation is known.
 */
#include "profile/leaks_impl.h"
#include "profile/symbols.h"

/* Buffers, arenas and the VM's allocator allocate on behalf of their callers. */
static bool is_helper(const struct ordo_frame *frame)
{
    static const char *const folders[] = {"engine/base/", "engine/vm/"};

    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        if (memmem(frame->file.ptr, frame->file.len, folders[i], strlen(folders[i])) != NULL)
            return true;
    return false;
}

static int rank_of(const struct ordo_frame *frame)
{
    switch (frame->kind) {
    case ORDO_FRAME_LUA:
        return 3;
    case ORDO_FRAME_ENGINE:
    case ORDO_FRAME_PLUGIN:
        return is_helper(frame) ? 1 : 2;
    case ORDO_FRAME_LIBRARY:
        return 1;
    default:
        return 0;
    }
}

bool ordo__leak_site_of(const struct ordo_profile *profile, const struct ordo_profile_sample *sample,
                        struct ordo_symbols *symbols, struct ordo_leak_site *ret_site)
{
    const struct ordo_frame *best = NULL;
    int best_rank = 0;

    for (size_t i = 0; i < sample->frame_count && best_rank < 3; i++) {
        const struct ordo_frame *frame = ordo_profile_frame_at(profile, sample->frames[i]);
        int rank = rank_of(frame);

        if (rank > best_rank) {
            best = frame;
            best_rank = rank;
        }
    }
    if (best == NULL)
        return false;
    *ret_site = (struct ordo_leak_site){
        .function = best->function, .file = best->file, .module = best->module, .line = best->line};
    if (symbols != NULL && best->kind == ORDO_FRAME_LUA)
        ret_site->rule = ordo_symbols_rule(symbols, best->address);
    return true;
}

void ordo_leaks_add_profile(struct ordo_leaks *leaks, const struct ordo_profile *profile,
                            struct ordo_symbols *symbols, int64_t at_ns, uint64_t orders)
{
    enum { OBJECTS = 2, BYTES = 3 }; /* of ordo_meaning_heap */

    ordo_leaks_begin(leaks, at_ns, orders);
    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);
        struct ordo_leak_site site;

        if (sample.values[BYTES] > 0 && ordo__leak_site_of(profile, &sample, symbols, &site))
            ordo_leaks_add(leaks, &site, sample.values[OBJECTS], sample.values[BYTES],
                           ordo_profile_period(profile));
    }
    ordo_leaks_end(leaks);
}
