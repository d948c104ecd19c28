---@meta money
-- The module `money` of the engine; its functions are in ordo.lua.
---@type ordo.Money
local money = {}
return money
