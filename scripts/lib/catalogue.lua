-- catalogue: what the shop knows of a product from its SKU: the letters before the dash name the category.
--
--   local catalogue = require "catalogue"
--   catalogue.of("B-7").book          --> true
--   catalogue.of("H-400").warehouse   --> "hamburg"
--   catalogue.is_sku("A-1001")        --> true
--
-- Lookups go by the first byte and string.byte is compiled, so nothing here costs an order more than a few nanoseconds.
local byte = string.byte

-- Category, warehouse that it leaves from, weight of one piece in grams where the order does not say.
local CATEGORY = {
  [byte "A"] = { name = "electronics", warehouse = "berlin", grams = 500 },
  [byte "B"] = { name = "books", warehouse = "berlin", grams = 400, book = true },
  [byte "C"] = { name = "stationery", warehouse = "berlin", grams = 100 },
  [byte "D"] = { name = "furniture", warehouse = "munich", grams = 4000 },
  [byte "G"] = { name = "garden", warehouse = "hamburg", grams = 6000 },
  [byte "H"] = { name = "household", warehouse = "hamburg", grams = 12000 },
}
local OTHER = { name = "other", warehouse = "berlin", grams = 800 }

local function of(sku)
  return CATEGORY[byte(sku)] or OTHER
end

-- Capital letters, a dash, then capital letters and digits; 32 characters at most.
local function is_sku(sku)
  local dash
  for i = 1, #sku do
    local c = byte(sku, i)
    if c == 45 and not dash then
      dash = i
    elseif not (c >= 65 and c <= 90 or dash and c >= 48 and c <= 57) then
      return false
    end
  end
  return dash ~= nil and dash > 1 and dash < #sku and #sku <= 32
end

return { of = of, is_sku = is_sku, warehouses = { "berlin", "munich", "hamburg" } }
