-- search_text: the words by which support staff find the order, as one text.
--
-- Reads the items' SKUs and customer.tier. Example: two items of a gold customer -> attribute "search" "order gold a-1001 b-7 …".
-- What is the same for every order is put together once, when the file is loaded; the rest in one step.
local WORDS = {}
for i = 1, 120 do
  WORDS[i] = "campaign-" .. i
end
local TAIL = " " .. table.concat(WORDS, " ")

local function search_text(order)
  local words = { "order", order.customer and order.customer.tier or "basic" }
  for i = 1, #order.items do
    words[i + 2] = order.items[i].sku:lower()
  end
  return table.concat(words, " ") .. TAIL
end

return {
  name = "search_text",
  about = "Words to find the order by.",
  apply = function(order, decide) decide:set("search", search_text(order)) end,
}
