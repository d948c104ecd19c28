/* SPDX-License-Identifier: MIT
 * encode.h: a profile in the formats that tools open. One file an encoder; each appends to *out.
 */
#pragma once

#include "profile/profile.h"

/* pprof's protobuf, gzipped: for `go tool pprof`, Pyroscope, Parca, Perfetto. */
void ordo_encode_pprof(const struct ordo_profile *profile, struct ordo_buffer *out);
/* Reads one back, gzipped or not. NULL and *err when it is none, is damaged, or has more than ORDO_PPROF_MAX bytes
 * when unpacked. What other programs wrote can be read too; then the kinds of its frames are guessed. */
enum { ORDO_PPROF_MAX = 64 << 20 };
struct ordo_profile *ordo_decode_pprof(ordo_str bytes, struct ordo_error *err);

/* "root;caller;callee 42": for flamegraph.pl, speedscope, Firefox. The shown value. */
void ordo_encode_collapsed(const struct ordo_profile *profile, struct ordo_buffer *out);
/* speedscope's JSON, one profile in it for each value. */
void ordo_encode_speedscope(const struct ordo_profile *profile, const char *title, struct ordo_buffer *out);
/* A flame graph in one file with its script: search, zoom, kinds by colour, light and dark. */
void ordo_encode_flame_graph(const struct ordo_profile *profile, const char *title, struct ordo_buffer *out);
/* The same of the change from `base`, each divided by its divisor (orders decided meanwhile; 1: not divided). */
void ordo_encode_flame_graph_diff(const struct ordo_profile *base, double base_divisor,
                                  const struct ordo_profile *profile, double divisor, const char *title,
                                  struct ordo_buffer *out);
/* A table of functions by their own and their total share. */
void ordo_encode_top(const struct ordo_profile *profile, size_t most, struct ordo_buffer *out);
void ordo_encode_top_diff(const struct ordo_profile *base, double base_divisor,
                          const struct ordo_profile *profile, double divisor, size_t most,
                          struct ordo_buffer *out);

/* How a flame graph is drawn in characters. */
struct ordo_flame_text {
    unsigned width;  /* columns, 2 at least */
    unsigned levels; /* rows at most, 1 at least */
    bool colours;    /* escape sequences; without them, bars end the frames */
    bool ascii;      /* the terminal does not show UTF-8 */
};
void ordo_encode_flame_text(const struct ordo_profile *profile, const struct ordo_flame_text *how,
                            struct ordo_buffer *out);
