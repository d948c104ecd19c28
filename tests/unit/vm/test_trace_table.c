/* SPDX-License-Identifier: MIT
 * The table of traces: what was compiled where, what was given up why, and what is left after a flush.
 */
#include <glob.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "vm/trace_table.h"
#include "vm/trace_words.h"
#include "vm/vm_impl.h"

enum { MOST = 256, NYI_BYTECODE = 7 };

struct heard {
    uint32_t compiled, aborted, flushed;
};

static struct ordo_trace traces[MOST];
static struct ordo_trace_abort aborts[MOST];

static void hear(struct ordo_vm *vm, const struct ordo_trace_event *event, void *context)
{
    struct heard *heard = context;

    (void)vm;
    assert_true(event->ended_ns >= event->began_ns);
    assert_int_equal(event->trace != NULL, event->kind == ORDO_TRACE_COMPILED);
    assert_int_equal(event->abort != NULL, event->kind == ORDO_TRACE_ABORTED);
    heard->compiled += event->kind == ORDO_TRACE_COMPILED;
    heard->aborted += event->kind == ORDO_TRACE_ABORTED;
    heard->flushed += event->kind == ORDO_TRACE_FLUSHED;
}

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

static struct ordo_vm *vm_new(struct heard *heard)
{
    struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);

    assert_true(ordo_vm_probe(vm)->guarded);
    assert_int_equal(ordo_vm_cpcall(vm, open_libraries, NULL), 0);
    ordo_traces_on_event(vm, hear, heard);
    return vm;
}

static void run(struct ordo_vm *vm, const char *program)
{
    lua_State *thread = lua_newthread(vm->L);

    assert_int_equal(luaL_loadbuffer(thread, program, strlen(program), "@rules/a.lua"), 0);
    if (ordo_vm_resume(vm, thread, 0) != 0)
        fail_msg("%s", lua_tostring(thread, -1));
    lua_pop(vm->L, 1);
}

static void assert_line(uint64_t address, int line)
{
    struct ordo_line found;

    assert_true(ordo_line_find(address, &found));
    assert_string_equal(found.source, "@rules/a.lua");
    assert_int_equal(found.line, line);
}

static void test_a_new_table_is_empty(void **state)
{
    struct ordo_trace_totals totals;
    struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);

    (void)state;
    ordo_traces_totals(vm, &totals);
    assert_int_equal(totals.compiled + totals.aborted + totals.flushes + totals.live, 0);
    assert_int_equal(ordo_traces_list(vm, traces, MOST), 0);
    ordo_vm_free(vm);
    vm = ordo_vm_new(NULL, false, NULL); /* nothing is compiled: no table */
    ordo_traces_totals(vm, &totals);
    assert_int_equal(totals.compiled, 0);
    assert_int_equal(ordo_traces_list(vm, traces, MOST), 0);
    assert_int_equal(ordo_traces_aborts(vm, aborts, MOST), 0);
    assert_int_equal(ordo_trace_line(vm, 1), 0);
    ordo_vm_free(vm);
}

static void test_traces_have_their_lines_code_and_links(void **state)
{
    struct heard heard = {0};
    struct ordo_vm *vm = vm_new(&heard);
    struct ordo_trace_totals totals;
    struct ordo_trace found;
    uint64_t bytes = 0;
    size_t count;

    (void)state;
    run(vm, "local x = 0\n"
            "for i = 1, 1000 do\n"
            "if i % 3 == 0 then\n"
            "x = x + 1\n"
            "else\n"
            "x = x + 2\n"
            "end\n"
            "end\n");
    count = ordo_traces_list(vm, traces, MOST);
    assert_in_range(count, 2,
                    3); /* the loop, and its other branch, from one or both copies of the unrolled loop */
    assert_line(traces[0].line, 2);
    assert_int_equal(traces[0].parent, 0);
    assert_int_equal(traces[0].root, traces[0].number);
    assert_string_equal(traces[0].link_kind, "loop");
    assert_int_equal(traces[0].link, traces[0].number);
    assert_int_equal(traces[1].parent, traces[0].number);
    assert_int_equal(traces[1].root, traces[0].number);
    assert_true(traces[1].exit > 0);
    assert_string_equal(traces[1].link_kind, "root");
    assert_int_equal(traces[1].link, traces[0].number);
    for (size_t i = 0; i < count; i++) {
        assert_true(traces[i].code != 0 && traces[i].code_bytes > 0 && traces[i].instructions > 0);
        assert_true(traces[i].took_ns > 0);
        assert_true(ordo_traces_find(vm, traces[i].code + traces[i].code_bytes - 1, &found));
        assert_int_equal(found.number, traces[i].number);
        assert_int_equal(ordo_trace_line(vm, traces[i].number), traces[i].line);
        bytes += traces[i].code_bytes;
    }
    assert_false(ordo_traces_find(vm, 1, &found));
    ordo_traces_totals(vm, &totals);
    assert_int_equal(totals.compiled, count);
    assert_int_equal(totals.live, count);
    assert_int_equal(totals.live_bytes, bytes);
    assert_int_equal(heard.compiled, count);
    assert_int_equal(ordo_traces_list(vm, traces, 1), count); /* more than fits: told */

    assert_int_equal(luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH), 1);
    ordo_traces_totals(vm, &totals);
    assert_int_equal(totals.compiled, count);
    assert_int_equal(totals.flushes, 1);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.live_bytes, 0);
    assert_int_equal(heard.flushed, 1);
    assert_int_equal(ordo_traces_list(vm, traces, MOST), 0);
    assert_int_equal(ordo_trace_line(vm, 1), 0);
    ordo_vm_free(vm);
}

