-- shape: questions about values that a client sent, for validation scripts.
--
--   local shape = require "shape"
--   shape.is_text("Main St 1", 1, 100)   --> true: a string of 1 to 100 bytes
--   shape.is_amount(1999)                --> true: an integer of minor units, 0 or more
--
-- Validation runs on orders that may be wrong in any way, so each of these takes any value.
local function is_text(value, least, most)
  return type(value) == "string" and #value >= least and #value <= most
end

local function is_amount(value)
  return type(value) == "number" and value >= 0 and value <= 9007199254740992 and value % 1 == 0
end

return { is_text = is_text, is_amount = is_amount }
