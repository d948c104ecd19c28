---@meta ordo
-- ordo: annotations of everything that scripts are given, for the Lua language server (LuaLS). An editor that runs it
-- completes names, shows these texts, and underlines wrong arguments. The engine never reads this file; docs/rules.md is
-- the reference.
--
-- A rule that begins with these two lines gets checked arguments:
--   ---@type ordo.Rule
--   local rule = { name = "…", apply = function(order, decide, ctx) … end }

---Integer minor units of the order's currency: 1999 is 19.99 EUR, and 1999 JPY. 0 to 2^53.
---@alias ordo.Amount integer
---Hundredths of a percent: 1900 is 19 %.
---@alias ordo.BasisPoints integer
---@alias ordo.Priority "high"|"medium"|"low"
---What JSON can say; null is absent in objects and ctx.null in arrays.
---@alias ordo.Value string|number|boolean|table|ordo.Null

---ctx.null: a null inside an array.
---@class ordo.Null

---@class ordo.Item
---@field sku string
---@field qty integer 1 to 2^53; the shop's checks allow 999
---@field price ordo.Amount of one piece
---@field weight_g? integer the shop's own: grams of one piece
---@field [string] any other fields, as they came

---@class ordo.Customer
---@field id string
---@field country string ISO 3166 code
---@field tier? "basic"|"silver"|"gold"
---@field email? string
---@field [string] any

---@class ordo.Address
---@field name string
---@field street string
---@field city string
---@field postcode string
---@field country string
---@field [string] any

---@class ordo.GiftCard
---@field code string
---@field balance ordo.Amount
---@field currency? string
---@field [string] any

---The order as it came, as a plain table. Changing it changes nothing but what later scripts see; money is computed from
---the engine's own copy. In checks any field may be absent or of a wrong type.
---@class ordo.Order
---@field id string always there: the client's, or the engine's
---@field priority ordo.Priority always one of the three words
---@field currency string ISO 4217 code
---@field items ordo.Item[] at least one
---@field subtotal ordo.Amount sum of qty x price; set by the engine, absent in checks when the structure is wrong
---@field customer ordo.Customer
---@field coupon? string
---@field gift_card? ordo.GiftCard
---@field shipping_address? ordo.Address
---@field billing_address? ordo.Address
---@field [string] any other fields, as they came

---@class ordo.AmountOptions
---@field item? integer the item that the amount belongs to, from 1; else the whole order

---@class ordo.TaxOptions: ordo.AmountOptions
---@field included? boolean the prices contain the tax: it is reported and adds nothing

---@class ordo.ShipOptions
---@field items integer[] numbers of the items, from 1; each item in one shipment at most

---How a rule says what it decides. Each call is recorded with the rule, file and line that made it.
---@class ordo.Decide
local decide = {}

---Takes an amount off. A cap on discounts may cut it.
---@param label string
---@param amount ordo.Amount 0 does nothing
---@param options? ordo.AmountOptions
function decide:discount(label, amount, options) end

---Adds an amount before tax, such as shipping.
---@param label string
---@param amount ordo.Amount
---@param options? ordo.AmountOptions
function decide:fee(label, amount, options) end

---Adds a tax, or reports one that the prices contain.
---@param label string
---@param amount ordo.Amount
---@param options? ordo.TaxOptions
function decide:tax(label, amount, options) end

---Pays a part: the decision has it in `paid`, and what is left in `due`.
---@param method string
---@param amount ordo.Amount
---@param options? ordo.AmountOptions
function decide:pay(method, amount, options) end

---Limits the sum of one kind: what was given is cut from the newest operation backwards, what comes later stops at it. Of
---several caps the lowest counts.
---@param kind "discount"|"fee"|"tax"|"pay"
---@param amount ordo.Amount
---@param reason? string
function decide:cap(kind, amount, reason) end

---A shipment of some items.
---@param name string
---@param options ordo.ShipOptions
function decide:ship(name, options) end

---The route of the whole order. The last one wins, all are recorded.
---@param name string
function decide:route(name) end

---Marks the order for people: kind and reason are in the decision.
---@param kind string
---@param reason? string
function decide:flag(kind, reason) end

---A remark for whoever reads the explanation.
---@param text string
function decide:note(text) end

---An attribute of the decision: any JSON value up to 4 KiB. The last one wins, all are recorded.
---@param key string
---@param value ordo.Value
function decide:set(key, value) end

---Counts; applied when the decision is recorded, for ctx.count.
---@param key string
---@param amount? integer 0 or more; 1 when absent
function decide:count(key, amount) end

