#!lua flags=allow-oom
-- What the next entry of an agent's pending list weighs, before it is read.
--
-- KEYS  1 the task stream
-- ARGV  1 group  2 agent id  3 the id behind which to look
-- Returns {} when nothing more is pending (or there is no such group), else
--   {id, bytes, run, task, token}: bytes of all its fields and values, 0 if its message
--   was deleted; the three texts as they stand in it, '' if missing or long
local stream, group, id, after = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local NAMES, LONG = { 'run', 'task', 'token' }, 256

local pending = redis.pcall('XPENDING', stream, group, '(' .. after, '+', 1, id)
if pending.err or #pending == 0 then
	return {}
end
local entry = pending[1][1]
local found = redis.pcall('XRANGE', stream, entry, entry)
local bytes, texts = 0, { '', '', '' }
if not found.err and #found == 1 then
	local fields = found[1][2]
	for i = 1, #fields - 1, 2 do
		bytes = bytes + #fields[i] + #fields[i + 1]
		for k, name in ipairs(NAMES) do
			if fields[i] == name and #fields[i + 1] <= LONG then
				texts[k] = fields[i + 1]
			end
		end
	end
end
return { entry, bytes, texts[1], texts[2], texts[3] }
