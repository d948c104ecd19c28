/* SPDX-License-Identifier: MIT
 * profile_index.c: GET /debug/pprof/ and /profile/: a page with every profile, from web/profiles.html.
 */
#include "http/profile_index.h"

#include "http/http_impl.h"

/* What a host may be made of; anything else is not put into a page. */
static bool is_address(ordo_str text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]";

    for (size_t i = 0; i < text.len; i++)
        if (memchr(safe, text.ptr[i], sizeof(safe) - 1) == NULL)
            return false;
    return text.len > 0;
}

/* The page with the words ADDRESS and VERSION replaced. */
static void write_page(ordo_str page, ordo_str address, struct ordo_buffer *out)
{
    const struct {
        ordo_str word, text;
    } words[] = {{ORDO_STR("ADDRESS"), address}, {ORDO_STR("VERSION"), ORDO_STR(ORDO_VERSION)}};

    while (page.len > 0) {
        size_t taken = 1, at = 0;

        for (; at < 2; at++)
            if (page.len >= words[at].word.len &&
                memcmp(page.ptr, words[at].word.ptr, words[at].word.len) == 0)
                break;
        if (at < 2) {
            ordo_buffer_append(out, words[at].text);
            taken = words[at].word.len;
        } else {
            ordo_buffer_put(out, *page.ptr);
        }
        page = (ordo_str){page.ptr + taken, page.len - taken};
    }
}

void ordo__profile_index(struct ordo__request *request)
{
    ordo_str asked = {request->req->authority.base, request->req->authority.len};
    ordo_str page = {ordo__http_web[0].text, ordo__http_web[0].len};
    struct ordo_buffer out = {0};

    write_page(page, is_address(asked) ? asked : ORDO_STR("127.0.0.1:8080"), &out);
    ordo__reply_header(request, "x-content-type-options", "nosniff");
    ordo__reply(request, 200, "text/html; charset=utf-8", ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
