/* SPDX-License-Identifier: MIT
 * id_hash.h: a hash of order ids. Clients choose the ids, so it has a random seed: nobody can prepare ids that all
 * fall into one place of a table.
 */
#pragma once

#include <ordo/types.h>

void id_hash_seed(uint64_t seed[2]);
uint64_t id_hash(const uint64_t seed[2], ordo_str id);
