-- SPDX-License-Identifier: MIT
-- text: small things with strings. Bytes, not characters: letters are those of ASCII.
--
--   text.trim("  a b ")          --> "a b"
--   text.split("a,b,,c", ",")    --> {"a", "b", "", "c"}
--   text.starts("B-7", "B-")     --> true
--   text.pad("7", 3, "0")        --> "007"
local type, error = type, error
local find, sub, rep, byte = string.find, string.sub, string.rep, string.byte
local lower, upper = string.lower, string.upper

local function check(call, argument, value)
  if type(value) ~= "string" then error("text." .. call .. ": " .. argument .. " must be a string, got " .. type(value), 3) end
end

local function is_space(c)
  return c == 32 or c >= 9 and c <= 13
end

-- Without white space at both ends.
local function trim(s)
  check("trim", "text", s)
  local first, last = 1, #s
  while first <= last and is_space(byte(s, first)) do first = first + 1 end
  while last >= first and is_space(byte(s, last)) do last = last - 1 end
  return sub(s, first, last)
end

-- The parts between separators, which are taken as they are (no patterns).
local function split(s, separator)
  check("split", "text", s)
  check("split", "separator", separator)
  if separator == "" then error("text.split: separator must not be empty", 2) end
  local parts, count, from = {}, 0, 1
  while true do
    local first, last = find(s, separator, from, true)
    count = count + 1
    if not first then
      parts[count] = sub(s, from)
      return parts
    end
    parts[count] = sub(s, from, first - 1)
    from = last + 1
  end
end

local function starts(s, prefix)
  check("starts", "text", s)
  check("starts", "prefix", prefix)
  return sub(s, 1, #prefix) == prefix
end

local function ends(s, suffix)
  check("ends", "text", s)
  check("ends", "suffix", suffix)
  return #suffix <= #s and sub(s, #s - #suffix + 1) == suffix
end

local function contains(s, part)
  check("contains", "text", s)
  check("contains", "part", part)
  return find(s, part, 1, true) ~= nil
end

-- Filled up on the left to a width, with spaces or `fill`; a negative width fills on the right.
local function pad(s, width, fill)
  check("pad", "text", s)
  fill = fill or " "
  check("pad", "fill", fill)
  if type(width) ~= "number" then error("text.pad: width must be a number, got " .. type(width), 2) end
  if #fill ~= 1 then error("text.pad: fill must be one byte, got " .. #fill, 2) end
  if width < 0 then return s .. rep(fill, -width - #s) end
  return rep(fill, width - #s) .. s
end

return {
  trim = trim,
  split = split,
  starts = starts,
  ends = ends,
  contains = contains,
  pad = pad,
  lower = function(s)
    check("lower", "text", s)
    return lower(s)
  end,
  upper = function(s)
    check("upper", "text", s)
    return upper(s)
  end,
}
