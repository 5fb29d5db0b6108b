#!lua flags=allow-oom
-- One commit of a partition's owner: everything in it is applied, or nothing.
--
-- KEYS: 1 fence, 2 cursor
-- ARGV: nonce, seq, seq + 1, cursor ('' = unchanged), then six sections, each
--       led by its count:
--   types:   key type ...                    what each written key must be (or missing)
--   groups:  key group ...                   streams to create with their group
--   adds:    key nfields name... nentries, then nentries times the values
--   letters: 'open' stream bodies run index log kind queue entry body meta nfields
--                   name value...
--            'close' marks run index mark, or 'close' marks '' entry mark
--                                            dead letters: one is added with the last
--                                            2 KB of its log, and with body and meta, its
--                                            own or those of an entry of queue; the open
--                                            one of a task (or that entry) is marked as
--                                            replayed
--   rest:    argc arg... ...                 commands as they stand
--   less:    key n ...                       definitions that lose n users: field
--                                            `refs`; without users they are removed
--
-- Order: fence, types, adds, letters, rest, less, fence.  Lua has no rollback, so only
-- XADD can still fail behind the type check (a stream whose last id is the largest
-- there is); entries added before such a failure are deleted again.
--
-- run:ID holds d<index>, the entry of a task's open letter, dl, how many it has, and
-- n<index>, how often the task was replayed.
--
-- Returns {'OK', id..., left...} in the order of adds, letters and less (left: users
-- that remain); {'FENCED', fence}; {'SEQ', seq};
-- {'BADKEY', key, type}; {'XADD', key, error}.
local A = ARGV
local fence = redis.call('GET', KEYS[1]) or ''
local nonce, seq, home = string.match(fence, '^([^:]*):(%d+):(.*)$')
if nonce ~= A[1] then
	return { 'FENCED', fence }
end
if seq ~= A[2] then
	return { 'SEQ', seq }
end

local i = 6
for _ = 1, tonumber(A[5]) do
	local is = redis.call('TYPE', A[i]).ok
	if is ~= A[i + 1] and is ~= 'none' then
		return { 'BADKEY', A[i], is }
	end
	i = i + 2
end

local n = tonumber(A[i])
i = i + 1
for _ = 1, n do
	redis.pcall('XGROUP', 'CREATE', A[i], A[i + 1], '0', 'MKSTREAM')
	i = i + 2
end

