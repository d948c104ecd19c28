-- blocked_skus: rejects orders with products that are not sold any more.
--
-- Reads the items' SKUs. Example: sku X-17 -> rejected with code sku_blocked.
-- The exercise: the list is searched from its start for every item, and nearly no SKU is on it.
local BLOCKED = {}
for i = 1, 20000 do
  BLOCKED[i] = "X-" .. i
end

local function is_blocked(sku)
  for i = 1, #BLOCKED do
    if BLOCKED[i] == sku then return true end -- planted: a search through a list
  end
  return false
end

return {
  name = "blocked_skus",
  about = "Rejects products that are not sold.",
  apply = function(order, decide)
    for i = 1, #order.items do
      if is_blocked(order.items[i].sku) then decide:reject("sku_blocked", order.items[i].sku .. " is not sold any more") end
    end
  end,
}
