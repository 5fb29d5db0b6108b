#!lua flags=no-writes
-- What keys weigh: those that are named, or a page of the keyspace by kind.
--
-- KEYS: keys to weigh by name; or 1 any key of the partition, with ARGV
-- ARGV: none, or 1 the scan's cursor, 2 how many keys, 3 what all keys begin with: PREFIX{
-- Returns the bytes of each named key; or {next cursor, keys that were looked at,
-- then kind, keys, bytes for each kind: what stands between PREFIX{P}: and the next ':'}.
if #ARGV == 0 then
	local bytes = {}
	for i = 1, #KEYS do
		bytes[i] = redis.call('MEMORY', 'USAGE', KEYS[i]) or 0
	end
	return bytes
end
local prefix = ARGV[3]
local page = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2])
local keys, bytes, kinds = {}, {}, {}
for _, key in ipairs(page[2]) do
	local close = string.sub(key, 1, #prefix) == prefix and
		string.find(key, '}:', #prefix + 1, true)
	if close then
		local kind = string.match(key, '^[^:]*', close + 2)
		if not keys[kind] then
			keys[kind], bytes[kind] = 0, 0
			kinds[#kinds + 1] = kind
		end
		keys[kind] = keys[kind] + 1
		bytes[kind] = bytes[kind] + (redis.call('MEMORY', 'USAGE', key) or 0)
	end
end
local answer = { page[1], #page[2] }
for _, kind in ipairs(kinds) do
	answer[#answer + 1] = kind
	answer[#answer + 1] = keys[kind]
	answer[#answer + 1] = bytes[kind]
end
return answer
