-- tests: lib/countries.lua by rules/60_vat.lua
-- One product and one book of 10,000.00 EUR in each country: a basis point is one euro.
local TAX = { -- other goods, books
  AT = { 200000, 100000 }, BE = { 210000, 60000 }, CH = { 81000, 26000 }, DE = { 190000, 70000 }, DK = { 250000, 250000 },
  ES = { 210000, 40000 }, FR = { 200000, 55000 }, GB = { 200000, 0 }, IE = { 230000, 0 }, IT = { 220000, 40000 },
  LU = { 170000, 30000 }, NL = { 210000, 90000 }, PL = { 230000, 50000 }, PT = { 230000, 60000 }, SE = { 250000, 60000 },
  US = { 72500, 72500 },
  JP = { 0, 0 }, -- included in the price
}

local function order(country, sku)
  return {
    customer = { id = "c-1", tier = "gold", country = country },
    currency = "EUR",
    -- gold takes off 5 %, so that 10,526.32 become 10,000.00: 5 % of it is 526.316
    items = { { sku = sku, qty = 1, price = 1052632 } },
  }
end

local tests = {}
for country, tax in pairs(TAX) do
  tests[#tests + 1] = { name = country .. ": goods", order = order(country, "A-1"), expect = { fee = 0, tax = tax[1] } }
  tests[#tests + 1] = { name = country .. ": books", order = order(country, "B-1"), expect = { fee = 0, tax = tax[2] } }
end
tests[#tests + 1] = {
  name = "JP: what the price contains",
  order = order("JP", "A-1"),
  -- 10,000.00 x 10 / 110 = 909.0909
  expect = { operations = { { op = "tax", label = "consumption_tax:JP 10%", amount = 90909, included = true } } },
}
return tests
