-- SPDX-License-Identifier: MIT
-- money: exact arithmetic on integer minor units up to 2^53. Rounding is half to even.
--
--   money.share(8948, 1000)             --> 895      10 % (basis points)
--   money.contained(1100, 1000)         --> 100      the 10 % that a price contains
--   money.ratio(100, 1, 3)              --> 33
--   money.split(100, {1, 1, 1})         --> {34, 33, 33}
--   money.exponent("JPY")               --> 0
--   money.format(123456, "EUR")         --> "1234.56 EUR"
--   money.parse("12.34", "EUR")         --> 1234, or nil and the reason
--
-- No product leaves the range in which doubles are exact: where amount x rate would, it is computed digit by digit.
local type, error, tostring, pairs = type, error, tostring, pairs
local floor, abs = math.floor, math.abs
local find, match, rep, sub, format = string.find, string.match, string.rep, string.sub, string.format

local MAX = 2 ^ 53

local function describe(value)
  if type(value) == "string" then return '"' .. sub(value, 1, 40) .. '"' end
  if type(value) == "number" then return format("%.17g", value) end
  if value == nil then return "nothing" end
  return type(value) == "boolean" and tostring(value) or "a " .. type(value)
end

local function is_whole(value)
  return type(value) == "number" and value >= -MAX and value <= MAX and floor(value) == value
end

local function bad(call, argument, value)
  error("money." .. call .. ": " .. argument .. " must be a whole number, got " .. describe(value), 3)
end

local function bad_positive(call, argument, value)
  error("money." .. call .. ": " .. argument .. " must be a whole number of 0 or more, got " .. describe(value), 3)
end

-- value / divisor rounded down, and what is left; both exact for 0 <= value <= 2^53, divisor >= 1.
local function divide(value, divisor)
  local quotient = floor(value / divisor)
  local rest = value - quotient * divisor
  if rest < 0 then return quotient - 1, rest + divisor end
  return quotient, rest
end

-- value x factor / divisor, rounded down, and what is left, for 0 <= value < divisor. Binary long multiplication: no
-- step leaves 0..2^54, where sums of these are exact.
local function scale_small(value, factor, divisor)
  local bit = 1
  while bit * 2 <= factor do bit = bit * 2 end
  local quotient, rest = 0, 0
  while bit >= 1 do
    quotient = quotient * 2
    if rest >= divisor - rest then
      rest = rest - (divisor - rest)
      quotient = quotient + 1
    else
      rest = rest + rest
    end
    if factor >= bit then
      factor = factor - bit
      if rest >= divisor - value then
        rest = rest - (divisor - value)
        quotient = quotient + 1
      else
        rest = rest + value
      end
    end
    bit = bit / 2
  end
  return quotient, rest
end

-- value x factor / divisor, rounded down, and what is left; nil when it is over 2^53.
local function scale(value, factor, divisor)
  local product = value * factor
  if product < MAX then return divide(product, divisor) end
  local whole, part = divide(value, divisor)
  local quotient, rest = scale_small(part, factor, divisor)
  product = whole * factor
  -- 2^53 + 1 is stored as 2^53; it is odd, so both factors are.
  if product > MAX or product == MAX and whole % 2 == 1 and factor % 2 == 1 then return nil end
  if quotient > MAX - product then return nil end
  return product + quotient, rest
end

local function rounded(value, factor, divisor)
  local negative = value < 0
  local quotient, rest = scale(negative and -value or value, factor, divisor)
  if quotient == nil then return nil end
  local other = divisor - rest
  if rest > other or rest == other and quotient % 2 == 1 then
    if quotient == MAX then return nil end
    quotient = quotient + 1
  end
  if negative and quotient ~= 0 then return -quotient end
  return quotient
end

local function too_large(call)
  error("money." .. call .. ": the result is over 9007199254740992", 3)
end

-- The share of an amount at a rate in basis points (1900 is 19 %).
local function share(amount, basis_points)
  if not is_whole(amount) then bad("share", "amount", amount) end
  if not is_whole(basis_points) or basis_points < 0 then bad_positive("share", "basis points", basis_points) end
  return rounded(amount, basis_points, 10000) or too_large("share")
end

-- What an amount that contains a tax at this rate contains of it: 100 of 1100 at 1000 basis points.
local function contained(amount, basis_points)
  if not is_whole(amount) then bad("contained", "amount", amount) end
  if not is_whole(basis_points) or basis_points < 0 or basis_points > MAX - 10000 then
    bad_positive("contained", "basis points", basis_points)
  end
  return rounded(amount, basis_points, 10000 + basis_points)
