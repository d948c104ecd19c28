/* SPDX-License-Identifier: MIT
 * store_dump.c: what a store holds, as lines that a test compares with what clients were told.
 *
 *   store_dump STORE.so [--ids FILE] [setting ...]
 *
 *   order ID STATUS REVISION SHA-256-OF-THE-ORDER SHA-256-OF-THE-ANSWER     from the listing, newest first
 *   unreadable ID CODE       what the listing shows and a look by its id does not find, or not the same
 *   pending ID               what a start would decide
 *   records N                what the store counts
 *
 * With --ids the listing is left out, and each id of the file, one a line, is looked up: "order", "unreadable", or
 * "absent ID". It ends with 1 and a sentence when the store refuses to open, with 2 when a listing breaks off; the log of
 * the store goes to standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "../plugin/store_driver.h"

enum { LINE_BYTES = ORDO_ID_MAX + 256 };

static void print_hash(ordo_str text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text.ptr, text.len, digest);
    putchar(' ');
    for (size_t i = 0; i < sizeof(digest); i++)
        printf("%02x", digest[i]);
}

static void print_record(const struct ordo_record *record)
{
    printf("order %.*s %d %u", (int)record->id.len, record->id.ptr, (int)record->status, record->revision);
    print_hash(record->order);
    print_hash(record->answer);
    putchar('\n');
}

/* The ids of a listing, to look them up behind it. */
struct ids {
    char (*texts)[ORDO_ID_MAX + 1];
    size_t count, capacity;
};

static void keep_id(struct ids *ids, ordo_str id)
{
    if (ids->count == ids->capacity) {
        ids->capacity = ids->capacity == 0 ? 1024 : ids->capacity * 2;
        ids->texts = realloc(ids->texts, ids->capacity * sizeof(ids->texts[0]));
        if (ids->texts == NULL)
            abort();
    }
    snprintf(ids->texts[ids->count++], sizeof(ids->texts[0]), "%.*s", (int)id.len, id.ptr);
}

static bool show_listed(void *context, const struct ordo_record *record)
{
    print_record(record);
    keep_id(context, record->id);
    return true;
}

static bool show_found(void *context, const struct ordo_record *record)
{
    (void)context;
    print_record(record);
    return true;
}

static bool show_pending(void *context, const struct ordo_record *record)
{
    (void)context;
    printf("pending %.*s\n", (int)record->id.len, record->id.ptr);
    return true;
}

/* A look by its id finds the id that was asked for. */
static bool compare_id(void *context, const struct ordo_record *record)
{
    const char **expected = context;

    if (ordo_str_equal(record->id, ordo_str_from(*expected)))
        *expected = NULL;
    return true;
}

static int list_all(struct fake_plugin *store)
{
    const struct ordo_store_ops *ops = store->plugin->ops;
    struct ordo_store_query query = {.size = sizeof(query), .priority = ANY, .limit = 100000};
    struct ids ids = {0};
    int result;

    do {
        struct ordo_store_cursor after;

        result = ops->list(store->self, &query, show_listed, &ids, &after);
        query.after = after;
    } while (result == 0 && !store_is_end(query.after));
    for (size_t i = 0; i < ids.count; i++) {
        const char *id = ids.texts[i];
        int found = ops->get(store->self, ordo_str_from(id), compare_id, &id);

        if (found != 0 || id != NULL)
            printf("unreadable %s %d\n", ids.texts[i], found);
    }
    free(ids.texts);
    for (int priority = 0; result == 0 && priority < ORDO_PRIORITY_COUNT; priority++) {
        struct ordo_store_cursor after = {0, 0};

        do
            result = ops->pending(store->self, (enum ordo_priority)priority, after, 1000, show_pending, NULL,
                                  &after);
        while (result == 0 && !store_is_end(after));
    }
    printf("records %llu\n", (unsigned long long)store_stat(store).records);
    return result;
}

static int look_up(struct fake_plugin *store, const char *path)
{
    const struct ordo_store_ops *ops = store->plugin->ops;
    FILE *file = fopen(path, "re");
    char line[LINE_BYTES];

    if (file == NULL) {
        perror(path);
        return -1;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        int found;

        line[strcspn(line, "\n")] = '\0';
        found = ops->get(store->self, ordo_str_from(line), show_found, NULL);
        if (found == ORDO_ENOTFOUND)
            printf("absent %s\n", line);
        else if (found != 0)
            printf("unreadable %s %d\n", line, found);
    }
    fclose(file);
    return 0;
}

static void print_log(const struct fake_plugin *store)
{
    for (size_t i = 0; i < store->log_count && i < FAKE_LOG_MAX; i++)
        fprintf(stderr, "%s\n", store->log[i]);
}

int main(int argc, char **argv)
{
    bool has_ids = argc > 3 && strcmp(argv[2], "--ids") == 0;
    struct fake_plugin *store;
    int result;

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so [--ids FILE] [setting ...]\n", argv[0]);
        return 2;
    }
    store = fake_plugin_open(argv[1], (const char *const *)argv + (has_ids ? 4 : 2));
    if (store->self == NULL) {
        print_log(store);
        fprintf(stderr, "refused: %s: %s\n", store->err.place, store->err.message);
        return 1;
    }
    result = has_ids ? look_up(store, argv[3]) : list_all(store);
    print_log(store);
    if (result != 0)
        fprintf(stderr, "the listing broke off: %d\n", result);
    fake_plugin_close(store);
    return result == 0 ? 0 : 2;
}
