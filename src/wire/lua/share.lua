#!lua flags=allow-oom
-- Stores fields of `shares`: what the home of a limit grants, what a partition holds.
--
-- KEYS: 1 fence, 2 shares
-- ARGV: 1 nonce, then field, value … of each
-- Returns {'OK'} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
for i = 2, #ARGV - 1, 2 do
	redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return { 'OK' }
