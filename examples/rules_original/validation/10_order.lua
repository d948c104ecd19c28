-- order: what the original checks and the engine does not check itself.
--
-- Reads customer.id. The rest of the original's checks are the engine's own: currency, priority, items, SKU, quantity and
-- price. Two differences: an order without an id gets one, and without a priority is medium; the original refuses both.
-- Example: {"customer":{"country":"DE"}} -> customer.id: is required
return {
  name = "order",
  about = "The original's checks.",
  check = function(order, problems)
    local customer = order.customer
    if type(customer) ~= "table" or customer.id == nil then problems:add("customer.id", "is required") end
  end,
}
