/* SPDX-License-Identifier: MIT
 * option_value.c: one value of an option, between its text and its number.
 *
 * Files, environment, --set and the defaults in the tables all pass through here, so each is written the same
 * way and refused with the same words. Units are required where a bare number could be taken for another
 * unit.
 */
#include "core/options.h"
#include "core/option_value.h"

#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {{"h", 3600000000}, {"m", 60000000}, {"s", 1000000},
                                        {"ms", 1000},      {"us", 1},       {0}};
static const struct unit sizes[] = {{"TiB", (int64_t)1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
                                    {"KiB", 1 << 10},          {"", 1},          {0}};

/* Digits with an optional sign before and anything behind; false when there are none or too many. */
static bool read_digits(ordo_str text, int64_t *ret_number, ordo_str *ret_rest)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0, first = at;
    int64_t number = 0;

    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.ptr[at] - '0', &number))
            return false;
    /* A leading zero means octal to some readers of YAML, so it is not taken for either. */
    if (at == first || (text.ptr[first] == '0' && at - first > 1))
        return false;
    *ret_number = negative ? -number : number;
    *ret_rest = (ordo_str){text.ptr + at, text.len - at};
    return true;
}

static bool read_units(const struct unit *units, ordo_str text, int64_t *ret_number)
{
    ordo_str rest;
    int64_t number;

    if (!read_digits(text, &number, &rest) || number < 0)
        return false;
    if (number == 0 && rest.len == 0) {
        *ret_number = 0;
        return true;
    }
    for (; units->name != NULL; units++)
        if (ordo_str_equal(rest, ordo_str_from(units->name)))
            return !__builtin_mul_overflow(number, units->factor, ret_number);
    return false;
}

static bool read_enum(const char *words, ordo_str text, int64_t *ret_index)
{
    int64_t index = 0;

    for (const char *word = words; text.len > 0; word++, index++) {
        size_t len = strcspn(word, "|");

        if (ordo_str_equal(text, (ordo_str){word, len})) {
            *ret_index = index;
            return true;
        }
        word += len;
        if (*word == '\0')
            break;
    }
    return false;
}

static bool read_value(const struct ordo_option *option, ordo_str text, int64_t *ret_number)
{
    ordo_str rest;

    switch (option->type) {
    case ORDO_OPTION_BOOL:
        *ret_number = ordo_str_equal(text, ORDO_STR("true"));
        return *ret_number != 0 || ordo_str_equal(text, ORDO_STR("false"));
    case ORDO_OPTION_INT:
        return read_digits(text, ret_number, &rest) && rest.len == 0;
    case ORDO_OPTION_DURATION:
        return read_units(durations, text, ret_number);
    case ORDO_OPTION_SIZE:
        return read_units(sizes, text, ret_number);
    case ORDO_OPTION_STRING:
        *ret_number = (int64_t)text.len;
        return true;
    case ORDO_OPTION_ENUM:
        return read_enum(option->unit, text, ret_number);
    }
    return false;
}

static bool in_range(const struct ordo_option *option, int64_t number)
{
    if (option->type == ORDO_OPTION_BOOL || option->type == ORDO_OPTION_ENUM)
        return true;
    if (option->type == ORDO_OPTION_STRING)
        return option->max == 0 || (number >= option->min && number <= option->max);
    return (option->min == 0 && option->max == 0) || (number >= option->min && number <= option->max);
}

/* "a, b or c" from "a|b|c". */
static void write_words(struct ordo_buffer *out, const char *words)
{
    while (*words != '\0') {
        size_t len = strcspn(words, "|");

        ordo_buffer_append(out, (ordo_str){words, len});
        words += len;
        if (*words == '|') {
            words++;
            ordo_buffer_append(out, strchr(words, '|') == NULL ? ORDO_STR(" or ") : ORDO_STR(", "));
        }
    }
}

