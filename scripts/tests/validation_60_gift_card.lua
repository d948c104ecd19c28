-- tests: validation/60_gift_card.lua
local function order(card)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    gift_card = card,
    items = { { sku = "A-1001", qty = 1, price = 1999 } },
  }
end

local function problem(field, message)
  return { problems = { { field = field, message = message } } }
end

local CODE = "must be GC- and capital letters, digits and dashes, such as GC-7F3K"
local BALANCE = "must be minor units, 0 or more"

return {
  { name = "all is well", order = order { code = "GC-7F3K-22", balance = 5000, currency = "EUR" },
    expect = { decision = "accepted" } },
  { name = "an empty card", order = order { code = "GC-7F3K", balance = 0 }, expect = { decision = "accepted" } },
  { name = "not an object", order = order("GC-7F3K"),
    expect = problem("gift_card", "must be an object with code and balance") },
  { name = "a wrong code", order = order { code = "gc-7f3k", balance = 1 }, expect = problem("gift_card.code", CODE) },
  { name = "4 characters", order = order { code = "GC-7", balance = 1 }, expect = { decision = "accepted" } },
  { name = "40 characters", order = order { code = "GC-" .. ("7"):rep(37), balance = 1 }, expect = { decision = "accepted" } },
  { name = "41 characters", order = order { code = "GC-" .. ("7"):rep(38), balance = 1 }, expect = problem("gift_card.code", CODE) },
  { name = "no code", order = order { balance = 1 }, expect = problem("gift_card.code", CODE) },
  { name = "no balance", order = order { code = "GC-7F3K" }, expect = problem("gift_card.balance", BALANCE) },
  { name = "less than nothing", order = order { code = "GC-7F3K", balance = -1 },
    expect = problem("gift_card.balance", BALANCE) },
  { name = "half a cent", order = order { code = "GC-7F3K", balance = 0.5 },
    expect = problem("gift_card.balance", BALANCE) },
  { name = "another currency", order = order { code = "GC-7F3K", balance = 1, currency = "USD" },
    expect = problem("gift_card.currency", "must be the order's currency") },
}
