-- countries: where the shop ships to, with the shipping zone and the currency of each country. Taxes are in data/tax.csv.
--
--   local countries = require "countries"
--   countries.by_code.DE.currency     --> "EUR"
--   countries.destination(order).zone --> "home": of the shipping address, else of the customer
--
-- A row is: zone, currency besides the euro.
local ROWS = {
  AT = { "near", "EUR" },
  BE = { "near", "EUR" },
  CH = { "europe", "CHF" },
  DE = { "home", "EUR" },
  DK = { "europe", "EUR" },
  ES = { "europe", "EUR" },
  FR = { "near", "EUR" },
  GB = { "europe", "GBP" },
  IE = { "europe", "EUR" },
  IT = { "europe", "EUR" },
  JP = { "world", "JPY" },
  LU = { "near", "EUR" },
  NL = { "near", "EUR" },
  PL = { "near", "PLN" },
  PT = { "europe", "EUR" },
  SE = { "europe", "SEK" },
  US = { "world", "USD" },
}

local by_code = {}

for code, row in pairs(ROWS) do
  by_code[code] = { code = code, zone = row[1], currency = row[2] }
end

-- The row of the country that an order goes to; nil when the shop does not ship there.
local function destination(order)
  local address = order.shipping_address
  return by_code[address and address.country or order.customer.country]
end

return { by_code = by_code, destination = destination }
