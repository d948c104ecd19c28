/* SPDX-License-Identifier: MIT
 * write_profile.c: write_profile CONTENT FORMAT [ROOT] writes a profile of known content to standard output.
 */
#include "profile/encode.h"

#include <stdio.h>
#include <stdlib.h>

#include "known.h"

#define TITLE "title <&\"'> of a profile"

static struct ordo_profile *make(const char *content, const char *root)
{
    if (strcmp(content, "cpu") == 0)
        return known_cpu(root);
    if (strcmp(content, "before") == 0)
        return known_cpu_before(root);
    if (strcmp(content, "heap") == 0)
        return known_heap(root);
    if (strcmp(content, "deep") == 0)
        return known_deep(150, 5);
    if (strcmp(content, "wide") == 0)
        return known_deep(3, 2000);
    if (strcmp(content, "empty") == 0)
        return ordo_profile_new(&ordo_meaning_cpu, 0);
    return NULL;
}

static bool encode(const struct ordo_profile *profile, const char *format, const char *root,
                   struct ordo_buffer *out)
{
    struct ordo_profile *before = known_cpu_before(root);
    bool known = true;

    if (strcmp(format, "pprof") == 0)
        ordo_encode_pprof(profile, out);
    else if (strcmp(format, "collapsed") == 0)
        ordo_encode_collapsed(profile, out);
    else if (strcmp(format, "speedscope") == 0)
        ordo_encode_speedscope(profile, TITLE, out);
    else if (strcmp(format, "top") == 0)
        ordo_encode_top(profile, 20, out);
    else if (strcmp(format, "top-diff") == 0) /* 1,000 orders before, 2,000 after */
        ordo_encode_top_diff(before, 1000, profile, 2000, 20, out);
    else if (strcmp(format, "svg") == 0)
        ordo_encode_flame_graph(profile, TITLE, out);
    else if (strcmp(format, "svg-diff") == 0)
        ordo_encode_flame_graph_diff(before, 1000, profile, 2000, TITLE, out);
    else
        known = false;
    ordo_profile_free(before);
    return known;
}

int main(int argc, char **argv)
{
    const char *root = argc > 3 ? argv[3] : "/src";
    struct ordo_profile *profile = argc > 2 ? make(argv[1], root) : NULL;
    struct ordo_buffer out = {0};
    bool good = profile != NULL && encode(profile, argv[2], root, &out);

    if (good)
        good = fwrite(out.ptr, 1, out.len, stdout) == out.len;
    else
        fputs("usage: write_profile cpu|before|heap|deep|wide|empty FORMAT [ROOT]\n", stderr);
    ordo_profile_free(profile);
    ordo_buffer_done(&out);
    return good ? 0 : 2;
}
