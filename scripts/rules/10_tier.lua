-- tier: a discount for customers of a tier.
--
-- Reads customer.tier and the subtotal. Gives gold 5 % and silver 2 % of the subtotal; basic, or no tier, nothing.
-- Example: gold, subtotal 101.98 -> discount "tier:gold" of 5.10.
local money = require "money"

local RATE = { gold = 500, silver = 200 } -- basis points
local LABEL = { gold = "tier:gold", silver = "tier:silver" }

return {
  name = "tier",
  about = "Discount by the customer's tier.",
  apply = function(order, decide)
    local tier = order.customer.tier
    local rate = RATE[tier]
    if rate then decide:discount(LABEL[tier], money.share(order.subtotal, rate)) end
  end,
}
