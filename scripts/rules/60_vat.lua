-- vat: the tax of the country that the order goes to.
--
-- Reads the destination with its rates in data/tax.csv, and each item's category: books (SKU B-...) often have their own.
-- The tax is on what is paid: discounts and shipping are shared out among the items (decide:net(i)), so each rate gets its
-- part. One operation a rate, rounded once: rounding item by item would drift by a cent an item.
-- Where prices contain the tax (JP), it is reported and adds nothing.
-- Example: Germany, books for 49.50 and other goods for 52.48, no discount -> 7 % of 49.50 is 3.46 (half a cent to the
-- even one), 19 % of 52.48 is 9.97.
local money = require "money"
local catalogue = require "catalogue"
local countries = require "countries"

local INCLUDED = { included = true }

-- What the items of the reduced rate come to.
local function net_of_books(items, decide)
  local sum = 0
  for i = 1, #items do
    if catalogue.of(items[i].sku).book then sum = sum + decide:net(i) end
  end
  return sum
end

return {
  name = "vat",
  about = "VAT, sales tax and consumption tax.",
  apply = function(order, decide, ctx)
    local tax = ctx.lookup("tax", countries.destination(order).code)
    local net = decide:net()
    if tax.included then
      decide:tax(tax.label, money.contained(net, tax.rate), INCLUDED)
      return
    end
    if tax.books_rate ~= tax.rate then
      local books = net_of_books(order.items, decide)
      decide:tax(tax.books_label, money.share(books, tax.books_rate))
      net = net - books
    end
    decide:tax(tax.label, money.share(net, tax.rate))
  end,
}
