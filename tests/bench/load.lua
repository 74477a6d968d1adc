-- What bench asks of wrk: an optional body of args[1] bytes, and the figures as
-- one line that a program can read. There is no request function: wrk then makes
-- the request once and does not call Lua while it measures.

function init(args)
  local size = tonumber(args[1])
  if size > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("0123456789abcdef", size / 16)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'FIGURES {"requests":%d,"bytes":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
