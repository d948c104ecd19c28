-- split: CPU time in known shares, to measure the profiler with: 50 % in `five`, 30 % in `three`, 20 % in `two`.
--
-- The functions are the same code on lines of their own. `two` is called by both of the others, half each: flat shares
-- are its own, and the callers' cumulative ones 60 % and 40 %.
local PART = 16000

local function two(x)
  for i = 1, 1 * PART do
    x = (x * 31 + i) % 65521
  end
  return x
end

local function three(x)
  for i = 1, 3 * PART do
    x = (x * 31 + i) % 65521
  end
  x = two(x)
  return x -- not `return two(x)`: a tail call would leave no trace of its caller
end

local function five(x)
  for i = 1, 5 * PART do
    x = (x * 31 + i) % 65521
  end
  x = two(x)
  return x
end

return {
  name = "split",
  about = "50 %, 30 % and 20 % of the time.",
  apply = function(order, decide) decide:set("split", three(five(order.subtotal % 65521))) end,
}
