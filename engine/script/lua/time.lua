-- SPDX-License-Identifier: MIT
-- time: UTC milliseconds to dates and back, and the time of day in other zones.
--
--   time.utc(ctx.now())                    --> { year = 2026, month = 11, day = 23, hour = 7, min = 21, sec = 5, ms = 12,
--                                                wday = 2, yday = 327 }     wday as in os.date: 1 is Sunday
--   time.zoned(ctx.now(), "Europe/Berlin") --> the same in local time, with offset_min = 60 and dst = false
--   time.parse("2026-11-23T07:21:05Z")     --> milliseconds, or nil and the reason
--   time.format(ms)                        --> "2026-11-23T07:21:05.012Z"
--
-- Zones carry today's rules: in the European Union and Great Britain summer time runs from the last Sunday of March to
-- the last of October, 01:00 UTC; in the USA and Canada from the second Sunday of March to the first of November, 02:00
-- local time. They are applied to all years, so dates before 1996 (2007 in America) may be off by an hour.
local type, error, floor = type, error, math.floor
local match, format, tonumber = string.match, string.format, tonumber

local DAY = 86400000

-- Days from 1970-01-01 of a date of the Gregorian calendar. Counted from March, so that the leap day comes last.
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local of_era = year - era * 400
  local of_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468
end

local function date_of(days)
  days = days + 719468
  local era = floor(days / 146097)
  local of_era = days - era * 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local shifted = floor((5 * of_year + 2) / 153)
  local day = of_year - floor((153 * shifted + 2) / 5) + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  year = year + era * 400
  return month <= 2 and year + 1 or year, month, day
end

local function fields(ms)
  local days = floor(ms / DAY)
  local rest = ms - days * DAY
  local year, month, day = date_of(days)
  return {
    year = year,
    month = month,
    day = day,
    hour = floor(rest / 3600000),
    min = floor(rest / 60000) % 60,
    sec = floor(rest / 1000) % 60,
    ms = rest % 1000,
    wday = (days + 4) % 7 + 1,
    yday = days - days_of(year, 1, 1) + 1,
  }
end

-- The years 0 to 9999.
local FIRST, LAST = days_of(0, 1, 1) * DAY, days_of(10000, 1, 1) * DAY - 1

local function check(call, ms)
  if type(ms) ~= "number" then error("time." .. call .. ": milliseconds must be a number, got " .. type(ms), 3) end
  if not (ms >= FIRST and ms <= LAST) then
    error("time." .. call .. ": milliseconds must lie in the years 0 to 9999, got " .. format("%.17g", ms), 3)
  end
  return floor(ms)
end

local function utc(ms)
  return fields(check("utc", ms))
end

-- "2026-11-23T07:21:05.012Z"
local function format_time(ms)
  local at = fields(check("format", ms))
  return format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.year, at.month, at.day, at.hour, at.min, at.sec, at.ms)
end

local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function month_days(year, month)
  if month == 2 and (year % 4 == 0 and year % 100 ~= 0 or year % 400 == 0) then return 29 end
  return MONTH_DAYS[month]
end

local function parse_offset(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = match(zone, "^([+-])(%d%d):(%d%d)$")
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 60 + tonumber(minutes))
end

