-- SPDX-License-Identifier: MIT
-- list: functions over plain arrays, 1 to n. None changes the list that it is given.
--
--   list.map(order.items, function(item) return item.sku end)
--   list.sum(order.items, function(item) return item.qty end)
--   list.group(order.items, function(item) return item.warehouse end)   --> { berlin = {…}, hamburg = {…} }
local type, error, pairs = type, error, pairs

local function check(call, items, callback, needed)
  if type(items) ~= "table" then error("list." .. call .. ": a list is needed, got " .. type(items), 3) end
  if callback == nil and not needed then return end
  if type(callback) ~= "function" then
    error("list." .. call .. ": a function is needed as second argument, got " .. type(callback), 3)
  end
end

-- f(item, i) of every item.
local function map(items, f)
  check("map", items, f, true)
  local out = {}
  for i = 1, #items do out[i] = f(items[i], i) end
  return out
end

-- The items for which f(item, i) holds.
local function filter(items, f)
  check("filter", items, f, true)
  local out, count = {}, 0
  for i = 1, #items do
    if f(items[i], i) then
      count = count + 1
      out[count] = items[i]
    end
  end
  return out
end

-- The sum of the items, or of f(item, i).
local function sum(items, f)
  check("sum", items, f, false)
  local total = 0
  for i = 1, #items do
    local value = items[i]
    if f then value = f(value, i) end
    if type(value) ~= "number" then error("list.sum: item " .. i .. " gives no number but a " .. type(value), 2) end
    total = total + value
  end
  return total
end

local function any(items, f)
  check("any", items, f, true)
  for i = 1, #items do
    if f(items[i], i) then return true end
  end
  return false
end

local function all(items, f)
  check("all", items, f, true)
  for i = 1, #items do
    if not f(items[i], i) then return false end
  end
  return true
end

-- The first item for which f holds, and its place; nil when there is none.
local function find(items, f)
  check("find", items, f, true)
  for i = 1, #items do
    if f(items[i], i) then return items[i], i end
  end
  return nil
end

-- Lists of the items by f(item, i); items for which that is nil are left out.
local function group(items, f)
  check("group", items, f, true)
  local out = {}
  for i = 1, #items do
    local key = f(items[i], i)
    if key ~= nil then
      local members = out[key]
      if not members then
        members = {}
        out[key] = members
      end
      members[#members + 1] = items[i]
    end
  end
  return out
end

local function ascending(a, b)
  return a < b
end

-- Merges the sorted runs from..middle and middle+1..to.
local function merge(source, target, from, middle, to, less)
  local left, right = from, middle + 1
  for i = from, to do
    if left <= middle and (right > to or not less(source[right], source[left])) then
      target[i] = source[left]
      left = left + 1
    else
      target[i] = source[right]
      right = right + 1
    end
  end
end

-- A sorted copy, by `<` or by less(a, b). Equal items keep their order.
local function sort(items, less)
  check("sort", items, less, false)
  less = less or ascending
  local count = #items
  local source, target = {}, {}
  for i = 1, count do source[i] = items[i] end
  local width = 1
  while width < count do
    for from = 1, count, 2 * width do
      local middle = from + width - 1
      local to = from + 2 * width - 1
      merge(source, target, from, middle < count and middle or count, to < count and to or count, less)
    end
    source, target = target, source
    width = 2 * width
  end
  return source
end

local function contains(items, value)
  check("contains", items)
  for i = 1, #items do
    if items[i] == value then return true end
  end
  return false
end

-- The keys of a table: numbers ascending, then strings, then booleans.
local function keys(map_)
  check("keys", map_)
  local out, count = {}, 0
  for key in pairs(map_) do
    count = count + 1
    out[count] = key
  end
  return out
end

return {
  map = map,
  filter = filter,
  sum = sum,
  any = any,
  all = all,
  find = find,
  group = group,
  sort = sort,
  contains = contains,
  keys = keys,
}
