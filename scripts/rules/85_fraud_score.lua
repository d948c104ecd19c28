-- fraud_score: adds up what makes an order worth a second look.
--
--   total above 5,000.00 EUR                          40
--   more than 50 pieces                               30
--   paid with a gift card of more than 500.00 EUR     20
--   goes to another country than the customer's own   20
--   basic customer, or no tier                        10
--
-- From 50 on the order has the flag "review"; from 80 on it is held until a person resolves it.
-- Example: a basic customer orders 60 pieces for 6,000.00 -> 40 + 30 + 10 = 80, held.
local cart = require "cart"
local prices = require "prices"

local REVIEW, HOLD = 50, 80
local DEAR, DEAR_SCORE = prices.list(500000), 40
local DEAR_CARD, MANY = prices.list(50000), 50

return {
  name = "fraud_score",
  about = "Flags and holds orders that look risky.",
  apply = function(order, decide)
    local customer, address, card = order.customer, order.shipping_address, order.gift_card
    local tier = customer.tier
    local score = 0
    if cart.pieces(order) > MANY then score = score + 30 end
    if card and card.balance > DEAR_CARD[order.currency] then score = score + 20 end
    if address and address.country and address.country ~= customer.country then score = score + 20 end
    if not tier or tier == "basic" then score = score + 10 end
    if score + DEAR_SCORE < REVIEW then return end -- whatever the total is
    if decide:net() + decide:sum("tax") > DEAR[order.currency] then score = score + DEAR_SCORE end
    if score < REVIEW then return end
    decide:flag("review", "score " .. score)
    decide:set("score", score)
    if score >= HOLD then decide:hold("score " .. score) end
  end,
}
