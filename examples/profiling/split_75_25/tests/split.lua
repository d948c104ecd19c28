-- tests: rules/10_split.lua
return {
  {
    name = "an order is accepted",
    order = { customer = { id = "c-1" }, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 100 } } },
    expect = { decision = "accepted" },
  },
}
