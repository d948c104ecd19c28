/* SPDX-License-Identifier: MIT
 * output_file.c: FILE.partial becomes FILE; a device or a pipe is written itself.
 */
#include "cli/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool ordo_output_open(struct ordo_output *output, const struct ordo_command *command)
{
    struct stat status;
    const char *path = output->path;

    output->file = stdout;
    if (path == NULL)
        return true;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        ORDO_REQUIRE(asprintf(&output->partial, "%s.partial", path) > 0);
        path = output->partial;
    }
    output->file = fopen(path, "we");
    if (output->file == NULL) {
        output->error = errno;
        fprintf(stderr, "ordo %s: cannot write %s: %s\n", command->name, path, strerror(errno));
    }
    return output->file != NULL;
}

bool ordo_output_write(struct ordo_output *output, ordo_str bytes)
{
    if (bytes.len == 0 || fwrite(bytes.ptr, 1, bytes.len, output->file) == bytes.len)
        return true;
    output->error = errno;
    return false;
}

bool ordo_output_finish(struct ordo_output *output)
{
    bool ok = fflush(output->file) == 0 && (output->partial == NULL || fsync(fileno(output->file)) == 0);

    if (ok && output->partial != NULL)
        ok = rename(output->partial, output->path) == 0;
    if (!ok)
        output->error = errno;
    return ok;
}

void ordo_output_close(struct ordo_output *output, bool ok)
{
    if (output->file != NULL && output->file != stdout)
        fclose(output->file);
    if (!ok && output->file != NULL && output->partial != NULL)
        unlink(output->partial);
    free(output->partial);
}
