/* SPDX-License-Identifier: MIT
 * money.c: see money.h.
 */
#include "core/money.h"

int ordo_money_decimals(ordo_str currency)
{
    static const struct {
        int decimals;
        const char *codes; /* three letters each, a space between */
    } unusual[] = {
        {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
        {3, "BHD IQD JOD KWD LYD OMR TND"},
        {4, "CLF UYW"},
    };

    for (size_t i = 0; currency.len == 3 && i < sizeof(unusual) / sizeof(*unusual); i++)
        for (const char *code = unusual[i].codes;; code += 4) {
            if (memcmp(code, currency.ptr, 3) == 0)
                return unusual[i].decimals;
            if (code[3] == '\0')
                break;
        }
    return 2;
}

void ordo_money_put(struct ordo_buffer *out, int64_t amount, int decimals)
{
    uint64_t left = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount, whole = 1;

    for (int i = 0; i < decimals; i++)
        whole *= 10;
    ordo_buffer_printf(out, "%s%llu", amount < 0 ? "-" : "", (unsigned long long)(left / whole));
    if (decimals > 0)
        ordo_buffer_printf(out, ".%0*llu", decimals, (unsigned long long)(left % whole));
}
