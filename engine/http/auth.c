/* SPDX-License-Identifier: MIT
 * auth.c: tokens. Basic is there for clients that can send nothing else; its user name does not matter.
 */
#include "http/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

int ordo_token_read(const char *path, struct ordo_token *ret_token, struct ordo_error *err)
{
    char bytes[ORDO_TOKEN_MAX + 128];
    size_t len, start = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return ordo_fail(err, -errno, path, "cannot read the token: %s", strerror(errno));
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    while (len > 0 && isspace((unsigned char)bytes[len - 1]))
        len--;
    while (start < len && isspace((unsigned char)bytes[start]))
        start++;
    len -= start;
    if (len == 0)
        return ordo_fail(err, ORDO_ECONFIG, path,
                         "the token file is empty; write a long random word into it");
    if (len > ORDO_TOKEN_MAX)
        return ordo_fail(err, ORDO_ECONFIG, path, "a token has at most %d bytes", ORDO_TOKEN_MAX);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)bytes[start + i]))
            return ordo_fail(err, ORDO_ECONFIG, path,
                             "a token is one word of printable characters; byte %zu is not one", i + 1);
    memcpy(ret_token->bytes, bytes + start, len);
    ret_token->len = len;
    return 0;
}

static bool equal_in_constant_time(const struct ordo_token *token, ordo_str given)
{
    unsigned char differ = given.len != token->len;

    for (size_t i = 0; i < token->len; i++)
        differ |= (unsigned char)(token->bytes[i] ^ (given.len > 0 ? given.ptr[i % given.len] : 1));
    return differ == 0;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* False when it is not base64 or too long. */
static bool base64_decode(ordo_str in, char *out, size_t size, size_t *ret_len)
{
    unsigned bits = 0, value = 0;
    size_t len = 0;

    while (in.len > 0 && in.ptr[in.len - 1] == '=')
        in.len--;
    for (size_t i = 0; i < in.len; i++) {
        int digit = base64_digit(in.ptr[i]);

        if (digit < 0)
            return false;
        value = value << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (len == size)
                return false;
            out[len++] = (char)(value >> bits & 0xff);
        }
    }
    *ret_len = len;
    return true;
}

static bool has_scheme(ordo_str *text, const char *scheme)
{
    size_t len = strlen(scheme);

    if (text->len <= len || strncasecmp(text->ptr, scheme, len) != 0 || text->ptr[len] != ' ')
        return false;
    text->ptr += len;
    text->len -= len;
    while (text->len > 0 && *text->ptr == ' ') {
        text->ptr++;
        text->len--;
    }
    return true;
}

bool ordo_token_allows(const struct ordo_token *token, ordo_str authorization)
{
    char decoded[ORDO_TOKEN_MAX + 256];
    const char *colon;
    size_t len;

    if (token->len == 0)
        return true;
    if (has_scheme(&authorization, "Bearer"))
        return equal_in_constant_time(token, authorization);
    if (!has_scheme(&authorization, "Basic") ||
        !base64_decode(authorization, decoded, sizeof(decoded), &len) ||
        (colon = memchr(decoded, ':', len)) == NULL)
        return false;
    colon++;
    return equal_in_constant_time(token, (ordo_str){colon, len - (size_t)(colon - decoded)});
}
