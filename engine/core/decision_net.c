/* SPDX-License-Identifier: MIT
 * decision_net.c: what each item costs, with its share of what was given to the whole order.
 *
 * The shares of an amount always add up to it: division gives each item the whole part, and what is left goes, one
 * minor unit each, to the items that division cut most.
 */
#include "core/decision.h"

#include <stdlib.h>

#include "base/int128.h"

struct share {
    int64_t remainder;
    uint32_t item;
};

enum { FEW_ITEMS = 16 }; /* among them the largest is looked for; more are sorted */

static int compare_shares(const void *left, const void *right)
{
    const struct share *a = left, *b = right;

    if (a->remainder != b->remainder)
        return a->remainder > b->remainder ? -1 : 1;
    return a->item < b->item ? -1 : 1;
}

/* What division left, one minor unit each to the largest remainders. */
static void spread_rest(int64_t *nets, struct share *shares, uint32_t count, int64_t rest, int sign)
{
    if (rest > 0 && count > FEW_ITEMS)
        qsort(shares, count, sizeof(*shares), compare_shares);
    for (uint32_t i = 0; rest > 0; i++, rest--) {
        uint32_t largest = i;

        if (count <= FEW_ITEMS) {
            largest = 0;
            for (uint32_t j = 1; j < count; j++)
                if (shares[j].remainder > shares[largest].remainder)
                    largest = j;
            shares[largest].remainder = -1;
        }
        nets[shares[largest].item] += sign;
    }
}

/* Adds `amount` (of one sign) to the nets, pro rata by line subtotal; what division leaves goes to the
 * largest remainders, so that the parts add up. Without a subtotal all lines weigh the same. */
static void spread(const struct ordo_cart *cart, int64_t *nets, struct share *shares, int64_t amount,
                   int sign)
{
    int64_t whole = cart->subtotal > 0 ? cart->subtotal : cart->count, rest = amount;

    if (amount == 0)
        return;
    for (uint32_t i = 0; i < cart->count; i++) {
        int64_t line = cart->subtotal > 0 ? cart->items[i].quantity * cart->items[i].price : 1;
        int64_t product, part;

        if (!__builtin_mul_overflow(amount, line, &product)) { /* so it is but for huge amounts */
            part = product / whole;
            shares[i] = (struct share){product % whole, i};
        } else {
            part = (int64_t)((ordo_int128)amount * line / whole);
            shares[i] = (struct share){(int64_t)((ordo_int128)amount * line % whole), i};
        }
        nets[i] += sign * part;
        rest -= part;
    }
    spread_rest(nets, shares, cart->count, rest, sign);
}

/* Computes the nets of all items as of the operations so far. */
static bool compute_nets(struct ordo_decision *decision)
{
    const struct ordo_cart *cart = &decision->cart;
    int64_t *nets = decision->nets, order_level[2] = {0}; /* discount, fee */

    struct share *shares; /* room to work in, behind the nets */

    if (nets == NULL)
        nets = ordo_arena_alloc(decision->arena, cart->count * (sizeof(*nets) + sizeof(*shares)));
    if (nets == NULL)
        return false;
    shares = (struct share *)(nets + cart->count);
    for (uint32_t i = 0; i < cart->count; i++)
        nets[i] = cart->items[i].quantity * cart->items[i].price;
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct ordo_operation *operation = &decision->operations[i];

        if (operation->kind != ORDO_OPERATION_DISCOUNT && operation->kind != ORDO_OPERATION_FEE)
            continue;
        if (operation->item == 0)
            order_level[operation->kind == ORDO_OPERATION_FEE] += operation->amount;
        else
            nets[operation->item - 1] +=
                operation->kind == ORDO_OPERATION_FEE ? operation->amount : -operation->amount;
    }
    spread(cart, nets, shares, order_level[0], -1);
    spread(cart, nets, shares, order_level[1], 1);
    decision->nets = nets;
    decision->nets_count = decision->count;
    return true;
}

int ordo_decision_item_net(struct ordo_decision *decision, uint32_t item, int64_t *ret_net,
                           struct ordo_error *err)
{
    if (item < 1 || item > decision->cart.count)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "net: there is no item %u, the order has %u", item,
                         decision->cart.count);
    if ((decision->nets == NULL || decision->nets_count != decision->count) && !compute_nets(decision))
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "the decision is over %zu bytes (limits.decision_bytes)",
                         decision->limits->decision_bytes);
    *ret_net = decision->nets[item - 1];
    return 0;
}
