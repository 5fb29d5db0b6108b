#!lua flags=allow-oom
-- Takes what agents have added to logs since the last call.
--
-- KEYS: 1 fence, 2 logged (agent id → bytes, counted by log)
-- ARGV: 1 nonce
-- Returns {'OK', agent, bytes, ...} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local counts = redis.pcall('HGETALL', KEYS[2])
redis.call('UNLINK', KEYS[2])
local answer = { 'OK' }
for i = 1, #counts do
	answer[i + 1] = counts[i]
end
return answer
