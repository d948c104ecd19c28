-- SPDX-License-Identifier: MIT
-- base: the basic functions that scripts get in place of Lua's own, where those show addresses or an order of keys that
-- differs between states. Everything here is compiled by the JIT when the caller is.
local type, error, rawget, rawtostring, rawnext, getmetatable = type, error, rawget, tostring, next, getmetatable
local select, sort, rawformat, find = select, table.sort, string.format, string.find

local function tostring(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" or kind == "boolean" or kind == "nil" then return rawtostring(value) end
  local meta = getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__tostring") ~= nil then return rawtostring(value) end
  if kind == "userdata" then return rawtostring(value) end -- the engine's own; they have names
  return kind
end

-- Keys in the order in which scripts see them: numbers, then strings by their bytes, then false and true.
local RANK = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local kind_a, kind_b = type(a), type(b)
  if kind_a == kind_b then
    if kind_a == "boolean" then return b and not a end
    return a < b
  end
  return RANK[kind_a] < RANK[kind_b]
end

local function check_table(value, what)
  if type(value) ~= "table" then error(what .. ": a table is needed, got " .. type(value), 3) end
end

local function bad_key(what, key)
  error(what .. ": the table has a key of type " .. type(key) .. ", which has no order; use numbers, strings or booleans",
    3)
end

-- One step: state[1] is the table, state[2] the place of the key given last; the keys follow.
local function step(state)
  local source, at = state[1], state[2]
  while true do
    at = at + 1
    local key = state[at]
    if key == nil then return nil end
    local value = source[key]
    if value ~= nil then
      state[2] = at
      return key, value
    end
  end
end

local function sort_keys(state, first, last)
  if last - first < 12 then
    for i = first + 1, last do
      local key, j = state[i], i - 1
      while j >= first and before(key, state[j]) do
        state[j + 1] = state[j]
        j = j - 1
      end
      state[j + 1] = key
    end
    return
  end
  local keys = {}
  for i = first, last do keys[i - first + 1] = state[i] end
  sort(keys, before)
  for i = first, last do state[i] = keys[i - first + 1] end
end

-- The keys are those at the start of the loop; ones that are removed meanwhile are passed over.
local function pairs(source)
  check_table(source, "pairs")
  local state, count, sorted, last = { source, 2 }, 2, true, nil
  local key = rawnext(source)
  while key ~= nil do
    if not RANK[type(key)] then bad_key("pairs", key) end
    if sorted and last ~= nil and before(key, last) then sorted = false end
    last = key
    count = count + 1
    state[count] = key
    key = rawnext(source, key)
  end
  if not sorted then sort_keys(state, 3, count) end
  return step, state, nil
end

-- The smallest key above `after`. Looks at all of them: pairs is the fast way.
local function next(source, after)
  check_table(source, "next")
  if after ~= nil and not RANK[type(after)] then bad_key("next", after) end
  local found
  local key = rawnext(source)
  while key ~= nil do
    if not RANK[type(key)] then bad_key("next", key) end
    if (after == nil or before(after, key)) and (found == nil or before(key, found)) then found = key end
    key = rawnext(source, key)
  end
  if found == nil then return nil end
  return found, rawget(source, found)
end

-- string.format, but %s of a table or function shows no address, and there is no %p. Formats are few and come again.
local known, known_count = {}, 0

local function check_format(text)
  if type(text) == "string" then
    local at = 1
    while true do
      local first, last, letter = find(text, "%%[-+ #0-9.]*(.)", at)
      if not first then break end
      if letter == "p" then error("string.format: there is no %p here: addresses differ from run to run", 3) end
      at = last + 1
    end
    if known_count >= 1000 then known, known_count = {}, 0 end
    known[text] = true
    known_count = known_count + 1
  end
end

local function plain(value)
  local kind = type(value)
  return kind == "string" or kind == "number"
end

local function format_any(text, ...)
  local values = { ... }
  local count = select("#", ...)
  for i = 1, count do
    if not plain(values[i]) and values[i] ~= nil then values[i] = tostring(values[i]) end
  end
  return rawformat(text, unpack(values, 1, count))
end

local function format(text, ...)
  if not known[text] then check_format(text) end
  local count = select("#", ...)
  if count == 0 then return rawformat(text) end
  if count <= 3 then
    local a, b, c = ...
    if plain(a) and (count < 2 or plain(b)) and (count < 3 or plain(c)) then return rawformat(text, ...) end
  end
  return format_any(text, ...)
end

local function no_random()
  error("math.random is not here: a decision must come out the same again; use ctx.random()", 2)
end

local function no_seed()
  error("math.randomseed is not here: ctx.random() is seeded by the order and the attempt", 2)
end

return {
  tostring = tostring,
  pairs = pairs,
  next = next,
  format = format,
  no_random = no_random,
  no_seed = no_seed,
}
