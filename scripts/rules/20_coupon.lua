-- coupon: percentage coupons.
--
-- Reads coupon and the subtotal. A known coupon gives its share of the subtotal. An unknown one does not stop the order:
-- people type old codes, and a note tells support staff why there was no discount.
-- Example: SPRING10, subtotal 89.48 -> discount "coupon:SPRING10" of 8.95.
local money = require "money"

local RATE = { SPRING10 = 1000, WELCOME5 = 500 } -- basis points
local LABEL = { SPRING10 = "coupon:SPRING10", WELCOME5 = "coupon:WELCOME5" }

return {
  name = "coupon",
  about = "Percentage coupons.",
  apply = function(order, decide)
    local coupon = order.coupon
    if not coupon then return end
    local rate = RATE[coupon]
    if rate then
      decide:discount(LABEL[coupon], money.share(order.subtotal, rate))
    else
      decide:note("coupon " .. coupon .. " is not known")
    end
  end,
}
