/* SPDX-License-Identifier: MIT
 * profiles_show.c: what becomes of a profile that came: a file, a table, a flame graph, a page in the browser.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/output_file.h"
#include "cli/profiles.h"
#include "profile/encode.h"

enum { TOP_ROWS = 40, FLAME_LEVELS = 64, FLAME_COLUMNS = 80, NAMES_MOST = 10000 };

static bool print(const struct ordo_buffer *bytes)
{
    return bytes->len == 0 || fwrite(bytes->ptr, 1, bytes->len, stdout) == bytes->len;
}

static void complain(const struct ordo_profiles_call *call, const char *what, const char *path, int error)
{
    fprintf(stderr, "ordo %s: cannot %s %s: %s\n", call->command->name, what, path, strerror(error));
}

/* --- files --- */

/* A file of this name that was not there before, or "name-2.svg"; NULL after saying why not. The caller frees it. */
static char *claim_name(const struct ordo_profiles_call *call, const char *folder, const char *name)
{
    const char *dot = strchrnul(name, '.');

    for (int number = 1; number < NAMES_MOST; number++) {
        char *path, suffix[16] = "";
        int file;

        if (number > 1)
            snprintf(suffix, sizeof(suffix), "-%d", number);
        ORDO_REQUIRE(asprintf(&path, "%s/%.*s%s%s", folder, (int)(dot - name), name, suffix, dot) > 0);
        file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (file >= 0) {
            close(file);
            return path;
        }
        if (errno != EEXIST) {
            complain(call, "write", path, errno);
            free(path);
            return NULL;
        }
        free(path);
    }
    complain(call, "find a free name in", folder, EEXIST);
    return NULL;
}

static bool write_file(const struct ordo_profiles_call *call, const struct ordo_api *api, const char *path)
{
    struct ordo_output output = {.path = path};
    bool opened = ordo_output_open(&output, call->command);
    bool ok =
        opened && ordo_output_write(&output, ordo_buffer_str(&api->body)) && ordo_output_finish(&output);

    if (opened && !ok)
        complain(call, "write", path, output.error);
    ordo_output_close(&output, ok);
    if (ok)
        printf("%s: %zu bytes\n", path, api->body.len);
    return ok;
}

/* Under the engine's name, which nothing has yet; NULL after saying why not. The caller frees the path. */
static char *write_into(const struct ordo_profiles_call *call, const struct ordo_api *api, const char *folder)
{
    char *path = claim_name(call, folder, api->file[0] != '\0' ? api->file : "profile");

    if (path != NULL && !write_file(call, api, path)) {
        unlink(path);
        free(path);
        return NULL;
    }
    return path;
}

/* Where --output says; NULL after saying why not. */
static char *write_output(const struct ordo_profiles_call *call, const struct ordo_api *api)
{
    struct stat status;
    char *path;

    if (stat(call->output, &status) == 0 && S_ISDIR(status.st_mode))
        return write_into(call, api, call->output);
    if (!write_file(call, api, call->output))
        return NULL;
    path = strdup(call->output);
    ORDO_REQUIRE(path != NULL);
    return path;
}

/* --- the terminal --- */

