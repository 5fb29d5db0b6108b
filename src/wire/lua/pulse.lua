#!lua flags=allow-oom
-- Stores what an owner counts of agents and agent types: whole values, so a call may be
-- sent again.
--
-- KEYS: 1 fence, 2 the counts
-- ARGV: 1 nonce, then field, value ...; an empty value removes the field
-- Returns {'OK'} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local is = redis.call('TYPE', KEYS[2]).ok
if is ~= 'hash' and is ~= 'none' then
	redis.call('UNLINK', KEYS[2])
end
for i = 2, #ARGV - 1, 2 do
	if ARGV[i + 1] == '' then
		redis.call('HDEL', KEYS[2], ARGV[i])
	else
		redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
	end
end
return { 'OK' }