void ordo__option_range(struct ordo_buffer *out, const struct ordo_option *option)
{
    if (option->type == ORDO_OPTION_BOOL)
        ordo_buffer_append(out, ORDO_STR("true or false"));
    else if (option->type == ORDO_OPTION_ENUM)
        write_words(out, option->unit);
    else if (option->type == ORDO_OPTION_STRING && option->max != 0)
        ordo_buffer_printf(out, "%lld to %lld bytes", (long long)option->min, (long long)option->max);
    else if (option->type != ORDO_OPTION_STRING && (option->min != 0 || option->max != 0)) {
        ordo_option_format(out, option, option->min, NULL);
        ordo_buffer_append(out, ORDO_STR(" to "));
        ordo_option_format(out, option, option->max, NULL);
    }
}

int ordo_option_parse(const struct ordo_option *option, ordo_str text, int64_t *ret_number,
                      struct ordo_error *err)
{
    static const char *const kinds[] = {
        [ORDO_OPTION_BOOL] = "",
        [ORDO_OPTION_INT] = "a whole number",
        [ORDO_OPTION_DURATION] = "a duration with its unit (us, ms, s, m, h; 30s)",
        [ORDO_OPTION_SIZE] = "a size in bytes or with its unit (KiB, MiB, GiB; 64KiB)",
        [ORDO_OPTION_STRING] = "text",
        [ORDO_OPTION_ENUM] = "",
    };
    struct ordo_buffer range = {0};
    int64_t number = 0;
    int shown = text.len > 60 ? 60 : (int)text.len, code;

    if (read_value(option, text, &number) && in_range(option, number)) {
        *ret_number = number;
        return 0;
    }
    ordo__option_range(&range, option);
    code = ordo_fail(err, ORDO_ECONFIG, option->name, "must be %s%s%.*s, not '%.*s%s'", kinds[option->type],
                     *kinds[option->type] == '\0' || range.len == 0 ? ""
                     : option->type == ORDO_OPTION_STRING           ? " of "
                                                                    : " from ",
                     (int)range.len, range.len == 0 ? "" : range.ptr, shown, shown == 0 ? "" : text.ptr,
                     text.len > 60 ? "..." : "");
    ordo_buffer_done(&range);
    return code;
}

/* Would this be read back as the same text without quotes, also by other readers of YAML? */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
    size_t len = strlen(text), dots = 0;

    if (len == 0 || text[len - 1] == ':' || strspn(text, ORDO__YAML_SAFE) < len)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    if (text[0] == '.')
        return strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
    for (const char *at = text; *at != '\0'; at++)
        dots += *at == '.';
    /* Numbers and times of day have at most one point, addresses have three. */
    return strchr("-:@%=+", text[0]) == NULL && (strchr("0123456789", text[0]) == NULL || dots > 1);
}

void ordo__yaml_text(struct ordo_buffer *out, const char *text, bool quoted)
{
    if (!quoted && is_plain(text)) {
        ordo_buffer_append(out, ordo_str_from(text));
        return;
    }
    ordo_buffer_put(out, '"');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            ordo_buffer_put(out, '\\');
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            ordo_buffer_printf(out, "\\x%02X", (unsigned)(unsigned char)*at);
        else
            ordo_buffer_put(out, *at);
    }
    ordo_buffer_put(out, '"');
}

void ordo_option_format(struct ordo_buffer *out, const struct ordo_option *option, int64_t number,
                        const char *string)
{
    const struct unit *unit = option->type == ORDO_OPTION_DURATION ? durations : sizes;

    switch (option->type) {
    case ORDO_OPTION_BOOL:
        ordo_buffer_append(out, number != 0 ? ORDO_STR("true") : ORDO_STR("false"));
        break;
    case ORDO_OPTION_INT:
        ordo_buffer_printf(out, "%lld", (long long)number);
        break;
    case ORDO_OPTION_DURATION:
    case ORDO_OPTION_SIZE:
        while (number % unit->factor != 0)
            unit++;
        ordo_buffer_printf(out, "%lld%s", (long long)(number / unit->factor),
                           number != 0                            ? unit->name
                           : option->type == ORDO_OPTION_DURATION ? "s"
                                                                  : "");
        break;
    case ORDO_OPTION_STRING:
    case ORDO_OPTION_ENUM:
        ordo__yaml_text(out, string, false);
        break;
    }
}
