#!lua
-- Stores a piece of a definition ahead of its run; it goes by itself if no run comes.
--
-- KEYS: 1 fence, 2 the definition
-- ARGV: 1 nonce of the owner; '': of a daemon that passes a command on to it, 2 seconds,
--       3... field, value
-- What a definition is called by is its hash, so whoever writes it writes the same; the
-- fence keeps an ex-owner from bringing back in part what its successor has removed.
-- Returns {'OK'} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if ARGV[1] ~= '' and string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
if redis.call('HEXISTS', KEYS[2], 'refs') == 0 then
	redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return { 'OK' }
