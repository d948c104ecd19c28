-- items: form of the SKU, pieces of a line, and the weight where it is given.
--
-- Reads items[i] {sku, qty, weight_g?}. That a line has a SKU, a whole quantity from 1 and an exact price the engine has
-- checked itself; what has the wrong type was reported there and is passed over here.
-- Example: {"sku":"A-1001","qty":1000,"price":1999} -> items[1].qty: must be at most 999
local catalogue = require "catalogue"
local shape = require "shape"

local MOST, MOST_GRAMS = 999, 1000000

return {
  name = "items",
  about = "SKU, quantity and weight of each line.",
  check = function(order, problems)
    local items = order.items
    if type(items) ~= "table" then return end
    for i = 1, #items do
      local item = items[i]
      if type(item) == "table" then
        local sku, qty, weight = item.sku, item.qty, item.weight_g
        if type(sku) == "string" and #sku > 0 and not catalogue.is_sku(sku) then
          problems:add("items[" .. i .. "].sku", "must be capital letters, a dash, then letters and digits, such as A-1001")
        end
        if type(qty) == "number" and qty > MOST then
          problems:add("items[" .. i .. "].qty", "must be at most 999")
        end
        if weight ~= nil and not (shape.is_amount(weight) and weight <= MOST_GRAMS) then
          problems:add("items[" .. i .. "].weight_g", "must be whole grams from 0 to 1000000")
        end
      end
    end
  end,
}
