-- split: CPU time in known shares, to measure the profiler with: 75 % in `three`, 25 % in `one`.
--
-- Both functions are the same code on lines of their own, and go round 3 and 1 parts of the same loop.
local PART = 40000

local function three(x)
  for i = 1, 3 * PART do
    x = (x * 31 + i) % 65521
  end
  return x
end

local function one(x)
  for i = 1, 1 * PART do
    x = (x * 31 + i) % 65521
  end
  return x
end

return {
  name = "split",
  about = "75 % and 25 % of the time.",
  apply = function(order, decide) decide:set("split", one(three(order.subtotal % 65521))) end,
}
