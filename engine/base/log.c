/* SPDX-License-Identifier: MIT
 * log.c: composing a line and writing it.
 *
 * A line is one write(2) of at most 4 KiB, which pipes and terminals take whole, so no lock is needed to keep
 * lines apart. What is longer is cut and ends in "...".
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"

enum {
    LINE_SIZE = 4096,
    LONGEST_TAG = 256,
    LONGEST_ESCAPE = 6, /* of one byte: \u001f */
    GATE_NS = 1000000000,
};

static const char CUT[] = "...";
static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

static enum ordo_log_level least_level = ORDO_LOG_INFO;
static enum ordo_log_format line_format = ORDO_LOG_TEXT;

void ordo_log_setup(enum ordo_log_level level, enum ordo_log_format format)
{
    least_level = level;
    line_format = format;
}

bool ordo_log_is_on(enum ordo_log_level level)
{
    return level >= least_level;
}

static void format_time(char *out, size_t size)
{
    int64_t now = ordo_clock_utc_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    char whole[32];

    gmtime_r(&seconds, &utc);
    strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, size, "%s.%03dZ", whole, (int)(now % 1000));
}

static void append_escaped(struct ordo_buffer *line, ordo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        if (byte == '\n')
            ordo_buffer_append(line, ORDO_STR("\\n"));
        else if (byte == '\t')
            ordo_buffer_append(line, ORDO_STR("\\t"));
        else if (byte < 0x20 || byte == 0x7f)
            ordo_buffer_printf(line, "\\x%02x", byte);
        else
            ordo_buffer_put(line, (char)byte);
    }
}

static void compose(struct ordo_buffer *line, const char *now, enum ordo_log_level level, ordo_str tag,
                    ordo_str message)
{
    struct ordo_json_writer json = ordo_json_writer(line);

    ordo_buffer_clear(line);
    if (line_format == ORDO_LOG_JSON) {
        ordo_json_object(&json);
        ordo_json_key_string(&json, ORDO_STR("time"), ordo_str_from(now));
        ordo_json_key_string(&json, ORDO_STR("level"), ordo_str_from(LEVELS[level]));
        ordo_json_key_string(&json, ORDO_STR("tag"), tag);
        ordo_json_key_string(&json, ORDO_STR("message"), message);
        ordo_json_end_object(&json);
    } else {
        ordo_buffer_printf(line, "%s %-5s ", now, LEVELS[level]);
        append_escaped(line, tag);
        ordo_buffer_append(line, ORDO_STR(": "));
        append_escaped(line, message);
    }
    ordo_buffer_put(line, '\n');
}

/* Ends the message in "..." behind its first `kept` bytes or a few less. Returns how many it kept. */
static size_t cut_message(char *message, size_t len, size_t kept)
{
    size_t end = ordo_text_cut(message, len, kept);

    memcpy(message + end, CUT, sizeof(CUT));
    return end;
}

static void write_line(ordo_str line)
{
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.ptr, line.len);

        if (written < 0 && errno != EINTR)
            return;
        if (written > 0)
            line = (ordo_str){line.ptr + written, line.len - (size_t)written};
    }
}

void ordo_log_write(enum ordo_log_level level, const char *tag, const char *format, ...)
{
    char now[48], message[LINE_SIZE + sizeof(CUT)];
    ordo_str tag_str = {tag, ordo_text_cut(tag, strlen(tag), LONGEST_TAG)};
    int saved_errno = errno;
    struct ordo_buffer line = {0};
    size_t kept, drop;
    va_list args;

    if (!ordo_log_is_on(level))
        return;
    va_start(args, format);
    if (vsnprintf(message, LINE_SIZE, format, args) < 0)
        message[0] = '\0';
    va_end(args);
    kept = strlen(message);
    format_time(now, sizeof(now));
    compose(&line, now, level, tag_str, ordo_str_from(message));
    /* How much to take away depends on how the bytes were escaped: this takes a sixth of what is over, never
     * too much, until it fits. A message that fills its array is over, so what vsnprintf cut is made good
     * here as well. */
    while (line.len > LINE_SIZE) {
        drop = (line.len - LINE_SIZE) / LONGEST_ESCAPE + 1;
        kept = cut_message(message, kept, kept - drop);
        compose(&line, now, level, tag_str, ordo_str_from(message));
    }
    write_line(ordo_buffer_str(&line));
    ordo_buffer_done(&line);
    errno = saved_errno;
}

bool ordo_log_gate_pass(struct ordo_log_gate *gate, uint32_t *ret_skipped)
{
    int64_t now = ordo_clock_ns(), last = atomic_load_explicit(&gate->last_ns, memory_order_relaxed);

    /* Of threads that come at once, the one whose exchange succeeds may log. */
    if ((last != 0 && now - last < GATE_NS) ||
        !atomic_compare_exchange_strong_explicit(&gate->last_ns, &last, now, memory_order_relaxed,
                                                 memory_order_relaxed)) {
        atomic_fetch_add_explicit(&gate->skipped, 1, memory_order_relaxed);
        return false;
    }
    *ret_skipped = atomic_exchange_explicit(&gate->skipped, 0, memory_order_relaxed);
    return true;
}

const char *ordo_log_skipped(uint32_t skipped, char *out, size_t size)
{
    if (skipped == 0)
        out[0] = '\0';
    else
        snprintf(out, size, " (%u more %s not logged)", skipped, skipped == 1 ? "was" : "were");
    return out;
}
