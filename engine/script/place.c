/* SPDX-License-Identifier: MIT
 * place.c: which rule, file and line is running: for operations, and for errors.
 *
 * A frame of Lua names its chunk by a string of the VM, of which each exists once: comparing pointers is
 * enough. The driver of a generation calls unit number n on line n + 1, so its frame tells the unit even where
 * the script's own frame is gone (`return decide:fee(...)` leaves none).
 */
#include "script/script_impl.h"

#include <stdlib.h>

static struct ordo__unit *unit_of_source(const struct ordo__generation *generation, const char *source)
{
    for (size_t i = 0; i < generation->count; i++)
        if (generation->units[i].source == source)
            return &generation->units[i];
    return NULL;
}

static bool is_entry(const struct ordo__unit *unit)
{
    return unit->file->kind == ORDO_SCRIPT_RULE || unit->file->kind == ORDO_SCRIPT_VALIDATION;
}

/* One search over the frames of one or two coroutines. */
struct search {
    const struct ordo__generation *generation;
    const char *driver;
    const struct ordo__unit *file; /* the first script's frame */
    int line;
    struct ordo__unit *unit; /* the rule or validation script */
};

static void search_frames(struct search *search, lua_State *L, int level)
{
    lua_Debug frame;

    for (; search->unit == NULL && lua_getstack(L, level, &frame) != 0; level++) {
        struct ordo__unit *unit;

        lua_getinfo(L, "Sl", &frame);
        if (frame.source == search->driver) {
            if (frame.currentline > 0 && (size_t)frame.currentline <= search->generation->count)
                search->unit = &search->generation->units[frame.currentline - 1];
            return;
        }
        unit = unit_of_source(search->generation, frame.source);
        if (unit == NULL)
            continue;
        if (search->file == NULL) {
            search->file = unit;
            search->line = frame.currentline;
        }
        if (is_entry(unit))
            search->unit = unit;
    }
}

bool ordo__place_find(struct ordo__run *run, lua_State *L, int level, struct ordo_place *ret_place,
                      struct ordo__unit **ret_unit)
{
    struct search search = {.generation = run->generation, .driver = ordo__script_of(L)->driver_source};

    search_frames(&search, L, level);
    if (search.unit == NULL && run->thread != NULL &&
        run->thread != L) /* inside a coroutine of the script's own */
        search_frames(&search, run->thread, 0);
    if (search.unit == NULL && search.file == NULL)
        return false;
    if (search.file == NULL) {
        search.file = search.unit;
        search.line = search.unit->line;
    }
    *ret_unit = search.unit;
    *ret_place = (struct ordo_place){
        .rule = search.unit != NULL ? search.unit->name : search.file->name,
        .file = search.file->path,
        .line = search.line > 0 ? search.line : search.file->line,
    };
    return true;
}

ordo_str ordo__error_text(lua_State *L, int index)
{
    ordo_str text = ORDO_STR_NONE;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text.ptr = lua_tolstring(L, index, &text.len);
        return text;
    case LUA_TNUMBER: /* lua_tolstring changes it in place, which is fine for an error that nobody else sees */
        text.ptr = lua_tolstring(L, index, &text.len);
        return text;
    case LUA_TNIL:
        return ORDO_STR("error(nil)");
    case LUA_TTABLE:
        return ORDO_STR("an error that is a table; give error() a string");
    default:
        return ORDO_STR("an error that is not a string");
    }
}

/* LuaJIT shortens names of more than 59 bytes to "..." and their end. */
static bool takes_prefix(ordo_str *message, ordo_str path)
{
    enum { SHORT_MAX = 59 };
    ordo_str shown = path;

    if (path.len > SHORT_MAX) {
        if (message->len < 3 || memcmp(message->ptr, "...", 3) != 0)
            return false;
        *message = (ordo_str){message->ptr + 3, message->len - 3};
        shown = (ordo_str){path.ptr + path.len - (SHORT_MAX - 3), SHORT_MAX - 3};
    }
    if (message->len <= shown.len || memcmp(message->ptr, shown.ptr, shown.len) != 0 ||
        message->ptr[shown.len] != ':')
        return false;
    *message = (ordo_str){message->ptr + shown.len + 1, message->len - shown.len - 1};
    return true;
}

/* Takes "PATH:12: " off the front of a message. */
static bool strip_place(ordo_str *message, ordo_str path, int *ret_line)
{
    ordo_str rest = *message;
    int line = 0;

    if (!takes_prefix(&rest, path))
        return false;
    while (rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9' && line < 100000000) {
        line = line * 10 + rest.ptr[0] - '0';
        rest = (ordo_str){rest.ptr + 1, rest.len - 1};
    }
    if (line == 0 || rest.len < 2 || rest.ptr[0] != ':' || rest.ptr[1] != ' ')
        return false;
    *message = (ordo_str){rest.ptr + 2, rest.len - 2};
    *ret_line = line;
    return true;
}

struct ordo__unit *ordo__place_strip(const struct ordo__generation *generation, ordo_str *message,
                                     int *ret_line)
{
    for (size_t i = 0; i < generation->count; i++)
        if (strip_place(message, generation->units[i].path, ret_line))
            return &generation->units[i];
    return NULL;
}

void ordo__place_of_error(struct ordo__run *run, lua_State *L, struct ordo_place *ret_place,
                          struct ordo__unit **ret_unit, ordo_str *ret_message)
{
    struct ordo_place place = {.rule = ORDO_STR("?"), .file = ORDO_STR("?")};
    struct ordo__unit *unit = NULL, *named;
    int line = 0;

    *ret_message = ordo__error_text(L, -1);
    ordo__place_find(run, L, 0, &place, &unit);
    /* What the message says is closer: the top frame of a coroutine that died has no line. */
    named = ordo__place_strip(run->generation, ret_message, &line);
    if (named != NULL) {
        place.file = named->path;
        place.line = line;
        if (unit == NULL && is_entry(named))
            place.rule = named->name;
    }
    /* The error of a tail call (`return decide:fee(...)`), whose own frame is gone, is said to be the driver's. */
    strip_place(ret_message, ORDO_STR("driver"), &line);
    /* One that came out of a coroutine of the script's own has several places: the innermost is that of the error. */
    while ((named = ordo__place_strip(run->generation, ret_message, &place.line)) != NULL)
        place.file = named->path;
    *ret_place = place;
    *ret_unit = unit;
}
