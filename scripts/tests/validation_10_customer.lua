-- tests: validation/10_customer.lua
local function order(customer)
  return { customer = customer, currency = "EUR", items = { { sku = "A-1001", qty = 1, price = 1999 } } }
end

local function problem(field, message)
  return { problems = { { field = field, message = message } } }
end

return {
  { name = "all is well", order = order { id = "c-1", tier = "gold", country = "DE", email = "ada@example.com" },
    expect = { decision = "accepted" } },
  { name = "tier and e-mail may be absent", order = order { id = "c-1", country = "DE" }, expect = { decision = "accepted" } },
  { name = "no customer", order = order(nil), expect = problem("customer", "is required, with id and country") },
  { name = "no id", order = order { country = "DE" }, expect = problem("customer.id", "is required") },
  { name = "no country", order = order { id = "c-1" },
    expect = problem("customer.country", "is required: two capital letters, such as DE") },
  { name = "unknown country", order = order { id = "c-1", country = "XX" },
    expect = problem("customer.country", '"XX" is not a country that we ship to') },
  { name = "country of a wrong type", order = order { id = "c-1", country = 49 },
    expect = problem("customer.country", '"49" is not a country that we ship to') },
  { name = "unknown tier", order = order { id = "c-1", country = "DE", tier = "platinum" },
    expect = problem("customer.tier", "must be basic, silver or gold, or absent") },
  { name = "an e-mail without @", order = order { id = "c-1", country = "DE", email = "ada" },
    expect = problem("customer.email", "must be an address with an @") },
  { name = "the shortest e-mail", order = order { id = "c-1", country = "DE", email = "a@b" },
    expect = { decision = "accepted" } },
  { name = "one that is too short", order = order { id = "c-1", country = "DE", email = "a@" },
    expect = problem("customer.email", "must be an address with an @") },
  { name = "254 bytes", order = order { id = "c-1", country = "DE", email = "a@" .. ("b"):rep(252) },
    expect = { decision = "accepted" } },
  { name = "255 bytes", order = order { id = "c-1", country = "DE", email = "a@" .. ("b"):rep(253) },
    expect = problem("customer.email", "must be an address with an @") },
  { name = "an @ in front", order = order { id = "c-1", country = "DE", email = "@example.com" },
    expect = problem("customer.email", "must be an address with an @") },
  {
    name = "everything that is wrong is said at once",
    order = order { tier = "tin", country = "de" },
    expect = { problems = { { field = "customer.id" }, { field = "customer.country" }, { field = "customer.tier" } } },
  },
}
