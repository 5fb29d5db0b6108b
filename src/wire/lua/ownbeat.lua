#!lua flags=allow-oom
-- The owner's sign of life, once a second.
--
-- KEYS: 1 fence, 2 beat, 3 meta, 4 done
-- ARGV: 1 nonce
-- Returns {'OK', beat, meta nonce, last id of done}, or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local last = '0-0'
if redis.call('TYPE', KEYS[4]).ok == 'stream' then
	local info = redis.call('XINFO', 'STREAM', KEYS[4])
	for i = 1, #info, 2 do
		if info[i] == 'last-generated-id' then
			last = info[i + 1]
		end
	end
end
return { 'OK', redis.call('INCR', KEYS[2]), redis.call('HGET', KEYS[3], 'nonce') or '', last }
