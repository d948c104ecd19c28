-- addresses: the shipping and the billing address, where they are given.
--
-- Reads shipping_address and billing_address {name, street, city, postcode, country}. All five are needed then. The
-- postcode's form is checked for the countries where a wrong one is expensive; the shop ships to the shipping address's
-- country, a bill may go anywhere.
-- Example: {"shipping_address":{…,"postcode":"1011","country":"DE"}} -> shipping_address.postcode: must be like 10115
local countries = require "countries"
local shape = require "shape"

local NEEDED = { "name", "street", "city", "postcode", "country" }
local POSTCODE = {
  AT = { "^%d%d%d%d$", "must be like 1010" },
  CH = { "^%d%d%d%d$", "must be like 8001" },
  DE = { "^%d%d%d%d%d$", "must be like 10115" },
  FR = { "^%d%d%d%d%d$", "must be like 75001" },
  JP = { "^%d%d%d%-%d%d%d%d$", "must be like 100-0001" },
  US = { "^%d%d%d%d%d%-?%d*$", "must be like 94105 or 94105-1804" },
}

local function check_address(address, place, problems)
  if address == nil then return end
  if type(address) ~= "table" then
    problems:add(place, "must be an object with name, street, city, postcode and country")
    return
  end
  for i = 1, #NEEDED do
    if not shape.is_text(address[NEEDED[i]], 1, 200) then
      problems:add(place .. "." .. NEEDED[i], "must be text of 1 to 200 bytes")
    end
  end
  local form = POSTCODE[address.country]
  if form and shape.is_text(address.postcode, 1, 200) and not address.postcode:find(form[1]) then
    problems:add(place .. ".postcode", form[2])
  end
end

return {
  name = "addresses",
  about = "Shipping and billing address.",
  check = function(order, problems)
    local shipping = order.shipping_address
    check_address(shipping, "shipping_address", problems)
    check_address(order.billing_address, "billing_address", problems)
    if type(shipping) ~= "table" or type(shipping.country) ~= "string" or shipping.country == "" then return end
    if not countries.by_code[shipping.country] then
      problems:add("shipping_address.country", ('"%s" is not a country that we ship to'):format(shipping.country))
    end
  end,
}
