/* SPDX-License-Identifier: MIT
 * timeline_names.c: the names on the timeline: the engine's own, and those that were asked for, which are never given back.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/timeline.h"

enum { NAMES_MAX = 4096 };

static struct ordo_lock names_lock = ORDO_LOCK_INITIALIZER(TIMELINE_NAMES);
static ordo_str names[NAMES_MAX + 1]; /* under names_lock, as is the next one */
static uint16_t name_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void)
{
    static const char *const own[] = {
#define X(name, text) text,
#include "base/timeline_table.h"
#undef X
    };

    for (size_t i = 0; i < ORDO_TIMELINE_NAME_COUNT; i++)
        names[i] = ordo_str_from(own[i]);
    name_count = ORDO_TIMELINE_NAME_COUNT;
    names[NAMES_MAX] = ORDO_STR("(too many names)");
}

static uint16_t intern(ordo_str name, uint16_t most)
{
    uint16_t i = 0;
    char *copy;

    pthread_once(&once, begin);
    ordo_lock(&names_lock);
    while (i < name_count && !ordo_str_equal(names[i], name))
        i++;
    if (i == name_count && i >= most) {
        i = NAMES_MAX;
    } else if (i == name_count) {
        copy = malloc(name.len + 1);
        ORDO_REQUIRE(copy != NULL);
        if (name.len > 0)
            memcpy(copy, name.ptr, name.len);
        names[name_count++] = (ordo_str){copy, name.len};
    }
    ordo_unlock(&names_lock);
    return i;
}

uint16_t ordo_timeline_intern(ordo_str name)
{
    return intern(name, NAMES_MAX);
}

uint16_t ordo_timeline_intern_detail(ordo_str detail)
{
    return intern(detail, NAMES_MAX / 4 * 3);
}

ordo_str ordo_timeline_name(uint16_t number)
{
    ordo_str name;

    pthread_once(&once, begin);
    ordo_lock(&names_lock);
    name = number < name_count ? names[number] : names[NAMES_MAX];
    ordo_unlock(&names_lock);
    return name;
}
