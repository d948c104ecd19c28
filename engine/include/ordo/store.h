/* SPDX-License-Identifier: MIT
 * ordo/store.h: what a store plugin does.
 *
 * A store keeps one record an order: its bytes as they were sent, where it stands, and its decision or
 * problem. A write names the states that it may replace, and the store compares and writes in one step: that
 * is what makes "exactly one final decision an order" true, also between two clients that send the same id at
 * once.
 *
 * The outbox is the store's list of decisions for the sinks, numbered from 1 in the order in which they became
 * durable. A decision gets its number in the same commit as its record, so a sink that reads on from where it was
 * misses none, whatever happened meanwhile. What all sinks have taken is deleted.
 */
#pragma once

#include <stddef.h>

#include <ordo/plugin.h>
#include <ordo/sink.h>

struct ordo_record {
    uint32_t size;
    enum ordo_status status;
    enum ordo_priority priority;
    uint32_t revision;   /* of the decision; 0: none yet */
    uint32_t attempt;    /* attempts begun */
    uint64_t generation; /* rule set that decided it; 0: none yet */
    int64_t received_ms; /* UTC */
    int64_t updated_ms;  /* UTC */
    int64_t due_ms;      /* UTC; when a queued attempt is due; 0: at once */
    ordo_str id;
    ordo_str customer; /* customer.id; may be empty */
    ordo_str order;    /* the order's bytes as they were sent */
    ordo_str answer;   /* the decision (done, held, dead) or the problem (invalid) as JSON; may be empty */
};

struct ordo_write {
    struct ordo_record record; /* its strings need to live until submit's completion */
    uint32_t replaces;         /* bits of ORDO_STATUS_BIT and ORDO_STATUS_BIT_ABSENT that it may replace */
    bool emits; /* record.answer is for the sinks: it gets the next sequence number of the outbox */
    int result; /* set by the store: 0; ORDO_EEXISTS: the record's state, which may be absent, is none
                                  of `replaces`; ORDO_EFULL: no room and nothing that may be dropped (never for a
                                  record that is there); others: not written */
    uint32_t
        absent_at; /* 1.1, where 1.0 had padding: what `find` gave when the order was absent, at most some seconds
                           ago; 0: not known. It spares a store the look-up, not the comparison. */
};

/* Called once when all writes of a submit are durable or refused, on any thread, or inside of submit. Must
 * not block. */
typedef void (*ordo_store_done_fn)(void *context, struct ordo_write *writes, size_t count);

/* The record is valid during the call only. Returns false to end a listing. */
typedef bool (*ordo_record_fn)(void *context, const struct ordo_record *record);

/* A place in a listing. What the numbers mean is the store's own; both 0: before the newest, or behind the
 * last. */
struct ordo_store_cursor {
    uint64_t high, low;
};

struct ordo_store_query {
    uint32_t size;
    uint32_t statuses;              /* bits; 0: all */
    int priority;                   /* enum ordo_priority, or -1: all */
    ordo_str customer;              /* empty: all */
    int64_t since_ms;               /* UTC; received then or later; 0: all */
    int64_t until_ms;               /* UTC; received before; 0: all */
    uint32_t limit;                 /* records at most */
    struct ordo_store_cursor after; /* a cursor that a listing returned */
};

struct ordo_store_stat {
    uint32_t size;
    uint64_t records, bytes, dropped, writes, refused;
    uint64_t sequence; /* of the newest decision in the outbox; 0: there was none yet */
    bool is_full;      /* new orders are refused just now; looked at when it is asked for */
    /* Since 1.1: memory that its options let it fill, caches and buffers; while it holds less, a rise is no leak. 0: not known. */
    uint64_t memory_max;
};

/* A decision and its sequence number; NULL: the store has lost it, which it logs, and the sinks go on behind it. Valid during
 * the call only. Returns false to end the reading. */
typedef bool (*ordo_emission_fn)(void *context, uint64_t sequence, const struct ordo_emission *emission);

/* Something that verify found: one sentence that names the file, key or order it is about. */
typedef void (*ordo_finding_fn)(void *context, const char *message);

/* What backup, restore or verify went over. */
struct ordo_store_report {
    uint32_t size;
    uint64_t orders, index_entries, findings; /* entries and findings: of verify */
    uint64_t bytes;                           /* of a backup's files; verify: of all keys and values */
};

/* What a store can do beyond the operations that each one has. */
enum ordo_store_ability {
    ORDO_STORE_DURABLE = 1, /* it outlives the process: backup, restore and verify are there */
};

