#!lua flags=allow-oom
-- Takes an entry from an agent that has not begun it: from here on its beats answer LOST.
--
-- KEYS: 1 fence, 2 the task stream
-- ARGV: 1 nonce, 2 group, 3 agent id, 4 entry id
-- Returns 'MOVED', 'GONE' (it is not this agent's any more, or there is no group), or 'FENCED'.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return 'FENCED'
end
local pending = redis.pcall('XPENDING', KEYS[2], ARGV[2], ARGV[4], ARGV[4], 1)
if pending.err or #pending == 0 or pending[1][2] ~= ARGV[3] then
	return 'GONE'
end
redis.call('XCLAIM', KEYS[2], ARGV[2], 'reeve', 0, ARGV[4], 'JUSTID')
return 'MOVED'
