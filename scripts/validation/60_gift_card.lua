-- gift_card: code, balance and currency of a gift card, where there is one.
--
-- Reads gift_card {code, balance, currency?}. The balance is in minor units of the order's currency; a card in another
-- currency has to be exchanged first.
-- Example: {"gift_card":{"code":"GC-7F3K","balance":-1}} -> gift_card.balance: must be minor units, 0 or more
local shape = require "shape"

return {
  name = "gift_card_form",
  about = "Code, balance and currency of a gift card.",
  check = function(order, problems)
    local card = order.gift_card
    if card == nil then return end
    if type(card) ~= "table" then
      problems:add("gift_card", "must be an object with code and balance")
      return
    end
    local code, currency = card.code, card.currency
    if not (shape.is_text(code, 4, 40) and code:find("^GC%-[%u%d-]+$")) then
      problems:add("gift_card.code", "must be GC- and capital letters, digits and dashes, such as GC-7F3K")
    end
    if not shape.is_amount(card.balance) then
      problems:add("gift_card.balance", "must be minor units, 0 or more")
    end
    if currency ~= nil and currency ~= order.currency then
      problems:add("gift_card.currency", "must be the order's currency")
    end
  end,
}
