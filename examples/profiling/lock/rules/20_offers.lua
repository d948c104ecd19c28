-- offers: what may be offered to the customer next, for the shop's pages.
--
-- Example: any order -> the attributes offers_1 to offers_60, some 4 KiB each.
-- The exercise: decisions are large, and whoever reads GET /events gets a copy of each. Workers write these copies one after
-- the other, under one lock. Rules themselves hold no lock while they run: what they can do is to make others hold one for long.
local TEXT = ("offer "):rep(600) -- planted: what every decision carries 60 times

return {
  name = "offers",
  about = "Offers for the shop's pages.",
  apply = function(_, decide)
    for i = 1, 60 do
      decide:set("offers_" .. i, TEXT)
    end
  end,
}
