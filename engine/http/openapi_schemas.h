/* SPDX-License-Identifier: MIT
 * openapi_schemas.h: the schemas of /openapi.json. X("Name", "JSON Schema 2020-12").
 */
/* clang-format off */
#define AMOUNT "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740992}"
#define TEXT "{\"type\":\"string\"}"
#define INTEGER "{\"type\":\"integer\"}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define MEMBER(name, schema) "\"" name "\":" schema

X("Id", "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._~:-]{1,128}$\"}")
X("Item",
  "{\"type\":\"object\",\"required\":[\"sku\",\"qty\",\"price\"],\"properties\":{"
  MEMBER("sku", "{\"type\":\"string\",\"minLength\":1}") ","
  MEMBER("qty", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":9007199254740992}") ","
  MEMBER("price", AMOUNT) "}}")
X("Order",
  "{\"type\":\"object\",\"description\":\"Amounts are in minor units. Fields that are not named here reach the "
  "rules as they came.\",\"required\":[\"currency\",\"items\"],\"properties\":{"
  MEMBER("id", REF("Id")) ","
  MEMBER("customer", "{\"type\":\"object\",\"properties\":{"
         MEMBER("id", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}") "}}") ","
  MEMBER("currency", "{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"}") ","
  MEMBER("priority", "{\"enum\":[\"high\",\"medium\",\"low\",1,2,3]}") ","
  MEMBER("items", "{\"type\":\"array\",\"minItems\":1,\"items\":" REF("Item") "}") ","
  MEMBER("coupon", TEXT) "}}")
