/* SPDX-License-Identifier: MIT
 * jeprof.c: names for clients that have addresses.
 *
 * jeprof drops what stands in round and angle brackets, and takes "--" for the border between inlined calls, so names of
 * Lua and notes are written without them: "[queue wait]". It looks a caller up by its return address less one, and in
 * CPU profiles the innermost frame too.
 */
#include "profile/jeprof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "profile/encode_impl.h"
#include "vm/line_table.h"

static void put_plain(ordo_str text, struct ordo_buffer *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];

        if (byte == '-' && i > 0 && text.ptr[i - 1] == '-')
            continue;
        if (byte == '(' || byte == '<')
            byte = '[';
        else if (byte == ')' || byte == '>')
            byte = ']';
        else if ((unsigned char)byte < ' ')
            byte = ' ';
        ordo_buffer_put(out, byte);
    }
}

static void put_place(uint64_t address, struct ordo_buffer *out)
{
    struct ordo_line line;

    if (!ordo_line_find(address, &line) || line.line <= 0)
        return;
    ordo_buffer_put(out, ' ');
    put_plain(ordo_str_from(line.source + (*line.source == '@' || *line.source == '=')), out);
    ordo_buffer_printf(out, ":%d", line.line);
}

static void put_name(struct ordo_symbols *symbols, uint64_t address, bool is_return_address,
                     struct ordo_buffer *out)
{
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];
    size_t count = ordo_symbols_find(symbols, address, is_return_address, frames, ORDO_SYMBOLS_INLINED);

    for (size_t i = count; i-- > 0;) {
        if (frames[i].kind == ORDO_FRAME_LUA || frames[i].kind == ORDO_FRAME_NOTE)
            put_plain(frames[i].function, out);
        else
            ordo_buffer_append(out, frames[i].function);
        if (i > 0)
            ordo_buffer_append(out, ORDO_STR("--"));
    }
    put_place(address, out);
}

/* --- in front of dumps --- */

/* What is being written, and the addresses that were named already. */
struct naming {
    struct ordo_symbols *symbols;
    struct ordo_buffer *out;
    struct ordo_intern named;
};

static void begin(struct naming *naming)
{
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program));

    ordo_buffer_append(naming->out, ORDO_STR("--- symbol\nbinary="));
    ordo_buffer_append(naming->out, (ordo_str){program, len > 0 ? (size_t)len : 0});
    ordo_buffer_put(naming->out, '\n');
}

/* `asked`: by which jeprof will look for the address. */
static void name(struct naming *naming, uint64_t asked, uint64_t address, bool is_return_address)
{
    bool is_new;

    ordo_intern_is_new(&naming->named, (ordo_str){(const char *)&asked, sizeof(asked)}, &is_new);
    if (!is_new)
        return;
    ordo_buffer_printf(naming->out, "0x%" PRIx64 " ", asked);
    put_name(naming->symbols, address, is_return_address, naming->out);
    ordo_buffer_put(naming->out, '\n');
}

static void end(struct naming *naming)
{
    ordo_buffer_append(naming->out, ORDO_STR("---\n"));
    ordo_intern_done(&naming->named);
}

void ordo_encode_gperftools_named(const struct ordo_raw_stacks *stacks, int64_t period_ns,
                                  struct ordo_symbols *symbols, struct ordo_buffer *out)
{
    struct naming naming = {.symbols = symbols, .out = out};

    begin(&naming);
    for (uint32_t i = 0; i < stacks->stacks.count; i++) {
        ordo_str stack = ordo_intern_at(&stacks->stacks, i);
        const uint64_t *addresses = (const uint64_t *)(const void *)stack.ptr;

        for (size_t j = 0; j < stack.len / sizeof(*addresses); j++)
            name(&naming, addresses[j] - 1, addresses[j], j > 0);
    }
    end(&naming);
    ordo_buffer_append(out, ORDO_STR("--- profile\n"));
    ordo_encode_gperftools(stacks, period_ns, out);
}

