/* SPDX-License-Identifier: MIT
 * plugin_impl.h: what the files of this folder share.
 */
#pragma once

#include "plugin/plugin.h"

/* Fills the host table of an instance: instance->host.engine is the instance. */
void ordo__plugin_host_init(struct ordo_plugin_instance *instance);

/* Checks a descriptor as far as its stated size and versions allow it to be read. 0, or a code with the
 * sentence in *err, whose place is `path`. `name` is the file's without .so. */
int ordo__plugin_check(const struct ordo_plugin *plugin, const char *path, const char *name, int kind,
                       struct ordo_error *err);
