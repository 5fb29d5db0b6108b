#!lua flags=allow-oom
-- Makes a lost consumer group again and gives running entries back to their agents.
--
-- KEYS: 1 fence, 2 the task stream
-- ARGV: 1 nonce, 2 group, then for each entry two: agent id, entry id
-- What the old group had not delivered is not delivered by this one (`$`): its
-- entries are handed out anew with new tokens.
-- Returns {'OK'}, {'FENCED', fence} or {'BROKEN', error}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local made = redis.pcall('XGROUP', 'CREATE', KEYS[2], ARGV[2], '$', 'MKSTREAM')
if made.err and not string.match(made.err, '^BUSYGROUP') then
	return { 'BROKEN', made.err }
end
for i = 3, #ARGV - 1, 2 do
	redis.pcall('XCLAIM', KEYS[2], ARGV[2], ARGV[i], 0, ARGV[i + 1], 'FORCE', 'JUSTID')
end
return { 'OK' }
