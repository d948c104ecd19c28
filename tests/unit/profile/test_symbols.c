/* SPDX-License-Identifier: MIT
 * Names of addresses: of this program's own functions at lines that are known, inlined ones too, of libraries with and
 * without debug information, of a plugin that is loaded later, of Lua lines, and of what is no code.
 *
 *   test_symbols PLUGIN SOURCE_ROOT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <lua.h>
#include <yaml.h>

#include "profile/symbols_impl.h"

static const char *plugin, *source_root;
static struct ordo_symbols *symbols;

static uint64_t caller;
static int outer_line, middle_line, inner_line, plain_line, middle_starts, inner_starts;

/* Its return address is one of the function that called it. */
__attribute__((noinline)) static void take_caller(void)
{
    caller = (uint64_t)(uintptr_t)__builtin_return_address(0);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void plain_function(void)
{
    plain_line = __LINE__ + 1;
    take_caller();
    __asm__ volatile("" ::: "memory");
}

static inline __attribute__((always_inline)) void inner_function(void)
{
    inner_starts = __LINE__ - 2;
    inner_line = __LINE__ + 1;
    take_caller();
    __asm__ volatile("" ::: "memory");
}

static inline __attribute__((always_inline)) void middle_function(void)
{
    middle_starts = __LINE__ - 2;
    middle_line = __LINE__ + 1;
    inner_function();
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void outer_function(void)
{
    outer_line = __LINE__ + 1;
    middle_function();
    __asm__ volatile("" ::: "memory");
}

/* The end of its code is the call: the return address is of whatever comes behind it. */
__attribute__((noinline, noreturn)) static void leave(jmp_buf *back)
{
    take_caller();
    longjmp(*back, 1);
}

static void assert_text(ordo_str text, const char *expected)
{
    char copy[512];

    snprintf(copy, sizeof(copy), ORDO_STR_FMT, ORDO_STR_ARG(text));
    assert_string_equal(copy, expected);
}

static void assert_ends(ordo_str text, const char *end)
{
    char copy[1024];

    snprintf(copy, sizeof(copy), ORDO_STR_FMT, ORDO_STR_ARG(text));
    assert_true(strlen(copy) >= strlen(end));
    assert_string_equal(copy + strlen(copy) - strlen(end), end);
}

static void assert_this_file(ordo_str file)
{
    char *expected = NULL, copy[1024];

    snprintf(copy, sizeof(copy), "%s/tests/unit/profile/test_symbols.c", source_root);
    expected = realpath(copy, NULL);
    assert_non_null(expected);
    assert_text(file, expected);
    free(expected);
}

static struct ordo_frame find_one(uint64_t address, bool is_return_address)
{
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];

    assert_int_equal(ordo_symbols_find(symbols, address, is_return_address, frames, ORDO_SYMBOLS_INLINED), 1);
    return frames[0];
}

static uint64_t address_of(void (*function)(void))
{
    return (uint64_t)(uintptr_t)function;
}

static void test_function_of_the_program(void **state)
{
    struct ordo_frame frame;

    (void)state;
    plain_function();
    frame = find_one(caller, true);
    assert_text(frame.function, "plain_function");
    assert_this_file(frame.file);
    assert_int_equal(frame.line, plain_line);
    assert_int_equal(frame.function_line, plain_line - 3);
    assert_int_equal(frame.kind, ORDO_FRAME_ENGINE);
    assert_ends(frame.module, "/test_symbols");
    assert_int_equal(frame.address, caller - 1);
    assert_false(frame.inlined);

    frame = find_one(address_of(plain_function), false);
    assert_text(frame.function, "plain_function");
    assert_int_equal(frame.line, plain_line - 2);
}

static void test_inlined_calls(void **state)
{
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];

    (void)state;
    outer_function();
    assert_int_equal(ordo_symbols_find(symbols, caller, true, frames, ORDO_SYMBOLS_INLINED), 3);
    assert_text(frames[0].function, "inner_function");
    assert_int_equal(frames[0].line, inner_line);
    assert_int_equal(frames[0].function_line, inner_starts);
    assert_true(frames[0].inlined);
    assert_text(frames[1].function, "middle_function");
    assert_int_equal(frames[1].line, middle_line);
    assert_int_equal(frames[1].function_line, middle_starts);
    assert_true(frames[1].inlined);
    assert_text(frames[2].function, "outer_function");
    assert_int_equal(frames[2].line, outer_line);
    assert_false(frames[2].inlined);
    for (int i = 0; i < 3; i++) {
        assert_this_file(frames[i].file);
        assert_int_equal(frames[i].address, caller - 1);
        assert_int_equal(frames[i].kind, ORDO_FRAME_ENGINE);
    }
    assert_int_equal(ordo_symbols_find(symbols, caller, true, frames, 2), 2);
    assert_text(frames[1].function, "middle_function");
}

