-- SPDX-License-Identifier: MIT
-- lines: which lines of a file can run, for coverage. The compiled code is looked at, as in lint.lua.
--
-- Gets the file's main function and LuaJIT's jit.util. Gives a table: number of the line -> true.
--
-- A line can run when one of its instructions can be reached. LuaJIT's own list of active lines has more: the jump over
-- an `else` behind a `return`, and the return at the `end` of a function of which every branch returns, are compiled too,
-- and nothing ever comes there. A `break` or `goto` on a line of its own behind a condition is not there for the same
-- reason: the condition itself jumps to where it leads.
local f, util = ...
local band, rshift = bit.band, bit.rshift

local function op(ins) return band(ins, 0xff) end

-- What a jump leads to, from the instruction behind it.
local function offset(ins) return rshift(ins, 16) - 0x8000 end

-- Does the instruction's last operand say where it jumps to? By its description in LuaJIT.
local function is_jump(mode) return band(rshift(mode, 7), 15) == 13 end

-- The number of the instruction at a place (from 1; behind the end, negative) of a sample.
local function op_at(sample, pc)
  if pc < 0 then
    local count = 1
    while util.funcbc(sample, count) do count = count + 1 end
    pc = count + pc
  end
  return op(util.funcbc(sample, pc))
end

-- luacheck: push ignore
-- The last of those that compare and skip the jump behind them; LuaJIT has them first.
local LAST_TEST = op_at(function(x) if x then return 1 end end, 1)
-- Nothing follows.
local ENDS = {}
for _, sample in ipairs {
  function() end, function(x) return x end, function(x) return x, x end, function(...) return ... end,
  function(x) return x() end, function(x) return x(x()) end,
} do
  ENDS[op_at(sample, -1)] = true
end
-- What follows comes next, as well as what they jump to; `while` only marks where its loop begins.
local BOTH = {
  [op_at(function() for i = 1, 2 do f = i end end, 4)] = true,
  [op_at(function() for i = 1, 2 do f = i end end, -2)] = true,
  [op_at(function(x) for i in x do f = i end end, -2)] = true,
}
local MARK = op_at(function(x) while x do f = x end end, 3)
-- luacheck: pop

local can_run = {}

-- The instructions that can follow one.
local function next_of(pc, ins, mode)
  local number = op(ins)
  if ENDS[number] then return end
  if number <= LAST_TEST then return pc + 1, pc + 2 end
  if number == MARK or not is_jump(mode) then return pc + 1 end
  local target = pc + 1 + offset(ins)
  if BOTH[number] then return pc + 1, target end
  return target
end

local function look(proto)
  local seen, left = { [1] = true }, { 1 }
  while #left > 0 do
    local pc = table.remove(left)
    local ins, mode = util.funcbc(proto, pc)
    if ins then
      -- The jump behind a test is a part of the test, and may have the line of what follows.
      if pc == 1 or op(util.funcbc(proto, pc - 1)) > LAST_TEST then
        can_run[util.funcinfo(proto, pc).currentline] = true
      end
      local first, second = next_of(pc, ins, mode)
      if first and not seen[first] then seen[first] = true left[#left + 1] = first end
      if second and not seen[second] then seen[second] = true left[#left + 1] = second end
    end
  end
  if not util.funcinfo(proto).children then return end
  local k = -1
  while true do
    local constant = util.funck(proto, k)
    if constant == nil then break end
    if type(constant) == "proto" then look(constant) end
    k = k - 1
  end
end

look(f)
return can_run
