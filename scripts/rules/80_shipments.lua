-- shipments: splits an order that leaves from more than one warehouse.
--
-- Reads the SKUs: the category says which warehouse has the item. An order from one warehouse needs no split, and gets no
-- shipment operation at all.
-- Example: A-1001, H-400, C-33 -> shipments berlin {1, 3} and hamburg {2}.
local catalogue = require "catalogue"

local WAREHOUSES = catalogue.warehouses

local function is_split(items)
  local first = catalogue.of(items[1].sku).warehouse
  for i = 2, #items do
    if catalogue.of(items[i].sku).warehouse ~= first then return true end
  end
  return false
end

local function items_of(warehouse, items)
  local list, count = {}, 0
  for i = 1, #items do
    if catalogue.of(items[i].sku).warehouse == warehouse then
      count = count + 1
      list[count] = i
    end
  end
  return list, count
end

return {
  name = "shipments",
  about = "Splits an order by warehouse.",
  apply = function(order, decide)
    if not is_split(order.items) then return end
    for w = 1, #WAREHOUSES do
      local items, count = items_of(WAREHOUSES[w], order.items)
      if count > 0 then decide:ship(WAREHOUSES[w], { items = items }) end
    end
  end,
}
