-- A rule whose profile is known: the numbers of its lines stand in known.c.
local WORDS = { "spring", "summer", "autumn", "winter" }

return {
  name = "coupon",
  apply = function(order, decide)
    for i = 1, 1000 do
      decide:note("try " .. i)
    end
    for _, word in ipairs(WORDS) do
      if order.coupon:find(word) then
        decide:flag("season", word)
      end
    end
  end,
}
