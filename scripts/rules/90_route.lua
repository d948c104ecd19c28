-- route: how the order travels.
--
-- Reads the priority and the total. High priority goes express; above 1,000.00 EUR it is insured; all else is standard.
-- Example: priority medium, total 1,200.00 -> route "insured".
local prices = require "prices"

local INSURED_OVER = prices.list(100000)

return {
  name = "route",
  about = "Express, insured or standard.",
  apply = function(order, decide)
    if order.priority == "high" then
      decide:route("express")
    elseif decide:net() + decide:sum("tax") > INSURED_OVER[order.currency] then
      decide:route("insured")
    else
      decide:route("standard")
    end
  end,
}
