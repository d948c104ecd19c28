/* SPDX-License-Identifier: MIT
 * error.c: filling and printing struct ordo_error.
 *
 * Text is formatted aside and then copied, since callers wrap an error in more words:
 *     ordo_fail(err, err->code, path, "cannot load: %s", err->message)
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

size_t ordo_text_cut(const char *text, size_t len, size_t most)
{
    size_t end = most;

    if (len <= most)
        return len;
    /* Back to the first byte of the character that `most` would split; text that is not UTF-8 is cut where it
     * is. */
    while (end > 0 && most - end < 3 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    return ((unsigned char)text[end] & 0xc0) == 0x80 ? most : end;
}

bool ordo_text_next_line(ordo_str *text, ordo_str *ret_line)
{
    const char *end;
    size_t len;

    if (text->len == 0)
        return false;
    end = memchr(text->ptr, '\n', text->len);
    len = end == NULL ? text->len : (size_t)(end - text->ptr);
    *ret_line = (ordo_str){text->ptr, len};
    text->ptr += len + (end != NULL);
    text->len -= len + (end != NULL);
    return true;
}

static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = ordo_text_cut(text, strlen(text), size - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

__attribute__((format(printf, 6, 0))) static void fill(struct ordo_error *err, int code, const char *place,
                                                       int line, int column, const char *format, va_list args)
{
    char message[sizeof(err->message) +
                 4]; /* more than fits, so that the cut sees the character that is split */
    char place_copy[sizeof(err->place)];

    if (vsnprintf(message, sizeof(message), format, args) < 0)
        message[0] = '\0';
    copy_cut(place_copy, sizeof(place_copy), place == NULL ? "" : place);
    err->code = code;
    err->line = line;
    err->column = column;
    memcpy(err->place, place_copy, sizeof(place_copy));
    copy_cut(err->message, sizeof(err->message), message);
}

int ordo_fail(struct ordo_error *err, int code, const char *place, const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        fill(err, code, place, 0, 0, format, args);
        va_end(args);
    }
    return code;
}

int ordo_fail_at(struct ordo_error *err, int code, const char *place, int line, int column,
                 const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        fill(err, code, place, line, column, format, args);
        va_end(args);
    }
    return code;
}

const char *ordo_error_name(int code)
{
    const char *name = NULL;

    switch (code) {
#define X(name, value, text)                                                                                 \
    case value:                                                                                              \
        return #name;
#include <ordo/error_table.h>
#undef X
    case 0:
        return "OK";
    default:
        if (code < 0 && code > -10000)
            name = strerrorname_np(-code);
        return name == NULL ? "UNKNOWN" : name;
    }
}

static const char *text_of_code(int code)
{
    const char *text = NULL;

    switch (code) {
#define X(name, value, text)                                                                                 \
    case value:                                                                                              \
        return text;
#include <ordo/error_table.h>
#undef X
    default:
        if (code < 0 && code > -10000)
            text = strerrordesc_np(-code);
        return text == NULL ? "unknown error" : text;
    }
}

const char *ordo_error_format(const struct ordo_error *err, char *out, size_t size)
{
    char whole[sizeof(err->place) + sizeof(err->message) + 32];
    char line[16] = "", column[16] = "";

    if (size == 0)
        return out;
    if (err->line > 0)
        snprintf(line, sizeof(line), "%d:", err->line);
    if (err->line > 0 && err->column > 0)
        snprintf(column, sizeof(column), "%d:", err->column);
    snprintf(whole, sizeof(whole), "%s%s%s%s%s%s", err->place, err->place[0] == '\0' ? "" : ":", line, column,
             err->place[0] == '\0' && line[0] == '\0' ? "" : " ",
             err->message[0] == '\0' ? text_of_code(err->code) : err->message);
    copy_cut(out, size, whole);
    return out;
}

void ordo_require_failed(const char *condition, const char *file, int line)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "ordo: %s:%d: requirement failed: %s\n", file, line, condition);

    if (len > (int)sizeof(text) - 1)
        len = (int)sizeof(text) - 1;
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
        /* nothing is left to tell it to */
    }
    abort();
}
