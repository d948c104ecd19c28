-- SPDX-License-Identifier: MIT
-- lint: what `ordo check` warns of in a file that loads. The compiled code is looked at, not the text, so names in
-- comments and strings do not disturb, and a local that is called `os` is a local.
--
-- Gets the file's main function, LuaJIT's jit.util (so this knows no offsets), an environment of scripts, its `require`,
-- and a function that says whether there is a module. Gives a list of { line, text }, by line.
--
--   a write to a variable that outlives an order: a local of the file that one of its functions changes
--   a global, a field of a library or a module that is not there: the text is the error that running it would raise
local f, util, env, require, is_module = ...
local band, rshift, gsub, pcall = bit.band, bit.rshift, string.gsub, pcall

-- The parts of an instruction.
local function op(ins) return band(ins, 0xff) end
local function a(ins) return band(rshift(ins, 8), 0xff) end
local function b(ins) return rshift(ins, 24) end
local function c(ins) return band(rshift(ins, 16), 0xff) end
local function d(ins) return rshift(ins, 16) end

-- The numbers of the instructions that matter, from functions that have them.
-- luacheck: push ignore
local u
local WRITES_UPVALUE = {}
for _, sample in ipairs { function(x) u = x end, function() u = 'x' end, function() u = 1 end, function() u = nil end } do
  WRITES_UPVALUE[op(util.funcbc(sample, 1))] = true
end
local GET_GLOBAL = op(util.funcbc(function() return zork end, 1))
local SET_GLOBAL = op(util.funcbc(function() zork = 1 end, 2))
local GET_FIELD = op(util.funcbc(function(t) return t.zork end, 1))
local STRING = op(util.funcbc(function() return "zork" end, 1))
local function sample_call() return zork "zork" end
local TO_ARGUMENT = a(util.funcbc(sample_call, 2)) - a(util.funcbc(sample_call, 1)) -- registers from function to argument
-- luacheck: pop

-- The error that the function raises, without the place in this file; nil when it raises none.
local function error_of(action, ...)
  local ok, message = pcall(action, ...)
  if not ok then return (gsub(message, "^[^:]*:%d+: ", "")) end
end

local function read_global(name) return env[name] end
local function write_global(name) env[name] = 1 end
local function read_field(library, name) return env[library][name] end

local found, seen = {}, {}

local function report(proto, pc, text)
  local line = util.funcinfo(proto, pc).currentline
  if text and not seen[line .. text] then
    seen[line .. text] = true
    found[#found + 1] = { line, text }
  end
end

-- A global is read: is it there? What is done with it in the next instruction: is that field, that module there?
local function look_at_read(proto, pc, ins)
  local name, follows = util.funck(proto, -1 - d(ins)), util.funcbc(proto, pc + 1)
  local missing = error_of(read_global, name)
  if missing then return report(proto, pc, missing) end
  if op(follows) == GET_FIELD and b(follows) == a(ins) and type(env[name]) == "userdata" then
    report(proto, pc, error_of(read_field, name, util.funck(proto, -1 - c(follows))))
  elseif name == "require" and op(follows) == STRING and a(follows) == a(ins) + TO_ARGUMENT then
    local module = util.funck(proto, -1 - d(follows))
    if not is_module(module) then report(proto, pc, error_of(require, module)) end
  end
end

-- The upvalues by which a function at this depth reaches locals of the file.
local function reach_of(proto, outer, depth)
  local reach, at = {}, 0
  while depth > 0 do
    local name = util.funcuvname(proto, at)
    if not name then break end
    if depth == 1 or outer[name] then reach[name] = true end
    at = at + 1
  end
  return reach
end

local function look(proto, outer, depth)
  local reach, pc = reach_of(proto, outer, depth), 1
  while true do
    local ins = util.funcbc(proto, pc)
    if not ins then break end
    if op(ins) == GET_GLOBAL then
      look_at_read(proto, pc, ins)
    elseif op(ins) == SET_GLOBAL then
      report(proto, pc, error_of(write_global, util.funck(proto, -1 - d(ins))))
    elseif depth > 0 and WRITES_UPVALUE[op(ins)] then
      local name = util.funcuvname(proto, a(ins))
      if reach[name] then
        report(proto, pc, "`" .. name .. "` is changed here and outlives the order: a decision may depend on the orders "
          .. "before it")
      end
    end
    pc = pc + 1
  end
  if not util.funcinfo(proto).children then return end
  local k = -1
  while true do
    local constant = util.funck(proto, k)
    if constant == nil then break end
    if type(constant) == "proto" then look(constant, reach, depth + 1) end
    k = k - 1
  end
end

look(f, {}, 0)
table.sort(found, function(x, y) return x[1] < y[1] or x[1] == y[1] and x[2] < y[2] end)
return found
