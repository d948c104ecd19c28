-- tests: rules/20_offers.lua
return {
  {
    name = "offers decide nothing",
    order = { customer = { id = "c-1" }, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 100 } } },
    expect = { decision = "accepted", discount = 0 },
  },
}
