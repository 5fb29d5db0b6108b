#!lua flags=allow-oom
-- As ask.lua, also while memory is full: for commands that free more than they take.
--
-- KEYS: 1 in
-- ARGV: 1 most entries, 2... fields and values
-- Returns {'OK', id}, {'FULL', length} or {'BADKEY', type}.
local is = redis.call('TYPE', KEYS[1]).ok
if is ~= 'stream' and is ~= 'none' then
	return { 'BADKEY', is }
end
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[1]) then
	return { 'FULL', length }
end
return { 'OK', redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) }
