-- wrk script: BATCH orders (1,000) a request as NDJSON, each with a random id.
local BATCH = tonumber(os.getenv("BATCH") or "1000")
math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 2 ^ 31)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-ndjson"
local tail = '","customer":{"id":"c-42","tier":"gold","country":"DE"},"currency":"EUR","priority":1,'
  .. '"items":[{"sku":"A-1001","qty":2,"price":1999},{"sku":"B-7","qty":1,"price":4950},'
  .. '{"sku":"C-33","qty":5,"price":250}],"coupon":"SPRING10"}\n'

function request()
  local lines, random = {}, math.random
  for i = 1, BATCH do
    lines[i] = string.format('{"id":"%08x%08x%08x', random(0, 2 ^ 31 - 1), random(0, 2 ^ 31 - 1), random(0, 2 ^ 31 - 1)) .. tail
  end
  return wrk.format(nil, nil, nil, table.concat(lines))
end
