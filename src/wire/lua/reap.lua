#!lua flags=allow-oom
-- Takes the entry of a silent agent back: from here on its beats answer LOST.
--
-- KEYS: 1 fence, 2 beats, 3 the task stream
-- ARGV: 1 nonce, 2 group, 3 agent id, 4 its count of beats as it was seen ('' = none),
--       5... entry ids
-- Returns {'OK', answer...}: REAPED, or GONE (not this agent's any more);
-- {'ALIVE'}: it has beaten since; {'FENCED', fence}; {'BROKEN'}: no such group.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local beats = redis.pcall('HGET', KEYS[2], ARGV[3])
if type(beats) == 'table' then
	return { 'BROKEN' }
end
if (beats or '') ~= ARGV[4] then
	return { 'ALIVE' }
end
local answers = { 'OK' }
for i = 5, #ARGV do
	local pending = redis.pcall('XPENDING', KEYS[3], ARGV[2], ARGV[i], ARGV[i], 1)
	if pending.err then
		return { 'BROKEN' }
	end
	if #pending == 1 and pending[1][2] == ARGV[3] then
		redis.call('XCLAIM', KEYS[3], ARGV[2], 'reeve', 0, ARGV[i], 'JUSTID')
		answers[#answers + 1] = 'REAPED'
	else
		answers[#answers + 1] = 'GONE'
	end
end
return answers
