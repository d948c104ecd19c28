-- currency: whether the shop sells in the order's currency to the customer's country.
--
-- Reads currency and customer.country. The euro is taken everywhere, any other currency in its own country. That it is
-- three capital letters the engine has checked.
-- Example: {"currency":"USD","customer":{"country":"DE"}} -> currency: must be EUR for DE
local countries = require "countries"
local prices = require "prices"

return {
  name = "currency",
  about = "A currency that we sell in, and that suits the country.",
  check = function(order, problems)
    local currency, customer = order.currency, order.customer
    if currency == "EUR" or type(currency) ~= "string" then return end
    if not prices.rate[currency] then
      problems:add("currency", "must be one of CHF, EUR, GBP, JPY, PLN, SEK, USD")
      return
    end
    local country = type(customer) == "table" and countries.by_code[customer.country]
    if country and country.currency ~= currency then
      local own = country.currency
      problems:add("currency", own == "EUR" and "must be EUR for " .. country.code
        or ("must be EUR or %s for %s"):format(own, country.code))
    end
  end,
}
