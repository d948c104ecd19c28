/* SPDX-License-Identifier: MIT
 * json_time.c: the civil calendar from a count of days, counted in eras of 400 years that start on 1 March.
 */
#include "base/json_time.h"

#include <limits.h>

#define LAST_MS INT64_C(253402300799999) /* of the year 9999 */

enum { DAY_MS = 86400000, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 /* from 1 March of year 0 */ };

static void put_digits(char *out, int count, uint32_t number)
{
    while (count-- > 0) {
        out[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void ordo_time_format(int64_t utc_ms, char *out)
{
    uint32_t days, ms, era, day_of_era, year_of_era, day_of_year, month, year;

    if (utc_ms < 0)
        utc_ms = 0;
    if (utc_ms > LAST_MS)
        utc_ms = LAST_MS;
    days = (uint32_t)(utc_ms / DAY_MS) + DAYS_TO_1970;
    ms = (uint32_t)(utc_ms % DAY_MS);
    era = days / ERA_DAYS;
    day_of_era = days % ERA_DAYS;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153; /* from March */
    year = year_of_era + era * 400 + (month >= 10);
    memcpy(out, "0000-00-00T00:00:00.000Z", ORDO_TIME_TEXT);
    put_digits(out, 4, year);
    put_digits(out + 5, 2, month < 10 ? month + 3 : month - 9);
    put_digits(out + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
    put_digits(out + 11, 2, ms / 3600000);
    put_digits(out + 14, 2, ms / 60000 % 60);
    put_digits(out + 17, 2, ms / 1000 % 60);
    put_digits(out + 20, 3, ms % 1000);
}

/* `count` digits at *at, which moves on; -1 when there are other characters. */
static int take_number(const char **at, const char *end, int count)
{
    int number = 0;

    if (end - *at < count)
        return -1;
    for (; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number;
}

static bool take(const char **at, const char *end, char wanted)
{
    if (*at == end || **at != wanted)
        return false;
    (*at)++;
    return true;
}

/* ".5", ".123", ".123456789": milliseconds, the rest is cut off. Nothing is 0; -1: wrong. */
static int take_fraction(const char **at, const char *end)
{
    int ms = 0, digits = 0, digit;

    if (!take(at, end, '.'))
        return 0;
    for (; digits < 9 && (digit = take_number(at, end, 1)) >= 0; digits++)
        if (digits < 3)
            ms = ms * 10 + digit;
    if (digits == 0)
        return -1;
    for (; digits < 3; digits++)
        ms *= 10;
    return ms;
}

/* "Z" or "+02:00", and then the end; INT_MAX: wrong. */
static int take_offset_minutes(const char **at, const char *end)
{
    int sign, hours, minutes;

    if (take(at, end, 'Z'))
        return *at == end ? 0 : INT_MAX;
    sign = take(at, end, '+') ? 1 : take(at, end, '-') ? -1 : 0;
    hours = take_number(at, end, 2);
    if (sign == 0 || hours < 0 || hours > 23 || !take(at, end, ':'))
        return INT_MAX;
    minutes = take_number(at, end, 2);
    return minutes < 0 || minutes > 59 || *at != end ? INT_MAX : sign * (hours * 60 + minutes);
}

/* "T06:27:05.123Z" and the end; nothing at all is midnight UTC. Milliseconds since midnight UTC of the day that is written,
 * which may be negative; INT64_MIN: wrong. */
static int64_t take_time_ms(const char **at, const char *end)
{
    int hour, minute, second, ms, offset;

    if (*at == end)
        return 0;
    hour = take(at, end, 'T') ? take_number(at, end, 2) : -1;
    minute = take(at, end, ':') ? take_number(at, end, 2) : -1;
    second = take(at, end, ':') ? take_number(at, end, 2) : -1;
    ms = take_fraction(at, end);
    offset = take_offset_minutes(at, end);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || ms < 0 ||
        offset == INT_MAX)
        return INT64_MIN;
    return ((hour * 60 + minute - offset) * 60 + second) * INT64_C(1000) + ms;
}

bool ordo_time_parse(ordo_str text, int64_t *ret_utc_ms)
{
    const char *at = text.ptr, *end = at + text.len;
    int year = take_number(&at, end, 4), month = take(&at, end, '-') ? take_number(&at, end, 2) : -1;
    int day = take(&at, end, '-') ? take_number(&at, end, 2) : -1;
    int64_t time_ms = take_time_ms(&at, end);
    char written[ORDO_TIME_TEXT];
    uint32_t years, days;
    int64_t utc_ms;

    if (year < 1970 || month < 1 || month > 12 || day < 1 || time_ms == INT64_MIN)
        return false;
    years = (uint32_t)year - (month < 3);
    days = years * 365 + years / 4 - years / 100 + years / 400 +
           (153 * (uint32_t)(month < 3 ? month + 9 : month - 3) + 2) / 5 + (uint32_t)day - 1 - DAYS_TO_1970;
    utc_ms = (int64_t)days * DAY_MS;
    ordo_time_format(utc_ms, written);
    if (memcmp(written, text.ptr, strlen("YYYY-MM-DD")) != 0)
        return false; /* no such day */
    utc_ms += time_ms;
    if (utc_ms < 0 || utc_ms > LAST_MS)
        return false;
    *ret_utc_ms = utc_ms;
    return true;
}

void ordo_json_time(struct ordo_json_writer *json, int64_t utc_ms)
{
    char text[ORDO_TIME_TEXT];

    ordo_time_format(utc_ms, text);
    ordo_json_string(json, (ordo_str){text, sizeof(text)});
}
