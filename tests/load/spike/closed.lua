-- Closed loop: every connection sends the next request of the file as soon as it has its answer.
-- The file holds requests as <6 digits of length><request>; statuses are counted one by one.
local ffi = require("ffi")
ffi.cdef[[
  typedef struct { long sec; long nsec; } instant;
  int clock_gettime(int clock, instant *now);
  int getpid(void);
  int kill(int pid, int signal);
]]
local now = ffi.new("instant")
local function seconds()
  ffi.C.clock_gettime(1, now)
  return tonumber(now.sec) + tonumber(now.nsec) / 1e9
end
local threads = {}
local file, first
statuses, sent, exhausted, began, took = {}, -1, 0, 0, 0

function setup(thread) table.insert(threads, thread) end

function init(args)
  file = assert(io.open(args[1], "rb"))
end

local function read()
  local size = file:read(6)
  if not size then
    if exhausted == 0 then
      exhausted, took = 1, seconds() - began
      ffi.C.kill(ffi.C.getpid(), 2)  -- wrk itself would go on sleeping until its time is over
    end
    wrk.thread:stop()
    return first
  end
  return file:read(tonumber(size))
end

-- wrk asks once before the start, to see whether requests are pipelined, and does not send that one
function request()
  sent = sent + 1
  if sent == 0 then first = read() return first end
  if sent == 1 then began = seconds() return first end
  return read()  -- behind the end of the file the first request once more: it counts as sent
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency, requests)
  local thread = threads[1]
  local counted = {}
  for status, number in pairs(thread:get("statuses")) do
    table.insert(counted, string.format('"%d": %d', status, number))
  end
  local e = summary.errors
  local duration = thread:get("exhausted") == 1 and thread:get("took") or summary.duration / 1e6
  io.write(string.format(
    '\nRESULT {"sent": %d, "statuses": {%s}, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "p999_ms": %.3f, ' ..
    '"max_ms": %.3f, "errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d}, "exhausted": %d}\n',
    thread:get("sent"), table.concat(counted, ", "), duration,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000,
    latency.max / 1000, e.connect, e.read, e.write, e.timeout, thread:get("exhausted")))
end