end

-- amount x numerator / denominator.
local function ratio(amount, numerator, denominator)
  if not is_whole(amount) then bad("ratio", "amount", amount) end
  if not is_whole(numerator) or numerator < 0 then bad_positive("ratio", "numerator", numerator) end
  if not is_whole(denominator) or denominator < 1 then
    error("money.ratio: denominator must be a whole number of 1 or more, got " .. describe(denominator), 2)
  end
  return rounded(amount, numerator, denominator) or too_large("ratio")
end

local function sum_of_weights(weights)
  local sum = 0
  for i = 1, #weights do
    local weight = weights[i]
    if not is_whole(weight) or weight < 0 then
      error("money.split: weights[" .. i .. "] must be a whole number of 0 or more, got " .. describe(weight), 3)
    end
    sum = sum + weight
    if sum > MAX then error("money.split: the weights sum up to more than 9007199254740992", 3) end
  end
  if sum == 0 then error("money.split: the weights must sum up to more than 0", 3) end
  return sum
end

-- Parts of an amount by weights; they sum up to it. What rounding down leaves goes to the largest remainders, of equal
-- ones to the first.
local function split(amount, weights)
  if not is_whole(amount) then bad("split", "amount", amount) end
  if type(weights) ~= "table" then error("money.split: weights must be a table, got " .. describe(weights), 2) end
  local sum = sum_of_weights(weights)
  local sign = amount < 0 and -1 or 1
  local parts, rests, left = {}, {}, abs(amount)
  for i = 1, #weights do
    parts[i], rests[i] = scale(abs(amount), weights[i], sum)
    left = left - parts[i]
  end
  local ranked = {}
  for i = 1, #weights do ranked[i] = i end
  if left > 0 then
    table.sort(ranked, function(a, b) return rests[a] > rests[b] or rests[a] == rests[b] and a < b end)
    for i = 1, left do parts[ranked[i]] = parts[ranked[i]] + 1 end
  end
  if sign < 0 then
    for i = 1, #parts do parts[i] = parts[i] ~= 0 and -parts[i] or 0 end
  end
  return parts
end

-- ISO 4217: digits behind the point where they are not two.
local EXPONENT = {}
for digits, codes in pairs {
  [0] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  [3] = "BHD IQD JOD KWD LYD OMR TND",
  [4] = "CLF UYW",
} do
  for code in string.gmatch(codes, "%u+") do EXPONENT[code] = digits end
end

local function exponent_of(call, currency)
  if type(currency) ~= "string" or not find(currency, "^%u%u%u$") then
    error("money." .. call .. ": currency must be three capital letters, got " .. describe(currency), 3)
  end
  return EXPONENT[currency] or 2
end

-- Digits behind the point of a currency. Codes that ISO 4217 gives no other number have two.
local function exponent(currency)
  return EXPONENT[currency] or exponent_of("exponent", currency)
end

-- "1234.56 EUR"
local function format_money(amount, currency)
  local digits = exponent_of("format", currency)
  if not is_whole(amount) then bad("format", "amount", amount) end
  local text = format("%.0f", abs(amount))
  if #text <= digits then text = rep("0", digits + 1 - #text) .. text end
  if digits > 0 then text = sub(text, 1, -digits - 1) .. "." .. sub(text, -digits) end
  return (amount < 0 and "-" or "") .. text .. " " .. currency
end

-- "12.34" or "12.34 EUR" -> 1234. No thousands separators, no more digits than the currency has.
local function parse(text, currency)
  local digits = exponent_of("parse", currency)
  if type(text) ~= "string" then error("money.parse: text must be a string, got " .. describe(text), 2) end
  local sign, whole, point, fraction, code = match(text, "^(%-?)(%d+)(%.?)(%d*) ?(%u*)$")
  if not whole or (point == "." and fraction == "") then return nil, "not an amount such as 12.34" end
  if code ~= "" and code ~= currency then return nil, "the amount is in " .. code .. ", not " .. currency end
  if #fraction > digits then
    return nil, currency .. " has " .. (digits == 0 and "no" or digits) .. " digits behind the point"
  end
  local all = match(whole .. fraction .. rep("0", digits - #fraction), "^0*(%d+)$")
  if #all > 16 or #all == 16 and all > "9007199254740992" then return nil, "over 9007199254740992 minor units" end
  local value = tonumber(all)
  return sign == "-" and value ~= 0 and -value or value
end

return {
  share = share,
  contained = contained,
  ratio = ratio,
  split = split,
  exponent = exponent,
  format = format_money,
  parse = parse,
}
