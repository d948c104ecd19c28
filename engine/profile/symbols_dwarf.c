/* SPDX-License-Identifier: MIT
 * symbols_dwarf.c: functions, inlined calls and lines of an address, by the debug information of its module.
 *
 * libdw's own search for scopes walks the whole unit and then looks for where inlined functions come from, by walking it
 * again; only the path down to the address is needed here.
 */
#include "profile/symbols_impl.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

enum { DEPTH_MAX = 64 };

/* The functions around an address, outermost first: a function, then the calls that were inlined. */
struct path {
    Dwarf_Die scopes[ORDO_SYMBOLS_INLINED];
    size_t count;
};

static bool is_within(Dwarf_Die *die, Dwarf_Addr pc)
{
    return dwarf_haspc(die, pc) > 0;
}

/* Goes down from `parent` to the innermost scope that holds pc. */
static void go_down(Dwarf_Die parent, Dwarf_Addr pc, struct path *path)
{
    Dwarf_Die child;

    for (int depth = 0; depth < DEPTH_MAX && dwarf_child(&parent, &child) == 0; depth++) {
        for (;;) {
            int tag = dwarf_tag(&child);
            bool is_function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;

            if ((is_function || tag == DW_TAG_lexical_block) && is_within(&child, pc)) {
                if (is_function && path->count < ORDO_SYMBOLS_INLINED)
                    path->scopes[path->count++] = child;
                break;
            }
            if (dwarf_siblingof(&child, &child) != 0)
                return;
        }
        parent = child;
    }
}

static const char *text_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;

    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static ordo_str function_name(Dwarf_Die *die, struct ordo_intern *texts)
{
    const char *symbol = text_of(die, DW_AT_linkage_name);
    struct ordo_buffer name = {0};
    ordo_str kept;

    if (symbol == NULL || strncmp(symbol, "_Z", 2) != 0) /* C libraries have inner names: "__GI_memcpy" */
        symbol = dwarf_diename(die);
    if (symbol != NULL)
        ordo__symbol_name(symbol, &name);
    kept = ordo__symbols_keep(texts, ordo_buffer_str(&name));
    ordo_buffer_done(&name);
    return kept;
}

static ordo_str file_name(Dwarf_Die *unit, const char *path, struct ordo_intern *texts)
{
    struct ordo_buffer file = {0};
    ordo_str kept;

    if (path != NULL)
        ordo__symbol_path(text_of(unit, DW_AT_comp_dir), path, &file);
    kept = ordo__symbols_keep(texts, ordo_buffer_str(&file));
    ordo_buffer_done(&file);
    return kept;
}

static int number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;

    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ? (int)value : 0;
}

/* Where the function that was inlined at `die` was called. */
static void take_call(Dwarf_Die *unit, Dwarf_Die *die, struct ordo_intern *texts, struct ordo_frame *frame)
{
    Dwarf_Files *files;
    size_t count;

    frame->line = number_of(die, DW_AT_call_line);
    frame->file = ORDO_STR("");
    if (dwarf_getsrcfiles(unit, &files, &count) == 0)
        frame->file =
            file_name(unit, dwarf_filesrc(files, (size_t)number_of(die, DW_AT_call_file), NULL, NULL), texts);
}

/* gcc adds a table of what addresses which unit has; clang does not. */
static Dwarf_Die *unit_of(Dwfl_Module *module, uint64_t address, Dwarf_Addr *ret_bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, ret_bias);
    Dwarf *information;
    Dwarf_Aranges *table;
    size_t count;

    if (unit != NULL || (information = dwfl_module_getdwarf(module, ret_bias)) == NULL)
        return unit;
    if (dwarf_getaranges(information, &table, &count) == 0 && count > 0)
        return NULL;
    do
        unit = dwfl_module_nextcu(module, unit, ret_bias);
    while (unit != NULL && !is_within(unit, address - *ret_bias));
    return unit;
}

size_t ordo__dwarf_find(Dwfl_Module *module, struct ordo_intern *texts, uint64_t address,
                        struct ordo_frame *ret_frames, size_t most)
{
    struct ordo_frame frame = {.address = address, .file = ORDO_STR("")};
    struct path path = {.count = 0};
    size_t count = 0;
    Dwarf_Addr bias;
    Dwarf_Die *unit = unit_of(module, address, &bias);
    Dwarf_Line *line;

    if (unit == NULL)
        return 0;
    go_down(*unit, address - bias, &path);
    if (path.count == 0)
        return 0;
    line = dwarf_getsrc_die(unit, address - bias);
    if (line != NULL) {
        dwarf_lineno(line, &frame.line);
        frame.file = file_name(unit, dwarf_linesrc(line, NULL, NULL), texts);
    }
    while (path.count > 0 && count < most) {
        Dwarf_Die *die = &path.scopes[--path.count];

        frame.function = function_name(die, texts);
        frame.inlined = path.count > 0;
        if (dwarf_decl_line(die, &frame.function_line) != 0)
            frame.function_line = 0;
        ret_frames[count++] = frame;
        if (frame.inlined)
            take_call(unit, die, texts, &frame);
    }
    return count;
}
