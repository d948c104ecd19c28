-- tests: rules/80_shipments.lua
local function order(...)
  local items = {}
  for i, sku in ipairs { ... } do
    items[i] = { sku = sku, qty = 1, price = 1000 }
  end
  return { customer = { id = "c-1", country = "DE" }, currency = "EUR", items = items }
end

return {
  { name = "one item is not split", order = order("H-400"), expect = { shipments = {} } },
  -- electronics, books, stationery and everything else are in Berlin
  { name = "one warehouse is not split", order = order("A-1", "B-7", "C-33", "K-2"), expect = { shipments = {} } },
  {
    name = "two warehouses",
    order = order("A-1001", "H-400", "C-33"),
    expect = { shipments = { { name = "berlin", items = { 1, 3 } }, { name = "hamburg", items = { 2 } } } },
  },
  {
    name = "three warehouses, always in the same order",
    order = order("G-77", "D-201", "H-400", "B-7"),
    expect = {
      shipments = { { name = "berlin", items = { 4 } }, { name = "munich", items = { 2 } }, { name = "hamburg", items = { 1, 3 } } },
    },
  },
}
