/* SPDX-License-Identifier: MIT
 * json_time.c: the civil calendar from a count of days, counted in eras of 400 years that start on 1 March.
 */
#include "base/json_time.h"

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

void ordo_json_time(struct ordo_json_writer *json, int64_t utc_ms)
{
    char text[ORDO_TIME_TEXT];

    ordo_time_format(utc_ms, text);
    ordo_json_string(json, (ordo_str){text, sizeof(text)});
}
