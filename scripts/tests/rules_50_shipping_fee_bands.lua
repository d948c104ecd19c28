-- tests: rules/50_shipping_fee.lua
-- Every zone and weight of the price list, at the edges.
local function order(country, item)
  return { customer = { id = "c-1", country = country }, currency = "EUR", items = { item } }
end

-- What a parcel costs in each zone, by grams, and from which price on it costs nothing; in cents of a euro.
local BANDS = { 2000, 2001, 10000, 10001 }
local ZONES = {
  DE = { 490, 690, 690, 1490, free = 5000 },
  FR = { 990, 1490, 1490, 2990, free = 10000 },
  IT = { 1290, 1990, 1990, 3990, free = 15000 },
  US = { 2490, 4990, 4990, 9990, free = 50000 },
}

local tests = {}

for country, fees in pairs(ZONES) do
  for i, grams in ipairs(BANDS) do
    tests[#tests + 1] = {
      name = country .. ": " .. grams .. " g",
      order = order(country, { sku = "A-1", qty = 1, price = 100, weight_g = grams }),
      expect = { fee = fees[i] },
    }
  end
  tests[#tests + 1] = {
    name = country .. ": a cent short of free",
    order = order(country, { sku = "A-1", qty = 1, price = fees.free - 1, weight_g = 1 }),
    expect = { fee = fees[1] },
  }
  tests[#tests + 1] = {
    name = country .. ": free",
    order = order(country, { sku = "A-1", qty = 1, price = fees.free, weight_g = 1 }),
    expect = { fee = 0 },
  }
end

return tests
