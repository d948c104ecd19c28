-- tests: rules/90_route.lua
-- To Japan, paid in euro: the tax is in the prices and shipping is free from 500.00 on, so the total is the price.
local function order(priority, price)
  return {
    customer = { id = "c-1", country = "JP" },
    currency = "EUR",
    priority = priority,
    items = { { sku = "A-1001", qty = 1, price = price } },
  }
end

return {
  { name = "high goes express", order = order("high", 1999), expect = { route = "express" } },
  { name = "1 is high", order = order(1, 200000), expect = { route = "express" } },
  { name = "1,000.00 is standard", order = order("medium", 100000), expect = { total = 100000, route = "standard" } },
  { name = "above it is insured", order = order("medium", 100001), expect = { total = 100001, route = "insured" } },
  { name = "low is insured too", order = order("low", 100001), expect = { route = "insured" } },
  { name = "no priority is medium", order = order(nil, 60000), expect = { route = "standard" } },
}
