-- SPDX-License-Identifier: MIT
-- test: compares what a test of a rule set expects with the decision that came out. Only what is named is compared.
--
-- Gets `expect` as the test wrote it, the decision as clients get it, and the folder of the rules; returns a list of
-- { sentence, block }, empty when all is well. A block says the same for people, over several lines, each with a mark in
-- front: "=" a heading, "-" what was expected, "+" what came, " " where it came from.
local type, pairs, sort, concat, rawformat = type, pairs, table.sort, table.concat, string.format

local FIELDS = {}
for name in string.gmatch("decision code reason subtotal discount fee tax total paid due route retry_after_ms priority currency", "[%w_]+") do
  FIELDS[name] = "value"
end
FIELDS.flags, FIELDS.problems, FIELDS.attributes, FIELDS.operations, FIELDS.shipments = "flags", "problems", "subset",
  "operations", "list"

-- The kinds of operations that make a field of the decision.
local MADE_BY = {
  decision = { reject = true, hold = true, retry = true },
  discount = { discount = true, cap = "discount" },
  fee = { fee = true, cap = "fee" },
  tax = { tax = true, cap = "tax" },
  total = { discount = true, fee = true, tax = true, cap = true },
  paid = { pay = true, cap = "pay" },
  due = { discount = true, fee = true, tax = true, pay = true, cap = true },
  route = { route = true },
  retry_after_ms = { retry = true },
  flags = { flag = true },
  shipments = { ship = true },
}
MADE_BY.code, MADE_BY.reason = MADE_BY.decision, MADE_BY.decision

local PLACES_MAX = 3 -- in a sentence

local folder, made -- of the comparison that goes on; the operations of its decision

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

-- An operation without what says where it was made.
local function content(operation)
  local short = {}
  for key, value in pairs(operation) do
    if key ~= "at" and key ~= "rule" then short[key] = value end
  end
  return short
end

-- A cap counts when it has cut something.
local function has_cut(kind)
  for i = 1, #made do
    if made[i].op == kind and made[i].requested then return true end
  end
  return false
end

