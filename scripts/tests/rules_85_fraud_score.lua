-- tests: rules/85_fraud_score.lua
-- To Japan, paid in euro: the tax is in the prices and shipping is free from 500.00 on, so the total is the net price.
local function order(tier, qty, price, card)
  return {
    customer = { id = "c-1", tier = tier, country = "JP" },
    currency = "EUR",
    gift_card = card and { code = "GC-7F3K", balance = card },
    items = { { sku = "A-1001", qty = qty, price = price } },
  }
end

local abroad = order("basic", 1, 600000)
abroad.shipping_address = { name = "A", street = "B 1", city = "C", postcode = "94105", country = "US" }

return {
  -- only the 10 of a basic customer
  { name = "5,000.00 is not too much", order = order("basic", 1, 500000), expect = { decision = "accepted", flags = {} } },
  {
    -- 40 + 10
    name = "above 5,000.00 a basic customer is reviewed",
    order = order("basic", 1, 500001),
    expect = { decision = "accepted", flags = { "review" }, attributes = { score = 50 } },
  },
  -- 40
  { name = "a gold customer is not", order = order("gold", 1, 500001), expect = { decision = "accepted", flags = {} } },
  {
    -- 50 x 110.00 less 3 % is 5,335.00: 40 + 10
    name = "50 pieces are not too many",
    order = order(nil, 50, 11000),
    expect = { decision = "accepted", total = 533500, attributes = { score = 50 } },
  },
  {
    -- 51 x 110.00 less 3 % is 5,441.70: 40 + 30 + 10
    name = "51 pieces are, and a score of 80 is held",
    order = order(nil, 51, 11000),
    expect = { decision = "held", total = 544170, flags = { "review" }, attributes = { score = 80 } },
  },
  {
    -- 40 + 20 + 10
    name = "a large gift card counts",
    order = order("basic", 1, 600000, 50001),
    expect = { decision = "accepted", paid = 50001, attributes = { score = 70 } },
  },
  -- 40 + 20 + 10; US sales tax makes it 6,435.00
  { name = "another country counts", order = abroad, expect = { total = 643500, attributes = { score = 70 } } },
}
