/* SPDX-License-Identifier: MIT
 * rules_archive_read.c: the sets of the archive: of a generation, and of the draft.
 */
#include "worker/rules_archive_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

void ordo__archive_name(uint64_t number, char out[32])
{
    snprintf(out, 32, "%" PRIu64, number);
}

struct ordo_ruleset *ordo__archive_set(const struct ordo_archive *archive, const char *name,
                                       const char *label, struct ordo__archive_file *read,
                                       struct ordo_buffer *file, struct ordo_error *err)
{
    int code = ordo_file_read(archive->folder, name, SIZE_MAX / 2, file);
    struct ordo_ruleset *ruleset = NULL;

    if (code != 0) {
        ordo_fail(err, code, archive->path, "cannot read %s: %s", name, strerror(-code));
        return NULL;
    }
    if (ordo__archive_open(file, read))
        ruleset = ordo_ruleset_unpack(read->files, label);
    if (ruleset == NULL || !ordo_str_equal(ordo_json_text(ordo_json_root(read->parser), ORDO_STR("identity")),
                                           ordo_str_from(ruleset->identity))) {
        ordo_ruleset_unref(ruleset);
        ordo_fail(err, ORDO_EIO, archive->path, "%s is damaged", name);
        return NULL;
    }
    return ruleset;
}

struct ordo_ruleset *ordo_archive_read(const struct ordo_archive *archive, uint64_t number,
                                       struct ordo_error *err)
{
    struct ordo__archive_file read = {0};
    struct ordo_buffer file = {0};
    struct ordo_ruleset *ruleset;
    char name[32], label[48];

    ordo__archive_name(number, name);
    snprintf(label, sizeof(label), "generation %s", name);
    ruleset = ordo__archive_set(archive, name, label, &read, &file, err);
    if (ruleset != NULL)
        ruleset->number = number;
    ordo__archive_close(&read);
    ordo_buffer_done(&file);
    return ruleset;
}

/* --- the draft --- */

struct ordo_ruleset *ordo_archive_draft(const struct ordo_archive *archive, uint64_t *ret_base,
                                        struct ordo_error *err)
{
    struct ordo__archive_file read = {0};
    struct ordo_buffer file = {0};
    struct ordo_ruleset *draft = ordo__archive_set(archive, "draft", "draft", &read, &file, err);

    if (draft != NULL)
        *ret_base = ordo__archive_number(ordo_json_root(read.parser), ORDO_STR("number"));
    else if (err->code == -ENOENT)
        *err = (struct ordo_error){0};
    ordo__archive_close(&read);
    ordo_buffer_done(&file);
    return draft;
}

int ordo_archive_draft_keep(struct ordo_archive *archive, const struct ordo_ruleset *draft, uint64_t base,
                            struct ordo_error *err)
{
    struct ordo_buffer head = {0};
    int code;

    ordo__archive_head(draft, base, ordo_clock_utc_ms(), ORDO_STR_NONE, ORDO_STR_NONE, &head);
    code = ordo__archive_keep(archive->folder, "draft", &head, draft);
    ordo_buffer_done(&head);
    return code == 0 ? 0 : ordo_fail(err, code, archive->path, "cannot keep the draft: %s", strerror(-code));
}

int ordo_archive_draft_drop(struct ordo_archive *archive, struct ordo_error *err)
{
    if (unlinkat(archive->folder, "draft", 0) != 0 && errno != ENOENT)
        return ordo_fail(err, -errno, archive->path, "cannot remove the draft: %s", strerror(errno));
    return fsync(archive->folder) == 0
               ? 0
               : ordo_fail(err, -errno, archive->path, "cannot sync: %s", strerror(errno));
}
