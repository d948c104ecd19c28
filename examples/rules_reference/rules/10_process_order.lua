-- process_order: the original's processing, step by step as it does it.
--
-- Reads customer.tier, customer.country, coupon, the quantities, the subtotal and the priority.
--   discount  tier, coupon and volume as one rate, at most 20 %
--   tax       one rate a country on what is left; unknown countries have none
--   flag      total above 5,000.00 counts 40, more than 50 pieces 30, no tier or basic 10; "review" from 50 on
--   route     high priority goes express, a total above 1,000.00 insured
-- Half a cent is rounded up, unlike money.share, which rounds it to the even one; exact up to 4.5e12 minor units.
-- Example: gold, DE, SPRING10, subtotal 101.98 -> discount 15.30, tax 16.47, total 103.15.
local TIER = { gold = 500, silver = 200 } -- basis points
local COUPON = { SPRING10 = 1000, WELCOME5 = 500 }
local TAX = { DE = 1900, FR = 2000, US = 725, GB = 2000, JP = 1000 }

local floor, min = math.floor, math.min

local function share(amount, rate)
  return floor((amount * rate + 5000) / 10000)
end

local function score_of(total, pieces, tier)
  local score = 0
  if total > 500000 then score = score + 40 end
  if pieces > 50 then score = score + 30 end
  if not tier or tier == "" or tier == "basic" then score = score + 10 end
  return score
end

return {
  name = "process_order",
  about = "Discount, tax, flag and route of the original.",
  apply = function(order, decide)
    local customer, items, subtotal, pieces = order.customer, order.items, order.subtotal, 0
    for i = 1, #items do
      pieces = pieces + items[i].qty
    end
    local rate = (TIER[customer.tier] or 0) + (COUPON[order.coupon] or 0) + (pieces >= 10 and 300 or 0)
    local discount = share(subtotal, min(rate, 2000))
    local net = subtotal - discount
    local tax = share(net, TAX[customer.country] or 0)
    local total = net + tax
    decide:discount("discount", discount)
    decide:tax("tax", tax)
    local score = score_of(total, pieces, customer.tier)
    if score >= 50 then decide:flag("review", "score " .. score) end
    decide:route(order.priority == "high" and "express" or total > 100000 and "insured" or "standard")
  end,
}