/* Reads "0x1f" or "1f" at the front of *text; false: there is none, or more than 64 bits. */
static bool take_address(ordo_str *text, uint64_t *ret_address)
{
    uint64_t address = 0;
    size_t at = 0, start;

    if (text->len >= 2 && text->ptr[0] == '0' && (text->ptr[1] == 'x' || text->ptr[1] == 'X'))
        at = 2;
    for (start = at; at < text->len; at++) {
        char byte = text->ptr[at];
        int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;

        if (digit < 0)
            break;
        if (address >> 60 != 0)
            return false;
        address = address << 4 | (uint64_t)digit;
    }
    if (at == start)
        return false;
    *text = (ordo_str){text->ptr + at, text->len - at};
    *ret_address = address;
    return true;
}

static void skip_spaces(ordo_str *text)
{
    while (text->len > 0 && *text->ptr == ' ')
        *text = (ordo_str){text->ptr + 1, text->len - 1};
}

/* The stack of a line: what is behind its "@". */
static void name_line(struct naming *naming, ordo_str line)
{
    const char *at = memchr(line.ptr, '@', line.len);
    uint64_t address;

    if (at == NULL)
        return;
    line = (ordo_str){at + 1, line.len - (size_t)(at + 1 - line.ptr)};
    skip_spaces(&line);
    for (bool is_caller = false; take_address(&line, &address); is_caller = true) {
        name(naming, address - is_caller, address, is_caller);
        skip_spaces(&line);
    }
}

static bool begins_with(ordo_str text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.ptr, word, len) == 0;
}

void ordo_jeprof_name_dump(ordo_str dump, struct ordo_symbols *symbols, struct ordo_buffer *out)
{
    static const char *const maps[] = {"MAPPED_LIBRARIES:", "--- Memory map:"};
    struct naming naming = {.symbols = symbols, .out = out};
    ordo_str rest = dump;

    begin(&naming);
    while (rest.len > 0) {
        const char *newline = memchr(rest.ptr, '\n', rest.len);
        size_t len = newline == NULL ? rest.len : (size_t)(newline + 1 - rest.ptr);

        if (begins_with(rest, maps[0]) || begins_with(rest, maps[1]))
            break;
        name_line(&naming, (ordo_str){rest.ptr, len});
        rest = (ordo_str){rest.ptr + len, rest.len - len};
    }
    end(&naming);
    if (dump.len < 3 ||
        memcmp(dump.ptr, "---", 3) != 0) /* heap profiles do not say themselves what they are */
        ordo_buffer_append(out, ORDO_STR("--- heap\n"));
    ordo_buffer_append(out, dump);
}

/* --- for servers --- */

int ordo_jeprof_symbol(ordo_str body, struct ordo_symbols *symbols, struct ordo_buffer *out,
                       struct ordo_error *err)
{
    size_t start = out->len;
    uint64_t address;

    ordo_buffer_append(out, ORDO_STR("num_symbols: 1\n")); /* it asks whether there are any */
    while (body.len > 0) {
        if (*body.ptr == '+' || *body.ptr == ' ' || *body.ptr == '\r' || *body.ptr == '\n') {
            body = (ordo_str){body.ptr + 1, body.len - 1};
            continue;
        }
        if (!take_address(&body, &address)) {
            out->len = start;
            return ordo_fail(
                err, -EINVAL, "body",
                "\"%.*s\" is no address; send hexadecimal ones with + between: 0x401000+0x401010",
                body.len < 24 ? (int)body.len : 24, body.ptr);
        }
        ordo_buffer_printf(out, "0x%" PRIx64 "\t", address);
        put_name(symbols, address, false, out);
        ordo_buffer_put(out, '\n');
    }
    return 0;
}

void ordo_jeprof_cmdline(struct ordo_buffer *out)
{
    ordo__put_file("/proc/self/cmdline", out);
    if (out->len > 0 && out->ptr[out->len - 1] == '\0')
        out->len--;
}
