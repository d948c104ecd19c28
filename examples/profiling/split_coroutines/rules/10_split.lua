-- split: CPU time in known shares inside of coroutines of the rule's own: 75 % in `three`, 25 % in `one`.
--
-- Both are the same code, on lines of their own; each gives a value every 100 rounds, and whoever made it takes it.
local PART = 10000
local yield = coroutine.yield

local function three()
  local x = 1
  for i = 1, 3 * PART do
    x = (x * 31 + i) % 65521
    if i % 100 == 0 then yield(x) end
  end
end

local function one()
  local x = 1
  for i = 1, 1 * PART do
    x = (x * 31 + i) % 65521
    if i % 100 == 0 then yield(x) end
  end
end

local function drain(body)
  local sum = 0
  for value in coroutine.wrap(body) do
    sum = sum + value
  end
  return sum
end

return {
  name = "split",
  about = "75 % and 25 % of the time in two coroutines.",
  apply = function(_, decide) decide:set("split", drain(three) + drain(one)) end,
}
