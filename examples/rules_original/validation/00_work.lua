-- work: the original's artificial work, 10 ms for each step of priority, before anything else is looked at.
--
-- Reads the priority: high (1) waits 10 ms, medium (2) 20 ms, low (3) 30 ms. It is a wait, so the worker decides other
-- orders meanwhile; the original's workers slept.
local WORK_MS = { high = 10, medium = 20, low = 30 }

return {
  name = "work",
  about = "The original's artificial work.",
  check = function(order, _, ctx)
    ctx.sleep(WORK_MS[order.priority] or WORK_MS.medium)
  end,
}