X("Decision",
  "{\"type\":\"object\",\"required\":[\"id\",\"revision\",\"status\",\"decision\"],\"properties\":{"
  MEMBER("id", REF("Id")) "," MEMBER("revision", INTEGER) ","
  MEMBER("status", "{\"enum\":[\"done\",\"held\",\"dead\"]}") ","
  MEMBER("decision", "{\"enum\":[\"accepted\",\"rejected\",\"held\",null]}") ","
  MEMBER("code", TEXT) "," MEMBER("reason", TEXT) "," MEMBER("currency", TEXT) "," MEMBER("priority", TEXT) ","
  MEMBER("subtotal", AMOUNT) "," MEMBER("discount", AMOUNT) "," MEMBER("fee", AMOUNT) "," MEMBER("tax", AMOUNT) ","
  MEMBER("total", AMOUNT) "," MEMBER("paid", AMOUNT) "," MEMBER("due", AMOUNT) ","
  MEMBER("route", "{\"type\":[\"string\",\"null\"]}") ","
  MEMBER("shipments", "{\"type\":\"array\"}") "," MEMBER("flags", "{\"type\":\"array\"}") ","
  MEMBER("attributes", "{\"type\":\"object\"}") "," MEMBER("generation", INTEGER) ","
  MEMBER("operations", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") ","
  MEMBER("ctx", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") "," MEMBER("ctx_more", INTEGER) ","
  MEMBER("timing", "{\"type\":\"object\"}") "}}")
X("Explanation",
  "{\"type\":\"object\",\"description\":\"Members of the decision, and what follows from them.\","
  "\"required\":[\"id\",\"status\",\"again\"],\"properties\":{"
  MEMBER("id", REF("Id")) "," MEMBER("status", "{\"enum\":[\"done\",\"held\",\"invalid\",\"dead\"]}") ","
  MEMBER("decision", "{\"enum\":[\"accepted\",\"rejected\",\"held\",null]}") ","
  MEMBER("revision", INTEGER) "," MEMBER("code", TEXT) "," MEMBER("reason", TEXT) ","
  MEMBER("currency", TEXT) "," MEMBER("decimals", INTEGER) ","
  MEMBER("subtotal", AMOUNT) "," MEMBER("discount", AMOUNT) "," MEMBER("fee", AMOUNT) "," MEMBER("tax", AMOUNT) ","
  MEMBER("total", AMOUNT) "," MEMBER("paid", AMOUNT) "," MEMBER("due", AMOUNT) ","
  MEMBER("route", "{\"type\":[\"string\",\"null\"]}") "," MEMBER("generation", INTEGER) ","
  MEMBER("decided_at", TIME) "," MEMBER("attempt", INTEGER) ","
  MEMBER("operations", "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
         MEMBER("of", "{\"enum\":[\"order\",\"item\",\"total\",\"due\"]}") ","
         MEMBER("before", INTEGER) "," MEMBER("after", INTEGER) "}}}") ","
  MEMBER("ctx", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") "," MEMBER("ctx_more", INTEGER) ","
  MEMBER("problems", "{\"type\":\"array\"}") "," MEMBER("attempts", "{\"type\":\"array\"}") ","
  MEMBER("resolved", "{\"type\":\"object\"}") ","
  MEMBER("again", "{\"type\":\"object\",\"properties\":{"
         MEMBER("why_not", TEXT) "," MEMBER("same", "{\"type\":\"boolean\"}") "," MEMBER("measured", INTEGER) ","
         MEMBER("rules", "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
                MEMBER("rule", TEXT) "," MEMBER("check", TEXT) "," MEMBER("at", TEXT) ","
                MEMBER("ran", "{\"type\":\"boolean\"}") "," MEMBER("operations", INTEGER) ","
                MEMBER("ns", INTEGER) "," MEMBER("bytes", INTEGER) "}}}") "}}") "}}")
X("WhatIf",
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
  MEMBER("order", "{\"type\":\"object\",\"description\":\"Merged into the order (RFC 7396): null removes a member, "
         "arrays are replaced whole.\"}") ","
  MEMBER("generation", "{\"type\":\"integer\",\"minimum\":1}") "}}")
X("WhatIfAnswer",
  "{\"type\":\"object\",\"required\":[\"id\",\"generation\",\"same\",\"recorded\",\"what_if\",\"difference\"],"
  "\"properties\":{" MEMBER("id", REF("Id")) ","
  MEMBER("generation", "{\"type\":\"object\",\"properties\":{" MEMBER("recorded", INTEGER) ","
         MEMBER("what_if", INTEGER) "}}") ","
  MEMBER("same", "{\"type\":\"boolean\"}") ","
  MEMBER("recorded", "{\"type\":\"object\"}") "," MEMBER("what_if", "{\"type\":\"object\"}") ","
  MEMBER("difference", "{\"type\":\"object\",\"properties\":{"
         MEMBER("fields", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") ","
         MEMBER("operations", "{\"type\":\"object\"}") "}}") "}}")
X("Later",
  "{\"type\":\"object\",\"required\":[\"id\",\"status\"],\"properties\":{"
  MEMBER("id", REF("Id")) ","
  MEMBER("status", "{\"enum\":[\"queued\",\"running\",\"waiting\",\"recording\"]}") "}}")
X("OrderRecord",
  "{\"type\":\"object\",\"required\":[\"id\",\"status\"],\"properties\":{"
  MEMBER("id", REF("Id")) ","
  MEMBER("status", "{\"enum\":[\"queued\",\"running\",\"waiting\",\"recording\",\"done\",\"held\",\"invalid\","
         "\"dead\"]}") ","
  MEMBER("priority", TEXT) "," MEMBER("attempt", INTEGER) "," MEMBER("revision", INTEGER) ","
  MEMBER("received_at", TIME) "," MEMBER("updated_at", TIME) "," MEMBER("customer", TEXT) ","
  MEMBER("attempts", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") ","
  MEMBER("order", REF("Order")) "," MEMBER("decision", REF("Decision")) "," MEMBER("problem", REF("Problem")) "}}")
X("OrderPage",
  "{\"type\":\"object\",\"required\":[\"orders\",\"next\"],\"properties\":{"
  MEMBER("orders", "{\"type\":\"array\",\"items\":" REF("OrderRecord") "}") ","
  MEMBER("next", "{\"type\":[\"string\",\"null\"]}") "}}")
X("Resolution",
  "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"decision\",\"by\",\"reason\"],"
  "\"properties\":{"
  MEMBER("decision", "{\"enum\":[\"accepted\",\"rejected\"]}") ","
  MEMBER("by", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}") ","
  MEMBER("reason", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}") "}}")
X("Reload",
  "{\"type\":\"object\",\"properties\":{"
  MEMBER("generation", INTEGER) "," MEMBER("identity", TEXT) "," MEMBER("changed", "{\"type\":\"boolean\"}") "}}")
X("Words",
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
  MEMBER("by", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000,\"default\":\"http\"}") ","
  MEMBER("note", "{\"type\":\"string\",\"maxLength\":1000}") "}}")
X("Generation",
  "{\"type\":\"object\",\"required\":[\"generation\",\"identity\",\"state\",\"at\",\"by\"],\"properties\":{"
  MEMBER("generation", INTEGER) "," MEMBER("identity", TEXT) ","
  MEMBER("state", "{\"enum\":[\"sealed\",\"active\",\"retired\"]}") ","
  MEMBER("at", TIME) "," MEMBER("by", TEXT) "," MEMBER("note", TEXT) ","
  MEMBER("activated_at", "{\"type\":[\"string\",\"null\"]}") ","
  MEMBER("activated_by", "{\"type\":[\"string\",\"null\"]}") ","
  MEMBER("files", "{\"type\":\"array\",\"items\":" REF("ScriptFile") "}") "}}")
X("ScriptFile",
  "{\"type\":\"object\",\"required\":[\"path\",\"bytes\",\"etag\"],\"properties\":{"
  MEMBER("path", TEXT) "," MEMBER("bytes", INTEGER) "," MEMBER("etag", TEXT) "}}")
X("Draft",
  "{\"type\":\"object\",\"required\":[\"identity\",\"base\",\"changed\",\"files\"],\"properties\":{"
  MEMBER("identity", TEXT) "," MEMBER("base", INTEGER) "," MEMBER("changed", "{\"type\":\"boolean\"}") ","
  MEMBER("files", "{\"type\":\"array\",\"items\":" REF("ScriptFile") "}") "}}")
X("Rules",
  "{\"type\":\"object\",\"required\":[\"generation\",\"identity\",\"files\",\"refused\",\"generations\",\"damaged\"],"
  "\"properties\":{"
  MEMBER("generation", INTEGER) "," MEMBER("identity", TEXT) "," MEMBER("folder", TEXT) ","
  MEMBER("loaded_at", TIME) "," MEMBER("files", "{\"type\":\"array\",\"items\":" TEXT "}") ","
  MEMBER("refused", "{\"type\":[\"object\",\"null\"]}") ","
  MEMBER("generations", "{\"type\":\"array\",\"items\":" REF("Generation") "}") ","
  MEMBER("damaged", "{\"type\":\"array\",\"items\":" TEXT "}") "," MEMBER("tax", "{\"type\":\"object\"}") "}}")
X("Finding",
  "{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{"
  MEMBER("file", TEXT) "," MEMBER("line", INTEGER) "," MEMBER("message", TEXT) "}}")
X("Check",
  "{\"type\":\"object\",\"required\":[\"ok\",\"identity\",\"files\",\"tests\",\"errors\",\"warnings\"],\"properties\":{"
  MEMBER("ok", "{\"type\":\"boolean\"}") "," MEMBER("identity", TEXT) "," MEMBER("files", INTEGER) ","
  MEMBER("tests", INTEGER) "," MEMBER("errors", "{\"type\":\"array\",\"items\":" REF("Finding") "}") ","
  MEMBER("warnings", "{\"type\":\"array\",\"items\":" REF("Finding") "}") "}}")
X("Sealed",
  "{\"type\":\"object\",\"required\":[\"generation\",\"identity\",\"state\",\"changed\"],\"properties\":{"
  MEMBER("generation", INTEGER) "," MEMBER("identity", TEXT) "," MEMBER("state", TEXT) ","
  MEMBER("changed", "{\"type\":\"boolean\"}") "}}")
X("RulesDiff",
  "{\"type\":\"object\",\"required\":[\"from\",\"to\",\"files\",\"diff\"],\"properties\":{"
  MEMBER("from", "{\"type\":[\"integer\",\"string\"]}") "," MEMBER("to", "{\"type\":[\"integer\",\"string\"]}") ","
  MEMBER("files", "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
         MEMBER("path", TEXT) "," MEMBER("change", "{\"enum\":[\"added\",\"removed\",\"changed\"]}") "}}}") ","
  MEMBER("diff", TEXT) "}}")
X("Backup",
  "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"folder\"],\"properties\":{"
  MEMBER("folder", "{\"type\":\"string\",\"pattern\":\"^/\"}") "}}")
X("BackupMade",
  "{\"type\":\"object\",\"required\":[\"folder\",\"orders\",\"bytes\",\"seconds\"],\"properties\":{"
  MEMBER("folder", TEXT) "," MEMBER("orders", INTEGER) "," MEMBER("bytes", INTEGER) ","
  MEMBER("seconds", "{\"type\":\"number\"}") "}}")
X("Health",
  "{\"type\":\"object\",\"required\":[\"status\",\"checks\"],\"properties\":{"
  MEMBER("status", "{\"enum\":[\"ok\",\"degraded\",\"stopping\"]}") ","
  MEMBER("checks", "{\"type\":\"object\"}") "," MEMBER("version", TEXT) "," MEMBER("generation", INTEGER) ","
  MEMBER("uptime_s", "{\"type\":\"number\"}") "}}")

#undef AMOUNT
#undef TEXT
#undef INTEGER
#undef TIME
#undef REF
#undef MEMBER
/* clang-format on */
