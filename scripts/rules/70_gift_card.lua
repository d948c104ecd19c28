-- gift_card: pays with a gift card, up to what is due.
--
-- Reads gift_card {code, balance}: the checkout has reserved the card and says what is left on it. Runs after discounts,
-- fees and taxes, because a card pays the final amount.
-- Example: total 60.95, balance 50.00 -> pays 50.00, due 10.95; balance 100.00 -> pays 60.95, due 0.
return {
  name = "gift_card",
  about = "Pays with a gift card.",
  apply = function(order, decide)
    local card = order.gift_card
    if not card then return end
    local due = decide:net() + decide:sum("tax") - decide:sum("pay")
    decide:pay("gift_card", math.min(card.balance, due))
    decide:set("gift_card_left", card.balance - math.min(card.balance, due))
  end,
}
