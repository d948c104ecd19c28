/* SPDX-License-Identifier: MIT
 * ruleset_tables.c: the reference tables of a rule set, made of its files when it is loaded first.
 *
 * Not when its files are read: a draft may be wrong for a while. Threads that load one set at once may each read a file; one
 * of them is kept.
 */
#include "script/ruleset.h"

#include <stdatomic.h>
#include <stdio.h>

static void say(struct ordo_buffer *errors, const struct ordo_error *err)
{
    char text[1024];

    ordo_buffer_printf(errors, "%s\n", ordo_error_format(err, text, sizeof(text)));
}

static int open_table(const struct ordo_ruleset *ruleset, struct ordo_script_file *file,
                      struct ordo_buffer *errors)
{
    struct ordo_reference *table, *none = NULL;
    struct ordo_error err = {0};
    char place[sizeof(err.place)];

    if (atomic_load(&file->table) != NULL)
        return 0;
    snprintf(place, sizeof(place), "%s/%s", ruleset->folder, file->path);
    table = ordo_reference_read(file->path, (ordo_str){file->source, file->len}, place, &err);
    if (table == NULL) {
        say(errors, &err);
        return ORDO_ESCRIPT;
    }
    if (!atomic_compare_exchange_strong(&file->table, &none, table))
        ordo_reference_free(table);
    return 0;
}

/* Both are named: which of them was meant, nobody knows. They are neighbours, since files are sorted. */
static int check_names(const struct ordo_ruleset *ruleset, struct ordo_buffer *errors)
{
    struct ordo_error err;

    for (size_t i = ruleset->scripts + 1; i < ruleset->count; i++) {
        const struct ordo_script_file *file = &ruleset->files[i], *before = file - 1;

        if (!ordo_str_equal(ordo_reference_name(file->table), ordo_reference_name(before->table)))
            continue;
        ordo_fail(&err, ORDO_ESCRIPT, ruleset->folder, "%s and %s are both the table %s; keep one",
                  before->path, file->path, ordo_reference_name(file->table).ptr);
        say(errors, &err);
        return ORDO_ESCRIPT;
    }
    return 0;
}

int ordo_ruleset_open_tables(struct ordo_ruleset *ruleset, struct ordo_buffer *errors)
{
    int code = 0;

    for (size_t i = ruleset->scripts; i < ruleset->count; i++)
        if (open_table(ruleset, &ruleset->files[i], errors) != 0)
            code = ORDO_ESCRIPT;
    return code != 0 ? code : check_names(ruleset, errors);
}