static void test_return_address_behind_a_function(void **state)
{
    jmp_buf back;

    (void)state;
    if (setjmp(back) == 0)
        leave(&back);
    assert_text(find_one(caller, true).function, "leave");
}

static void test_library_by_its_symbols(void **state)
{
    struct ordo_frame frame =
        find_one((uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "yaml_parser_parse") + 1, false);

    (void)state;
    assert_non_null(yaml_get_version_string); /* links it */
    assert_text(frame.function, "yaml_parser_parse");
    assert_int_equal(frame.kind, ORDO_FRAME_LIBRARY);
    assert_non_null(strstr(frame.module.ptr, "/libyaml-0.so"));
    assert_int_equal(frame.line, 0);
    assert_int_equal(frame.file.len, 0);
}

static void test_library_where_no_symbol_is(void **state)
{
    /* The start of its image is no function. */
    Dl_info info;
    char expected[64];
    struct ordo_frame frame;

    (void)state;
    assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT, "yaml_parser_parse"), &info), 0);
    snprintf(expected, sizeof(expected), "%s+0x10", strrchr(info.dli_fname, '/') + 1);
    frame = find_one((uint64_t)(uintptr_t)info.dli_fbase + 16, false);
    assert_int_equal(frame.kind, ORDO_FRAME_LIBRARY);
    assert_non_null(strstr(frame.function.ptr, "libyaml-0.so"));
    assert_ends(frame.function, "+0x10");
}

/* Functions of libraries are called through stubs; one whose address is also taken has another kind of stub. */
static void test_stubs(void **state)
{
#ifdef __x86_64__
    uint64_t lazy, bound, other;
    struct ordo_frame frame;

    (void)state;
    __asm__("lea yaml_parser_initialize@PLT(%%rip), %0" : "=r"(lazy));
    __asm__("lea yaml_get_version_string@PLT(%%rip), %0" : "=r"(bound));
    __asm__("lea yaml_get_version@PLT(%%rip), %0" : "=r"(other));
    assert_int_not_equal(bound, (uint64_t)(uintptr_t)yaml_get_version_string);
    assert_int_not_equal(other, (uint64_t)(uintptr_t)yaml_get_version);
    frame = find_one(lazy + 6, false);
    assert_text(frame.function, "yaml_parser_initialize@plt");
    assert_ends(frame.module, "/test_symbols");
    assert_int_equal(frame.kind, ORDO_FRAME_LIBRARY);
    assert_text(find_one(lazy, false).function, "yaml_parser_initialize@plt");
    assert_text(find_one(bound, false).function, "yaml_get_version_string@plt");
    assert_text(find_one(other, false).function, "yaml_get_version@plt");
#else
    (void)state;
    skip();
#endif
}

/* A symbol without a size ends where the next one begins. */
__asm__(".text\n"
        "unsized_symbol: nop\n"
        ".skip 15, 0x90\n"
        ".type sized_symbol, @function\n"
        "sized_symbol: nop\n"
        ".size sized_symbol, 1\n"
        ".skip 15, 0x90\n");
extern const char unsized_symbol[], sized_symbol[];

static void test_symbols_without_debug_information(void **state)
{
    (void)state;
    assert_text(find_one((uint64_t)(uintptr_t)unsized_symbol + 15, false).function, "unsized_symbol");
    assert_text(find_one((uint64_t)(uintptr_t)sized_symbol, false).function, "sized_symbol");
    assert_non_null(
        strstr(find_one((uint64_t)(uintptr_t)sized_symbol + 1, false).function.ptr, "test_symbols+0x"));
}

