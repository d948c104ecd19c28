-- offers: which offers may be made to the customer next, for the shop's pages.
--
-- Example: any order -> attribute "offers" with the numbers of 60 offers; the shop's pages have their texts.
local NUMBERS = {}
for i = 1, 60 do
  NUMBERS[i] = i
end

return {
  name = "offers",
  about = "Numbers of offers for the shop's pages.",
  apply = function(_, decide) decide:set("offers", NUMBERS) end,
}
