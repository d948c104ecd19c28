/* SPDX-License-Identifier: MIT
 * gzip.c: zlib, called in one place.
 */
#include "profile/gzip.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

enum {
    GZIP = 15 + 16, /* zlib's word for: the largest window, in a gzip file */
    MEMORY = 8,
    CHUNK = 65536,
};

void ordo_gzip(ordo_str bytes, struct ordo_buffer *out)
{
    z_stream stream = {0};
    uLong most;

    ORDO_REQUIRE(bytes.len <= UINT_MAX / 2);
    ORDO_REQUIRE(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, MEMORY, Z_DEFAULT_STRATEGY) ==
                 Z_OK);
    most = deflateBound(&stream, (uLong)bytes.len);
    stream.next_in = (Bytef *)bytes.ptr;
    stream.avail_in = (uInt)bytes.len;
    stream.next_out = (Bytef *)ordo_buffer_reserve(out, most);
    stream.avail_out = (uInt)most;
    ORDO_REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out->len += stream.total_out;
    deflateEnd(&stream);
}

bool ordo_is_gzip(ordo_str bytes)
{
    return bytes.len >= 2 && memcmp(bytes.ptr, "\x1f\x8b", 2) == 0;
}

/* Unpacks all of the stream's input. */
static int unpack(z_stream *stream, size_t limit, struct ordo_buffer *out, struct ordo_error *err)
{
    size_t start = out->len;
    int result = Z_OK;

    while (result == Z_OK) {
        stream->next_out = (Bytef *)ordo_buffer_reserve(out, CHUNK);
        stream->avail_out = CHUNK;
        result = inflate(stream, Z_NO_FLUSH);
        out->len += CHUNK - stream->avail_out;
        if (out->len - start > limit)
            return ordo_fail(err, ORDO_ELIMIT, NULL, "more than %zu bytes when unpacked", limit);
    }
    if (result == Z_BUF_ERROR)
        return ordo_fail(err, -EBADMSG, NULL, "the gzip data is cut short");
    if (result != Z_STREAM_END)
        return ordo_fail(err, -EBADMSG, NULL, "the gzip data is damaged: %s",
                         stream->msg == NULL ? zError(result) : stream->msg);
    if (stream->avail_in > 0)
        return ordo_fail(err, -EBADMSG, NULL, "something follows the gzip data");
    return 0;
}

int ordo_gunzip(ordo_str bytes, size_t limit, struct ordo_buffer *out, struct ordo_error *err)
{
    z_stream stream = {.next_in = (Bytef *)bytes.ptr, .avail_in = (uInt)bytes.len};
    int code;

    if (bytes.len > UINT_MAX / 2)
        return ordo_fail(err, ORDO_ELIMIT, NULL, "more than %u bytes", UINT_MAX / 2);
    ORDO_REQUIRE(inflateInit2(&stream, GZIP) == Z_OK);
    code = unpack(&stream, limit, out, err);
    inflateEnd(&stream);
    return code;
}
