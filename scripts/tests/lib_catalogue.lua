-- tests: lib/catalogue.lua by rules/50_shipping_fee.lua and validation/30_items.lua
-- At home up to 2,000 g cost 4.90 and up to 10,000 g 6.90; each order weighs exactly that much.
local function order(sku, qty, rest)
  local items = { { sku = sku, qty = qty, price = 1 } }
  if rest then items[2] = { sku = "A-1", qty = 1, price = 1, weight_g = rest } end
  return { customer = { id = "c-1", country = "DE" }, currency = "EUR", items = items }
end

return {
  { name = "4 electronics weigh 2,000 g", order = order("A-1", 4), expect = { fee = 490 } },
  { name = "5 books weigh 2,000 g", order = order("B-1", 5), expect = { fee = 490 } },
  { name = "20 pieces of stationery weigh 2,000 g", order = order("C-1", 20), expect = { fee = 490 } },
  { name = "2 others and 400 g weigh 2,000 g", order = order("K-1", 2, 400), expect = { fee = 490 } },
  { name = "2 of furniture and 2,000 g weigh 10,000 g", order = order("D-1", 2, 2000), expect = { fee = 690 } },
  { name = "something for the garden and 4,000 g weigh 10,000 g", order = order("G-1", 1, 4000), expect = { fee = 690 } },
  { name = "a household machine weighs more", order = order("H-1", 1), expect = { fee = 1490 } },
  { name = "letters from A to Z, digits from 0 to 9", order = order("AZ-AZ09", 1), expect = { decision = "accepted" } },
  { name = "what stands behind Z", order = order("[-1", 1), expect = { problems = { { field = "items[1].sku" } } } },
  { name = "what stands behind 9", order = order("A-:", 1), expect = { problems = { { field = "items[1].sku" } } } },
}
