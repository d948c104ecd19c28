-- prices: amounts of the shop's own price list in every currency that it sells in.
--
--   local prices = require "prices"
--   local FREE_OVER = prices.list(5000)   -- once, when the rule loads: 50.00 EUR
--   FREE_OVER[order.currency]             -- EUR 5000, GBP 4250, USD 5500, JPY 8000
--
-- The rates are the shop's own and fixed: a limit that moved with the market would surprise customers. A rate is minor
-- units of the currency for 100 cents of a euro; the yen has no smaller unit.
local RATE = { CHF = 95, EUR = 100, GBP = 85, JPY = 160, PLN = 430, SEK = 1150, USD = 110 }

-- Amount in cents of a euro -> table of the amount by currency, rounded down to whole minor units.
local function list(cents)
  local by_currency = {}
  for currency, rate in pairs(RATE) do
    by_currency[currency] = math.floor(cents * rate / 100)
  end
  return by_currency
end

return { list = list, rate = RATE }
