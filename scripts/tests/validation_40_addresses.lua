-- tests: validation/40_addresses.lua
local function address(changes)
  local result = { name = "Ada", street = "Main St 1", city = "Berlin", postcode = "10115", country = "DE" }
  for key, value in pairs(changes) do
    result[key] = value
  end
  return result
end

local function order(shipping, billing)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    shipping_address = shipping,
    billing_address = billing,
    items = { { sku = "A-1001", qty = 1, price = 1999 } },
  }
end

local function problem(field, message)
  return { problems = { { field = field, message = message } } }
end

return {
  { name = "both addresses", order = order(address {}, address {}), expect = { decision = "accepted" } },
  { name = "not an object", order = order("Main St 1"),
    expect = problem("shipping_address", "must be an object with name, street, city, postcode and country") },
  { name = "an empty street", order = order(address { street = "" }),
    expect = problem("shipping_address.street", "must be text of 1 to 200 bytes") },
  { name = "a city of 200 bytes", order = order(address { city = ("x"):rep(200) }), expect = { decision = "accepted" } },
  { name = "a city of 201 bytes", order = order(address { city = ("x"):rep(201) }),
    expect = problem("shipping_address.city", "must be text of 1 to 200 bytes") },
  { name = "a bill has the same fields", order = order(nil, address { name = false }),
    expect = problem("billing_address.name", "must be text of 1 to 200 bytes") },
  { name = "a German postcode", order = order(address { postcode = "1011" }),
    expect = problem("shipping_address.postcode", "must be like 10115") },
  { name = "an American postcode", order = order(address { country = "US", postcode = "94105-1804" }),
    expect = { decision = "accepted" } },
  { name = "a Japanese postcode", order = order(address { country = "JP", postcode = "1000001" }),
    expect = problem("shipping_address.postcode", "must be like 100-0001") },
  { name = "where we do not ship to", order = order(address { country = "BR" }),
    expect = problem("shipping_address.country", '"BR" is not a country that we ship to') },
  { name = "a bill may go there", order = order(nil, address { country = "BR" }), expect = { decision = "accepted" } },
  {
    name = "an empty address",
    order = order { country = "DE" },
    expect = {
      problems = {
        { field = "shipping_address.name" }, { field = "shipping_address.street" },
        { field = "shipping_address.city" }, { field = "shipping_address.postcode" },
      },
    },
  },
}