static bool writes_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static bool writes_colours(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static unsigned columns_of_terminal(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    long number = columns == NULL ? 0 : strtol(columns, NULL, 10);

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col;
    return number > 1 && number < 10000 ? (unsigned)number : FLAME_COLUMNS;
}

/* The table and the flame graph of stacks are drawn here; the change between two is the engine's text. */
static bool draw(const struct ordo_profiles_call *call, const struct ordo_api *api)
{
    struct ordo_buffer text = {0};
    struct ordo_error err = {0};
    struct ordo_flame_text how = {
        .width = call->width > 0 ? (unsigned)call->width : columns_of_terminal(),
        .levels = call->limit > 0 ? (unsigned)call->limit : FLAME_LEVELS,
        .colours = writes_colours(),
        .ascii = !writes_utf8(),
    };
    struct ordo_profile *profile;

    if (call->kind.shape == ORDO_PROFILES_CHANGE)
        return print(&api->body);
    profile = ordo_decode_pprof(ordo_buffer_str(&api->body), &err);
    if (profile == NULL) {
        fprintf(stderr, "ordo %s: %s gives no profile: %s; is it an ordo engine?\n", call->command->name,
                api->base, err.message);
        return false;
    }
    if (call->top)
        ordo_encode_top(profile, call->limit > 0 ? (size_t)call->limit : TOP_ROWS, &text);
    if (call->top && call->flame)
        ordo_buffer_put(&text, '\n');
    if (call->flame)
        ordo_encode_flame_text(profile, &how, &text);
    print(&text);
    ordo_buffer_done(&text);
    ordo_profile_free(profile);
    return true;
}

static bool ends_with_newline(const struct ordo_buffer *body)
{
    return body->len > 0 && body->ptr[body->len - 1] == '\n';
}

static void print_body(const struct ordo_api *api)
{
    print(&api->body);
    if (isatty(STDOUT_FILENO) && !ends_with_newline(&api->body))
        putchar('\n');
}

/* --- the browser --- */

static bool run_opener(const char *path)
{
    char *arguments[] = {"xdg-open", NULL, NULL};
    int status = -1;
    pid_t pid;

    arguments[1] = realpath(path, NULL);
    fflush(stdout);
    if (posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    free(arguments[1]);
    return status == 0;
}

/* The file stays: the browser reads it when it likes to. */
static char *write_aside(const struct ordo_profiles_call *call, const struct ordo_api *api)
{
    const char *base = getenv("TMPDIR");
    char *folder, *path = NULL;

    ORDO_REQUIRE(
        asprintf(&folder, "%s/ordo-profile-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp") > 0);
    if (mkdtemp(folder) == NULL)
        complain(call, "make", folder, errno);
    else if ((path = write_into(call, api, folder)) == NULL)
        rmdir(folder);
    free(folder);
    return path;
}

/* Without a browser here, there may be one where the terminal is. */
static void open_page(const struct ordo_profiles_call *call, const struct ordo_api *api, const char *path,
                      const char *asked)
{
    if (run_opener(path))
        return;
    fprintf(stderr,
            "ordo %s: xdg-open (package xdg-utils) shows nothing here; open the file, or the page at\n",
            call->command->name);
    if (api->profile_id != 0)
        printf("%s/profile/history/%llu?format=svg\n", api->base, (unsigned long long)api->profile_id);
    else
        printf("%s%s\n", api->base, asked);
}

/* --- what there is to do --- */

static bool is_binary(const struct ordo_api *api)
{
    return strcmp(api->type, "application/octet-stream") == 0;
}

int ordo_profiles_show(const struct ordo_profiles_call *call, struct ordo_api *api, const char *asked)
{
    bool to_stdout = call->output != NULL && strcmp(call->output, "-") == 0, ok = true;
    bool to_file = call->output != NULL && !to_stdout, shows = call->top || call->flame || call->open;
    char *path = NULL;

    if (to_file)
        ok = (path = write_output(call, api)) != NULL;
    if (ok && (call->top || call->flame))
        ok = draw(call, api);
    if (ok && call->open && (path != NULL || (path = write_aside(call, api)) != NULL))
        open_page(call, api, path, asked);
    else if (call->open)
        ok = false;
    if (to_stdout)
        print(&api->body);
    else if (ok && !to_file && !shows && is_binary(api) && isatty(STDOUT_FILENO))
        ok = (path = write_into(call, api, ".")) != NULL;
    else if (ok && !to_file && !shows)
        print_body(api);
    free(path);
    fflush(stdout);
    if (ok && api->profile_id != 0)
        fprintf(stderr, "profile %llu of the history\n", (unsigned long long)api->profile_id);
    return ok ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}
