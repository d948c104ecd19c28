-- wrk script: one order a request, with a random id.
math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 2 ^ 31)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local tail = '","customer":{"id":"c-42","tier":"gold","country":"DE"},"currency":"EUR","priority":1,'
  .. '"items":[{"sku":"A-1001","qty":2,"price":1999},{"sku":"B-7","qty":1,"price":4950},'
  .. '{"sku":"C-33","qty":5,"price":250}],"coupon":"SPRING10"}'

local function id()
  local random = math.random
  return string.format("%08x%08x%08x", random(0, 2 ^ 31 - 1), random(0, 2 ^ 31 - 1), random(0, 2 ^ 31 - 1))
end

function request()
  return wrk.format(nil, nil, nil, '{"id":"' .. id() .. tail)
end
