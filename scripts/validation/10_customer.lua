-- customer: who orders, and whether the shop knows the tier and ships to the country.
--
-- Reads customer {id, country, tier?, email?}. Types that the engine needs (an object, id a string) it has checked itself.
-- Example: {"customer":{"id":"c-42","country":"XX"}} -> customer.country: "XX" is not a country that we ship to
local countries = require "countries"
local shape = require "shape"

local TIER = { basic = true, silver = true, gold = true }

return {
  name = "customer",
  about = "The customer's id, country, tier and e-mail.",
  check = function(order, problems)
    local customer = order.customer
    if customer == nil then
      problems:add("customer", "is required, with id and country")
    end
    if type(customer) ~= "table" then return end
    local country, tier, email = customer.country, customer.tier, customer.email
    if customer.id == nil then problems:add("customer.id", "is required") end
    if country == nil then
      problems:add("customer.country", "is required: two capital letters, such as DE")
    elseif not countries.by_code[country] then
      problems:add("customer.country", ('"%s" is not a country that we ship to'):format(tostring(country)))
    end
    if tier ~= nil and not TIER[tier] then
      problems:add("customer.tier", "must be basic, silver or gold, or absent")
    end
    if email ~= nil and not (shape.is_text(email, 3, 254) and email:find("@", 2, true)) then
      problems:add("customer.email", "must be an address with an @")
    end
  end,
}
