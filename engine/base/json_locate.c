/* SPDX-License-Identifier: MIT
 * json_locate.c: a strict reader of JSON that builds nothing: it walks the text until it meets what must not
 * be there.
 */
#include "base/json_locate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 4096 }; /* the real limit was checked by the parser; this bounds the recursion */

struct text {
    const char *start, *at, *end;
    const char *wrong; /* where it went wrong */
    const char *what;
    int depth;
};

static bool fail_at(struct text *text, const char *where, const char *what)
{
    if (text->what == NULL) {
        text->wrong = where;
        text->what = what;
    }
    return false;
}

static void skip_space(struct text *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\t' || *text->at == '\n' || *text->at == '\r'))
        text->at++;
}

static bool is_digit(const struct text *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

/* Length of the valid UTF-8 sequence at `at`, 0 when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    uint32_t code;
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (len == 1)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < len)
        return 0;
    code = at[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Four hex digits at `at`, or -1. */
static int hex4(const struct text *text, const char *at)
{
    int code = 0;

    if (text->end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(at[i]);

        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static bool read_escape(struct text *text)
{
    const char *backslash = text->at++;
    int code;

    if (text->at == text->end)
        return fail_at(text, backslash, "a string is not closed");
    if (*text->at != 'u') {
        if (memchr("\"\\/bfnrt", *text->at, 8) == NULL)
            return fail_at(text, backslash, "unknown escape in a string; write \\\\ for a backslash");
        text->at++;
        return true;
    }
    if ((code = hex4(text, text->at + 1)) < 0)
        return fail_at(text, backslash, "expected four hex digits after \\u");
    text->at += 5;
    if (code < 0xd800 || code > 0xdfff)
        return true;
    if (code < 0xdc00 && text->end - text->at >= 6 && text->at[0] == '\\' && text->at[1] == 'u') {
        int low = hex4(text, text->at + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            text->at += 6;
            return true;
        }
    }
    return fail_at(text, backslash, "a surrogate without its other half");
}

static const char *control_character(unsigned char byte)
{
    switch (byte) {
    case '\n':
        return "a line break in a string; write it as \\n";
    case '\r':
        return "a carriage return in a string; write it as \\r";
    case '\t':
        return "a tab in a string; write it as \\t";
    case '\0':
        return "a NUL byte in a string; write it as \\u0000";
    default:
        return "a control character in a string; write it as \\u00XX";
    }
}

static bool read_string(struct text *text)
{
    const char *open = text->at++;

    while (text->at < text->end) {
        unsigned char byte = (unsigned char)*text->at;
        size_t len;

        if (byte == '"') {
            text->at++;
            return true;
        }
        if (byte < 0x20)
            return fail_at(text, text->at, control_character(byte));
        if (byte == '\\') {
            if (!read_escape(text))
                return false;
            continue;
        }
        len = utf8_length((const unsigned char *)text->at, (size_t)(text->end - text->at));
        if (len == 0)
            return fail_at(text, text->at, "not valid UTF-8");
        text->at += len;
    }
    return fail_at(text, open, "a string is not closed");
}

/* Whether a well-formed number is one that the parser can hold. */
static bool is_in_range(const char *start, size_t len, bool is_integer)
{
    char *copy = strndup(start, len);
    bool fits;

    ORDO_REQUIRE(copy != NULL);
    errno = 0;
    if (!is_integer)
        fits = isfinite(strtod(copy, NULL));
    else if (*copy == '-')
        fits = (strtoll(copy, NULL, 10), errno == 0);
    else
        fits = (strtoull(copy, NULL, 10), errno == 0);
    free(copy);
    return fits;
}

static bool read_number(struct text *text)
{
    const char *start = text->at;
    bool is_integer = true;

    if (*text->at == '-')
        text->at++;
    if (!is_digit(text))
        return fail_at(text, start, "expected a digit after '-'");
    if (*text->at == '0') {
        text->at++;
        if (is_digit(text))
            return fail_at(text, start, "a number must not start with 0");
    }
    while (is_digit(text))
        text->at++;
    if (text->at < text->end && *text->at == '.') {
        is_integer = false;
        text->at++;
        if (!is_digit(text))
            return fail_at(text, text->at, "expected a digit after '.'");
        while (is_digit(text))
            text->at++;
    }
    if (text->at < text->end && (*text->at | 0x20) == 'e') {
        is_integer = false;
        text->at++;
        if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
            text->at++;
        if (!is_digit(text))
            return fail_at(text, text->at, "expected a digit in the exponent");
        while (is_digit(text))
            text->at++;
    }
    if (!is_in_range(start, (size_t)(text->at - start), is_integer))
        return fail_at(text, start,
                       is_integer ? "a number is out of range; integers go from -2^63 to 2^64 - 1"
                                  : "a number is out of range; its exponent is too large");
    return true;
}

static bool read_word(struct text *text, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len) != 0)
        return fail_at(text, text->at,
                       "expected a value: a string, number, object, array, true, false or null");
    text->at += len;
    return true;
}

static bool read_value(struct text *text);

static bool read_array(struct text *text)
{
    text->at++;
    skip_space(text);
    if (text->at < text->end && *text->at == ']') {
        text->at++;
        return true;
    }
    for (;;) {
        if (!read_value(text))
            return false;
        skip_space(text);
        if (text->at == text->end || (*text->at != ',' && *text->at != ']'))
            return fail_at(text, text->at, "expected ',' or ']'");
        if (*text->at++ == ']')
            return true;
    }
}

static bool read_member(struct text *text)
{
    if (text->at == text->end || *text->at != '"')
        return fail_at(text, text->at, "expected a key in quotes");
    if (!read_string(text))
        return false;
    skip_space(text);
    if (text->at == text->end || *text->at != ':')
        return fail_at(text, text->at, "expected ':' after the key");
    text->at++;
    return read_value(text);
}

static bool read_object(struct text *text)
{
    text->at++;
    skip_space(text);
    if (text->at < text->end && *text->at == '}') {
        text->at++;
        return true;
    }
    for (;;) {
        skip_space(text);
        if (!read_member(text))
            return false;
        skip_space(text);
        if (text->at == text->end || (*text->at != ',' && *text->at != '}'))
            return fail_at(text, text->at, "expected ',' or '}'");
        if (*text->at++ == '}')
            return true;
    }
}

static bool read_value(struct text *text)
{
    bool read;

    skip_space(text);
    if (text->at == text->end)
        return fail_at(text, text->at, "the text ends where a value is expected");
    if (++text->depth > DEPTH_MAX)
        return fail_at(text, text->at, "nested too deeply");
    switch (*text->at) {
    case '{':
        read = read_object(text);
        break;
    case '[':
        read = read_array(text);
        break;
    case '"':
        read = read_string(text);
        break;
    case 't':
        read = read_word(text, "true");
        break;
    case 'f':
        read = read_word(text, "false");
        break;
    default:
        if (*text->at == '-' || is_digit(text))
            read = read_number(text);
        else
            read = read_word(text, "null");
    }
    text->depth--;
    return read;
}

static int report(const struct text *text, const char *where, struct ordo_error *err, const char *what)
{
    int line = 1, column = 1;

    for (const char *at = text->start; at < where; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*at & 0xc0) != 0x80) { /* the first byte of a character */
            column++;
        }
    }
    return ordo_fail_at(err, ORDO_EJSON, NULL, line, column, "%s", what);
}