/* Runs the program until it is given up for good; finds the abort. */
static const struct ordo_trace_abort *abort_of(const char *program, const char *original,
                                               struct ordo_vm **ret_vm)
{
    static struct heard heard;
    struct ordo_vm *vm = vm_new(&heard);
    size_t count;

    run(vm, program);
    count = ordo_traces_aborts(vm, aborts, MOST);
    *ret_vm = vm;
    for (size_t i = 0; i < count; i++)
        if (strcmp(aborts[i].original, original) == 0)
            return &aborts[i];
    for (size_t i = 0; i < count; i++)
        printf("given up: %s (%s)\n", aborts[i].original, aborts[i].reason);
    fail_msg("no abort is \"%s\"", original);
    return NULL;
}

static void test_a_closure_in_a_loop_is_named_and_blacklisted(void **state)
{
    struct ordo_trace_totals totals;
    struct ordo_vm *vm;
    const struct ordo_trace_abort *abort = abort_of("local t = {}\n"
                                                    "for i = 1, 100000 do\n"
                                                    "t[1] =\n"
                                                    "function() return t end\n"
                                                    "end\n",
                                                    "NYI: bytecode FNEW", &vm);

    (void)state;
    assert_string_equal(abort->reason, "a function is made here each time (closure); make it once, outside");
    assert_line(abort->start, 2);
    assert_line(abort->line, 4);
    assert_true(abort->count > 1);
    assert_true(abort->blacklisted);
    ordo_traces_totals(vm, &totals);
    assert_int_equal(totals.blacklisted, 1);
    assert_int_equal(totals.aborted, abort->count);
    ordo_vm_free(vm);
}

static void test_a_reason_that_passes_does_not_blacklist(void **state)
{
    char program[4000] = "local x = 0\n";
    size_t len = strlen(program);
    const struct ordo_trace_abort *abort;
    struct ordo_vm *vm;

    (void)state;
    for (int count = 2; count < 50; count++) /* one of them becomes hot in its last round */
        len += (size_t)snprintf(program + len, sizeof(program) - len,
                                "for round = 1, 60 do for i = 1, %d do x = x + i end end\n", count);
    abort = abort_of(program, "leaving loop in root trace", &vm);
    assert_string_equal(abort->reason, "the loop ended while it was being compiled: it runs too few times");
    assert_int_equal(abort->start, abort->line);
    assert_false(abort->blacklisted);
    ordo_vm_free(vm);
}

static void test_without_memory_to_spare_events_are_kept(void **state)
{
    struct heard heard = {0};
    struct ordo_vm *vm = vm_new(&heard);
    size_t limit;

    (void)state;
    vm->limit = limit = vm->bytes + 40000;
    run(vm, "local x = 0 for i = 1, 1000 do x = x + i end");
    assert_int_equal(heard.compiled, 1);
    assert_int_equal(vm->limit, limit);
    ordo_vm_free(vm);
}

static void test_the_perf_map_has_a_line_a_trace(void **state)
{
    struct heard heard = {0};
    struct ordo_vm *vm = vm_new(&heard);
    struct ordo_buffer map = {0};
    char wanted[128];

    (void)state;
    run(vm, "local x = 0\nfor i = 1, 1000 do\nx = x + i\nend");
    assert_int_equal(ordo_traces_list(vm, traces, MOST), 1);
    ordo_traces_perf_map(vm, &map);
    snprintf(wanted, sizeof(wanted), "%llx %x lua:rules/a.lua:2 trace 1\n",
             (unsigned long long)traces[0].code, traces[0].code_bytes);
    assert_int_equal(map.len, strlen(wanted));
    assert_memory_equal(map.ptr, wanted, map.len);
    ordo_buffer_done(&map);
    ordo_vm_free(vm);
}

