-- shipping_fee: what delivery costs, by zone and weight; nothing from a limit on.
--
-- Reads the country that the order goes to, what the goods cost after discounts, and the weight (weight_g of an item,
-- else what its category weighs). Amounts are in cents of a euro here and charged in the order's currency.
-- Example: one A-1001 for 19.99 to Germany, 500 g -> fee "shipping:home" of 4.90.
local cart = require "cart"
local countries = require "countries"
local prices = require "prices"

local LIGHT, HEAVY = 2000, 10000 -- grams

local ZONE = {
  home = {
    label = "shipping:home", free_from = prices.list(5000),
    light = prices.list(490), medium = prices.list(690), heavy = prices.list(1490),
  },
  near = {
    label = "shipping:near", free_from = prices.list(10000),
    light = prices.list(990), medium = prices.list(1490), heavy = prices.list(2990),
  },
  europe = {
    label = "shipping:europe", free_from = prices.list(15000),
    light = prices.list(1290), medium = prices.list(1990), heavy = prices.list(3990),
  },
  world = {
    label = "shipping:world", free_from = prices.list(50000),
    light = prices.list(2490), medium = prices.list(4990), heavy = prices.list(9990),
  },
}

return {
  name = "shipping_fee",
  about = "Shipping by zone and weight, free from a limit on.",
  apply = function(order, decide)
    local currency = order.currency
    local zone = ZONE[countries.destination(order).zone]
    if decide:net() >= zone.free_from[currency] then return end
    local grams = cart.grams(order)
    local fee = grams <= LIGHT and zone.light or grams <= HEAVY and zone.medium or zone.heavy
    decide:fee(zone.label, fee[currency])
  end,
}
