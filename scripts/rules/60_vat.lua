-- vat: the tax of the country that the order goes to.
--
-- Reads the destination and each item's category. Books (SKU B-...) have a rate of their own in many countries. The tax
-- is on what is paid: discounts and shipping are shared out among the items (decide:net(i)), so each rate gets its part.
-- One operation a rate, rounded once: rounding item by item would drift by a cent an item.
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
  apply = function(order, decide)
    local country = countries.destination(order)
    local net = decide:net()
    if country.included then
      decide:tax(country.label, money.contained(net, country.tax), INCLUDED)
      return
    end
    if country.books_tax ~= country.tax then
      local books = net_of_books(order.items, decide)
      decide:tax(country.books_label, money.share(books, country.books_tax))
      net = net - books
    end
    decide:tax(country.label, money.share(net, country.tax))
  end,
}
