---@meta text
-- The module `text` of the engine; its functions are in ordo.lua.
---@type ordo.Text
local text = {}
return text
