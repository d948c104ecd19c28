-- tests: rules/10_tier.lua
local function order(tier, price)
  return {
    customer = { id = "c-1", tier = tier, country = "DE" },
    currency = "EUR",
    items = { { sku = "A-1001", qty = 1, price = price } },
  }
end

return {
  -- 5 % of 100.00
  { name = "gold gets 5 %", order = order("gold", 10000), expect = { decision = "accepted", discount = 500 } },
  -- 2 % of 100.00
  { name = "silver gets 2 %", order = order("silver", 10000), expect = { discount = 200 } },
  { name = "basic gets nothing", order = order("basic", 10000), expect = { discount = 0 } },
  { name = "no tier gets nothing", order = order(nil, 10000), expect = { discount = 0 } },
  -- 5 % of 10.10 is 50.5 cents, of 10.30 it is 51.5: half a cent goes to the even one
  { name = "half a cent goes down to 50", order = order("gold", 1010), expect = { discount = 50 } },
  { name = "half a cent goes up to 52", order = order("gold", 1030), expect = { discount = 52 } },
  {
    name = "the discount has a label of its own",
    order = order("gold", 10000),
    -- net 95.00 ships free; 19 % of 95.00 is 18.05
    expect = {
      operations = {
        { op = "discount", label = "tier:gold", amount = 500 },
        { op = "cap", label = "discount", amount = 2000 },
        { op = "tax", label = "vat:DE 19%", amount = 1805 },
        { op = "route", label = "standard" },
      },
    },
  },
}
