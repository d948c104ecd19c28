/* SPDX-License-Identifier: MIT
 * symbols.c: the locks around look-ups, what native look-ups found before, and stacks.
 *
 * A native look-up walks debug information, so what it found is kept, for at most REMEMBERED_MAX addresses: then all is
 * forgotten and found anew. Texts are never forgotten: there are as many as the program, its libraries and the rules have
 * functions and files.
 */
#include "profile/symbols_impl.h"

#include <stdlib.h>

#include "base/lock.h"

enum { REMEMBERED_MAX = 1 << 15 };

/* The frames of an address: a part of struct ordo_symbols.frames. None: it is in no module, and what is there may
 * change. */
struct found {
    uint32_t first, count;
};

/* Lua has a lock of its own, so that a worker that tells of its rules does not wait for files to be read. */
struct ordo_symbols {
    /* under native_lock */
    struct ordo__native *native;
    struct ordo_intern native_texts;
    struct ordo_intern addresses; /* native ones that were looked up */
    struct ordo_buffer founds;    /* struct found, by number of the address */
    struct ordo_buffer frames;    /* struct ordo_frame */
    /* under lua_lock */
    struct ordo__chunks *chunks;
    struct ordo_intern lua_texts;

    struct ordo_lock native_lock, lua_lock; /* no thread holds both */
};

struct ordo_symbols *ordo_symbols_new(void)
{
    struct ordo_symbols *symbols = calloc(1, sizeof(*symbols));

    ORDO_REQUIRE(symbols != NULL);
    ordo_lock_init(&symbols->native_lock, ORDO_LOCK_SYMBOLS_NATIVE);
    ordo_lock_init(&symbols->lua_lock, ORDO_LOCK_SYMBOLS_LUA);
    symbols->native = ordo__native_new(&symbols->native_texts);
    symbols->chunks = ordo__chunks_new(&symbols->lua_texts);
    return symbols;
}

void ordo_symbols_free(struct ordo_symbols *symbols)
{
    if (symbols == NULL)
        return;
    ordo__native_free(symbols->native);
    ordo__chunks_free(symbols->chunks);
    ordo_intern_done(&symbols->addresses);
    ordo_buffer_done(&symbols->founds);
    ordo_buffer_done(&symbols->frames);
    ordo_intern_done(&symbols->native_texts);
    ordo_intern_done(&symbols->lua_texts);
    ordo_lock_done(&symbols->native_lock);
    ordo_lock_done(&symbols->lua_lock);
    free(symbols);
}

void ordo_symbols_add_chunk(struct ordo_symbols *symbols, const char *source, const char *path, ordo_str text,
                            ordo_str rule)
{
    ordo_lock(&symbols->lua_lock);
    ordo__chunks_add(symbols->chunks, source, path, text, rule);
    ordo_unlock(&symbols->lua_lock);
}

void ordo_symbols_rest(struct ordo_symbols *symbols)
{
    ordo_lock(&symbols->native_lock);
    ordo__native_rest(symbols->native);
    ordo_unlock(&symbols->native_lock);
}

static void forget(struct ordo_symbols *symbols)
{
    ordo_intern_done(&symbols->addresses);
    ordo_buffer_clear(&symbols->founds);
    ordo_buffer_clear(&symbols->frames);
}

static void refresh(struct ordo_symbols *symbols)
{
    ordo_lock(&symbols->native_lock);
    if (ordo__native_refresh(symbols->native))
        forget(symbols);
    ordo_unlock(&symbols->native_lock);
}

static void keep_found(struct ordo_symbols *symbols, const struct ordo_frame *frames, size_t count)
{
    struct found found = {(uint32_t)(symbols->frames.len / sizeof(*frames)), (uint32_t)count};

    ordo_buffer_append(&symbols->frames, (ordo_str){(const char *)frames, count * sizeof(*frames)});
    ordo_buffer_append(&symbols->founds, (ordo_str){(const char *)&found, sizeof(found)});
}

