---@meta time
-- The module `time` of the engine; its functions are in ordo.lua.
---@type ordo.Time
local time = {}
return time
