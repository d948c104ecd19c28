-- tests: one order through all rules, with its whole explanation.
--
-- subtotal 2 x 19.99 + 49.50 + 5 x 2.50 = 101.98
-- tier     5 % is 5.099;   coupon 10 % is 10.198;   cap 20 % is 20.396;   net 101.98 - 15.30 = 86.68, ships free
-- books    the discount's part is 15.30 x 49.50 / 101.98 = 7.43: net 42.07, 7 % is 2.9449
-- rest     86.68 - 42.07 = 44.61, 19 % is 8.4759
return {
  {
    name = "gold, SPRING10, high priority",
    order = {
      id = "o-1001",
      customer = { id = "c-42", tier = "gold", country = "DE" },
      currency = "EUR",
      priority = 1,
      items = {
        { sku = "A-1001", qty = 2, price = 1999 },
        { sku = "B-7", qty = 1, price = 4950 },
        { sku = "C-33", qty = 5, price = 250 },
      },
      coupon = "SPRING10",
    },
    expect = {
      decision = "accepted",
      subtotal = 10198, discount = 1530, fee = 0, tax = 1142, total = 9810, paid = 0, due = 9810,
      route = "express",
      flags = {},
      shipments = {},
      attributes = {},
      operations = {
        { op = "discount", label = "tier:gold", amount = 510 },
        { op = "discount", label = "coupon:SPRING10", amount = 1020 },
        { op = "cap", label = "discount", amount = 2040 },
        { op = "tax", label = "vat:DE 7%", amount = 294 },
        { op = "tax", label = "vat:DE 19%", amount = 848 },
        { op = "route", label = "express" },
      },
    },
  },
}
