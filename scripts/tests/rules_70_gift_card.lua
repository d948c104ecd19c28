-- tests: rules/70_gift_card.lua
-- One A-1001: 19.99, shipping 4.90, 19 % of 24.89 is 4.7291; total 29.62.
local function order(balance)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    gift_card = balance and { code = "GC-7F3K", balance = balance },
    items = { { sku = "A-1001", qty = 1, price = 1999 } },
  }
end

return {
  { name = "no card", order = order(nil), expect = { total = 2962, paid = 0, due = 2962 } },
  {
    name = "a card pays what it has",
    order = order(1000),
    expect = { total = 2962, paid = 1000, due = 1962, attributes = { gift_card_left = 0 } },
  },
  {
    -- 50.00 - 29.62 = 20.38 stay on the card
    name = "a card pays no more than is due",
    order = order(5000),
    expect = { total = 2962, paid = 2962, due = 0, attributes = { gift_card_left = 2038 } },
  },
  { name = "an empty card", order = order(0), expect = { paid = 0, due = 2962, attributes = { gift_card_left = 0 } } },
}