/* --- while the owner compiles and flushes, others read --- */

static _Atomic bool done;
static sem_t reading;

static void *read_on(void *context)
{
    static struct ordo_trace mine[MOST];
    struct ordo_vm *vm = context;

    sem_post(&reading);
    while (!atomic_load(&done)) {
        size_t count = ordo_traces_list(vm, mine, MOST);

        for (size_t i = 0; i < count && i < MOST; i++) {
            struct ordo_line line;

            if (mine[i].number == 0 || mine[i].code == 0 || !ordo_line_find(mine[i].line, &line))
                return NULL;
            ordo_trace_line(vm, mine[i].number);
        }
    }
    return context;
}

static void test_readers_see_whole_entries(void **state)
{
    struct heard heard = {0};
    struct ordo_vm *vm = vm_new(&heard);
    pthread_t reader;
    void *fine;

    (void)state;
    sem_init(&reading, 0, 0);
    assert_int_equal(pthread_create(&reader, NULL, read_on, vm), 0);
    sem_wait(&reading);
    for (int round = 0; round < 200; round++) {
        run(vm, "local x = 0\nfor i = 1, 300 do\nif i % 3 == 0 then\nx = x + 1\nelse\nx = x + 2\nend\nend\n");
        luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
    }
    atomic_store(&done, true);
    pthread_join(reader, &fine);
    assert_non_null(fine);
    assert_int_equal(heard.flushed, 200);
    ordo_vm_free(vm);
}

/* --- LuaJIT's words --- */

/* The text between the first two quotes at or after *at, which is set behind it. */
static bool next_text(char **at, char *out, size_t size)
{
    char *from = strchr(*at, '"'), *to = from != NULL ? strchr(from + 1, '"') : NULL;

    if (to == NULL)
        return false;
    snprintf(out, size, "%.*s", (int)(to - from - 1), from + 1);
    *at = to + 1;
    return true;
}

static void test_the_words_are_those_of_the_installed_luajit(void **state)
{
    static char text[200000];
    char word[2000], name[16], *at, *end;
    glob_t found;
    FILE *file;

    (void)state;
    if (glob("/usr/share/luajit-2.1*/jit/vmdef.lua", 0, NULL, &found) != 0)
        skip();
    file = fopen(found.gl_pathv[0], "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    globfree(&found);

    at = strstr(text, "bcnames = ");
    assert_non_null(at);
    assert_true(next_text(&at, word, sizeof(word)));
    for (int number = 0; number < (int)strlen(word) / 6; number++) {
        char wanted[7];

        snprintf(wanted, sizeof(wanted), "%.6s", word + number * 6);
        wanted[strcspn(wanted, " ")] = '\0';
        assert_string_equal(ordo__trace_detail(NYI_BYTECODE, number, name, sizeof(name)), wanted);
    }
    at = strstr(text, "traceerr = ");
    assert_non_null(at);
    end = strchr(at, '}');
    for (int code = 0; next_text(&at, word, sizeof(word)); code++) {
        if (at > end) {
            assert_null(ordo__trace_original(code));
            break;
        }
        assert_non_null(ordo__trace_original(code));
        assert_string_equal(ordo__trace_original(code), word);
    }
    assert_string_equal(ordo__trace_detail(NYI_BYTECODE, -1, name, sizeof(name)), "-1");
    assert_string_equal(ordo__trace_detail(NYI_BYTECODE, 500, name, sizeof(name)), "500");
    assert_string_equal(ordo__trace_detail(NYI_BYTECODE + 1, 3, name, sizeof(name)), "3");
    assert_string_equal(ordo__trace_words(99, "", word, sizeof(word)), "LuaJIT gave up for its reason 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_table_is_empty),
        cmocka_unit_test(test_traces_have_their_lines_code_and_links),
        cmocka_unit_test(test_a_closure_in_a_loop_is_named_and_blacklisted),
        cmocka_unit_test(test_a_reason_that_passes_does_not_blacklist),
        cmocka_unit_test(test_without_memory_to_spare_events_are_kept),
        cmocka_unit_test(test_the_perf_map_has_a_line_a_trace),
        cmocka_unit_test(test_readers_see_whole_entries),
        cmocka_unit_test(test_the_words_are_those_of_the_installed_luajit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
