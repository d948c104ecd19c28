/* SPDX-License-Identifier: MIT
 * symbols_table.c: the symbols of a module by address. libdwfl's own search looks at every symbol each time, which takes
 * a third of a millisecond in RocksDB.
 */
#include "profile/symbols_impl.h"

#include <stdlib.h>

enum {
    UNSIZED_MAX = 4096, /* bytes behind a symbol without a size that may still be its function */
    LOOK_BACK = 16,     /* symbols that may begin inside of another one, and end before it does */
};

struct symbol {
    uint64_t start, end;
    const char *name; /* libelf's */
    bool is_local, is_sized;
};

/* The end of the section that the symbol is in. */
static uint64_t section_end(Elf *elf, GElf_Word number, Dwarf_Addr bias)
{
    GElf_Shdr header;

    if (elf == NULL || gelf_getshdr(elf_getscn(elf, number), &header) == NULL)
        return UINT64_MAX;
    return header.sh_addr + header.sh_size + bias;
}

static void take_symbol(struct ordo_buffer *table, Dwfl_Module *module, int number)
{
    GElf_Sym about;
    GElf_Addr address;
    GElf_Word section = SHN_UNDEF;
    Elf *elf = NULL;
    Dwarf_Addr bias = 0;
    struct symbol symbol = {
        .name = dwfl_module_getsym_info(module, number, &about, &address, &section, &elf, &bias)};
    int type = symbol.name == NULL ? STT_FILE : GELF_ST_TYPE(about.st_info);

    if (section == SHN_UNDEF || section == SHN_ABS || symbol.name == NULL || *symbol.name == '\0' ||
        (type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC))
        return;
    symbol.start = address;
    symbol.is_local = GELF_ST_BIND(about.st_info) == STB_LOCAL;
    symbol.end = address + about.st_size;
    symbol.is_sized = about.st_size > 0;
    if (!symbol.is_sized) {
        symbol.end = section_end(elf, section, bias);
        if (symbol.end > address + UNSIZED_MAX)
            symbol.end = address + UNSIZED_MAX;
    }
    ordo_buffer_append(table, (ordo_str){(const char *)&symbol, sizeof(symbol)});
}

static size_t underscores(const char *name)
{
    return strspn(name, "_");
}

/* Of several names for one address the one that people use comes last: "malloc" behind "__libc_malloc". */
static int compare(const void *one, const void *other)
{
    const struct symbol *a = one, *b = other;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->is_local != b->is_local)
        return a->is_local ? -1 : 1;
    if (underscores(a->name) != underscores(b->name))
        return underscores(a->name) > underscores(b->name) ? -1 : 1;
    return strcmp(b->name, a->name);
}

/* What has no size ends where something else begins. */
static void cut_unsized(struct symbol *symbols, size_t count)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = count; i-- > 0;) {
        if (i + 1 < count && symbols[i + 1].start > symbols[i].start)
            next = symbols[i + 1].start;
        if (!symbols[i].is_sized && symbols[i].end > next)
            symbols[i].end = next;
    }
}

void ordo__table_read(struct ordo_buffer *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);

    for (int i = 0; i < count; i++)
        take_symbol(table, module, i);
    count = (int)(table->len / sizeof(struct symbol));
    if (count == 0)
        return;
    qsort(table->ptr, (size_t)count, sizeof(struct symbol), compare);
    cut_unsized((struct symbol *)(void *)table->ptr, (size_t)count);
}

const char *ordo__table_find(const struct ordo_buffer *table, uint64_t address)
{
    const struct symbol *symbols = (const struct symbol *)(const void *)table->ptr;
    size_t low = 0, high = table->len / sizeof(*symbols);

    while (low < high) { /* the first that starts behind the address */
        size_t middle = low + (high - low) / 2;

        if (symbols[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t back = 0; back < LOOK_BACK && back < low; back++)
        if (address < symbols[low - 1 - back].end)
            return symbols[low - 1 - back].name;
    return NULL;
}

bool ordo__table_has(const struct ordo_buffer *table, const char *name)
{
    const struct symbol *symbols = (const struct symbol *)(const void *)table->ptr;

    for (size_t i = 0; i < table->len / sizeof(*symbols); i++)
        if (strcmp(symbols[i].name, name) == 0)
            return true;
    return false;
}
