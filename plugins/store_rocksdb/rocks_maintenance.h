/* SPDX-License-Identifier: MIT
 * rocks_maintenance.h: backup, restore and verify, as ordo/store.h has them.
 *
 * A backup is a folder with a database of its own, its mark (rocks_mark.h), and ROCKS_BACKUP_TEXT beside it, a small text that says what it is:
 *
 *   store: store_rocksdb
 *   layout: 2
 *   orders: 123456
 *   made_at: 2026-11-26T11:58:05Z
 *   files: 9
 *   000012.sst 1048576
 *   ...
 *
 * It is made aside and renamed, so a folder without that text is no whole backup.
 */
#pragma once

#include "rocks_files.h"
#include "rocks_store.h"

#define ROCKS_BACKUP_TEXT "backup.txt"

/* store_rocksdb.c: the options; `path` holds the folder's path when it is made from data_dir. */
int rocks_settings_read(const struct ordo_host *host, const struct ordo_options *values,
                        struct rocks_settings *ret_settings, char path[ROCKS_PATH_MAX],
                        struct ordo_error *err);

/* rocks_backup_text.c */
int rocks_backup_text_write(const char *folder, uint64_t orders, const struct ordo_host *host,
                            struct ordo_error *err);
/* The folder is a backup that this version knows, and has its files. 0 or a code with *err. */
int rocks_backup_text_check(const char *folder, const struct ordo_host *host, uint64_t *ret_orders,
                            struct ordo_error *err);

/* rocks_backup.c */
int rocks_backup(void *self, const char *folder, struct ordo_store_report *ret_report,
                 struct ordo_error *err);
void rocks_backup_stop(void *self);
int rocks_restore(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                  struct ordo_store_report *ret_report, struct ordo_error *err);

/* rocks_leftover.c: removes what is left of a copy that was killed. Fails when the folder is or has anything else. */
int rocks_clear_leftover(const char *folder, const struct ordo_host *host, struct ordo_error *err);

/* rocks_verify.c */
int rocks_verify(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                 ordo_finding_fn found, void *context, struct ordo_store_report *ret_report,
                 struct ordo_error *err);

/* As much of it as the caller knows: ret_report->size is set by the caller. */
static inline void rocks_report_copy(struct ordo_store_report *report, struct ordo_store_report *ret_report)
{
    report->size = ret_report->size;
    memcpy(ret_report, report, report->size < sizeof(*report) ? report->size : sizeof(*report));
}
