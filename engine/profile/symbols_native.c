/* SPDX-License-Identifier: MIT
 * symbols_native.c: which module of the process an address is in, what kind of code it is, and its name: by debug
 * information, by symbols, by the procedure linkage table, and at last by its distance from the module's start.
 *
 * Only files of this machine are read; libdwfl's own search for debug information would ask servers for it.
 */
#include "base/clock.h"
#include "profile/symbols_impl.h"
#include "profile/unwind_cfi.h"

#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAPS_NS = 20000000, /* between two looks at what is mapped, which take 0.3 ms each */
    UNNAMED_MAX = 4096, /* addresses that get names of their own because nothing names them */
};

static const char STUB_SUFFIX[] = "@plt";

/* What libdwfl keeps for us with a module. */
struct module {
    struct module *next;
    ordo_str path, name;
    struct ordo_buffer table; /* of symbols */
    bool is_program, is_plugin, is_kernel, has_debug_information;
};

struct range {
    uint64_t start, end;
};

struct ordo__native {
    struct ordo_intern *texts;
    Dwfl *dwfl; /* NULL: at rest */
    struct module *modules;
    ordo_str program;
    unsigned long long loaded, unloaded; /* by the dynamic linker, when modules were looked at */
    struct ordo_buffer compiled;         /* struct range: memory that is no file's and can be executed */
    int64_t compiled_ns;                 /* when it was read */
    uint32_t unnamed;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_build_id_find_debuginfo,
};

struct ordo__native *ordo__native_new(struct ordo_intern *texts)
{
    struct ordo__native *native = calloc(1, sizeof(*native));
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program));

    ORDO_REQUIRE(native != NULL);
    native->texts = texts;
    native->program = ordo__symbols_keep(texts, (ordo_str){program, len > 0 ? (size_t)len : 0});
    return native;
}

void ordo__native_rest(struct ordo__native *native)
{
    if (native->dwfl != NULL)
        dwfl_end(native->dwfl);
    native->dwfl = NULL;
    native->compiled_ns = 0;
    while (native->modules != NULL) {
        struct module *module = native->modules;

        native->modules = module->next;
        ordo_buffer_done(&module->table);
        free(module);
    }
}

void ordo__native_free(struct ordo__native *native)
{
    if (native == NULL)
        return;
    ordo__native_rest(native);
    ordo_buffer_done(&native->compiled);
    free(native);
}

static int take_counts(struct dl_phdr_info *info, size_t size, void *context)
{
    unsigned long long *counts = context;

    (void)size;
    counts[0] = info->dlpi_adds;
    counts[1] = info->dlpi_subs;
    return 1; /* they are the same for all */
}

/* Modules that are reported again stay as they are. */
static void report_modules(struct ordo__native *native)
{
    if (native->dwfl == NULL)
        native->dwfl = dwfl_begin(&callbacks);
    ORDO_REQUIRE(native->dwfl != NULL); /* it allocates, and checks the callbacks */
    dwfl_report_begin(native->dwfl);
    dwfl_linux_proc_report(native->dwfl, getpid());
    dwfl_report_end(native->dwfl, NULL, NULL);
}

bool ordo__native_refresh(struct ordo__native *native)
{
    unsigned long long counts[2] = {0, 0};

    dl_iterate_phdr(take_counts, counts);
    if (counts[0] == native->loaded && counts[1] == native->unloaded)
        return false;
    native->loaded = counts[0];
    native->unloaded = counts[1];
    ordo__cfi_forget();
    if (native->dwfl != NULL)
        report_modules(native);
    return true;
}

/* --- modules --- */

static struct module *module_at(struct ordo__native *native, Dwfl_Module *dwfl_module)
{
    void **kept;
    const char *path = dwfl_module_info(dwfl_module, &kept, NULL, NULL, NULL, NULL, NULL, NULL);
    struct module *module = *kept;
    const char *slash;
    Dwarf_Addr bias;

    if (module != NULL)
        return module;
    module = calloc(1, sizeof(*module));
    ORDO_REQUIRE(module != NULL);
    *kept = module;
    module->next = native->modules;
    native->modules = module;
    module->is_kernel = strncmp(path, "[vdso", 5) == 0;
    if (module->is_kernel) /* "[vdso: 1234]" */
        path = "[vdso]";
    module->path = ordo__symbols_keep(native->texts, ordo_str_from(path));
    slash = strrchr(module->path.ptr, '/');
    module->name = ordo_str_from(slash == NULL ? module->path.ptr : slash + 1);
    module->is_program = ordo_str_equal(module->path, native->program);
    module->has_debug_information = dwfl_module_getdwarf(dwfl_module, &bias) != NULL;
    ordo__table_read(&module->table, dwfl_module);
    module->is_plugin = !module->is_program && ordo__table_has(&module->table, "ordo_plugin_entry");
    return module;
}

static bool begins(ordo_str text, const char *start)
{
    return text.len >= strlen(start) && memcmp(text.ptr, start, strlen(start)) == 0;
}