static size_t find_native(struct ordo_symbols *symbols, uint64_t address, struct ordo_frame *ret_frames,
                          size_t most)
{
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];
    const struct ordo_frame *kept = frames;
    struct found found;
    uint32_t number;
    bool is_new, lasts;

    if (symbols->addresses.count >= REMEMBERED_MAX)
        forget(symbols);
    number =
        ordo_intern_is_new(&symbols->addresses, (ordo_str){(const char *)&address, sizeof(address)}, &is_new);
    if (is_new) {
        found.count =
            (uint32_t)ordo__native_find(symbols->native, address, frames, ORDO_SYMBOLS_INLINED, &lasts);
        keep_found(symbols, frames, lasts ? found.count : 0);
    } else {
        memcpy(&found, symbols->founds.ptr + number * sizeof(found), sizeof(found));
        if (found.count > 0)
            kept = (const struct ordo_frame *)(const void *)symbols->frames.ptr + found.first;
        else
            found.count =
                (uint32_t)ordo__native_find(symbols->native, address, frames, ORDO_SYMBOLS_INLINED, &lasts);
    }
    if (most > found.count)
        most = found.count;
    memcpy(ret_frames, kept, most * sizeof(*ret_frames));
    return most;
}

static size_t find(struct ordo_symbols *symbols, uint64_t address, bool is_return_address,
                   struct ordo_frame *ret_frames, size_t most)
{
    struct ordo_line line;
    size_t count = 1;

    if (ordo_line_find(address, &line)) {
        ordo_lock(&symbols->lua_lock);
        ordo__chunks_frame(symbols->chunks, &line, address, ret_frames);
        ordo_unlock(&symbols->lua_lock);
        return count;
    }
    ordo_lock(&symbols->native_lock);
    /* The call is the instruction before the one that it returns to, which may be of another line or function. */
    count = find_native(symbols, address - is_return_address, ret_frames, most);
    ordo_unlock(&symbols->native_lock);
    return count;
}

size_t ordo_symbols_find(struct ordo_symbols *symbols, uint64_t address, bool is_return_address,
                         struct ordo_frame *ret_frames, size_t most)
{
    ORDO_REQUIRE(most > 0);
    refresh(symbols);
    return find(symbols, address, is_return_address, ret_frames, most);
}

ordo_str ordo_symbols_rule(struct ordo_symbols *symbols, uint64_t address)
{
    ordo_str rule = ORDO_STR_NONE;
    struct ordo_line line;

    if (!ordo_line_find(address, &line))
        return rule;
    ordo_lock(&symbols->lua_lock);
    rule = ordo__chunks_rule(symbols->chunks, &line);
    ordo_unlock(&symbols->lua_lock);
    return rule;
}

ordo_str ordo_symbols_rule_of(struct ordo_symbols *symbols, const uint64_t *addresses, size_t count)
{
    while (count > 0) {
        ordo_str rule = ordo_symbols_rule(symbols, addresses[--count]);

        if (rule.len > 0)
            return rule;
    }
    return ORDO_STR_NONE;
}

/* Some stacks end there and some one frame before, by how they were walked; so none shall. */
static bool is_thread_start(const struct ordo_frame *frame)
{
    static const char *const names[] = {"__clone3", "clone3", "__clone", "clone"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (ordo_str_equal(frame->function, ordo_str_from(names[i])))
            return true;
    return false;
}

void ordo_symbols_add(struct ordo_symbols *symbols, struct ordo_profile *profile, const uint64_t *addresses,
                      size_t count, const struct ordo_label *labels, size_t label_count,
                      const int64_t *values)
{
    uint32_t numbers[ORDO_PROFILE_DEPTH];
    size_t depth = 0;

    refresh(symbols);
    for (size_t i = 0; i < count && depth < ORDO_PROFILE_DEPTH; i++) {
        struct ordo_frame frames[ORDO_SYMBOLS_INLINED];
        size_t found = find(symbols, addresses[i], i > 0, frames, ORDO_SYMBOLS_INLINED);

        if (i + 1 == count && is_thread_start(&frames[found - 1]))
            break;
        for (size_t j = 0; j < found && depth < ORDO_PROFILE_DEPTH; j++)
            numbers[depth++] = ordo_profile_frame(profile, &frames[j]);
    }
    ordo_profile_add(profile, numbers, depth, labels, label_count, values);
}
