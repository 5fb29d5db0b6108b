#!lua flags=allow-oom
-- A stopping owner gives its partition up, so that another takes it at once.
--
-- KEYS: 1 fence
-- ARGV: 1 nonce
-- Returns {'OK'} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
local nonce, seq, home = string.match(fence, '^([^:]*):(%d+):(.*)$')
if nonce ~= ARGV[1] then
	return { 'FENCED', fence }
end
redis.call('SET', KEYS[1], 'free:' .. seq .. ':' .. home)
return { 'OK' }
