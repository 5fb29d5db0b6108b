#!lua flags=no-writes
-- A page of the ended runs, oldest first: what says whether they may go.
--
-- KEYS: 1 fin
-- ARGV: 1 first rank, 2 how many, 3 1: their bytes too
-- Returns {runs in fin, then for each run six: id, when it was made (wall ms), its
-- record ('' if there is none), open dead letters, logs, bytes (0 if not asked)}.
-- The bytes of many logs are those of three, multiplied.
local fin = KEYS[1]
local prefix = string.sub(fin, 1, -4)

local function bytes_of(key)
	return tonumber(redis.call('MEMORY', 'USAGE', key) or 0) or 0
end

local function logs_of(run, logs)
	local bytes, n = bytes_of(prefix .. 'logs:' .. run), 0
	local sum = 0
	for _, name in ipairs(redis.call('SRANDMEMBER', prefix .. 'logs:' .. run, 3)) do
		sum = sum + bytes_of(prefix .. 'log:' .. run .. ':' .. name)
		n = n + 1
	end
	return n > 0 and bytes + math.floor(sum / n * logs) or 0
end

local function text(value)
	return type(value) == 'string' and value or ''
end

local page = redis.call('ZRANGE', fin, ARGV[1], ARGV[1] + ARGV[2] - 1, 'WITHSCORES')
local answer = { redis.call('ZCARD', fin) }
for i = 1, #page, 2 do
	local run = page[i]
	local key = prefix .. 'run:' .. run
	local found = redis.pcall('HMGET', key, 'r', 'dl')
	local logs = redis.pcall('SCARD', prefix .. 'logs:' .. run)
	if found.err then
		found = { false, false }
	end
	if type(logs) == 'table' then
		logs = 0
	end
	local bytes = 0
	if ARGV[3] == '1' then
		bytes = bytes_of(key) + (logs > 0 and logs_of(run, logs) or 0)
	end
	for _, value in ipairs({ run, page[i + 1], text(found[1]), text(found[2]), logs, bytes }) do
		answer[#answer + 1] = value
	end
end
return answer
