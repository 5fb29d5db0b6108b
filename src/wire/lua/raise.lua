#!lua flags=allow-oom
-- Raises the ids of completions to the cursor, after Redis lost some that were read:
-- what is added from now on gets ids behind it, or a load would pass it over.
--
-- KEYS: 1 fence, 2 done
-- ARGV: 1 nonce, 2 cursor
-- Returns {'OK'}; {'FENCED', fence}; {'BROKEN', type}: done is no stream.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local is = redis.call('TYPE', KEYS[2]).ok
if is == 'none' then
	-- an empty stream that remembers the id
	redis.call('XADD', KEYS[2], ARGV[2], 'raised', '')
	redis.call('XDEL', KEYS[2], ARGV[2])
elseif is == 'stream' then
	-- refused where an entry stands behind the cursor: that is as good
	redis.pcall('XSETID', KEYS[2], ARGV[2])
else
	return { 'BROKEN', is }
end
return { 'OK' }
