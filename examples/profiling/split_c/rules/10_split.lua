-- split: CPU time in known shares, nearly all of it inside of C functions that Lua calls: the engine's JSON, and LuaJIT's
-- string functions.
--
-- In each pair, both functions make the same calls on the same values, 3 times and once: 75 % and 25 % of the pair.
local ROUNDS = 20
local TEXT = ("order "):rep(400)
local LINES = {}
for i = 1, 150 do
  LINES[i] = { sku = "A-" .. i, qty = i }
end

local function parse_three(decide)
  for _ = 1, 3 * ROUNDS do
    decide:get("lines")
  end
end

local function parse_one(decide)
  for _ = 1, 1 * ROUNDS do
    decide:get("lines")
  end
end

local function reverse_three(text)
  for _ = 1, 3 * 30 * ROUNDS do
    text = text:reverse()
  end
  return text
end

local function reverse_one(text)
  for _ = 1, 1 * 30 * ROUNDS do
    text = text:reverse()
  end
  return text
end

return {
  name = "split",
  about = "75 % and 25 % of the time in C, twice.",
  apply = function(_, decide)
    decide:set("lines", LINES)
    parse_three(decide)
    parse_one(decide)
    decide:set("length", #reverse_one(reverse_three(TEXT)))
  end,
}