local function made_by(field, label)
  local kinds, found = MADE_BY[field], {}
  for i = 1, #made do
    local operation = made[i]
    local kind = kinds and kinds[operation.op]
    if operation.op == "cap" then
      kind = (kind == true or kind == operation.label) and has_cut(operation.label)
    end
    if kind == true or label and operation.op == "set" and operation.label == label then
      found[#found + 1] = operation
    end
  end
  return found
end

local function line_of(operation)
  local text = operation.op
  if operation.label then text = text .. " " .. show(operation.label) end
  if operation.amount then text = text .. " " .. show(operation.amount) end
  if operation.requested then text = text .. ", cut by a cap from " .. show(operation.requested) end
  return rawformat("%s  (%s, %s/%s)", text, operation.rule, folder, operation.at)
end

-- The places of some operations, for a sentence.
local function places(operations)
  local texts = {}
  for i = 1, #operations do
    if i > PLACES_MAX then texts[i] = "…" break end
    texts[i] = operations[i].at
  end
  return #texts > 0 and " (" .. concat(texts, ", ") .. ")" or ""
end

-- One difference. `lines` stand in its block between the heading and where it came from; by default both values.
local function differ(found, name, want, got, operations, lines)
  local block = lines or { "-expected  " .. show(want), "+got       " .. show(got) }
  table.insert(block, 1, "=" .. name)
  for i = 1, #operations do block[#block + 1] = (i == 1 and " from      " or "           ") .. line_of(operations[i]) end
  found[#found + 1] = { name .. ": expected " .. show(want) .. ", got " .. show(got) .. places(operations), concat(block, "\n") }
end

-- A difference that is a sentence.
local function say(found, sentence)
  found[#found + 1] = { sentence, "=" .. sentence }
end

-- By member: what `want` names and `got` has otherwise.
local function members(lines, got, want, prefix)
  for key, value in pairs(want) do
    local name = type(key) == "number" and prefix .. "[" .. key .. "]" or (prefix == "" and "" or prefix .. ".") .. tostring(key)
    if type(value) == "table" and type(got[key]) == "table" then
      members(lines, got[key], value, name)
    elseif got[key] ~= value then
      lines[#lines + 1] = "-" .. name .. ": expected  " .. show(value)
      lines[#lines + 1] = "+" .. name .. ": got       " .. show(got[key])
    end
  end
end

local compare = {}

function compare.value(found, name, want, got)
  if got ~= want then differ(found, name, want, got, made_by(name)) end
end

-- Two lists, element by element.
local function elements(got, want)
  local lines = {}
  for i = 1, math.max(#got, #want) do
    if not covers(got[i], want[i]) or want[i] == nil then
      lines[#lines + 1] = "-[" .. i .. "]: expected  " .. show(want[i])
      lines[#lines + 1] = "+[" .. i .. "]: got       " .. show(got[i])
    end
  end
  return lines
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
  if not equal then differ(found, name, want, kinds, made_by(name), elements(kinds, want)) end
end

-- All of them, in any order.
function compare.problems(found, name, want, got)
  local taken, short, lines = {}, {}, {}
  got = got or {}
  for i = 1, #got do short[i] = { field = got[i].field, message = got[i].message } end
  for i = 1, #want do
    local at
    for j = 1, #got do
      if not at and not taken[j] and covers(got[j], want[i]) then at = j end
    end
    if at then taken[at] = true else lines[#lines + 1] = "-expected  " .. show(want[i]) end
  end
  for j = 1, #got do
    if not taken[j] then lines[#lines + 1] = "+got       " .. show(short[j]) .. "  (" .. got[j].rule .. ")" end
  end
  if #lines > 0 then differ(found, name, want, short, {}, lines) end
end

function compare.subset(found, name, want, got)
  for key, value in pairs(want) do
    local member = (got or {})[key]
    if not same(member, value) then
      differ(found, name .. "." .. tostring(key), value, member, made_by(nil, key))
    end
  end
end

function compare.list(found, name, want, got)
  got = got or {}
  local equal = #got == #want
  for i = 1, #want do equal = equal and covers(got[i], want[i]) end
  if not equal then differ(found, name, want, got, made_by(name), elements(got, want)) end
end

-- The operation that was most likely meant: of the same kind and label, else of the same kind.
local function nearest(got, from, want)
  local kind
  for i = from, #got do
    if got[i].op == want.op then
      if got[i].label == want.label then return i end
      kind = kind or i
    end
  end
  return kind
end

-- Those that are named, in this order; others may stand between them.
function compare.operations(found, name, want, got)
  local at = 1
  got = got or {}
  for i = 1, #want do
    local here, wanted = at, want[i]
    while here <= #got and not covers(got[here], wanted) do here = here + 1 end
    if here > #got then
      local near = type(wanted) == "table" and nearest(got, at, wanted)
      local lines, all = {}, {}
      if near then
        members(lines, got[near], wanted, "")
        differ(found, name .. "[" .. i .. "]", wanted, content(got[near]), { got[near] }, lines)
      else
        lines[1], lines[2] = "-expected  " .. show(wanted), at == 1 and "+none like it; there are" or "+none like it; behind the one before there are"
        for j = at, #got do
          all[#all + 1] = content(got[j])
          lines[#lines + 1] = "           " .. line_of(got[j])
        end
        if #all == 0 then lines[2] = at == 1 and "+there are no operations" or "+there are none behind the one before" end
        differ(found, name .. "[" .. i .. "]", wanted, all, {}, lines)
      end
      here = near or at - 1
    end
    at = here + 1
  end
end

-- Says why an order came out otherwise, once.
local function add_cause(found, got)
  if got.error then
    say(found, "a rule broke: " .. got.error)
  elseif got.decision == "invalid" then
    local texts = {}
    for i = 1, #got.problems do texts[i] = got.problems[i].field .. " " .. got.problems[i].message end
    say(found, "the order is invalid: " .. concat(texts, "; "))
  elseif got.decision ~= "accepted" and got.reason and got.reason ~= "" then
    say(found, "the reason is: " .. got.reason)
  end
end

return function(expect, got, from)
  local found, names = {}, {}
  folder, made = from, got.operations or {}
  if type(expect) ~= "table" then
    say(found, "`expect` must be a table such as {decision = \"accepted\"}")
    return found
  end
  for name in pairs(expect) do
    if FIELDS[name] then
      names[#names + 1] = name
    else
      say(found, "expect." .. tostring(name) .. ": a decision has no such field")
    end
  end
  if #names == 0 and #found == 0 then
    say(found, "`expect` is empty, so the test shows nothing; name what the decision should have, such as {total = 5103}")
    return found
  end
  sort(names)
  for i = 1, #names do
    local name = names[i]
    local want, how = expect[name], FIELDS[name]
    if how ~= "value" and type(want) ~= "table" then
      say(found, "expect." .. name .. " must be a table")
    else
      compare[how](found, name, want, got[name])
    end
  end
  if #found > 0 and not (expect.problems and got.decision == "invalid") then add_cause(found, got) end
  return found
end
