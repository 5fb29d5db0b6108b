#!lua flags=allow-oom
-- What an entry that is too large to be read is called and weighs.
--
-- KEYS: 1 done or in
-- ARGV: 1 cursor
-- Returns {id, bytes} of the first entry after the cursor, or {}.
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)
if not found[1] then
	return {}
end
local bytes = 0
for _, text in ipairs(found[1][2]) do
	bytes = bytes + #text
end
return { found[1][1], bytes }
