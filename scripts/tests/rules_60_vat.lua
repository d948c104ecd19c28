-- tests: rules/60_vat.lua
local function order(country, currency, items, ship_to)
  local address = ship_to and { name = "A", street = "B 1", city = "C", postcode = "1010", country = ship_to }
  return { customer = { id = "c-1", country = country }, currency = currency, items = items, shipping_address = address }
end

local THREE_BOOKS = { { sku = "B-7", qty = 3, price = 4950 } }

return {
  {
    -- 7 % of 49.50 is 3.465 (half to even), 19 % of 52.48 is 9.9712
    name = "books have a rate of their own",
    order = order("DE", "EUR", {
      { sku = "A-1001", qty = 2, price = 1999 }, { sku = "B-7", qty = 1, price = 4950 }, { sku = "C-33", qty = 5, price = 250 },
    }),
    expect = { subtotal = 10198, fee = 0, tax = 346 + 997, total = 11541 },
  },
  {
    -- fee 10.96; the book's part is 10.96 x 42.08 / 59.07 = 7.81 (largest remainder), so 20.14 are taxed with 20 %
    name = "GB: books are free of tax, with their part of the fee",
    order = order("GB", "GBP", { { sku = "A-1001", qty = 1, price = 1699 }, { sku = "B-7", qty = 1, price = 4208 } }),
    expect = { fee = 1096, tax = 403, total = 5907 + 1096 + 403 },
  },
  -- 5.5 % of 148.50 is 8.1675
  { name = "FR: 5.5 % on books", order = order("FR", "EUR", THREE_BOOKS), expect = { fee = 0, tax = 817 } },
  -- 10 % of 148.50
  { name = "the shipping address decides", order = order("DE", "EUR", THREE_BOOKS, "AT"), expect = { fee = 0, tax = 1485 } },
  {
    -- 7.25 % of 21.99 + 27.39 is 3.58005
    name = "US: sales tax",
    order = order("US", "USD", { { sku = "A-1001", qty = 1, price = 2199 } }),
    expect = { fee = 2739, tax = 358, total = 5296 },
  },
  {
    -- 3,198 + 3,984 yen contain 7182 x 10 / 110 = 652.9
    name = "JP: the tax is in the prices",
    order = order("JP", "JPY", { { sku = "A-1001", qty = 1, price = 3198 } }),
    expect = {
      tax = 0, total = 7182,
      operations = {
        { op = "cap", label = "discount", amount = 640 }, -- 20 % of 3,198 is 639.6
        { op = "fee", label = "shipping:world", amount = 3984 },
        { op = "tax", label = "consumption_tax:JP 10%", amount = 653, included = true },
        { op = "route", label = "standard" },
      },
    },
  },
}
