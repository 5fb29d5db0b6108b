#!lua
-- Adds pieces of an attempt's output to its log.
--
-- Refused when memory is full (no allow-oom): output may be lost, completions
-- may not.  The ids are the agent's own and rise, so a call that is sent again
-- after a lost reply adds nothing twice.
--
-- The set logs:RUN tells which logs a run has, so that they go with it; it lives as
-- long as the newest of them.
--
-- KEYS  1 the log, PREFIX{P}:log:RUN:TASK:ATTEMPT
-- ARGV  1 seconds that the log lives from now on  2 most entries  3 most bytes
--       4 bytes of this log so far  then id, stream (o or e), bytes … of each piece
--       and at the end, if it is to be counted in the hash logged, the agent's id
-- Returns {code, bytes}: bytes of the log now; code is
--   OK      all added (or there already)
--   FULL    the log is at a limit: from some piece on nothing was added
--   BROKEN  the key holds something of another type: nothing was written
local log = KEYS[1]
local ttl, most, limit, bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local found = redis.call('TYPE', log).ok
if found ~= 'none' and found ~= 'stream' then
	return { 'BROKEN', bytes }
end
local length = redis.call('XLEN', log)
local code = 'OK'
local added_bytes = 0
for i = 5, #ARGV - 2, 3 do
	local size = #ARGV[i + 2]
	if length >= most or bytes + size > limit then
		code = 'FULL'
		break
	end
	-- an id that is not above the last one was added by an earlier call
	local added = redis.pcall('XADD', log, ARGV[i], 's', ARGV[i + 1], 'd', ARGV[i + 2])
	if type(added) == 'string' then
		length = length + 1
	end
	bytes = bytes + size
	added_bytes = added_bytes + size
end
redis.call('EXPIRE', log, ttl)
local prefix, run, name = string.match(log, '^(.-{%d+}:)log:([^:]+):(.+)$')
if prefix then
	local logs = prefix .. 'logs:' .. run
	redis.pcall('SADD', logs, name)
	redis.pcall('EXPIRE', logs, ttl)
	if #ARGV % 3 == 2 then
		redis.pcall('HINCRBY', prefix .. 'logged', ARGV[#ARGV], added_bytes)
		redis.pcall('EXPIRE', prefix .. 'logged', 60)
	end
end
return { code, bytes }
