-- stock: asks the warehouse what is there, and sends the order to where it is.
--
-- Example: any order -> route "standard", 20 ms later.
-- The exercise: the warehouse is a wait of 20 ms here. No CPU profile shows it, since nothing is computed meanwhile.
local function ask_warehouse(ctx)
  ctx.sleep(20) -- planted: a call that blocks the order
end

return {
  name = "stock",
  about = "Asks the warehouse.",
  apply = function(_, decide, ctx)
    ask_warehouse(ctx)
    decide:route("standard")
  end,
}
