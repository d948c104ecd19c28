/* SPDX-License-Identifier: MIT
 * int128.h: 128-bit integers, which the compilers have and the C standard does not name: for products of
 * amounts.
 */
#pragma once

__extension__ typedef __int128 ordo_int128;
__extension__ typedef unsigned __int128 ordo_uint128;