-- RFC 3339, or a date alone (its beginning in UTC).
local function parse(iso)
  if type(iso) ~= "string" then error("time.parse: text must be a string, got " .. type(iso), 2) end
  local year, month, day, rest = match(iso, "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil, "not a date such as 2026-11-23T07:21:05Z" end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if month < 1 or month > 12 then return nil, "there is no month " .. month end
  if day < 1 or day > month_days(year, month) then return nil, "there is no day " .. day .. " in that month" end
  local start = days_of(year, month, day) * DAY
  if rest == "" then return start end
  local hour, min, sec, fraction, zone = match(rest, "^[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)([Zz+-].*)$")
  if not hour or fraction == "." or fraction ~= "" and not match(fraction, "^%.%d+$") then
    return nil, "not a time such as T07:21:05Z; the zone is needed"
  end
  hour, min, sec = tonumber(hour), tonumber(min), tonumber(sec)
  local offset = parse_offset(zone)
  if not offset then return nil, "the zone must be Z or an offset such as +01:00" end
  if hour > 23 or min > 59 or sec > 59 then return nil, "there is no such time of day" end
  local ms = floor(tonumber("0" .. fraction) * 1000 + 1e-6)
  return start + hour * 3600000 + min * 60000 + sec * 1000 + ms - offset * 60000
end

-- The nth Sunday of a month as days from 1970; -1: the last.
local function sunday(year, month, nth)
  if nth > 0 then
    local first = days_of(year, month, 1)
    return first + (7 - (first + 4) % 7) % 7 + (nth - 1) * 7
  end
  local last = days_of(year, month, month_days(year, month))
  return last - (last + 4) % 7
end

-- Does summer time hold at `ms`? Each rule gets the zone's standard offset in minutes.
local SUMMER = {
  eu = function(ms, year)
    return ms >= sunday(year, 3, -1) * DAY + 3600000 and ms < sunday(year, 10, -1) * DAY + 3600000
  end,
  us = function(ms, year, offset)
    local from = sunday(year, 3, 2) * DAY + (120 - offset) * 60000
    local to = sunday(year, 11, 1) * DAY + (60 - offset) * 60000
    return ms >= from and ms < to
  end,
}

local ZONES = {
  UTC = { 0 },
  ["Europe/London"] = { 0, "eu" },
  ["Europe/Dublin"] = { 0, "eu" },
  ["Europe/Lisbon"] = { 0, "eu" },
  ["America/New_York"] = { -300, "us" },
  ["America/Toronto"] = { -300, "us" },
  ["America/Chicago"] = { -360, "us" },
  ["America/Denver"] = { -420, "us" },
  ["America/Phoenix"] = { -420 },
  ["America/Los_Angeles"] = { -480, "us" },
  ["America/Vancouver"] = { -480, "us" },
  ["America/Anchorage"] = { -540, "us" },
  ["Pacific/Honolulu"] = { -600 },
  ["America/Sao_Paulo"] = { -180 },
  ["Europe/Istanbul"] = { 180 },
  ["Asia/Dubai"] = { 240 },
  ["Asia/Kolkata"] = { 330 },
  ["Asia/Shanghai"] = { 480 },
  ["Asia/Hong_Kong"] = { 480 },
  ["Asia/Singapore"] = { 480 },
  ["Asia/Seoul"] = { 540 },
  ["Asia/Tokyo"] = { 540 },
}
for name in string.gmatch("Amsterdam Berlin Brussels Budapest Copenhagen Luxembourg Madrid Oslo Paris Prague Rome "
    .. "Stockholm Vienna Warsaw Zurich", "%a+") do
  ZONES["Europe/" .. name] = { 60, "eu" }
end
for name in string.gmatch("Athens Bucharest Helsinki Kyiv Riga Sofia Tallinn Vilnius", "%a+") do
  ZONES["Europe/" .. name] = { 120, "eu" }
end

-- Local time in a zone.
local function zoned(ms, zone)
  ms = check("zoned", ms)
  local rule = ZONES[zone]
  if not rule then
    local name = type(zone) == "string" and '"' .. zone .. '"' or "a " .. type(zone)
    error("time.zoned: there is no zone " .. name .. "; docs/rules.md lists them, such as Europe/Berlin", 2)
  end
  local offset = rule[1]
  local year = date_of(floor((ms + offset * 60000) / DAY))
  local dst = rule[2] ~= nil and SUMMER[rule[2]](ms, year, offset)
  if dst then offset = offset + 60 end
  local at = fields(ms + offset * 60000)
  at.offset_min, at.dst = offset, dst
  return at
end

return { utc = utc, zoned = zoned, parse = parse, format = format_time }
