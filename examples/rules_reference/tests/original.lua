-- tests: validation/10_order.lua rules/10_process_order.lua
local function order(fields)
  local result = { customer = { id = "c-42", tier = "gold", country = "DE" }, currency = "EUR", priority = 1 }
  for key, value in pairs(fields) do
    result[key] = value
  end
  return result
end

local function one(qty, price)
  return { { sku = "A-1001", qty = qty, price = price } }
end

local BASIC = { id = "c-1", tier = "basic", country = "US" }

return {
  {
    -- 101.98: 15 % is 15.297; 19 % of 86.68 is 16.4692
    name = "the benchmark's order",
    order = order {
      items = { { sku = "A-1001", qty = 2, price = 1999 }, { sku = "B-7", qty = 1, price = 4950 }, { sku = "C-33", qty = 5, price = 250 } },
      coupon = "SPRING10",
    },
    expect = {
      decision = "accepted",
      subtotal = 10198, discount = 1530, tax = 1647, total = 10315, route = "express", flags = {},
      operations = {
        { op = "discount", label = "discount", amount = 1530 },
        { op = "tax", label = "tax", amount = 1647 },
        { op = "route", label = "express" },
      },
    },
  },
  -- 5 % of 10.10 is 50.5 cents: up, where money.share goes to the even 50
  { name = "half a cent goes up", order = order { items = one(1, 1010) }, expect = { discount = 51 } },
  -- 5 + 10 + 3 % of 100.00
  { name = "10 pieces", order = order { items = one(10, 1000), coupon = "SPRING10" }, expect = { discount = 1800 } },
  { name = "9 pieces", order = order { items = one(9, 1000) }, expect = { discount = 450 } },
  {
    -- 60 x 100.00 less 3 % is 5,820.00; 7.25 % is 421.95; 40 + 30 + 10
    name = "flagged for review",
    order = order { customer = BASIC, priority = 2, items = one(60, 10000) },
    expect = { decision = "accepted", tax = 42195, total = 624195, flags = { "review" }, route = "insured" },
  },
  {
    -- 50 pieces and at most 5,000.00: only the 10 of basic
    name = "not flagged",
    order = order { customer = BASIC, priority = 3, items = one(50, 100) },
    expect = { flags = {}, route = "standard" },
  },
  {
    name = "a country without tax",
    order = order { customer = { id = "c-1", country = "BR" }, items = one(1, 1000) },
    expect = { discount = 0, tax = 0, total = 1000 },
  },
  {
    name = "no customer id",
    order = order { customer = { country = "DE" }, items = one(1, 1000) },
    expect = { problems = { { field = "customer.id", message = "is required" } } },
  },
}
