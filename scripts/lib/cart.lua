-- cart: sums over the items of an order.
--
--   local cart = require "cart"
--   cart.pieces(order)   --> 8
--   cart.grams(order)    --> 1900: weight_g of an item where it is given, else what its category weighs
local catalogue = require "catalogue"

local function pieces(order)
  local items, sum = order.items, 0
  for i = 1, #items do
    sum = sum + items[i].qty
  end
  return sum
end

local function grams(order)
  local items, sum = order.items, 0
  for i = 1, #items do
    local item = items[i]
    sum = sum + item.qty * (item.weight_g or catalogue.of(item.sku).grams)
  end
  return sum
end

return { pieces = pieces, grams = grams }
