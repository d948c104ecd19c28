/* SPDX-License-Identifier: MIT
 * utf8.h: what is UTF-8 and what is not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Reads one character that is not ASCII. *ret_len is how many bytes belong together; false when they are not
 * UTF-8: stray or overlong, a surrogate, above U+10FFFF, or cut short. */
static inline bool ordo_utf8_scan(const unsigned char *text, size_t len, size_t *ret_len)
{
    unsigned char first = text[0], least = 0x80, most = 0xbf; /* of the second byte */
    size_t want;

    *ret_len = 1;
    if (first < 0xc2 || first > 0xf4)
        return false;
    want = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        least = 0xa0;
    else if (first == 0xed)
        most = 0x9f;
    else if (first == 0xf0)
        least = 0x90;
    else if (first == 0xf4)
        most = 0x8f;
    for (; *ret_len < want; ++*ret_len) {
        if (*ret_len == len || text[*ret_len] < least || text[*ret_len] > most)
            return false;
        least = 0x80;
        most = 0xbf;
    }
    return true;
}
