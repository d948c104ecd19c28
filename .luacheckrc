-- luacheck's configuration: the Lua that ships (scripts, examples) sees what the sandbox gives it and nothing else; the
-- engine's own Lua is ordinary LuaJIT. docs/rules.md says what the sandbox leaves out, and why.
std = "luajit"
max_line_length = 140
codes = true
exclude_files = { "build*", "scripts/types" }

local function fields(names)
  local result = {}
  for name in names:gmatch "%S+" do
    result[name] = {}
  end
  return { fields = result }
end

stds.sandbox = {
  read_globals = {
    "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget",
    "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
    bit = fields "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex",
    coroutine = fields "create resume running status wrap yield",
    math = fields [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi
      pow rad sin sinh sqrt tan tanh]],
    string = fields "byte char find format gmatch gsub len lower match rep reverse sub upper",
    table = fields "concat insert maxn move remove sort",
  },
}
files["scripts"] = { std = "sandbox" }
files["examples"] = { std = "sandbox" }
files["engine"] = { max_line_length = 160 }