static void test_runtime(void **state)
{
    struct ordo_frame frame = find_one((uint64_t)(uintptr_t)lua_newstate, false);

    (void)state;
    assert_text(frame.function, "lua_newstate");
    assert_int_equal(frame.kind, ORDO_FRAME_RUNTIME);
}

static void test_vdso(void **state)
{
    uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    struct ordo_frame frame;

    (void)state;
    if (vdso == 0)
        skip();
    frame = find_one(vdso + 1, false);
    assert_int_equal(frame.kind, ORDO_FRAME_KERNEL);
    assert_text(frame.module, "[vdso]");
}

/* What is mapped is looked at for the first address that is unknown, and then not again for a while. */
static void test_no_code(void **state)
{
    struct ordo_symbols *other = ordo_symbols_new();
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ordo_frame frame;

    (void)state;
    assert_ptr_not_equal(memory, MAP_FAILED);
    for (int again = 0; again < 2; again++) {
        ordo_symbols_find(other, (uint64_t)(uintptr_t)memory + 8, false, &frame, 1);
        assert_text(frame.function, "[compiled Lua]");
        assert_int_equal(frame.kind, ORDO_FRAME_LUA);
        ordo_symbols_find(other, 0x1230, false, &frame, 1);
        assert_text(frame.function, "[unknown 0x1230]");
        assert_int_equal(frame.kind, ORDO_FRAME_NOTE);
    }
    munmap(memory, 4096);
    for (uint64_t i = 0; i < 5000; i++) /* texts are kept, so not all get one of their own */
        ordo_symbols_find(other, 0x2000 + i, false, &frame, 1);
    assert_text(frame.function, "[unknown]");
    ordo_symbols_free(other);
}

/* Puts a page that can be executed right behind the last library; NULL: something is there. */
static char *map_behind_libraries(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    unsigned long long last = 0;
    char line[512], *memory;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strstr(line, ".so") != NULL)
            sscanf(line, "%*x-%llx", &last);
    fclose(file);
    memory = mmap((void *)(uintptr_t)last, 4096, PROT_READ | PROT_EXEC,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void test_behind_libraries(void **state)
{
    char *memory = map_behind_libraries();

    (void)state;
    if (memory == NULL)
        skip();
    ordo_symbols_rest(symbols); /* what is mapped is looked at again */
    assert_text(find_one((uint64_t)(uintptr_t)memory + 16, false).function, "[compiled Lua]");
    munmap(memory, 4096);
}

/* Compiled code comes and goes where nothing was. */
static void test_unknown_addresses_are_not_remembered(void **state)
{
    char *memory = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t address = (uint64_t)(uintptr_t)memory;

    (void)state;
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(find_one(address, false).kind, ORDO_FRAME_NOTE);
    assert_int_equal(mprotect(memory, 4096, PROT_READ | PROT_EXEC), 0);
    ordo_symbols_rest(symbols); /* another profile begins */
    assert_text(find_one(address, false).function, "[compiled Lua]");
    munmap(memory, 4096);
}

/* Before it is loaded its addresses are unknown, and that is not remembered. */
static void test_plugin_that_is_loaded_later(void **state)
{
    void *module = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    uint64_t entry;
    struct ordo_frame frame;

    (void)state;
    assert_non_null(module);
    entry = (uint64_t)(uintptr_t)dlsym(module, "ordo_plugin_entry");
    assert_int_not_equal(entry, 0);
    frame = find_one(entry, false);
    assert_text(frame.function, "ordo_plugin_entry");
    assert_int_equal(frame.kind, ORDO_FRAME_PLUGIN);
    assert_ends(frame.module, "/minimal_plugin.so");
    assert_ends(frame.file, "/examples/minimal_plugin/minimal_plugin.c");
    assert_true(frame.line > 0);
    dlclose(module);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep it loaded */
    if (dlopen(plugin, RTLD_NOLOAD | RTLD_NOW) == NULL)
        assert_int_equal(find_one(entry, false).kind, ORDO_FRAME_NOTE);
#endif
}

static void test_many_addresses_are_forgotten_and_found_again(void **state)
{
    uint64_t runtime = (uint64_t)(uintptr_t)lua_newstate;
    struct ordo_frame frame;

    (void)state;
    plain_function();
    assert_text(find_one(caller, true).function, "plain_function");
    for (uint64_t i = 0; i < (1 << 15) + 10; i++)
        ordo_symbols_find(symbols, runtime + i, false, &frame, 1);
    assert_text(find_one(runtime, false).function, "lua_newstate");
    assert_text(find_one(caller, true).function, "plain_function");
}

static size_t open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void test_rest_closes_files(void **state)
{
    uint64_t start = address_of(plain_function);
    size_t before, after;

    (void)state;
    ordo_symbols_rest(symbols);
    before = open_files();
    assert_text(find_one(start + 1, false).function, "plain_function"); /* of a known module, a new address */
    after = open_files();
    assert_true(after > before);
    ordo_symbols_rest(symbols);
    assert_int_equal(open_files(), before);
    assert_text(find_one(start + 1, false).function, "plain_function"); /* remembered */
    assert_int_equal(open_files(), before);
    assert_text(find_one(start + 2, false).function, "plain_function");
    assert_int_equal(open_files(), after);
    ordo_symbols_rest(symbols);
    ordo_symbols_rest(symbols);
}

static void test_stack_becomes_a_sample(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 10000000);
    struct ordo_label label = {ORDO_STR("rule"), ORDO_STR("coupon")};
    uint64_t stack[3] = {ordo_line_address("@rules/30_coupon.lua", 5, 7)};
    int64_t values[] = {1, 10000000};
    struct ordo_profile_sample sample;

    (void)state;
    outer_function();
    stack[1] = caller;
    plain_function();
    stack[2] = caller;
    ordo_symbols_add(symbols, profile, stack, 3, &label, 1, values);
    ordo_symbols_add(symbols, profile, stack, 3, &label, 1, values);
    assert_int_equal(ordo_profile_sample_count(profile), 1);
    sample = ordo_profile_sample(profile, 0);
    assert_int_equal(sample.frame_count, 5);
    assert_int_equal(sample.values[1], 20000000);
    assert_text(sample.labels[0].value, "coupon");
    assert_int_equal(ordo_profile_frame_at(profile, sample.frames[0])->line, 7);
    assert_text(ordo_profile_frame_at(profile, sample.frames[1])->function, "inner_function");
    assert_text(ordo_profile_frame_at(profile, sample.frames[3])->function, "outer_function");
    assert_text(ordo_profile_frame_at(profile, sample.frames[4])->function, "plain_function");
    ordo_profile_free(profile);
}

