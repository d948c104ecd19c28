-- tests: validation/50_coupon.lua
local function order(coupon)
  return {
    customer = { id = "c-1", country = "DE" },
    currency = "EUR",
    coupon = coupon,
    items = { { sku = "A-1001", qty = 1, price = 1999 } },
  }
end

local PROBLEM = { problems = { { field = "coupon", message = "must be text of 1 to 32 characters, or absent" } } }

return {
  { name = "none", order = order(nil), expect = { decision = "accepted" } },
  { name = "one that we do not know", order = order("SUMMER99"), expect = { decision = "accepted" } },
  { name = "1 character", order = order("X"), expect = { decision = "accepted" } },
  { name = "32 characters", order = order(("X"):rep(32)), expect = { decision = "accepted" } },
  { name = "33 characters", order = order(("X"):rep(33)), expect = PROBLEM },
  { name = "an empty one", order = order(""), expect = PROBLEM },
  { name = "a number", order = order(10), expect = PROBLEM },
}
