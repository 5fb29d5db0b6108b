#!lua flags=allow-oom
-- One commit of a partition's owner: everything in it is applied, or nothing.
--
-- KEYS: 1 fence, 2 cursor
-- ARGV: nonce, seq, seq + 1, cursor ('' = unchanged), then five sections, each
--       led by its count:
--   types:   key type ...                    what each written key must be (or missing)
--   groups:  key group ...                   streams to create with their group
--   adds:    key nfields name... nentries, then nentries times the values
--   rest:    argc arg... ...                 commands as they stand
--   less:    key n ...                       definitions that lose n users: field
--                                            `refs`; without users they are removed
--
-- Order: fence, types, adds, rest, less, fence.  Lua has no rollback, so only XADD can
-- still fail behind the type check (a stream whose last id is the largest
-- there is); entries added before such a failure are deleted again.
--
-- Returns {'OK', id..., left...} in the order of adds and of less (left: users that
-- remain); {'FENCED', fence}; {'SEQ', seq};
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
