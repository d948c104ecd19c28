-- coupon: the form of a coupon code, where there is one.
--
-- Reads coupon. Only the form is checked: a code that the shop does not know (any more) is no reason to refuse an order;
-- the rule `coupon` leaves a note then.
-- Example: {"coupon":""} -> coupon: must be text of 1 to 32 characters, or absent
local shape = require "shape"

return {
  name = "coupon_form",
  about = "The form of a coupon code.",
  check = function(order, problems)
    local coupon = order.coupon
    if coupon ~= nil and not shape.is_text(coupon, 1, 32) then
      problems:add("coupon", "must be text of 1 to 32 characters, or absent")
    end
  end,
}
