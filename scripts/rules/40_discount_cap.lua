-- discount_cap: all discounts together never exceed a fifth of the subtotal.
--
-- Reads the subtotal. The cap counts for what was given before and for what later rules give: who adds a discount
-- anywhere need not think of it. What is over is cut from the newest discount.
-- Example: subtotal 100.00, discounts of 5.00 and 18.00 -> the second becomes 15.00.
local money = require "money"

local RATE = 2000 -- basis points

return {
  name = "discount_cap",
  about = "Common cap of all discounts.",
  apply = function(order, decide)
    decide:cap("discount", money.share(order.subtotal, RATE), "at most 20 % of the subtotal")
  end,
}
