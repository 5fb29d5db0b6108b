#!lua flags=allow-oom
-- Drops dead letters: the named ones, or the oldest ones beyond an age or a number.
--
-- KEYS: 1 fence, 2 the stream, 3 bodies, 4 marks
-- ARGV: 1 nonce, 2 what the keys of runs begin with, 3 the lowest id that stays ('' = any),
--       4 how many may stay ('' = any), 5 how many are dropped at most, 6... ids
-- A letter that is open is no longer counted by its run.
-- Returns {'OK', dropped, open ones among them, how many more are due} or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local stream, bodies, marks = KEYS[2], KEYS[3], KEYS[4]
local most = tonumber(ARGV[5])
local dropped, open, due = 0, 0, 0

local function forget(run, index, id)
	local key = ARGV[2] .. run
	if redis.pcall('HGET', key, 'd' .. index) ~= id then
		return
	end
	redis.call('HDEL', key, 'd' .. index)
	if redis.pcall('HINCRBY', key, 'dl', -1) == 0 then
		redis.call('HDEL', key, 'dl')
	end
end

local function drop(entry)
	local id, fields, said = entry[1], entry[2], {}
	for f = 1, #fields - 1, 2 do
		if #fields[f + 1] < 64 then
			said[fields[f]] = fields[f + 1]
		end
	end
	redis.call('XDEL', stream, id)
	dropped = dropped + 1
	if redis.pcall('HEXISTS', marks, id) ~= 1 then
		open = open + 1
		if said.run and said.index then
			forget(said.run, said.index, id)
		end
	end
	redis.pcall('HDEL', marks, id)
	redis.pcall('HDEL', bodies, id, id .. '/meta')
end

local function drop_all(page)
	for i = 1, #page do
		drop(page[i])
	end
	return #page
end

if redis.call('TYPE', stream).ok ~= 'stream' then
	return { 'OK', 0, 0, 0 }
end
for i = 6, #ARGV do
	drop_all(redis.call('XRANGE', stream, ARGV[i], ARGV[i]))
end
if ARGV[3] ~= '' then
	if most > 0 then
		most = most - drop_all(redis.call('XRANGE', stream, '-', '(' .. ARGV[3], 'COUNT', most))
	end
	due = most > 0 and 0 or 1
end
if ARGV[4] ~= '' then
	local excess = redis.call('XLEN', stream) - tonumber(ARGV[4])
	if excess > 0 and most > 0 then
		excess = excess - drop_all(redis.call('XRANGE', stream, '-', '+', 'COUNT',
			math.min(excess, most)))
	end
	due = math.max(due, excess)
end
return { 'OK', dropped, open, due }
