-- wrk script: BATCH orders (1,000) a request as NDJSON, each with an id of its own.
local BATCH = tonumber(os.getenv("BATCH") or "1000")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-ndjson"
local tail = '","customer":{"id":"c-42","tier":"gold","country":"DE"},"currency":"EUR","priority":1,'
  .. '"items":[{"sku":"A-1001","qty":2,"price":1999},{"sku":"B-7","qty":1,"price":4950},'
  .. '{"sku":"C-33","qty":5,"price":250}],"coupon":"SPRING10"}\n'
local seed = os.time() % 100000 * 100000 + tonumber(tostring({}):match("0x(%x+)"), 16) % 100000
local number = 0

function request()
  local lines = {}
  number = number + 1
  local prefix = string.format('{"id":"%d-%d-', seed, number)
  for i = 1, BATCH do
    lines[i] = prefix .. i * 7919 % 1000003 .. tail
  end
  return wrk.format(nil, nil, nil, table.concat(lines))
end
