/* SPDX-License-Identifier: MIT
 * json_locate.c: a strict reader of JSON that builds nothing: it walks the text until it meets what must not
 * be there.
 */
#include "base/json_locate.h"

#include <stdio.h>

enum { DEPTH_MAX = 4096 }; /* the real limit was checked by the parser; this bounds the recursion */

struct text {
    const char *start, *at, *end;
    const char *wrong; /* where it went wrong */
    const char *what;
    int depth;
    ordo_str key; /* when looking for a key that stands twice in an object: its unescaped form */
    const char *key_twice;
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
            return fail_at(text, text->at,
                           "a control character in a string; write it as \\n, \\t or \\u00XX");
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

static bool read_number(struct text *text)
{
    const char *start = text->at;

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
        text->at++;
        if (!is_digit(text))
            return fail_at(text, text->at, "expected a digit after '.'");
        while (is_digit(text))
            text->at++;
    }
    if (text->at < text->end && (*text->at | 0x20) == 'e') {
        text->at++;
        if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
            text->at++;
        if (!is_digit(text))
            return fail_at(text, text->at, "expected a digit in the exponent");
        while (is_digit(text))
            text->at++;
    }
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

/* True when the key as it is written is the one that is looked for; keys with escapes never are. */
static bool is_wanted_key(const struct text *text, const char *open)
{
    return text->key.ptr != NULL && (size_t)(text->at - open) == text->key.len + 2 &&
           memcmp(open + 1, text->key.ptr, text->key.len) == 0;
}

static bool read_member(struct text *text, bool *seen)
{
    const char *open = text->at;

    if (text->at == text->end || *text->at != '"')
        return fail_at(text, text->at, "expected a key in quotes");
    if (!read_string(text))
        return false;
    if (is_wanted_key(text, open)) {
        if (*seen && text->key_twice == NULL)
            text->key_twice = open;
        *seen = true;
    }
    skip_space(text);
    if (text->at == text->end || *text->at != ':')
        return fail_at(text, text->at, "expected ':' after the key");
    text->at++;
    return read_value(text);
}

static bool read_object(struct text *text)
{
    bool seen = false;

    text->at++;
    skip_space(text);
    if (text->at < text->end && *text->at == '}') {
        text->at++;
        return true;
    }
    for (;;) {
        skip_space(text);
        if (!read_member(text, &seen))
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
    int line = 1;
    const char *line_start = text->start;

    for (const char *at = text->start; at < where; at++)
        if (*at == '\n') {
            line++;
            line_start = at + 1;
        }
    return ordo_fail_at(err, ORDO_EJSON, NULL, line, (int)(where - line_start) + 1, "%s", what);
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
    /* well-formed, and refused all the same: the parser refuses numbers that it cannot hold */
    return ordo_fail(err, ORDO_EJSON, NULL, "a number is out of range; integers go from -2^63 to 2^64 - 1");
}

int ordo_json_locate_duplicate(const char *bytes, size_t len, ordo_str key, struct ordo_error *err)
{
    struct text text = {.start = bytes, .at = bytes, .end = bytes + len, .key = key};
    char what[200];

    read_value(&text);
    snprintf(what, sizeof(what), "the key \"%.*s\" stands twice in one object",
             key.len > 120 ? 120 : (int)key.len, key.ptr);
    if (text.key_twice == NULL) /* written with escapes */
        return ordo_fail(err, ORDO_EJSON, NULL, "%s", what);
    return report(&text, text.key_twice, err, what);
}
