#!lua flags=allow-oom
-- One commit of a partition's owner: everything in it is applied, or nothing.
--
-- KEYS: 1 fence, 2 cursor
-- ARGV: nonce, seq, seq + 1, cursor ('' = unchanged), and in one MessagePack array of strings
--       or several pieces of it (wire/pack.h), which costs a third less than as many
--       arguments, eight sections, each led by its count (counts and places are numbers):
--   types:   length key ...                  HLEN, XLEN, SCARD or ZCARD: keys of that type,
--                                            or missing
--   runs:    'new'|'sure'|'old' nruns nfields name... then for each run its id and its values
--            or, of one run: ... '1' nfields id name value ...
--                                            hashes run:ID; of new runs none should exist
--   groups:  key group ...                   streams to create with their group
--   tasks:   key minid nwords nplaces nentries word... place..., then nentries times a value
--            for each place                  XADD key word...; what differs from entry
--                                            to entry is put at its place among the words;
--                                            what is older than minid ('' = nothing) goes
--                                            first, and what cannot be added is left out
--   adds:    the same                        what cannot be added refuses the commit
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
-- Order: fence, types, adds, letters, runs, tasks, rest, less, fence.  Lua has no rollback, so
-- what the rest relies on is checked before anything is written.  A key is checked by asking
-- for its length: one of another type is an error, and nothing is made to carry an answer.
-- XADD can still fail behind that (a stream whose last id is the largest there is, or that
-- is none), and a right may be missing: entries added before are deleted again.
--
-- Three are not asked before, but named in the answer, for the rest of the commit is true
-- without them: task streams (a task that is in none is ready), an old run's hash (all that
-- was known of the run is gone), and `done` (what was read is past).  'sure' asks for the
-- hash: nothing else has the run.
--
-- Entries are trimmed ahead of the first new one: a node of the stream that holds nothing
-- else goes as a whole, where else its dead entries are walked over again and again.
--
-- run:ID holds d<index>, the entry of a task's open letter, dl, how many it has, and
-- n<index>, how often the task was replayed.
--
-- Returns {'OK', ids, bad, left...}: the ids of adds, letters and tasks in their order,
-- parted by blanks ('0-0': it was left out), the keys that are not what they should be,
-- parted by blanks, and the users that remain in the order of less; {'FENCED', fence};
-- {'SEQ', seq}; {'BADKEY', key, type}; {'XADD', key, error}.
local nonce, seq, next_seq, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local call, pcall = redis.call, redis.pcall
local fence, ours = call('GET', KEYS[1]) or '', nonce .. ':' .. seq .. ':'
if string.sub(fence, 1, #ours) ~= ours then
	local their_nonce, their_seq = string.match(fence, '^([^:]*):(%d+):')
	if their_nonce ~= nonce then
		return { 'FENCED', fence }
	end
	return { 'SEQ', their_seq }
end
local A = cmsgpack.unpack(ARGV[5])
for k = 6, #ARGV do
	local piece, last = cmsgpack.unpack(ARGV[k]), #A
	for j = 1, #piece do
		A[last + j] = piece[j]
	end
end

-- The answer when Redis refuses a key: it is of another type, or the error as it is.
local function bad_key(key, err)
	if string.sub(err.err, 1, 9) ~= 'WRONGTYPE' then
		return err
	end
	return { 'BADKEY', key, call('TYPE', key).ok }
end

local n = A[1]
local i = 2
for _ = 1, n do
	local is = pcall(A[i], A[i + 1])
	if type(is) == 'table' then
		return bad_key(A[i + 1], is)
	end
	i = i + 2
end

-- Of new runs one question tells that none is there.
local prefix = string.sub(KEYS[1], 1, -6) .. 'run:'
local runs, n_runs, runs_at = {}, 0, i
n = A[i]
i = i + 1
for _ = 1, n do
	local mode, count, fields = A[i], A[i + 1], A[i + 2]
	local first = n_runs + 1
	if count == 1 then
		n_runs = first
		runs[first] = prefix .. A[i + 3]
		i = i + 4 + 2 * fields
	else
		i = i + 3 + fields
		for _ = 1, count do
			n_runs = n_runs + 1
			runs[n_runs] = prefix .. A[i]
			i = i + 1 + fields
		end
	end
	if mode == 'sure' or mode == 'new' and call('EXISTS', unpack(runs, first, n_runs)) > 0 then
		for k = first, n_runs do
			local is = pcall('HLEN', runs[k])
			if type(is) == 'table' then
				return bad_key(runs[k], is)
			end
		end
	end
end

n = A[i]
i = i + 1
for _ = 1, n do
	pcall('XGROUP', 'CREATE', A[i], A[i + 1], '0', 'MKSTREAM')
	i = i + 2
end

local bad, ids, keys, n_ids = {}, {}, {}, 0

local function undo()
	for k = 1, n_ids do
		pcall('XDEL', keys[k], ids[k])
	end
end

local function note(key)
	if bad[#bad] ~= key then
		bad[#bad + 1] = key
	end
end

-- The key is of another type, which no other key depends on; any other error ends the script.
local function check(key, answer)
	if type(answer) == 'table' and answer.err then
		if string.sub(answer.err, 1, 9) ~= 'WRONGTYPE' then
			undo()
			error(answer)
		end
		note(key)
	end
end

-- What no type can refuse any more: an error ends the script.
local function sure(...)
	local answer = pcall(...)
	if type(answer) == 'table' and answer.err then
		undo()
		error(answer)
	end
	return answer
end

-- What XADD gave for the stream: an id, or else the answer is that it must be one.
local function added(key, id, must)
	if type(id) == 'table' then
		if must then
			undo()
			local fault = bad_key(key, id)
			return fault.err and { 'XADD', key, fault.err } or fault
		end
		note(key)
		id = '0-0'
	end
	n_ids = n_ids + 1
	ids[n_ids], keys[n_ids] = id, key
end

-- Of one stream; the answer when they must be added and cannot, or where the next one stands.
local function add_entries(p, must)
	local key, words, places = A[p], A[p + 2], A[p + 3]
	local entries, first = A[p + 4], p + 5
	if A[p + 1] ~= '' then
		pcall('XTRIM', key, 'MINID', '=', A[p + 1])
	end
	p = first + words
	if places == 0 then
		for _ = 1, entries do
			local fault = added(key, pcall('XADD', key, unpack(A, first, p - 1)), must)
			if fault then
				return fault
			end
		end
		return nil, p
	end
	local cmd, at = { 'XADD', key, unpack(A, first, p - 1) }, {}
	for k = 1, places do
		at[k] = A[p] + 2
		p = p + 1
	end
	for _ = 1, entries do
		for k = 1, places do
			cmd[at[k]] = A[p]
			p = p + 1
		end
		local fault = added(key, pcall(unpack(cmd)), must)
		if fault then
			return fault
		end
	end
	return nil, p
end

local tasks_at = i
n = A[i]
i = i + 1
for _ = 1, n do
	i = i + 5 + A[i + 2] + A[i + 3] + A[i + 3] * A[i + 4]
end

n = A[i]
i = i + 1
for _ = 1, n do
	local fault
	fault, i = add_entries(i, true)
	if fault then
		return fault
	end
end

n = A[i]
i = i + 1
if n > 0 then
	-- The last 2 KB of a log, from the beginning of a character on.
	local function log_tail(log)
		local tail, to = '', '+'
		for _ = 1, 16 do
			local page = pcall('XREVRANGE', log, to, '-', 'COUNT', 16)
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
		local found = pcall('XRANGE', queue, entry, entry)
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
	for _ = 1, n do
		local change = { at = i }
		if A[i] == 'open' then
			local key, run, index = A[i + 1], A[i + 3], A[i + 4]
			local cmd = { 'XADD', key, '*' }
			local kind, fields = A[i + 6], A[i + 11]
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
			cmd[#cmd + 1] = sure('HGET', run, 'n' .. index) or '0'
			cmd[#cmd + 1] = 'log_tail'
			cmd[#cmd + 1] = log_tail(A[i + 5])
			local fault = added(key, pcall(unpack(cmd)), true)
			if fault then
				return fault
			end
			change.id = ids[n_ids]
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
				pcall('HSET', bodies, change.id, change.body, change.id .. '/meta', change.meta)
			end
			sure('HSET', run, 'd' .. index, change.id)
			pcall('HINCRBY', run, 'dl', 1)
		else
			local marks, run, index, entry = A[at + 1], A[at + 2], A[at + 3], A[at + 3]
			if run ~= '' then
				entry = sure('HGET', run, 'd' .. index)
			end
			if entry then
				pcall('HSET', marks, entry, A[at + 4])
			end
			if entry and run ~= '' then
				sure('HDEL', run, 'd' .. index)
				pcall('HINCRBY', run, 'n' .. index, 1)
				if pcall('HINCRBY', run, 'dl', -1) == 0 then
					sure('HDEL', run, 'dl')
				end
			end
		end
	end
end

local at, last = runs_at + 1, 0
for _ = 1, A[runs_at] do
	local count, fields = A[at + 1], A[at + 2]
	if count == 1 then
		local first = at + 4
		at = first + 2 * fields
		last = last + 1
		check(runs[last], pcall('HSET', runs[last], unpack(A, first, at - 1)))
	else
		local cmd = { 'HSET', '' }
		for f = 1, fields do
			cmd[1 + 2 * f], cmd[2 + 2 * f] = A[at + 2 + f], ''
		end
		at = at + 3 + fields
		for _ = 1, count do
			last = last + 1
			cmd[2] = runs[last]
			for f = 1, fields do
				cmd[2 + 2 * f] = A[at + f]
			end
			check(runs[last], pcall(unpack(cmd)))
			at = at + 1 + fields
		end
	end
end

at = tasks_at + 1
for _ = 1, A[tasks_at] do
	at = select(2, add_entries(at))
end

n = A[i]
i = i + 1
for _ = 1, n do
	local argc = A[i]
	check(A[i + 2], pcall(unpack(A, i + 1, i + argc)))
	i = i + 1 + argc
end

local answer = { 'OK', table.concat(ids, ' '), table.concat(bad, ' ') }
n = A[i]
i = i + 1
for _ = 1, n do
	local left = pcall('HINCRBY', A[i], 'refs', '-' .. A[i + 1])
	if type(left) == 'table' then
		left = 0
	end
	if left <= 0 then
		sure('UNLINK', A[i])
	end
	answer[#answer + 1] = left
	i = i + 2
end

fence = nonce .. ':' .. next_seq .. string.sub(fence, #ours)
if cursor ~= '' then
	sure('MSET', KEYS[2], cursor, KEYS[1], fence)
else
	sure('SET', KEYS[1], fence)
end
return answer
