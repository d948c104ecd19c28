-- countries: where the shop ships to, with the shipping zone, the taxes and the currency of each country.
--
--   local countries = require "countries"
--   countries.by_code.DE.tax          --> 1900, basis points
--   countries.destination(order).zone --> "home": of the shipping address, else of the customer
--
-- A row is: zone, standard rate, rate of books (both in basis points), currency besides the euro, and for countries
-- without VAT the tax's name. In JP prices are shown with the tax, so there it is included and adds nothing.
local ROWS = {
  AT = { "near", 2000, 1000, "EUR" },
  BE = { "near", 2100, 600, "EUR" },
  CH = { "europe", 810, 260, "CHF" },
  DE = { "home", 1900, 700, "EUR" },
  DK = { "europe", 2500, 2500, "EUR" },
  ES = { "europe", 2100, 400, "EUR" },
  FR = { "near", 2000, 550, "EUR" },
  GB = { "europe", 2000, 0, "GBP" },
  IE = { "europe", 2300, 0, "EUR" },
  IT = { "europe", 2200, 400, "EUR" },
  JP = { "world", 1000, 1000, "JPY", "consumption_tax" },
  LU = { "near", 1700, 300, "EUR" },
  NL = { "near", 2100, 900, "EUR" },
  PL = { "near", 2300, 500, "PLN" },
  PT = { "europe", 2300, 600, "EUR" },
  SE = { "europe", 2500, 600, "SEK" },
  US = { "world", 725, 725, "USD", "sales_tax" },
}

local by_code = {}

for code, row in pairs(ROWS) do
  local name = (row[5] or "vat") .. ":" .. code
  by_code[code] = {
    code = code,
    zone = row[1],
    tax = row[2],
    books_tax = row[3],
    currency = row[4],
    included = code == "JP",
    -- Built here once, so that no order builds strings: "vat:DE 19%", "vat:FR 5.5%".
    label = ("%s %g%%"):format(name, row[2] / 100),
    books_label = ("%s %g%%"):format(name, row[3] / 100),
  }
end

-- The row of the country that an order goes to; nil when the shop does not ship there.
local function destination(order)
  local address = order.shipping_address
  return by_code[address and address.country or order.customer.country]
end

return { by_code = by_code, destination = destination }
