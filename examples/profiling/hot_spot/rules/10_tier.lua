-- tier: a discount by the customer's tier. A rule as rules are: it is not the exercise.
--
-- Reads customer.tier and the subtotal. Example: gold, subtotal 100.00 -> discount "tier:gold" of 5.00.
local money = require "money"

local RATE = { gold = 500, silver = 200 } -- basis points
local LABEL = { gold = "tier:gold", silver = "tier:silver" }

return {
  name = "tier",
  about = "Discount by tier.",
  apply = function(order, decide)
    local tier = order.customer and order.customer.tier
    local rate = RATE[tier]
    if rate then decide:discount(LABEL[tier], money.share(order.subtotal, rate)) end
  end,
}
