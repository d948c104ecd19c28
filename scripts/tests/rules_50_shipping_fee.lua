-- tests: rules/50_shipping_fee.lua
local function order(country, currency, item, tier)
  return { customer = { id = "c-1", tier = tier, country = country }, currency = currency, items = { item } }
end

return {
  -- 500 g
  { name = "light, home", order = order("DE", "EUR", { sku = "A-1003", qty = 1, price = 899 }), expect = { fee = 490 } },
  -- 4 x 500 g is still light, 5 x 500 g is not
  { name = "2,000 g are light", order = order("DE", "EUR", { sku = "A-1003", qty = 4, price = 899 }), expect = { fee = 490 } },
  { name = "2,500 g are not", order = order("DE", "EUR", { sku = "A-1003", qty = 5, price = 899 }), expect = { fee = 690 } },
  {
    -- 12,000 g; 19 % of 40.00 + 14.90 is 10.431
    name = "heavy, home",
    order = order("DE", "EUR", { sku = "H-400", qty = 1, price = 4000 }),
    expect = { fee = 1490, tax = 1043, total = 6533 },
  },
  {
    name = "the order's own weight counts",
    order = order("DE", "EUR", { sku = "H-400", qty = 1, price = 4000, weight_g = 1500 }),
    expect = { fee = 490 },
  },
  { name = "49.99 is not free", order = order("DE", "EUR", { sku = "A-1", qty = 1, price = 4999 }), expect = { fee = 490 } },
  { name = "50.00 is free", order = order("DE", "EUR", { sku = "A-1", qty = 1, price = 5000 }), expect = { fee = 0 } },
  {
    -- 52.00 less 5 % is 49.40
    name = "what counts is the price after discounts",
    order = order("DE", "EUR", { sku = "A-1", qty = 1, price = 5200 }, "gold"),
    expect = { discount = 260, fee = 490 },
  },
  { name = "near", order = order("FR", "EUR", { sku = "A-1", qty = 1, price = 5000 }), expect = { fee = 990 } },
  -- 12.90 EUR in pounds: 12.90 x 0.85 = 10.965, rounded down
  { name = "in pounds", order = order("GB", "GBP", { sku = "A-1", qty = 1, price = 5000 }), expect = { fee = 1096 } },
  -- 24.90 EUR is 27.39 USD
  { name = "in dollars", order = order("US", "USD", { sku = "A-1", qty = 1, price = 2199 }), expect = { fee = 2739 } },
  -- 24.90 EUR is 3984 JPY; free from 500.00 EUR, 80,000 JPY
  { name = "in yen", order = order("JP", "JPY", { sku = "A-1", qty = 1, price = 79999 }), expect = { fee = 3984 } },
  { name = "free in yen", order = order("JP", "JPY", { sku = "A-1", qty = 1, price = 80000 }), expect = { fee = 0 } },
  {
    -- 39.90 EUR x 0.95 = 37.905
    name = "in francs",
    order = order("CH", "CHF", { sku = "H-400", qty = 1, price = 100 }),
    expect = { fee = 3790 },
  },
  {
    -- 29.90 EUR x 4.30 = 128.57
    name = "in zloty",
    order = order("PL", "PLN", { sku = "H-400", qty = 1, price = 100 }),
    expect = { fee = 12857 },
  },
  {
    -- 39.90 EUR x 11.50 = 458.85
    name = "in kronor",
    order = order("SE", "SEK", { sku = "H-400", qty = 1, price = 100 }),
    expect = { fee = 45885 },
  },
}
