/* SPDX-License-Identifier: MIT
 * http_backup.c: POST /backup, which is answered when the engine's backup thread has made the copy.
 */
#include "http/http_impl.h"

/* A backup that was asked for; between the loop and the backup's thread. */
struct backup {
    struct ordo__errand errand; /* first: both convert */
    struct ordo_backup_result result;
    char *folder;
};

static void answer(struct ordo__request *request, const struct backup *backup)
{
    const struct ordo_backup_result *result = &backup->result;
    struct ordo_buffer body = {0};
    struct ordo_json_writer json = ordo_json_writer(&body);
    char text[1024];

    if (result->result != 0) {
        ordo__reply_problem(request,
                            (result->result == ORDO_EEXISTS || result->result == ORDO_ECONFIG)
                                ? ORDO_PROBLEM_INVALID_BACKUP
                            : result->result == ORDO_ESTOPPED ? ORDO_PROBLEM_STOPPING
                                                              : ORDO_PROBLEM_INTERNAL,
                            "%s", ordo_error_format(&result->err, text, sizeof(text)));
        return;
    }
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("folder"), ordo_str_from(backup->folder));
    ordo_json_key_int(&json, ORDO_STR("orders"), (int64_t)result->report.orders);
    ordo_json_key_int(&json, ORDO_STR("bytes"), (int64_t)result->report.bytes);
    ordo_json_key(&json, ORDO_STR("seconds"));
    ordo_json_double(&json, (double)(result->took_ns / 1000000) / 1000);
    ordo_json_end_object(&json);
    ordo__reply_json(request, 200, ordo_buffer_str(&body));
    ordo_buffer_done(&body);
}

static void backup_free(struct backup *backup)
{
    free(backup->folder);
    free(backup);
}

static void back(struct ordo__errand *errand, struct ordo__request *request)
{
    struct backup *backup = (struct backup *)errand;

    if (request != NULL)
        answer(request, backup);
    backup_free(backup);
}

static void done(void *context, const struct ordo_backup_result *result) /* the backup's thread */
{
    struct backup *backup = context;

    backup->result = *result;
    ordo__errand_return(&backup->errand);
}

static void start(struct ordo__request *request, ordo_str folder)
{
    struct backup *backup = calloc(1, sizeof(*backup));
    int result;

    ORDO_REQUIRE(backup != NULL);
    backup->folder = strndup(folder.ptr, folder.len);
    ORDO_REQUIRE(backup->folder != NULL);
    ordo__errand_begin(&backup->errand, request, back);
    result = ordo_engine_backup(request->loop->engine, backup->folder, done, backup);
    if (result == 0)
        return;
    ordo__errand_drop(&backup->errand);
    backup_free(backup);
    if (result == ORDO_EEXISTS)
        ordo__reply_problem(request, ORDO_PROBLEM_BACKUP_RUNNING,
                            "one is being made; ask again when it is there");
    else if (result == ORDO_ESTOPPED)
        ordo__reply_problem(request, ORDO_PROBLEM_STOPPING, "the engine is stopping");
    else if (result == ORDO_ENOTFOUND)
        ordo__reply_problem(request, ORDO_PROBLEM_INVALID_BACKUP,
                            "the store keeps nothing on a disk, so there is nothing to copy");
    else
        ordo__reply_problem(request, ORDO_PROBLEM_INTERNAL, "cannot start a thread: %s", strerror(-result));
}

/* {"folder":"/absolute/path"} and nothing else. NULL, or what is wrong. */
static const char *read_folder(struct ordo_json_value root, ordo_str *ret_folder)
{
    struct ordo_json_value value;
    ordo_str key;

    *ret_folder = ORDO_STR_NONE;
    if (ordo_json_type(root) != ORDO_JSON_OBJECT)
        return "send an object with folder";
    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        if (!ordo_str_equal(key, ORDO_STR("folder")))
            return "only folder is known here";
        if (ordo_json_type(value) != ORDO_JSON_STRING)
            return "folder must be a text";
        *ret_folder = ordo_json_as_str(value);
    }
    if (ret_folder->len == 0)
        return "folder is missing: an absolute path on the engine's machine that does not exist yet";
    if (memchr(ret_folder->ptr, '\0', ret_folder->len) != NULL)
        return "folder has a NUL byte in it";
    if (ret_folder->ptr[0] != '/')
        return "folder must be an absolute path: the engine's own folder is not the caller's";
    return NULL;
}

void ordo__backup_post(struct ordo__request *request)
{
    struct ordo_json_value root;
    const char *wrong;
    ordo_str folder;

    if (!ordo__request_json(request, "this request is a few hundred bytes", &root))
        return;
    if ((wrong = read_folder(root, &folder)) != NULL)
        ordo__reply_problem(request, ORDO_PROBLEM_INVALID_BACKUP, "%s", wrong);
    else
        start(request, folder);
}
