/* SPDX-License-Identifier: MIT
 * write_raw.c: write_raw FOLDER answers commands on standard input, one a line, each with its length, a newline, and the
 * bytes: profiles without names of stacks that are known, and the names, all of this process, as a server would.
 *
 *   cpu, cpu-named, heap, heap-named, heap-later, contention, contention-named, pprof, cmdline, symbol BODY
 *
 * Of 100 samples, 60 are in line 12 of the coupon, called from an inlined function, 30 in line 4 of a library that line 13
 * calls, and 10 wait.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "profile/encode.h"
#include "profile/jeprof.h"
#include "vm/line_table.h"

static uint64_t caller;
static struct ordo_symbols *symbols;

__attribute__((noinline)) static void take_caller(void)
{
    caller = (uint64_t)(uintptr_t)__builtin_return_address(0);
    __asm__ volatile("" ::: "memory");
}

static inline __attribute__((always_inline)) void call_rules(void)
{
    take_caller();
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void decide_order(void)
{
    call_rules();
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void run_worker(void)
{
    take_caller();
    __asm__ volatile("" ::: "memory");
}

struct known {
    uint64_t stack[4];
    size_t count;
    uint64_t samples;
};

static struct known known[3];

static void make_known(void)
{
    uint64_t decides, runs;

    decide_order();
    decides = caller;
    run_worker();
    runs = caller;
    known[0] = (struct known){{ordo_line_address("@rules/20_coupon.lua", 10, 12), decides, runs}, 3, 60};
    known[1] = (struct known){{ordo_line_address("@lib/rates.lua", 3, 4),
                               ordo_line_address("@rules/20_coupon.lua", 10, 13), decides, runs},
                              4,
                              30};
    known[2] = (struct known){{ordo_line_address("=(queue wait)", 0, 0)}, 1, 10};
}

static void add_chunk(const char *folder, const char *name, ordo_str rule)
{
    char path[512], source[128], text[4096];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(source, sizeof(source), "@%s", name);
    file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    len = fread(text, 1, sizeof(text), file);
    fclose(file);
    ordo_symbols_add_chunk(symbols, source, path, (ordo_str){text, len}, rule);
}

static void write_cpu(struct ordo_buffer *out, bool is_named)
{
    struct ordo_raw_stacks stacks = {0};

    for (int i = 0; i < 3; i++) /* twice, so that they are added up */
        ordo_raw_stacks_add(&stacks, known[i].stack, known[i].count, known[i].samples - 5);
    for (int i = 0; i < 3; i++)
        ordo_raw_stacks_add(&stacks, known[i].stack, known[i].count, 5);
    if (is_named)
        ordo_encode_gperftools_named(&stacks, 10000000, symbols, out);
    else
        ordo_encode_gperftools(&stacks, 10000000, out);
    ordo_raw_stacks_done(&stacks);
}

static void write_stack(struct ordo_buffer *out, const struct known *one)
{
    ordo_buffer_put(out, '@');
    for (size_t i = 0; i < one->count; i++)
        ordo_buffer_printf(out, " 0x%" PRIx64, one->stack[i]);
    ordo_buffer_put(out, '\n');
}

/* Objects so large that none is missed by sampling: jeprof then takes the numbers as they are. */
static void write_heap(struct ordo_buffer *out, uint64_t times)
{
    enum { MEGABYTES_16 = 1 << 24 };

    ordo_buffer_printf(out, "heap_v2/524288\n  t*: 100: 1677721600 [0: 0]\n");
    for (int i = 0; i < 3; i++) {
        uint64_t objects = known[i].samples * times;

        write_stack(out, &known[i]);
        ordo_buffer_printf(out, "  t*: %" PRIu64 ": %" PRIu64 " [0: 0]\n", objects, objects * MEGABYTES_16);
    }
    ordo_buffer_append(out, ORDO_STR("\nMAPPED_LIBRARIES:\n"));
}

static void write_contention(struct ordo_buffer *out)
{
    ordo_buffer_append(out, ORDO_STR("--- contention:\ncycles/second = 1000000000\nsampling period = 1\n"));
    for (int i = 0; i < 3; i++) {
        ordo_buffer_printf(out, "%" PRIu64 " %" PRIu64 " ", known[i].samples * 10000000, known[i].samples);
        write_stack(out, &known[i]);
    }
}

static void write_pprof(struct ordo_buffer *out)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 10000000);

    for (int i = 0; i < 3; i++)
        ordo_symbols_add(symbols, profile, known[i].stack, known[i].count, NULL, 0,
                         (int64_t[]){(int64_t)known[i].samples, (int64_t)known[i].samples * 10000000});
    ordo_encode_pprof(profile, out);
    ordo_profile_free(profile);
}

static void name_dump(struct ordo_buffer *out, void (*write)(struct ordo_buffer *out))
{
    struct ordo_buffer dump = {0};

    write(&dump);
    ordo_jeprof_name_dump(ordo_buffer_str(&dump), symbols, out);
    ordo_buffer_done(&dump);
}

static void write_heap_once(struct ordo_buffer *out)
{
    write_heap(out, 1);
}

static void write_heap_later(struct ordo_buffer *out)
{
    write_heap(out, 3);
}

static void answer(const char *command, struct ordo_buffer *out)
{
    static const char symbol[] = "symbol ";
    struct ordo_error err;

    if (strncmp(command, symbol, strlen(symbol)) == 0) {
        if (ordo_jeprof_symbol(ordo_str_from(command + strlen(symbol)), symbols, out, &err) != 0)
            ordo_buffer_printf(out, "error: %s", err.message);
    } else if (strcmp(command, "cpu") == 0) {
        write_cpu(out, false);
    } else if (strcmp(command, "cpu-named") == 0) {
        write_cpu(out, true);
    } else if (strcmp(command, "heap") == 0) {
        write_heap(out, 1);
    } else if (strcmp(command, "heap-named") == 0) {
        name_dump(out, write_heap_once);
    } else if (strcmp(command, "heap-later") == 0) {
        name_dump(out, write_heap_later);
    } else if (strcmp(command, "contention") == 0) {
        write_contention(out);
    } else if (strcmp(command, "contention-named") == 0) {
        name_dump(out, write_contention);
    } else if (strcmp(command, "pprof") == 0) {
        write_pprof(out);
    } else if (strcmp(command, "cmdline") == 0) {
        ordo_jeprof_cmdline(out);
    } else {
        ordo_buffer_printf(out, "there is no command \"%s\"", command);
    }
}

int main(int argc, char **argv)
{
    struct ordo_buffer out = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (argc < 2) {
        fputs("usage: write_raw FOLDER\n", stderr);
        return 2;
    }
    symbols = ordo_symbols_new();
    add_chunk(argv[1], "rules/20_coupon.lua", ORDO_STR("coupon"));
    add_chunk(argv[1], "lib/rates.lua", ORDO_STR_NONE);
    make_known();
    while ((len = getline(&line, &size, stdin)) > 0) {
        line[len - 1] = '\0';
        ordo_buffer_clear(&out);
        answer(line, &out);
        printf("%zu\n", out.len);
        fwrite(out.ptr, 1, out.len, stdout);
        fflush(stdout);
    }
    free(line);
    ordo_buffer_done(&out);
    ordo_symbols_free(symbols);
    return 0;
}
