-- blocked_skus: rejects orders with products that are not sold any more.
--
-- Reads the items' SKUs. Example: sku X-17 -> rejected with code sku_blocked.
-- A set: one look for an item, however many products it has.
local BLOCKED = {}
for i = 1, 20000 do
  BLOCKED["X-" .. i] = true
end

return {
  name = "blocked_skus",
  about = "Rejects products that are not sold.",
  apply = function(order, decide)
    for i = 1, #order.items do
      if BLOCKED[order.items[i].sku] then decide:reject("sku_blocked", order.items[i].sku .. " is not sold any more") end
    end
  end,
}
