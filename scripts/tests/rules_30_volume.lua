-- tests: rules/30_volume.lua
local function order(cheap, dear)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    items = { { sku = "A-1001", qty = dear, price = 1999 }, { sku = "C-33", qty = cheap, price = 250 } },
  }
end

return {
  -- 4 x 19.99 + 5 x 2.50
  { name = "9 pieces give nothing", order = order(5, 4), expect = { subtotal = 9246, discount = 0 } },
  -- 4 x 19.99 + 6 x 2.50 = 94.96, 3 % is 2.8488
  { name = "10 pieces give 3 %", order = order(6, 4), expect = { subtotal = 9496, discount = 285 } },
  -- 19.99 + 98 x 2.50 = 264.99, 3 % is 7.9497
  { name = "99 pieces give 3 %", order = order(98, 1), expect = { subtotal = 26499, discount = 795 } },
  -- 19.99 + 99 x 2.50 = 267.49, 8 % is 21.3992
  { name = "100 pieces give 8 %", order = order(99, 1), expect = { subtotal = 26749, discount = 2140 } },
}
