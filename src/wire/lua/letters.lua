#!lua flags=no-writes
-- A page of dead letters, each as a row of texts, cut at 8 KB: whatever others wrote
-- into the stream, the answer is bounded and of one shape.
--
-- KEYS: 1 the stream, 2 its marks
-- ARGV: 1 and 2 the ids between which (XRANGE; XREVRANGE with 'rev'), 3 count, 4 'rev' or ''
-- Returns {{id, mark or '', run, task, workflow, category, reason, attempts, crashes,
-- failed_at, index, agent, kind, replays, log_tail}, ...}; what is missing is ''.
local names = { 'run', 'task', 'workflow', 'category', 'reason', 'attempts', 'crashes',
	'failed_at', 'index', 'agent', 'kind', 'replays', 'log_tail' }
local command = ARGV[4] == 'rev' and 'XREVRANGE' or 'XRANGE'
local page = redis.pcall(command, KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
if page.err then
	return {}
end
local rows = {}
for i = 1, #page do
	local id, fields = page[i][1], page[i][2]
	local said = {}
	for f = 1, #fields - 1, 2 do
		said[fields[f]] = said[fields[f]] or fields[f + 1]
	end
	local mark = redis.pcall('HGET', KEYS[2], id)
	local row = { id, type(mark) == 'string' and mark or '' }
	for n = 1, #names do
		row[n + 2] = string.sub(said[names[n]] or '', 1, 8192)
	end
	rows[i] = row
end
return rows
