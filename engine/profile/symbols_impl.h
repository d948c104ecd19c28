/* SPDX-License-Identifier: MIT
 * symbols_impl.h: what the files of symbols share.
 *
 *   symbols.c         the public side: the locks, what was found before, stacks
 *   symbols_native.c  the modules of the process: which one an address is in, what kind of code that is
 *   symbols_dwarf.c   functions, inlined calls and lines by debug information
 *   symbols_table.c   functions by the tables of symbols
 *   symbols_plt.c     the function that a stub of a procedure linkage table calls
 *   symbols_lua.c     chunks of Lua, and the frames of their lines
 *   lua_functions.c   the names of functions in a text of Lua
 *   symbol_name.c     names of C++ and paths as people want to read them
 *
 * Nothing here locks: symbols.c holds one lock around what is native, another around Lua, each with its own `texts`.
 */
#pragma once

#include <elfutils/libdwfl.h>
#include <gelf.h>

#include "profile/intern.h"
#include "profile/symbols.h"
#include "vm/line_table.h"

static inline ordo_str ordo__symbols_keep(struct ordo_intern *texts, ordo_str text)
{
    return ordo_intern_at(texts, ordo_intern(texts, text));
}

/* --- symbols_native.c --- */

struct ordo__native;

struct ordo__native *ordo__native_new(struct ordo_intern *texts);
void ordo__native_free(struct ordo__native *native);
/* Sees to modules that were loaded or unloaded. True: what was found before may be wrong now. */
bool ordo__native_refresh(struct ordo__native *native);
/* Closes all files, until the next look-up needs them. */
void ordo__native_rest(struct ordo__native *native);
/* Innermost first. Returns at least 1. *ret_lasts: true for as long as no module is loaded or unloaded. */
size_t ordo__native_find(struct ordo__native *native, uint64_t address, struct ordo_frame *ret_frames,
                         size_t most, bool *ret_lasts);

/* --- symbols_dwarf.c --- */

/* 0: there is no debug information about this address. Module and kind of the frames are left to the caller. */
size_t ordo__dwarf_find(Dwfl_Module *module, struct ordo_intern *texts, uint64_t address,
                        struct ordo_frame *ret_frames, size_t most);

/* --- symbols_table.c --- */

/* Reads the symbols of a module into an empty table; its names live as long as the module. */
void ordo__table_read(struct ordo_buffer *table, Dwfl_Module *module);
/* The function around the address; NULL: there is none. */
const char *ordo__table_find(const struct ordo_buffer *table, uint64_t address);
bool ordo__table_has(const struct ordo_buffer *table, const char *name);

/* --- symbols_plt.c --- */

/* The name of the function that the stub at this address calls; NULL: it is no stub. It lives as long as the module. */
const char *ordo__plt_find(Dwfl_Module *module, uint64_t address);

/* --- symbols_lua.c --- */

struct ordo__chunks;

struct ordo__chunks *ordo__chunks_new(struct ordo_intern *texts);
void ordo__chunks_free(struct ordo__chunks *chunks);
void ordo__chunks_add(struct ordo__chunks *chunks, const char *source, const char *path, ordo_str text,
                      ordo_str rule);
void ordo__chunks_frame(const struct ordo__chunks *chunks, const struct ordo_line *line, uint64_t address,
                        struct ordo_frame *ret_frame);
ordo_str ordo__chunks_rule(const struct ordo__chunks *chunks, const struct ordo_line *line);

/* --- lua_functions.c --- */

/* Called for each function of the text in the order of their lines; the name is a part of the text, empty: it has none. */
typedef void (*ordo__lua_function_fn)(void *context, int line, ordo_str name);
void ordo__lua_functions(ordo_str text, ordo__lua_function_fn each, void *context);

/* --- symbol_name.c --- */

/* Appends the name of a function as it stands in a symbol table: C++ without arguments, template arguments and what
 * it returns; C without the compiler's suffixes (".part.0"). */
void ordo__symbol_name(const char *symbol, struct ordo_buffer *out);
/* Appends `path`, which `folder` comes before unless it is absolute, without "." and ".." in it. */
void ordo__symbol_path(const char *folder, const char *path, struct ordo_buffer *out);
