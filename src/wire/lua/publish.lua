#!lua flags=allow-oom
-- Publishes the settings of all agent types; those of types that are no more go.
--
-- KEYS: 1 fence, 2 types (the names that are published)
-- ARGV: 1 nonce, then name, JSON text … of each type
-- Returns {'OK'} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local prefix = string.sub(KEYS[1], 1, -6) .. 'type:'
local wanted = {}
for i = 2, #ARGV - 1, 2 do
	wanted[ARGV[i]] = true
	redis.call('SET', prefix .. ARGV[i], ARGV[i + 1])
end
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
	if not wanted[name] then
		redis.call('UNLINK', prefix .. name)
		redis.call('SREM', KEYS[2], name)
	end
end
for name in pairs(wanted) do
	redis.call('SADD', KEYS[2], name)
end
return { 'OK' }
