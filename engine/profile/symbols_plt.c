/* SPDX-License-Identifier: MIT
 * symbols_plt.c: stubs of procedure linkage tables, which have no symbols of their own: "malloc@plt".
 *
 * A stub jumps through a slot; the relocation that fills the slot names the function.
 */
#include "profile/symbols_impl.h"

/* The slot through which the stub at `stub` jumps; 0: this is no stub. */
static uint64_t slot_of(const unsigned char *stub, uint64_t address)
{
    size_t at = 0;
    int32_t distance;

    if (memcmp(stub, "\xf3\x0f\x1e\xfa", 4) == 0) /* endbr64 */
        at += 4;
    if (stub[at] == 0xf2) /* bnd */
        at++;
    if (stub[at] != 0xff || stub[at + 1] != 0x25) /* jmp *distance(%rip) */
        return 0;
    memcpy(&distance, stub + at + 2, sizeof(distance));
    return address + at + 6 + (uint64_t)(int64_t)distance;
}

/* The number in .dynsym of the symbol whose address is put into `slot`; -1: there is none. */
static ssize_t symbol_of_slot(Elf *elf, uint64_t slot)
{
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section != NULL; section = elf_nextscn(elf, section)) {
        Elf_Data *data;
        GElf_Shdr header;
        GElf_Rela entry;

        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_RELA ||
            (data = elf_getdata(section, NULL)) == NULL)
            continue;
        for (int i = 0; gelf_getrela(data, i, &entry) != NULL; i++)
            if (entry.r_offset == slot)
                return (ssize_t)GELF_R_SYM(entry.r_info);
    }
    return -1;
}

static const char *dynamic_name(Elf *elf, int number)
{
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section != NULL; section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        GElf_Sym symbol;

        if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_DYNSYM &&
            gelf_getsym(elf_getdata(section, NULL), number, &symbol) != NULL)
            return elf_strptr(elf, header.sh_link, symbol.st_name);
    }
    return NULL;
}

const char *ordo__plt_find(Dwfl_Module *module, uint64_t address)
{
    enum { STUB = 16, PLT_GOT_STUB = 8 };
    GElf_Addr at = address, bias;
    Elf_Scn *section = dwfl_module_address_section(module, &at, &bias); /* `at` becomes its place in it */
    Elf *elf = dwfl_module_getelf(module, &bias);
    GElf_Shdr header;
    Elf_Data *data;
    size_t names;
    const char *name;
    uint64_t slot, start;
    ssize_t symbol;

    if (section == NULL || elf == NULL || gelf_getshdr(section, &header) == NULL ||
        elf_getshdrstrndx(elf, &names) != 0 || (name = elf_strptr(elf, names, header.sh_name)) == NULL ||
        strncmp(name, ".plt", 4) != 0 || (data = elf_rawdata(section, NULL)) == NULL)
        return NULL;
    start = at - at % (strcmp(name, ".plt.got") == 0 ? PLT_GOT_STUB : STUB);
    if (start + STUB > data->d_size && start + PLT_GOT_STUB > data->d_size)
        return NULL;
    slot = slot_of((const unsigned char *)data->d_buf + start, header.sh_addr + start);
    if (slot == 0 || (symbol = symbol_of_slot(elf, slot)) < 0)
        return NULL;
    return dynamic_name(elf, (int)symbol);
}