local ids = { 'OK' }
local keys = {}
n = tonumber(A[i])
i = i + 1
for _ = 1, n do
	local key, fields = A[i], tonumber(A[i + 1])
	local cmd = { 'XADD', key, '*' }
	for f = 1, fields do
		cmd[2 + 2 * f] = A[i + 1 + f]
	end
	i = i + 2 + fields
	local entries = tonumber(A[i])
	i = i + 1
	for _ = 1, entries do
		for f = 1, fields do
			cmd[3 + 2 * f] = A[i]
			i = i + 1
		end
		local id = redis.pcall(unpack(cmd))
		if type(id) == 'table' then
			for k = 2, #ids do
				redis.call('XDEL', keys[k], ids[k])
			end
			return { 'XADD', key, id.err }
		end
		ids[#ids + 1] = id
		keys[#ids] = key
	end
end

-- The last 2 KB of a log, from the beginning of a character on.
local function log_tail(log)
	local tail, to = '', '+'
	for _ = 1, 16 do
		local page = redis.pcall('XREVRANGE', log, to, '-', 'COUNT', 16)
		if page.err or #page == 0 then
			break
		end
		for k = 1, #page do
			local fields = page[k][2]
			for f = 1, #fields - 1, 2 do
				if fields[f] == 'd' and #tail < 2048 then
					tail = fields[f + 1] .. tail
				end
			end
		end
		if #tail >= 2048 then
			break
		end
		to = '(' .. page[#page][1]
	end
	if #tail > 2048 then
		tail = string.gsub(string.sub(tail, -2048), '^[\128-\191]+', '')
	end
	return tail
end

-- What an entry of a task stream handed out; nil: it is gone.
local function handed_out(queue, entry)
	local found = redis.pcall('XRANGE', queue, entry, entry)
	local said = {}
	if found.err or #found == 0 then
		return nil
	end
	local fields = found[1][2]
	for f = 1, #fields - 1, 2 do
		said[fields[f]] = fields[f + 1]
	end
	return said['body'], said['meta']
end

-- Entries first, as above; what follows from them cannot fail.
local changes = {}
n = tonumber(A[i])
i = i + 1
for _ = 1, n do
	local change = { at = i }
	if A[i] == 'open' then
		local key, run, index = A[i + 1], A[i + 3], A[i + 4]
		local cmd = { 'XADD', key, '*' }
		local kind, fields = A[i + 6], tonumber(A[i + 11])
		change.body, change.meta = A[i + 9], A[i + 10]
		if A[i + 7] ~= '' then
			change.body, change.meta = handed_out(A[i + 7], A[i + 8])
			kind = change.body and kind or ''
		end
		for f = 1, 2 * fields do
			cmd[#cmd + 1] = A[i + 11 + f]
		end
		cmd[#cmd + 1] = 'kind'
		cmd[#cmd + 1] = kind
		cmd[#cmd + 1] = 'replays'
		cmd[#cmd + 1] = redis.call('HGET', run, 'n' .. index) or '0'
		cmd[#cmd + 1] = 'log_tail'
		cmd[#cmd + 1] = log_tail(A[i + 5])
		change.id = redis.pcall(unpack(cmd))
		if type(change.id) == 'table' then
			for k = 2, #ids do
				redis.call('XDEL', keys[k], ids[k])
			end
			return { 'XADD', key, change.id.err }
		end
		ids[#ids + 1] = change.id
		keys[#ids] = key
		i = i + 12 + 2 * fields
	else
		i = i + 5
	end
	changes[#changes + 1] = change
end
for _, change in ipairs(changes) do
	local at = change.at
	if change.id then
		local bodies, run, index = A[at + 2], A[at + 3], A[at + 4]
		if change.body and change.meta and change.meta ~= '' then
			redis.pcall('HSET', bodies, change.id, change.body, change.id .. '/meta', change.meta)
		end
		redis.call('HSET', run, 'd' .. index, change.id)
		redis.pcall('HINCRBY', run, 'dl', 1)
	else
		local marks, run, index, entry = A[at + 1], A[at + 2], A[at + 3], A[at + 3]
		if run ~= '' then
			entry = redis.call('HGET', run, 'd' .. index)
		end
		if entry then
			redis.pcall('HSET', marks, entry, A[at + 4])
		end
		if entry and run ~= '' then
			redis.call('HDEL', run, 'd' .. index)
			redis.pcall('HINCRBY', run, 'n' .. index, 1)
			if redis.pcall('HINCRBY', run, 'dl', -1) == 0 then
				redis.call('HDEL', run, 'dl')
			end
		end
	end
end

n = tonumber(A[i])
i = i + 1
for _ = 1, n do
	local argc = tonumber(A[i])
	redis.call(unpack(A, i + 1, i + argc))
	i = i + 1 + argc
end

n = tonumber(A[i])
i = i + 1
for _ = 1, n do
	local left = redis.pcall('HINCRBY', A[i], 'refs', '-' .. A[i + 1])
	if type(left) == 'table' then
		left = 0
	end
	if left <= 0 then
		redis.call('UNLINK', A[i])
	end
	ids[#ids + 1] = left
	i = i + 2
end

if A[4] ~= '' then
	redis.call('SET', KEYS[2], A[4])
end
redis.call('SET', KEYS[1], A[1] .. ':' .. A[3] .. ':' .. home)
return ids
