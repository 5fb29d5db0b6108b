#!lua flags=allow-oom
-- Removes consumers that nobody uses any more: nothing is pending for them, they have
-- not read for long, and no card bears their name.  Never the consumer `reeve`.
--
-- KEYS: 1 fence, 2 the task stream
-- ARGV: 1 nonce, 2 group, 3 ms that it has not read
-- Returns {'OK', removed}, or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local prefix = string.sub(KEYS[1], 1, -6)
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[2], ARGV[2])
local removed = 0
for _, consumer in ipairs(consumers.err and {} or consumers) do
	local info = {}
	for i = 1, #consumer, 2 do
		info[consumer[i]] = consumer[i + 1]
	end
	if info.name ~= 'reeve' and info.pending == 0 and info.idle >= tonumber(ARGV[3]) and
		redis.call('EXISTS', prefix .. 'agent:' .. info.name) == 0 then
		redis.call('XGROUP', 'DELCONSUMER', KEYS[2], ARGV[2], info.name)
		removed = removed + 1
	end
end
return { 'OK', removed }