---Rejects the order and ends the evaluation: nothing behind it runs.
---@param code string for programs, such as "out_of_stock"
---@param reason? string for people
function decide:reject(code, reason) end

---Holds the order for a person to resolve. The evaluation goes on, so the decision is complete when they look at it.
---@param reason string
function decide:hold(reason) end

---Ends this attempt; the order is tried again later.
---@param after_ms integer 0 to 2592000000, 30 days
---@param reason? string
function decide:retry(after_ms, reason) end

---What the operations so far make of it: subtotal - discount + fee, of the order, or of one item with its share of the
---amounts of the whole order. The items' nets always sum to the order's. Below 0 while discounts exceed what they are for.
---@param item? integer from 1
---@return integer
function decide:net(item) end

---Sum of the operations of a kind so far, without included taxes.
---@param kind "discount"|"fee"|"tax"|"pay"
---@return ordo.Amount
function decide:sum(kind) end

---The last value that a rule has set for the key; nil when none has.
---@param key string
---@return ordo.Value?
function decide:get(key) end

---The list of what is wrong with an order.
---@class ordo.Problems
local problems = {}

---@param field string as scripts count, from 1: "items[2].qty"; "" for the order as a whole
---@param message string that fits behind the field's name: "must be positive"
function problems:add(field, message) end

---How many problems there are so far, those that the engine found included.
---@return integer
function problems:count() end

---What scripts may know of the world. Its functions are called with a dot.
---@class ordo.Context
---@field null ordo.Null
local ctx = {}

---The time of this attempt in UTC milliseconds: the same at each call.
---@return integer
function ctx.now() end

---0 <= x < 1, the same sequence for the same order and attempt.
---@return number
function ctx.random() end

---Waits, without keeping the worker from other orders.
---@param ms integer 0 to 86400000, a day
function ctx.sleep(ms) end

---Reserved: this version does not have it, calling it is an error.
---@deprecated
---@param request table
---@return { status: integer, body: string, json: ordo.Value? }?
---@return string? reason when there is none
function ctx.fetch(request) end

---What a reference table has under the key, made anew by each call.
---@param name string of the table: "tax" is data/tax.csv or data/tax.json
---@param key string|integer? an integer stands for its digits
---@return ordo.Value? value nil when the table has no such key, or the key is nil
function ctx.lookup(name, key) end

---Reserved: this version does not have it, calling it is an error.
---@deprecated
---@param key string
---@param window_s integer
---@return integer number
---@return integer sum
function ctx.count(key, window_s) end

---A file in validation/.
---@class ordo.Check
---@field name? string else from the file's name
---@field about? string
---@field check fun(order: ordo.Order, problems: ordo.Problems, ctx: ordo.Context)

---A file in rules/.
---@class ordo.Rule
---@field name? string else from the file's name
---@field about? string
---@field apply fun(order: ordo.Order, decide: ordo.Decide, ctx: ordo.Context)

---@class ordo.ExpectedProblem
---@field field string
---@field message? string

---What is named is compared, nothing else.
---@class ordo.Expectation
---@field decision? "accepted"|"rejected"|"held"|"invalid"|"retry"
---@field code? string
---@field reason? string
---@field subtotal? ordo.Amount
---@field discount? ordo.Amount
---@field fee? ordo.Amount
---@field tax? ordo.Amount
---@field total? ordo.Amount
---@field paid? ordo.Amount
---@field due? ordo.Amount
---@field route? string
---@field priority? ordo.Priority
---@field currency? string
---@field retry_after_ms? integer
---@field flags? (string|{ kind: string, reason: string? })[]
---@field shipments? { name: string, items: integer[] }[]
---@field attributes? table<string, ordo.Value>
---@field operations? { op: string, label: string?, amount: integer?, text: string?, item: integer?, included: boolean? }[]
---@field problems? ordo.ExpectedProblem[]

---What a test answers when a script calls ctx: a list has an answer for each call, a function is called with what the
---script gave, another value answers every call.
---@class ordo.Answers
---@field random? number[]|number|fun(): number

---An entry of the list that a file in tests/ returns.
---@class ordo.Test
---@field name string
---@field order table
---@field now? integer what ctx.now() says, UTC milliseconds
---@field ctx? ordo.Answers
---@field expect ordo.Expectation

---Exact arithmetic on minor units up to 2^53. Rounding is half to even.
---@class ordo.Money
local money = {}

---money.share(8948, 1000) --> 895
---@param amount integer
---@param basis_points ordo.BasisPoints
---@return integer
function money.share(amount, basis_points) end

