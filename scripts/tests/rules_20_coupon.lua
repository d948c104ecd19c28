-- tests: rules/20_coupon.lua
local function order(coupon)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    coupon = coupon,
    items = { { sku = "A-1001", qty = 2, price = 1999 }, { sku = "B-7", qty = 1, price = 4950 } },
  }
end

return {
  {
    -- subtotal 39.98 + 49.50 = 89.48, 10 % is 8.948; net 80.53
    -- the book's part of the discount is 8.95 x 49.50 / 89.48 = 4.95: net 44.55, 7 % is 3.1185; 19 % of 35.98 is 6.8362
    name = "SPRING10 gives 10 %",
    order = order("SPRING10"),
    expect = { decision = "accepted", subtotal = 8948, discount = 895, fee = 0, tax = 312 + 684, total = 9049, due = 9049 },
  },
  -- 5 % of 89.48 is 4.474
  { name = "WELCOME5 gives 5 %", order = order("WELCOME5"), expect = { discount = 447 } },
  { name = "no coupon, no discount", order = order(nil), expect = { discount = 0 } },
  {
    -- no discount: 7 % of 49.50 is 3.465 (half to even), 19 % of 39.98 is 7.5962; cap 17.896
    name = "an unknown coupon leaves a note",
    order = order("SPRING09"),
    expect = {
      decision = "accepted",
      operations = {
        { op = "note", text = "coupon SPRING09 is not known" },
        { op = "cap", label = "discount", amount = 1790 },
        { op = "tax", label = "vat:DE 7%", amount = 346 },
        { op = "tax", label = "vat:DE 19%", amount = 760 },
        { op = "route", label = "standard" },
      },
    },
  },
}
