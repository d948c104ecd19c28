-- volume: a discount for many pieces.
--
-- Reads the quantities and the subtotal. From 10 pieces on 3 % of the subtotal, from 100 pieces on 8 %.
-- Example: 4 x A-1001 and 6 x C-33, subtotal 94.96 -> discount "volume" of 2.85.
local money = require "money"
local cart = require "cart"

local MANY, MANY_RATE = 10, 300 -- pieces, basis points
local WHOLESALE, WHOLESALE_RATE = 100, 800

return {
  name = "volume",
  about = "Discount for many pieces.",
  apply = function(order, decide)
    local pieces = cart.pieces(order)
    if pieces < MANY then return end
    local rate = pieces >= WHOLESALE and WHOLESALE_RATE or MANY_RATE
    decide:discount("volume", money.share(order.subtotal, rate))
  end,
}
