-- tests: rules/40_discount_cap.lua
local function order(tier, coupon, qty)
  return {
    customer = { id = "c-1", tier = tier, country = "DE" },
    currency = "EUR",
    coupon = coupon,
    items = { { sku = "C-33", qty = qty, price = 250 } },
  }
end

return {
  {
    -- of 250.00: tier 12.50, coupon 25.00, volume 20.00, together 23 %; the cap is 50.00, so the volume discount loses 7.50
    -- net 200.00 ships free, 19 % is 38.00
    name = "the newest discount is cut",
    order = order("gold", "SPRING10", 100),
    expect = {
      discount = 5000, tax = 3800, total = 23800,
      operations = {
        { op = "discount", label = "tier:gold", amount = 1250 },
        { op = "discount", label = "coupon:SPRING10", amount = 2500 },
        { op = "discount", label = "volume", amount = 1250 },
        { op = "cap", label = "discount", amount = 5000 },
        { op = "tax", label = "vat:DE 19%", amount = 3800 },
        { op = "route", label = "standard" },
      },
    },
  },
  -- silver: 2 + 10 + 8 = 20 %, exactly the cap
  { name = "at the cap nothing is cut", order = order("silver", "SPRING10", 100), expect = { discount = 5000 } },
  -- of 247.50: 5 % is 12.375, 10 % is 24.75, 3 % is 7.425; rounded one by one
  { name = "below the cap nothing is cut", order = order("gold", "SPRING10", 99), expect = { discount = 1238 + 2475 + 742 } },
}
