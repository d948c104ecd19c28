-- tests: rules/20_repeat_buyer.lua
return {
  {
    name = "the first order",
    order = { customer = { id = "c-1" }, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 100 } } },
    expect = { decision = "accepted", flags = {} },
  },
}