int ordo_json_locate(const char *bytes, size_t len, struct ordo_error *err)
{
    struct text text = {.start = bytes, .at = bytes, .end = bytes + len};

    skip_space(&text);
    if (text.at == text.end)
        return ordo_fail(err, ORDO_EJSON, NULL, "there is no text; expected a JSON value");
    if (text.end - text.at >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        return report(&text, text.at, err, "a byte order mark; send the text without it");
    if (!read_value(&text))
        return report(&text, text.wrong, err, text.what);
    skip_space(&text);
    if (text.at < text.end)
        return report(&text, text.at, err, "expected the end of the text");
    return ordo_fail(err, ORDO_EJSON, NULL, "this is not JSON");
}

int ordo_json_locate_key(const char *bytes, size_t len, size_t strings_before, ordo_str key,
                         struct ordo_error *err)
{
    struct text text = {.start = bytes, .at = bytes, .end = bytes + len};
    char what[200];

    while (text.at < text.end && (*text.at != '"' || strings_before-- > 0))
        if (*text.at != '"')
            text.at++;
        else if (!read_string(&text))
            break;
    snprintf(what, sizeof(what), "the key \"%.*s\" stands twice in one object",
             (int)ordo_text_cut(key.ptr, key.len, 120), key.ptr);
    return report(&text, text.at, err, what);
}
