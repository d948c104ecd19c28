-- tests: validation/30_items.lua
local function order(...)
  return { customer = { id = "c-1", country = "DE" }, currency = "EUR", items = { ... } }
end

local function item(sku, qty, weight_g)
  return { sku = sku, qty = qty, price = 100, weight_g = weight_g }
end

local FORM = "must be capital letters, a dash, then letters and digits, such as A-1001"
local GRAMS = "must be whole grams from 0 to 1000000"

local function problem(field, message)
  return { problems = { { field = field, message = message } } }
end

return {
  { name = "999 pieces", order = order(item("C-33", 999)), expect = { decision = "accepted" } },
  { name = "1000 pieces", order = order(item("A-1", 1), item("C-33", 1000)),
    expect = problem("items[2].qty", "must be at most 999") },
  { name = "letters behind the dash", order = order(item("AB-7X", 1)), expect = { decision = "accepted" } },
  { name = "no dash", order = order(item("A1001", 1)), expect = problem("items[1].sku", FORM) },
  { name = "small letters", order = order(item("a-1001", 1)), expect = problem("items[1].sku", FORM) },
  { name = "nothing before the dash", order = order(item("-1001", 1)), expect = problem("items[1].sku", FORM) },
  { name = "nothing behind the dash", order = order(item("A-", 1)), expect = problem("items[1].sku", FORM) },
  { name = "two dashes", order = order(item("A-1-2", 1)), expect = problem("items[1].sku", FORM) },
  { name = "32 characters", order = order(item("A-" .. ("1"):rep(30), 1)), expect = { decision = "accepted" } },
  { name = "33 characters", order = order(item("A-" .. ("1"):rep(31), 1)), expect = problem("items[1].sku", FORM) },
  { name = "a weight", order = order(item("A-1", 1, 1000000)), expect = { decision = "accepted" } },
  { name = "too heavy", order = order(item("A-1", 1, 1000001)), expect = problem("items[1].weight_g", GRAMS) },
  { name = "half a gram", order = order(item("A-1", 1, 0.5)), expect = problem("items[1].weight_g", GRAMS) },
  { name = "a weight in words", order = order(item("A-1", 1, "2kg")), expect = problem("items[1].weight_g", GRAMS) },
  {
    name = "two lines, three problems",
    order = order(item("x", 1000), item("A-1", 1, -1)),
    expect = { problems = { { field = "items[1].sku" }, { field = "items[1].qty" }, { field = "items[2].weight_g" } } },
  },
}