---What a price that contains a tax contains of it: money.contained(1100, 1000) --> 100
---@param amount integer
---@param basis_points ordo.BasisPoints
---@return integer
function money.contained(amount, basis_points) end

---amount x numerator / denominator: money.ratio(100, 1, 3) --> 33
---@param amount integer
---@param numerator integer
---@param denominator integer
---@return integer
function money.ratio(amount, numerator, denominator) end

---Parts by weights that sum up to the amount: money.split(100, { 1, 1, 1 }) --> { 34, 33, 33 }
---@param amount integer
---@param weights integer[]
---@return integer[]
function money.split(amount, weights) end

---Digits behind the point: money.exponent("JPY") --> 0
---@param currency string
---@return integer
function money.exponent(currency) end

---money.format(123456, "EUR") --> "1234.56 EUR"
---@param amount integer
---@param currency string
---@return string
function money.format(amount, currency) end

---money.parse("12.34", "EUR") --> 1234
---@param text string
---@param currency string
---@return integer? amount
---@return string? reason when there is none
function money.parse(text, currency) end

---Functions over plain arrays. None changes the list that it is given.
---@class ordo.List
local list = {}

---@generic T, U
---@param items T[]
---@param f fun(item: T, i: integer): U
---@return U[]
function list.map(items, f) end

---@generic T
---@param items T[]
---@param f fun(item: T, i: integer): any
---@return T[]
function list.filter(items, f) end

---@generic T
---@param items T[]
---@param f? fun(item: T, i: integer): number
---@return number
function list.sum(items, f) end

---@generic T
---@param items T[]
---@param f fun(item: T, i: integer): any
---@return boolean
function list.any(items, f) end

---@generic T
---@param items T[]
---@param f fun(item: T, i: integer): any
---@return boolean
function list.all(items, f) end

---@generic T
---@param items T[]
---@param f fun(item: T, i: integer): any
---@return T? item
---@return integer? i
function list.find(items, f) end

---Lists of the items by f(item, i); items for which that is nil are left out.
---@generic T, K
---@param items T[]
---@param f fun(item: T, i: integer): K?
---@return table<K, T[]>
function list.group(items, f) end

---A sorted copy, by < or by less(a, b). Equal items keep their order.
---@generic T
---@param items T[]
---@param less? fun(a: T, b: T): boolean
---@return T[]
function list.sort(items, less) end

---@generic T
---@param items T[]
---@param value T
---@return boolean
function list.contains(items, value) end

---Numbers ascending, then text, then booleans.
---@generic K
---@param map table<K, any>
---@return K[]
function list.keys(map) end

---Small things with strings. Bytes, not characters: letters are those of ASCII.
---@class ordo.Text
local text = {}

---@param s string
---@return string
function text.trim(s) end

---text.split("a,b,,c", ",") --> { "a", "b", "", "c" }
---@param s string
---@param separator string taken as it is, no pattern
---@return string[]
function text.split(s, separator) end

---@param s string
---@param prefix string
---@return boolean
function text.starts(s, prefix) end

---@param s string
---@param suffix string
---@return boolean
function text.ends(s, suffix) end

---@param s string
---@param part string taken as it is, no pattern
---@return boolean
function text.contains(s, part) end

---text.pad("7", 3, "0") --> "007"; a negative width fills on the right
---@param s string
---@param width integer
---@param fill? string one byte; a space when absent
---@return string
function text.pad(s, width, fill) end

---@param s string
---@return string
function text.lower(s) end

---@param s string
---@return string
function text.upper(s) end

---@class ordo.Time.Fields
---@field year integer
---@field month integer 1 to 12
---@field day integer
---@field hour integer
---@field min integer
---@field sec integer
---@field ms integer
---@field wday integer 1 is Sunday
---@field yday integer from 1

---@class ordo.Time.Zoned: ordo.Time.Fields
---@field offset_min integer minutes ahead of UTC
---@field dst boolean summer time

---UTC milliseconds to dates and back, and the time of day in other zones.
---@class ordo.Time
local time = {}

---@param ms integer
---@return ordo.Time.Fields
function time.utc(ms) end

---time.zoned(ctx.now(), "Europe/Berlin").hour
---@param ms integer
---@param zone string
---@return ordo.Time.Zoned
function time.zoned(ms, zone) end

---RFC 3339, or a date alone: time.parse("2026-11-23T07:21:05Z")
---@param iso string
---@return integer? ms
---@return string? reason when there is none
function time.parse(iso) end

---time.format(ms) --> "2026-11-23T07:21:05.012Z"
---@param ms integer
---@return string
function time.format(ms) end
