/* SPDX-License-Identifier: MIT
 * json_write.c: the writer's parts that are too long to be inline.
 *
 * Every decision passes through here, so strings are copied eight bytes at a time for as long as none of the
 * eight needs attention, and integers are written two digits at a time, in place.
 */
#include "base/json_write.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum {
    WORD = 8,
    LONGEST_ESCAPE = 6,  /* \u001f */
    LONGEST_INT = 20,    /* -9223372036854775808 */
    LONGEST_DOUBLE = 32, /* -2.2250738585072014e-308 and its end */
};

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* True when one of the eight bytes is a control character, a quote, a backslash, or not ASCII. */
static bool needs_attention(uint64_t word)
{
    uint64_t quotes = word ^ EACH_BYTE('"'), backslashes = word ^ EACH_BYTE('\\');

    /* A byte that is too small borrows from its top bit. It may borrow from its neighbour too, but only when
     * the answer is yes anyway. */
    return (((word - EACH_BYTE(0x20)) | (quotes - EACH_BYTE(1)) | (backslashes - EACH_BYTE(1)) | word) &
            EACH_BYTE(0x80)) != 0;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static char *write_escape(char *end, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char letter = byte < sizeof(shorts) ? shorts[byte] : (char)byte;

    *end++ = '\\';
    if (letter != '\0') {
        *end++ = letter;
        return end;
    }
    memcpy(end, "u00", 3);
    end[3] = hex[byte >> 4];
    end[4] = hex[byte & 15];
    return end + 5;
}

/* Copies one character that is_plain is false for. Returns the end of what it wrote, at most LONGEST_ESCAPE
 * bytes. */
static char *write_special(char *end, const unsigned char *text, size_t len, size_t *ret_taken)
{
    if (*text < 0x80) {
        *ret_taken = 1;
        return write_escape(end, *text);
    }
    if (ordo_utf8_scan(text, len, ret_taken)) {
        memcpy(end, text, *ret_taken);
        return end + *ret_taken;
    }
    memcpy(end, "\xef\xbf\xbd", 3);
    return end + 3;
}

/* Writes the quoted text behind a comma that is due, and `tail` behind it. */
static void write_string(struct ordo_json_writer *json, ordo_str text, char tail)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    size_t left = text.len, taken;
    char *end = ordo__json_begin(json, text.len + 3);
    uint64_t word;

    *end++ = '"';
    /* At each turn there is room for `left` bytes, the quote and the tail. */
    while (left > 0) {
        while (left >= WORD) {
            memcpy(&word, at, WORD);
            if (needs_attention(word))
                break;
            memcpy(end, &word, WORD);
            at += WORD, end += WORD, left -= WORD;
        }
        while (left > 0 && is_plain(*at))
            *end++ = (char)*at++, left--;
        if (left == 0)
            break;
        json->out->len = (size_t)(end - json->out->ptr);
        end = ordo_buffer_reserve(json->out, left + LONGEST_ESCAPE + 2);
        end = write_special(end, at, left, &taken);
        at += taken, left -= taken;
    }
    *end++ = '"';
    if (tail != '\0')
        *end++ = tail;
    ordo__json_wrote(json, end, tail == '\0');
}

void ordo_json_string(struct ordo_json_writer *json, ordo_str text)
{
    write_string(json, text, '\0');
}

void ordo_json_key_escaped(struct ordo_json_writer *json, ordo_str key)
{
    write_string(json, key, ':');
}

static size_t digits_of(uint64_t number)
{
    static const uint64_t powers[] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        UINT64_C(10000000000000000000),
    };
    /* 1233 / 4096 is a little more than the logarithm of 2 to the base 10. */
    size_t bits = 64 - (size_t)__builtin_clzll(number | 1), guess = bits * 1233 >> 12;

    return guess + (number >= powers[guess]);
}

void ordo_json_int(struct ordo_json_writer *json, int64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char *start = ordo__json_begin(json, LONGEST_INT), *at;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    *start = '-';
    start += number < 0;
    start += digits_of(left);
    ordo__json_wrote(json, start, true);
    for (at = start; left >= 100; left /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (left % 100), 2);
    }
    if (left >= 10)
        memcpy(at - 2, pairs + 2 * left, 2);
    else
        at[-1] = (char)('0' + left);
}

void ordo_json_double(struct ordo_json_writer *json, double number)
{
    char *end;
    int len = 0;

    if (!isfinite(number)) {
        ordo_json_null(json);
        return;
    }
    if (fabs(number) <= 9007199254740992.0 && number == (double)(int64_t)number) {
        ordo_json_int(json, (int64_t)number);
        return;
    }
    end = ordo__json_begin(json, LONGEST_DOUBLE);
    /* 15 digits are exact in every normal number; those below have fewer. */
    for (int digits = fabs(number) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        len = snprintf(end, LONGEST_DOUBLE, "%.*g", digits, number);
        if (strtod(end, NULL) == number)
            break;
    }
    ordo__json_wrote(json, end + len, true);
}

void ordo_json_bool(struct ordo_json_writer *json, bool value)
{
    ordo_json_raw(json, value ? ORDO_STR("true") : ORDO_STR("false"));
}

void ordo_json_null(struct ordo_json_writer *json)
{
    ordo_json_raw(json, ORDO_STR("null"));
}

void ordo_json_raw(struct ordo_json_writer *json, ordo_str value)
{
    char *end = ordo__json_begin(json, value.len);

    if (value.len > 0)
        memcpy(end, value.ptr, value.len);
    ordo__json_wrote(json, end + value.len, true);
}
