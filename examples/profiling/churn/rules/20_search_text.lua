-- search_text: the words by which support staff find the order, as one text.
--
-- Reads the items' SKUs and customer.tier. Example: two items of a gold customer -> attribute "search" "order gold a-1001 b-7 …".
-- The exercise: the text is built word by word, and each step copies all that came before into a new text.
local WORDS = {}
for i = 1, 120 do
  WORDS[i] = "campaign-" .. i
end

local function search_text(order)
  local text = "order " .. (order.customer and order.customer.tier or "basic")
  for i = 1, #order.items do
    text = text .. " " .. order.items[i].sku:lower()
  end
  for i = 1, #WORDS do -- planted: each round copies the whole text
    text = text .. " " .. WORDS[i]
  end
  return text
end

return {
  name = "search_text",
  about = "Words to find the order by.",
  apply = function(order, decide) decide:set("search", search_text(order)) end,
}
