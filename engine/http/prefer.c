/* SPDX-License-Identifier: MIT
 * prefer.c: reads a Prefer header: preferences with commas between, each `token [= value]` and parameters
 * behind semicolons.
 */
#include "http/prefer.h"

#include <strings.h>

/* Up to `end`, but for one in a quoted string; *rest goes on behind it. */
static ordo_str cut(ordo_str *rest, char end)
{
    ordo_str part = {rest->ptr, 0};
    bool quoted = false;
    size_t at = 0;

    while (at < rest->len && (quoted || rest->ptr[at] != end)) {
        if (rest->ptr[at] == '"')
            quoted = !quoted;
        else if (quoted && rest->ptr[at] == '\\' && at + 1 < rest->len)
            at++;
        at++;
    }
    part.len = at;
    if (at < rest->len)
        at++;
    rest->ptr += at;
    rest->len -= at;
    return part;
}

static ordo_str trim(ordo_str text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool is_word(ordo_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static bool read_seconds(ordo_str text, uint32_t *ret_seconds)
{
    uint32_t seconds = 0;

    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (ordo_str){text.ptr + 1, text.len - 2};
    if (text.len == 0 || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        seconds = seconds * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret_seconds = seconds;
    return true;
}

void ordo__prefer_add(struct ordo__prefer *prefer, ordo_str header)
{
    while (header.len > 0) {
        ordo_str preference = cut(&header, ','), value = cut(&preference, ';');
        ordo_str token = trim(cut(&value, '='));
        uint32_t seconds;

        value = trim(value);
        if (is_word(token, "respond-async") && value.len == 0) {
            prefer->async = true;
        } else if (is_word(token, "wait") && !prefer->has_wait && read_seconds(value, &seconds)) {
            prefer->has_wait = true;
            prefer->wait_s = seconds;
        }
    }
}
