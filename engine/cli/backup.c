/* SPDX-License-Identifier: MIT
 * backup.c: `ordo backup`: asks a running engine for a copy of its store, and waits for it.
 */
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_write.h"
#include "cli/api_client.h"

const struct ordo_cli_option ordo_backup_options[] = {
    ORDO_API_ROWS,
    {0},
};

/* The request's body; the path is taken from the caller's folder, since the engine has another one. */
static bool write_request(const char *folder, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_buffer path = {0};
    char *here = folder[0] == '/' ? NULL : getcwd(NULL, 0);

    if (folder[0] != '/' && here == NULL) {
        fprintf(stderr, "ordo backup: cannot tell the folder that this runs in: %s\n", strerror(errno));
        return false;
    }
    ordo_buffer_printf(&path, "%s%s%s", here != NULL ? here : "", here != NULL ? "/" : "", folder);
    free(here);
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("folder"), ordo_buffer_str(&path));
    ordo_json_end_object(&json);
    ordo_buffer_done(&path);
    return true;
}

/* The answer of an engine that made one. */
static void show(struct ordo_json_value root)
{
    ordo_str key = ORDO_STR_NONE, folder = ORDO_STR_NONE;
    struct ordo_json_value value;
    uint64_t orders = 0, bytes = 0;
    double seconds = 0;

    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        if (ordo_str_equal(key, ORDO_STR("folder")))
            folder = ordo_json_as_str(value);
        else if (ordo_str_equal(key, ORDO_STR("orders")))
            orders = ordo_json_as_uint(value);
        else if (ordo_str_equal(key, ORDO_STR("bytes")))
            bytes = ordo_json_as_uint(value);
        else if (ordo_str_equal(key, ORDO_STR("seconds")))
            seconds = ordo_json_as_double(value);
    }
    printf("backup " ORDO_STR_FMT ": %llu orders, %llu bytes, %.2f s\n", ORDO_STR_ARG(folder),
           (unsigned long long)orders, (unsigned long long)bytes, seconds);
}

int ordo_backup_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {.may_take_long = true};
    struct ordo_buffer request = {0};
    struct ordo_api *api;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        ordo_api_take(&options, id, value);
    }
    if (argc - args.next != 1)
        return ordo_command_usage(command, "name one folder, which the backup is to be");
    if ((api = ordo_api_open(command, &options)) == NULL)
        return ORDO_EXIT_USAGE;
    code = ORDO_EXIT_FAILURE;
    if (write_request(argv[args.next], &request)) {
        if (ordo_api_post(api, "/backup", &request, NULL, NULL)) {
            show(ordo_json_root(api->parser));
            code = ORDO_EXIT_OK;
        }
    }
    ordo_buffer_done(&request);
    ordo_api_close(api);
    return code;
}
