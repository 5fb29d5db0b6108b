#!lua flags=allow-oom
-- An agent reports how an attempt ended; works when memory is full.
--
-- KEYS  1 done  2 the task stream
-- ARGV  1 group  2 entry id  3 agent id  4 token  then name, value … of the
--       completion
-- Returns
--   OK      added to done; the entry is pending for this agent
--   LOST    added to done, but the entry is gone or another's: the owner knows
--           the report already, or judges it by its token
--   BROKEN  a key holds something of another type: nothing was written
local done, stream = KEYS[1], KEYS[2]
local group, entry, id, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local function is(key, wanted)
	local found = redis.call('TYPE', key).ok
	return found == 'none' or found == wanted
end

local function held()
	local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
	if pending.err or #pending == 0 or pending[1][2] ~= id then
		return false
	end
	local found = redis.pcall('XRANGE', stream, entry, entry)
	if found.err or #found == 0 then
		return false
	end
	local fields = found[1][2]
	for i = 1, #fields - 1, 2 do
		if fields[i] == 'token' then
			return fields[i + 1] == token
		end
	end
	return false
end

if not is(done, 'stream') then
	return 'BROKEN'
end
local answer = held() and 'OK' or 'LOST'
local added = redis.pcall('XADD', done, '*', unpack(ARGV, 5))
if type(added) == 'table' and added.err then
	return 'BROKEN'
end
return answer