static bool ends(ordo_str text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

static bool is_luajit(ordo_str function)
{
    return begins(function, "lj_") || begins(function, "lua_") || begins(function, "luaL_") ||
           begins(function, "luaJIT_") || begins(function, "luaopen_");
}

static bool is_start_code(ordo_str function)
{
    return begins(function, "_") || begins(function, "frame_dummy") ||
           begins(function, "register_tm_clones") || begins(function, "deregister_tm_clones");
}

/* The program is our code, which has debug information, LuaJIT, which has none, and what the C compiler adds. */
static enum ordo_frame_kind kind_of(const struct module *module, ordo_str function, bool has_line)
{
    if (module->is_kernel)
        return ORDO_FRAME_KERNEL;
    if (module->is_plugin)
        return ORDO_FRAME_PLUGIN;
    if (!module->is_program)
        return ORDO_FRAME_LIBRARY;
    if (is_luajit(function))
        return ORDO_FRAME_RUNTIME;
    if (has_line || !module->has_debug_information)
        return ORDO_FRAME_ENGINE;
    return is_start_code(function) || ends(function, STUB_SUFFIX) ? ORDO_FRAME_LIBRARY : ORDO_FRAME_RUNTIME;
}

/* --- names without debug information --- */

static void append_name(struct ordo__native *native, Dwfl_Module *dwfl_module, const struct module *module,
                        uint64_t address, struct ordo_buffer *text)
{
    const char *function = ordo__table_find(&module->table, address), *called;
    Dwarf_Addr bias;

    if (function != NULL) {
        ordo__symbol_name(function, text);
        return;
    }
    called = ordo__plt_find(dwfl_module, address);
    if (called != NULL) {
        ordo__symbol_name(called, text);
        ordo_buffer_append(text, ordo_str_from(STUB_SUFFIX));
        return;
    }
    ordo_buffer_append(text, module->name);
    if (native->unnamed >= UNNAMED_MAX) /* texts are kept for ever */
        return;
    native->unnamed++;
    if (dwfl_module_getelf(dwfl_module, &bias) == NULL)
        bias = 0;
    ordo_buffer_printf(text, "+0x%" PRIx64, address - bias);
}

static size_t find_in_module(struct ordo__native *native, Dwfl_Module *dwfl_module, uint64_t address,
                             struct ordo_frame *ret_frames, size_t most)
{
    const struct module *module = module_at(native, dwfl_module);
    struct ordo_buffer text = {0};
    size_t count = ordo__dwarf_find(dwfl_module, native->texts, address, ret_frames, most);
    bool has_line = count > 0;

    if (count == 0) {
        append_name(native, dwfl_module, module, address, &text);
        ret_frames[count++] = (struct ordo_frame){
            .function = ordo__symbols_keep(native->texts, ordo_buffer_str(&text)),
            .file = ORDO_STR(""),
            .address = address,
        };
        ordo_buffer_done(&text);
    }
    for (size_t i = 0; i < count; i++) {
        ret_frames[i].module = module->path;
        ret_frames[i].kind = kind_of(module, ret_frames[count - 1].function, has_line);
    }
    return count;
}

/* --- addresses in no module --- */

static bool is_in_compiled(const struct ordo__native *native, uint64_t address)
{
    const struct range *ranges = (const struct range *)(const void *)native->compiled.ptr;

    for (size_t i = 0; i < native->compiled.len / sizeof(*ranges); i++)
        if (address >= ranges[i].start && address < ranges[i].end)
            return true;
    return false;
}

static void read_compiled(struct ordo__native *native)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t size = 0;

    native->compiled_ns = ordo_clock_ns();
    ordo_buffer_clear(&native->compiled);
    if (file == NULL)
        return;
    while (getline(&line, &size, file) > 0) {
        struct range range;
        char access[5];
        unsigned long inode;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %lu", &range.start, &range.end, access,
                   &inode) == 4 &&
            access[2] == 'x' && inode == 0 && strchr(line, '[') == NULL)
            ordo_buffer_append(&native->compiled, (ordo_str){(const char *)&range, sizeof(range)});
    }
    free(line);
    fclose(file);
}

static void find_outside(struct ordo__native *native, uint64_t address, struct ordo_frame *ret_frame)
{
    char name[32];

    *ret_frame = (struct ordo_frame){
        .function = ORDO_STR("[unknown]"),
        .file = ORDO_STR(""),
        .module = ORDO_STR(""),
        .address = address,
        .kind = ORDO_FRAME_NOTE,
    };
    if (!is_in_compiled(native, address) && ordo_clock_ns() - native->compiled_ns > MAPS_NS)
        read_compiled(native);
    if (is_in_compiled(native, address)) { /* nothing but LuaJIT makes code here */
        ret_frame->function = ORDO_STR("[compiled Lua]");
        ret_frame->kind = ORDO_FRAME_LUA;
    } else if (native->unnamed < UNNAMED_MAX) {
        native->unnamed++;
        snprintf(name, sizeof(name), "[unknown 0x%" PRIx64 "]", address);
        ret_frame->function = ordo__symbols_keep(native->texts, ordo_str_from(name));
    }
}

size_t ordo__native_find(struct ordo__native *native, uint64_t address, struct ordo_frame *ret_frames,
                         size_t most, bool *ret_lasts)
{
    Dwfl_Module *dwfl_module;
    Dwarf_Addr start = 0, end = 0;

    if (native->dwfl == NULL)
        report_modules(native);
    dwfl_module = dwfl_addrmodule(native->dwfl, address);
    if (dwfl_module != NULL) /* of what lies behind its end too, up to the next one */
        dwfl_module_info(dwfl_module, NULL, &start, &end, NULL, NULL, NULL, NULL);
    *ret_lasts = address >= start && address < end;
    if (*ret_lasts)
        return find_in_module(native, dwfl_module, address, ret_frames, most);
    find_outside(native, address, ret_frames);
    return 1;
}
