-- repeat_buyer: marks customers who have ordered before.
--
-- Reads customer.orders, which the shop sends along. Example: {"customer":{"id":"c-42","orders":1}} -> flag "repeat_buyer".
-- What is known of a customer comes with the order; a rule remembers nothing.
return {
  name = "repeat_buyer",
  about = "Marks customers who come again.",
  apply = function(order, decide)
    local before = order.customer.orders
    if type(before) == "number" and before > 0 then decide:flag("repeat_buyer", "order " .. before + 1) end
  end,
}
