#!lua flags=allow-oom
-- An agent says who it is, before its first read and after each reconnect.
--
-- KEYS  1 meta  2 the agent's card  3 agents
-- ARGV  1 agent id  2 instance (16 hex digits)  3 again: 1 after a reconnect of
--       this instance, else 0  4 the schema that the agent knows
--       then name, value … of the card (types, capabilities, slots, …)
-- Returns {code, nonce, earlier}, and behind them DRAIN if the agent is to take nothing
-- new (its id is in the hash drains); code is
--   OK      signed on; nonce is that of meta ("" if there is none), earlier the
--           instance whose card stood there ("" if none)
--   NEWER   the stored data ask for a newer agent: nothing was written
--   OTHER   again was 1, but meanwhile another instance took this id: nothing
--           was written
--   BROKEN  a key holds something of another type: nothing was written
local meta, card, agents = KEYS[1], KEYS[2], KEYS[3]
local id, instance, again, known = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local function is(key, wanted)
	local found = redis.call('TYPE', key).ok
	return found == 'none' or found == wanted
end

if not (is(meta, 'hash') and is(card, 'hash') and is(agents, 'set')) then
	return { 'BROKEN', '', '' }
end
local min_reader = tonumber(redis.call('HGET', meta, 'min_reader') or '0') or 0
if min_reader > known then
	return { 'NEWER', '', '' }
end
local earlier = redis.call('HGET', card, 'instance') or ''
if again == '1' and earlier ~= '' and earlier ~= instance then
	return { 'OTHER', '', earlier }
end
redis.call('DEL', card)
redis.call('HSET', card, 'instance', instance)
for i = 5, #ARGV - 1, 2 do
	redis.call('HSET', card, ARGV[i], ARGV[i + 1])
end
redis.call('SADD', agents, id)
local answer = { 'OK', redis.call('HGET', meta, 'nonce') or '', earlier }
local prefix = string.match(agents, '^(.*)agents$')
if prefix and redis.pcall('HEXISTS', prefix .. 'drains', id) == 1 then
	answer[4] = 'DRAIN'
end
return answer
