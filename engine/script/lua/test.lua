-- SPDX-License-Identifier: MIT
-- test: compares what a test of a rule set expects with the decision that came out. Only what is named is compared.
--
-- Gets `expect` as the test wrote it and the decision as clients get it; returns a list of sentences, empty when all is well.
local type, pairs, sort, concat, rawformat = type, pairs, table.sort, table.concat, string.format

local FIELDS = {}
for name in string.gmatch("decision code reason subtotal discount fee tax total paid due route retry_after_ms priority currency", "[%w_]+") do
  FIELDS[name] = "value"
end
FIELDS.flags, FIELDS.problems, FIELDS.attributes, FIELDS.operations, FIELDS.shipments = "flags", "problems", "subset",
  "operations", "list"

local function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return rawformat("%q", value) end
  if type(value) == "number" then return rawformat("%.14g", value) end
  if value == nil then return "nothing" end
  if type(value) ~= "table" then return tostring(value) end
  if depth > 3 then return "{...}" end
  local parts = {}
  for i = 1, #value do parts[i] = show(value[i], depth + 1) end
  for key, member in pairs(value) do
    if type(key) ~= "number" then parts[#parts + 1] = tostring(key) .. " = " .. show(member, depth + 1) end
  end
  return "{" .. concat(parts, ", ") .. "}"
end

-- Has `got` everything that `want` names?
local function covers(got, want)
  if type(want) ~= "table" or type(got) ~= "table" then return got == want end
  for key, value in pairs(want) do
    if not covers(got[key], value) then return false end
  end
  return true
end

local function same(got, want)
  return covers(got, want) and covers(want, got)
end

local function differ(found, name, want, got)
  found[#found + 1] = name .. ": expected " .. show(want) .. ", got " .. show(got)
end

local compare = {}

function compare.value(found, name, want, got)
  if got ~= want then differ(found, name, want, got) end
end

-- A list of kinds, or of tables such as {kind = "review", reason = "score 70"}.
function compare.flags(found, name, want, got)
  local kinds, equal = {}, #(got or {}) == #want
  for i = 1, #(got or {}) do
    kinds[i] = got[i].kind
    if type(want[i]) == "table" then
      kinds[i] = got[i]
      equal = equal and covers(got[i], want[i])
    else
      equal = equal and kinds[i] == want[i]
    end
  end
  if not equal then differ(found, name, want, kinds) end
end

-- All of them, in any order.
function compare.problems(found, name, want, got)
  local taken, short = {}, {}
  got = got or {}
  for i = 1, #got do short[i] = { field = got[i].field, message = got[i].message } end
  local equal = #got == #want
  for i = 1, #want do
    local at
    for j = 1, #got do
      if not at and not taken[j] and covers(got[j], want[i]) then at = j end
    end
    if at then taken[at] = true else equal = false end
  end
  if not equal then differ(found, name, want, short) end
end

function compare.subset(found, name, want, got)
  for key, value in pairs(want) do
    local member = (got or {})[key]
    if not same(member, value) then differ(found, name .. "." .. tostring(key), value, member) end
  end
end

function compare.list(found, name, want, got)
  got = got or {}
  local equal = #got == #want
  for i = 1, #want do equal = equal and covers(got[i], want[i]) end
  if not equal then differ(found, name, want, got) end
end

-- Those that are named, in this order; others may stand between them.
function compare.operations(found, name, want, got)
  local at = 1
  got = got or {}
  for i = 1, #want do
    while at <= #got and not covers(got[at], want[i]) do at = at + 1 end
    if at > #got then
      local short = {}
      for j = 1, #got do
        short[j] = {}
        for key, value in pairs(got[j]) do
          if key ~= "at" and key ~= "rule" then short[j][key] = value end
        end
      end
      differ(found, name .. "[" .. i .. "]", want[i], short)
      return
    end
    at = at + 1
  end
end

-- Says why an order came out otherwise, once.
local function add_cause(found, got)
  if got.error then
    found[#found + 1] = "a rule broke: " .. got.error
  elseif got.decision == "invalid" then
    local texts = {}
    for i = 1, #got.problems do texts[i] = got.problems[i].field .. " " .. got.problems[i].message end
    found[#found + 1] = "the order is invalid: " .. concat(texts, "; ")
  elseif got.decision ~= "accepted" and got.reason and got.reason ~= "" then
    found[#found + 1] = "the reason is: " .. got.reason
  end
end

return function(expect, got)
  local found, names = {}, {}
  if type(expect) ~= "table" then return { "`expect` must be a table such as {decision = \"accepted\"}" } end
  for name in pairs(expect) do
    if FIELDS[name] then
      names[#names + 1] = name
    else
      found[#found + 1] = "expect." .. tostring(name) .. ": a decision has no such field"
    end
  end
  if #names == 0 and #found == 0 then return { "`expect` is empty, so the test shows nothing" } end
  sort(names)
  for i = 1, #names do
    local name = names[i]
    local want, how = expect[name], FIELDS[name]
    if how ~= "value" and type(want) ~= "table" then
      found[#found + 1] = "expect." .. name .. " must be a table"
    else
      compare[how](found, name, want, got[name])
    end
  end
  if #found > 0 and not (expect.problems and got.decision == "invalid") then add_cause(found, got) end
  return found
end
