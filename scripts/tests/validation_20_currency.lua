-- tests: validation/20_currency.lua
local function order(currency, country)
  return {
    customer = { id = "c-1", country = country },
    currency = currency,
    items = { { sku = "A-1001", qty = 1, price = 1999 } },
  }
end

local function problem(message)
  return { problems = { { field = "currency", message = message } } }
end

return {
  { name = "the euro at home", order = order("EUR", "DE"), expect = { decision = "accepted" } },
  { name = "the euro abroad", order = order("EUR", "JP"), expect = { decision = "accepted" } },
  { name = "a country's own", order = order("GBP", "GB"), expect = { decision = "accepted" } },
  { name = "another country's", order = order("GBP", "JP"), expect = problem("must be EUR or JPY for JP") },
  { name = "another one's in the euro area", order = order("USD", "DE"), expect = problem("must be EUR for DE") },
  { name = "none that we sell in", order = order("BRL", "DE"),
    expect = problem("must be one of CHF, EUR, GBP, JPY, PLN, SEK, USD") },
  { name = "an unknown country is said once", order = order("USD", "XX"), expect = { problems = { { field = "customer.country" } } } },
}
