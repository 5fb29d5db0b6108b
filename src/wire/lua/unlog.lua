#!lua flags=allow-oom
-- Removes logs of ended runs, a bounded number a call.
--
-- KEYS: 1 fence, 2... logs:RUN of each run
-- ARGV: 1 nonce, 2 most logs to remove
-- Returns {'OK', removed, left}, or {'FENCED', fence}.
local fence = redis.call('GET', KEYS[1]) or ''
if string.match(fence, '^([^:]*):') ~= ARGV[1] then
	return { 'FENCED', fence }
end
local most, removed, left = tonumber(ARGV[2]), 0, 0
for i = 2, #KEYS do
	local prefix, run = string.match(KEYS[i], '^(.-{%d+}:)logs:(.+)$')
	local names = most > removed and redis.pcall('SPOP', KEYS[i], most - removed) or {}
	if names.err then
		redis.call('UNLINK', KEYS[i])
		names = {}
	end
	for _, name in ipairs(names) do
		redis.call('UNLINK', prefix .. 'log:' .. run .. ':' .. name)
		removed = removed + 1
	end
	local n = redis.pcall('SCARD', KEYS[i])
	left = left + (type(n) == 'number' and n or 0)
end
return { 'OK', removed, left }
