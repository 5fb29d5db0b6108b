#!lua flags=allow-oom
-- An agent leaves: its card, its beats and, where nothing is pending for it, its
-- consumers go.
--
-- KEYS  1 the agent's card  2 agents  3 beats  4 … its types' streams
-- ARGV  1 agent id  2 instance  3 … the groups of the streams, in their order
-- Returns
--   OK      gone
--   OTHER   the card is another instance's: nothing was written
--   BROKEN  a key holds something of another type: nothing was written
local card, agents, beats = KEYS[1], KEYS[2], KEYS[3]
local id, instance = ARGV[1], ARGV[2]

local function is(key, wanted)
	local found = redis.call('TYPE', key).ok
	return found == 'none' or found == wanted
end

if not (is(card, 'hash') and is(agents, 'set') and is(beats, 'hash')) then
	return 'BROKEN'
end
if (redis.call('HGET', card, 'instance') or '') ~= instance then
	return 'OTHER'
end
redis.call('DEL', card)
redis.call('SREM', agents, id)
redis.call('HDEL', beats, id)
for i = 4, #KEYS do
	local group = ARGV[i - 1]
	-- deleting a consumer discards what is pending for it
	local pending = redis.pcall('XPENDING', KEYS[i], group, '-', '+', 1, id)
	if not pending.err and #pending == 0 then
		redis.pcall('XGROUP', 'DELCONSUMER', KEYS[i], group, id)
	end
end
return 'OK'
