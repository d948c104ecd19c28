/* SPDX-License-Identifier: MIT
 * rocks_tidy.c: the thread "files". RocksDB may delete no file by itself (rocks_manifest.h says why); this thread notes
 * what the MANIFEST has, and lets it. It is not done in the store's thread, since to delete large files takes time. It also
 * files the indexes (rocks_index.h), which the store's thread only waits for when all segments of the tail are full.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "monotonic_cond.h"
#include "quiet_thread.h"
#include "rocks_index.h"

struct rocks_tidy {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_cond_t filed;    /* with lock: a segment of the tail was, or the store failed */
    bool is_asked, stopping; /* under lock */
    bool started;
    uint64_t seen; /* size of the MANIFEST at the last glance; the store's thread */
};

/* After a failed sync nothing is known about the disk. */
static void note_failure(struct rocks_store *store, const char *what, const char *error)
{
    char message[512];

    snprintf(message, sizeof(message), "%s: %s", what, error);
    rocks_fail(store, message);
}

static void file_and_tidy(struct rocks_store *store)
{
    char *error = rocks_index_file(store);
    int result = error == NULL ? rocks_database_tidy(&store->database) : 0;

    if (error != NULL)
        note_failure(store, "the indexes cannot be filed", error);
    if (result != 0)
        note_failure(store, ROCKS_MARK_NAME ": what its MANIFEST has cannot be noted", strerror(-result));
    free(error);
}

/* Each second too, for what RocksDB does on its own after the last commit. False: the store ends. */
static bool wait_for_work(struct rocks_tidy *tidy)
{
    struct timespec until;
    bool stopping;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&tidy->lock);
    while (!tidy->is_asked && !tidy->stopping)
        if (pthread_cond_timedwait(&tidy->moved, &tidy->lock, &until) == ETIMEDOUT)
            break;
    tidy->is_asked = false;
    stopping = tidy->stopping;
    pthread_mutex_unlock(&tidy->lock);
    return !stopping;
}

static void *run(void *context)
{
    struct rocks_store *store = context;

    while (wait_for_work(store->tidy)) {
        if (!atomic_load(&store->failed))
            file_and_tidy(store);
        pthread_mutex_lock(&store->tidy->lock);
        pthread_cond_signal(&store->tidy->filed);
        pthread_mutex_unlock(&store->tidy->lock);
    }
    return NULL;
}

bool rocks_tidy_roll(struct rocks_store *store)
{
    struct rocks_tidy *tidy = store->tidy;
    bool rolled;

    pthread_mutex_lock(&tidy->lock);
    while (!(rolled = rocks_tail_roll(&store->index.tail)) && !atomic_load(&store->failed))
        pthread_cond_wait(&tidy->filed, &tidy->lock);
    tidy->is_asked = true;
    pthread_mutex_unlock(&tidy->lock);
    pthread_cond_signal(&tidy->moved);
    return rolled;
}

void rocks_tidy_glance(struct rocks_store *store)
{
    struct rocks_tidy *tidy = store->tidy;
    uint64_t size = rocks_manifest_size(&store->database.manifest);

    if (size == tidy->seen)
        return;
    tidy->seen = size;
    pthread_mutex_lock(&tidy->lock);
    tidy->is_asked = true;
    pthread_mutex_unlock(&tidy->lock);
    pthread_cond_signal(&tidy->moved);
}

int rocks_tidy_start(struct rocks_store *store, struct ordo_error *err)
{
    struct rocks_tidy *tidy = calloc(1, sizeof(*tidy));
    int result;

    store->tidy = tidy;
    if (tidy == NULL)
        return store->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    tidy->seen = rocks_manifest_size(&store->database.manifest);
    pthread_mutex_init(&tidy->lock, NULL);
    monotonic_cond_init(&tidy->moved);
    pthread_cond_init(&tidy->filed, NULL);
    result = quiet_thread_start(&tidy->thread, "files", run, store, store->host, err);
    tidy->started = result == 0;
    return result;
}

void rocks_tidy_stop(struct rocks_store *store)
{
    struct rocks_tidy *tidy = store->tidy;

    if (tidy == NULL)
        return;
    if (tidy->started) {
        pthread_mutex_lock(&tidy->lock);
        tidy->stopping = true;
        pthread_mutex_unlock(&tidy->lock);
        pthread_cond_signal(&tidy->moved);
        pthread_join(tidy->thread, NULL);
    }
    pthread_cond_destroy(&tidy->moved);
    pthread_cond_destroy(&tidy->filed);
    pthread_mutex_destroy(&tidy->lock);
    free(tidy);
    store->tidy = NULL;
}
