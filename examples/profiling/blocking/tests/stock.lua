-- tests: rules/20_stock.lua
return {
  {
    name = "an order is routed",
    order = { customer = { id = "c-1" }, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 100 } } },
    expect = { decision = "accepted", route = "standard" },
  },
}
