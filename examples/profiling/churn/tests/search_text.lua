-- tests: rules/20_search_text.lua
return {
  {
    name = "an attribute to find the order by",
    order = { customer = { id = "c-1", tier = "gold" }, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 100 } } },
    expect = { decision = "accepted" },
  },
}