static void *look_up(void *context)
{
    const uint64_t *addresses = context;
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];

    for (int i = 0; i < 2000; i++) {
        ordo_symbols_find(symbols, addresses[i % 3], false, frames, ORDO_SYMBOLS_INLINED);
        ordo_symbols_add_chunk(symbols, "@rules/threads.lua", "/s/rules/threads.lua",
                               ORDO_STR("local function a() end"), ORDO_STR("threads"));
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    uint64_t addresses[] = {address_of(plain_function), ordo_line_address("@rules/threads.lua", 1, 1), 0x40};
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, addresses), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_text(find_one(addresses[1], false).function, "threads.a");
}

static int set_up(void **state)
{
    (void)state;
    symbols = ordo_symbols_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ordo_symbols_free(symbols);
    ordo_symbols_free(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_function_of_the_program),
        cmocka_unit_test(test_inlined_calls),
        cmocka_unit_test(test_return_address_behind_a_function),
        cmocka_unit_test(test_library_by_its_symbols),
        cmocka_unit_test(test_library_where_no_symbol_is),
        cmocka_unit_test(test_stubs),
        cmocka_unit_test(test_symbols_without_debug_information),
        cmocka_unit_test(test_runtime),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_no_code),
        cmocka_unit_test(test_behind_libraries),
        cmocka_unit_test(test_unknown_addresses_are_not_remembered),
        cmocka_unit_test(test_plugin_that_is_loaded_later),
        cmocka_unit_test(test_many_addresses_are_forgotten_and_found_again),
        cmocka_unit_test(test_rest_closes_files),
        cmocka_unit_test(test_stack_becomes_a_sample),
        cmocka_unit_test(test_many_threads),
    };

    if (argc < 3) {
        fprintf(stderr, "usage: test_symbols PLUGIN SOURCE_ROOT\n");
        return 2;
    }
    plugin = argv[1];
    source_root = argv[2];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
