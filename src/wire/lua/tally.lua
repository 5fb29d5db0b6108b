#!lua flags=allow-oom
-- Stores what was counted of attempts: whole values, so a call may be sent again.
--
-- KEYS: 1 fence, 2 the counts
-- ARGV: 1 nonce, 2 the oldest day that stays, then field, value ...; a field begins with its day
-- Returns {'OK', removed} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
if redis.call('TYPE', KEYS[2]).ok ~= 'hash' then
	redis.call('UNLINK', KEYS[2])
end
for i = 3, #ARGV - 1, 2 do
	redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
local removed = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
	local day = tonumber(string.match(field, '^(%d+) ') or '0')
	if day < tonumber(ARGV[2]) then
		removed = removed + redis.call('HDEL', KEYS[2], field)
	end
end
return { 'OK', removed }
