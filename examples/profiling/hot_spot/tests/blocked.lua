-- tests: rules/10_tier.lua rules/20_blocked_skus.lua
local function order(sku)
  return {
    customer = { id = "c-1", tier = "gold" }, currency = "EUR",
    items = { { sku = "A-1001", qty = 1, price = 5000 }, { sku = sku, qty = 1, price = 5000 } },
  }
end

return {
  { name = "products that are sold", order = order "B-7", expect = { decision = "accepted", discount = 500 } },
  { name = "one that is not", order = order "X-20000", expect = { decision = "rejected", code = "sku_blocked" } },
}
