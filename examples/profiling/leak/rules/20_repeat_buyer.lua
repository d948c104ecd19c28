-- repeat_buyer: marks customers who have ordered before.
--
-- Reads customer.id. Example: the second order of c-42 -> flag "repeat_buyer".
-- The exercise: what the rule remembers in `history` outlives the order, and nothing ever leaves it. (It is also wrong:
-- each worker remembers its own orders only, and a restart forgets them all.)
local history = {}

local function remember(customer, total)
  local known = history[customer] or {}
  history[customer] = known
  known[#known + 1] = function() return total end -- planted: it stays for ever
  return #known
end

return {
  name = "repeat_buyer",
  about = "Marks customers who come again.",
  apply = function(order, decide)
    local count = remember(order.customer.id, order.subtotal)
    if count > 1 then decide:flag("repeat_buyer", "order " .. count) end
  end,
}
