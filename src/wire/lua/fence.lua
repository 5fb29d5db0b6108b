#!lua flags=allow-oom
-- Takes the ownership of a partition, or renews it on a new connection.
--
-- KEYS: 1 fence, 2 meta, 3 beat
-- ARGV: 1 new nonce, 2 home, 3 partitions, 4 nonce for a new meta, 5 wall ms,
--       6 fence and 7 beat that a standby saw unchanged for long enough ('' =
--       none), 8 nonce of the state that is known, or '', 9 its beat at least,
--       10... nonces that may be this daemon's own
--
-- The owner renews with its own nonces; nothing that is still under way on an
-- older connection can be applied afterwards.  Others get it when it is free,
-- when its owner lived in the same state folder (whose lock they hold), or when
-- fence and beat still are exactly what they saw standing still.
--
-- A state that is not the known one, or an older one, is taken only without 8.
--
-- Returns {'OK', how, seq, meta nonce, partitions}, how one of new renewed free
-- home taken; {'HELD', fence, beat, meta nonce}; {'LOST', meta nonce, beat};
-- {'NEWER', schema}; {'BADFENCE', fence}.
local meta = redis.call('HMGET', KEYS[2], 'nonce', 'min_reader', 'schema', 'partitions')
if meta[2] and tonumber(meta[2]) > 1 then
	return { 'NEWER', meta[3] or meta[2] }
end
local fence = redis.call('GET', KEYS[1])
local beat = redis.pcall('GET', KEYS[3])
if type(beat) ~= 'string' then
	beat = ''
end
local how, seq
if not fence then
	how, seq = 'new', '0'
else
	local nonce, n, home = string.match(fence, '^([^:]*):(%d+):(.*)$')
	if not nonce then
		return { 'BADFENCE', fence }
	end
	seq = n
	for i = 10, #ARGV do
		if nonce == ARGV[i] then
			how = 'renewed'
		end
	end
	if not how then
		if nonce == 'free' then
			how = 'free'
		elseif home == ARGV[2] then
			how = 'home'
		elseif fence == ARGV[6] and beat == ARGV[7] then
			how = 'taken'
		else
			return { 'HELD', fence, beat, meta[1] or '' }
		end
	end
end
local known = ARGV[8] or ''
local other = meta[1] ~= known and how ~= 'renewed'
local older = beat ~= '' and (tonumber(beat) or 0) < (tonumber(ARGV[9]) or 0)
if known ~= '' and (other or older) then
	return { 'LOST', meta[1] or '', beat }
end
if not meta[1] then
	redis.call('HSET', KEYS[2], 'schema', '1', 'min_reader', '1', 'partitions', ARGV[3],
		'nonce', ARGV[4], 'created_at', ARGV[5])
	meta[1], meta[4] = ARGV[4], ARGV[3]
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. seq .. ':' .. ARGV[2])
return { 'OK', how, seq, meta[1], meta[4] }
