#!lua flags=allow-oom
-- Forgets agents that gave no sign of life for long: card, beats, consumers.
--
-- KEYS: 1 fence, 2 agents, 3 beats, 4... task streams
-- ARGV: 1 nonce, 2 the time (RFC 3339) since when there must be a sign of life,
--       3 cursor of the scan, 4... the groups of the streams, in their order
-- One that something is pending for stays whatever its age.
-- Returns {'OK', next cursor, forgotten}, or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local prefix = string.sub(KEYS[1], 1, -6)

local function holds(id)
	for i = 4, #KEYS do
		local pending = redis.pcall('XPENDING', KEYS[i], ARGV[i], '-', '+', 1, id)
		if not pending.err and #pending > 0 then
			return true
		end
	end
	return false
end

local page = redis.call('SSCAN', KEYS[2], ARGV[3], 'COUNT', 100)
local forgotten = 0
for _, id in ipairs(page[2]) do
	local card = prefix .. 'agent:' .. id
	local seen = redis.pcall('HMGET', card, 'seen_at', 'at')
	local last = not seen.err and (seen[1] or seen[2]) or ''
	if last < ARGV[2] and not holds(id) then
		redis.call('UNLINK', card)
		redis.call('SREM', KEYS[2], id)
		redis.call('HDEL', KEYS[3], id)
		for i = 4, #KEYS do
			redis.pcall('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[i], id)
		end
		forgotten = forgotten + 1
	end
end
return { 'OK', page[1], forgotten }
