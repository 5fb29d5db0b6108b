#!lua flags=allow-oom
-- What stands in a task stream, without the bodies; writes nothing.
--
-- KEYS: 1 the task stream
-- ARGV: 1 group, 2 from ('-' or '(ID'), 3 how many entries at most
-- Returns {'OK', id, token, ...}; {'NOGROUP', id, token, ...}: there is a stream, but not
-- this group; {'NONE'}: no stream; {'BROKEN'}: the key is something else.
local is = redis.call('TYPE', KEYS[1]).ok
if is ~= 'stream' then
	return { is == 'none' and 'NONE' or 'BROKEN' }
end
local answer = { 'NOGROUP' }
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	for i = 1, #group, 2 do
		if group[i] == 'name' and group[i + 1] == ARGV[1] then
			answer[1] = 'OK'
		end
	end
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[3])) do
	local token = ''
	for i = 1, #entry[2] - 1, 2 do
		if entry[2][i] == 'token' then
			token = entry[2][i + 1]
		end
	end
	answer[#answer + 1] = entry[1]
	answer[#answer + 1] = token
end
return answer
