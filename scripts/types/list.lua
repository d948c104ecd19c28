---@meta list
-- The module `list` of the engine; its functions are in ordo.lua.
---@type ordo.List
local list = {}
return list
