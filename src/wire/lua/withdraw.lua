#!lua flags=allow-oom
-- Takes entries back that no agent has: they are deleted, and nobody will read them.
--
-- KEYS: 1 fence, 2 the task stream
-- ARGV: 1 nonce, 2 group, 3... entry ids
-- Returns {'OK', answer...}: WITHDRAWN (nobody has it, and nobody can get it any more;
-- so it is said again when asked again), or TAKEN (it was delivered); {'FENCED', fence};
-- {'BROKEN'}: no such group.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end

-- The last id that the group has delivered, or nil.
local function delivered()
	local groups = redis.pcall('XINFO', 'GROUPS', KEYS[2])
	if groups.err then
		return nil
	end
	for _, group in ipairs(groups) do
		local at = {}
		for i = 1, #group - 1, 2 do
			at[group[i]] = group[i + 1]
		end
		if at['name'] == ARGV[2] then
			return at['last-delivered-id']
		end
	end
	return nil
end

local function behind(id, last)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	local last_ms, last_seq = string.match(last, '^(%d+)-(%d+)$')
	if ms ~= last_ms then
		return tonumber(ms) > tonumber(last_ms)
	end
	return tonumber(seq) > tonumber(last_seq)
end

local last = delivered()
if not last then
	return { 'BROKEN' }
end
local answers = { 'OK' }
for i = 3, #ARGV do
	local pending = redis.pcall('XPENDING', KEYS[2], ARGV[2], ARGV[i], ARGV[i], 1)
	if pending.err then
		return { 'BROKEN' }
	end
	local there = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])
	local answer = 'TAKEN'
	if #pending == 0 and (#there == 0 or behind(ARGV[i], last)) then
		redis.call('XDEL', KEYS[2], ARGV[i])
		answer = 'WITHDRAWN'
	end
	answers[#answers + 1] = answer
end
return answers