/* All operations may be called from any thread, at once. */
struct ordo_store_ops {
    uint32_t size;
    uint32_t abilities; /* bits of enum ordo_store_ability */
    /* Writes, in order, and calls done. Does not wait for the disk. */
    void (*submit)(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done,
                   void *context);
    /* Calls `visit` with the record, or returns ORDO_ENOTFOUND. May wait for a disk read. */
    int (*get)(void *self, ordo_str id, ordo_record_fn visit, void *context);
    /* Newest first: by when an order was received, or by when it was first recorded. *ret_after is the
     * cursor of the next page, zero when there is none. A store may end a page early to bound the work of one
     * call; the cursor then goes on. May wait for disk reads. */
    int (*list)(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
                struct ordo_store_cursor *ret_after);
    /* Records of a priority that are on their way (queued, running, waiting, recording), oldest first, behind `after`.
     * *ret_after is the cursor of the rest, zero when there is none. What comes in meanwhile may be among them. */
    int (*pending)(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                   ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after);
    void (*stat)(void *self, struct ordo_store_stat *ret_stat); /* ret_stat->size is set by the caller */

    /* Which sinks there are, by name; called once, before any other operation. ret_taken[i]: the sequence number up to
     * which sink i has taken everything; one that was not there before starts behind the newest. What is known of other
     * sinks is forgotten, and with no sinks at all the outbox is emptied. 0 or a code with *err. */
    int (*sinks)(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken,
                 struct ordo_error *err);
    /* Calls `visit` with the decisions behind this sequence number, in order, as far as they are durable. May wait for
     * disk reads. */
    int (*emissions)(void *self, uint64_t after, ordo_emission_fn visit, void *context);
    /* Sink i has taken everything up to this number. It is remembered soon, and not waited for: what a crash forgets is
     * taken once more. */
    void (*taken)(void *self, size_t sink, uint64_t sequence);

    /* With ORDO_STORE_DURABLE. ret_report->size is set by the caller. */

    /* Copies the store as it is at one moment into `folder`, which must not exist yet, while everything goes on; what was
     * acknowledged before the call is in it. When it returns 0 the copy is durable; otherwise there is no such folder.
     * Blocks; one call at a time. 0 or a code with *err: ORDO_EEXISTS when something is there, ORDO_ECONFIG when it cannot
     * be made there. */
    int (*backup)(void *self, const char *folder, struct ordo_store_report *ret_report,
                  struct ordo_error *err);
    /* The next two need no open store: they work on the one that these options describe, which no process may use
     * meanwhile. Main thread; they block. Like open, they may read options. */

    /* Makes the store what the backup in `folder` is. Fails when there is a store already; what it has begun is then not
     * seen by an open. The backup is left as it was. */
    int (*restore)(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                   struct ordo_store_report *ret_report, struct ordo_error *err);
    /* Reads everything: checksums, every index entry against its order and back, counters. Each defect is told to `found`.
     * `folder` is a backup to look at instead; NULL: the store itself. Changes nothing. 0 also when there were findings; a
     * code with *err when it could not look. */
    int (*verify)(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                  ordo_finding_fn found, void *context, struct ordo_store_report *ret_report,
                  struct ordo_error *err);

    /* 1.1. May be NULL. */

    /* Which of these orders there are: ret_results[i] is 0, ORDO_ENOTFOUND, or an error, of which `get` says more. Costs less
     * than a `get` for each. *ret_moment is for ordo_write.absent_at of those that are not there. May wait for disk reads. */
    void (*find)(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment);

    /* Gives up the backup that is running, if there is one: it fails with ORDO_ESTOPPED, soon, and leaves nothing, unless it
     * is just done. A call that meets its very beginning may miss it, so it is called again until the backup has returned.
     * Does not wait for it. Without it a stop waits. */
    void (*backup_stop)(void *self);
};
#define ORDO_STORE_OPS_1_0 offsetof(struct ordo_store_ops, find) /* bytes of the table in 1.0 */

/* The table of the store reaches so far, and the operation is there. */
#define ORDO_STORE_HAS(ops, operation)                                                                       \
    ((ops)->size >= offsetof(struct ordo_store_ops, operation) + sizeof((ops)->operation) &&                 \
     (ops)->operation != NULL)

static inline bool ordo_store_is_durable(const struct ordo_store_ops *ops)
{
    return (ops->abilities & ORDO_STORE_DURABLE) != 0;
}

static inline bool ordo_store_has_find(const struct ordo_store_ops *ops)
{
    return ORDO_STORE_HAS(ops, find);
}

static inline bool ordo_store_can_stop_backup(const struct ordo_store_ops *ops)
{
    return ORDO_STORE_HAS(ops, backup_stop);
}
