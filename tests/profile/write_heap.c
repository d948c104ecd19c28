/* SPDX-License-Identifier: MIT
 * write_heap.c: heap profiles of this process into files, for the clients that open them.
 *
 *   write_heap FOLDER     base.raw base.heap (before), full.raw full.heap full.pb.gz change.pb.gz (after)
 *
 * In between, 4 MB are kept by C, and 9.6 MB by a rule, compiled. Prints what it keeps.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/profile/heap_load.h"
#include "profile/encode.h"
#include "profile/heap.h"
#include "profile/jeprof.h"

enum { BLOCKS = 16000, BLOCK = 256, CALLS = 20, TABLES = 5000 };

static const char *folder;
static struct ordo_symbols *symbols;

static void write_file(const char *name, ordo_str bytes)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    ORDO_REQUIRE(file != NULL && fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
}

static struct ordo_heap_dump *take(const char *raw, const char *named)
{
    struct ordo_error err = {0};
    struct ordo_heap_dump *dump = ordo_heap_dump_take(&err);
    struct ordo_buffer trimmed = {0}, out = {0};

    if (dump == NULL) {
        fprintf(stderr, "write_heap: %s\n", err.message);
        exit(77);
    }
    write_file(raw, ordo_buffer_str(&dump->text));
    ordo_heap_dump_trim(dump, symbols, &trimmed);
    ordo_jeprof_name_dump(ordo_buffer_str(&trimmed), symbols, &out);
    write_file(named, ordo_buffer_str(&out));
    ordo_buffer_done(&trimmed);
    ordo_buffer_done(&out);
    return dump;
}

static void write_pprof(const char *name, const struct ordo_heap_dump *dump,
                        const struct ordo_heap_dump *base)
{
    struct ordo_profile *profile = ordo_heap_profile(dump, base, symbols, false);
    struct ordo_buffer out = {0};

    ordo_encode_pprof(profile, &out);
    write_file(name, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
    ordo_profile_free(profile);
}

int main(int argc, char **argv)
{
    struct ordo_heap_dump *base, *full;
    struct ordo_vm *vm;

    ordo_heap_start();
    if (argc != 2)
        return 2;
    folder = argv[1];
    symbols = ordo_symbols_new();
    base = take("base.raw", "base.heap");
    heap_load_c(BLOCKS, BLOCK);
    vm = heap_load_lua(true, CALLS, TABLES);
    full = take("full.raw", "full.heap");
    write_pprof("full.pb.gz", full, NULL);
    write_pprof("change.pb.gz", full, base);
    printf("%d %d\n", BLOCKS * BLOCK, CALLS * TABLES * HEAP_LOAD_TABLE);
    ordo_heap_dump_free(base);
    ordo_heap_dump_free(full);
    ordo_vm_free(vm);
    heap_load_free();
    ordo_symbols_free(symbols);
    return 0;
}
