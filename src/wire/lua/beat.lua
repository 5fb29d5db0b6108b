#!lua flags=allow-oom
-- One heartbeat of an agent, for all attempts that it holds.
--
-- KEYS  1 the agent's card  2 beats  3 cancel  4 done
--       5 … the task stream of each attempt, in the order of ARGV
-- ARGV  1 agent id  2 instance  3 the time now, for people
--       then for each attempt seven: group, entry id, token, first (1: the
--       attempt's first beat, else 0), run, task, attempt
--       and at the end, for each attempt that has told of progress since the last
--       beat: its number (1 = the first), and a JSON object
-- Returns {code, answer …}: code is
--   OK      counted in beats; then one answer an attempt, and behind them DRAIN if
--           the agent is to take nothing new (its id is in the hash drains):
--             OK      go on (on the first beat `started` was added to done, and
--                     `progress` if there is some)
--             CANCEL  end it: it was cancelled
--             UNOWNED go on, as with OK: the entry was delivered, but is pending
--                     for nobody; its group is gone, or was made again, and the
--                     owner gives it back to who works on it
--             LOST    end it: its entry is gone or another's, or its token is
--                     not this attempt's
--   NOCARD  there is no card: sign on again; nothing was written, nothing judged
--   OTHER   the card is another instance's: all is lost; nothing was written
--   BROKEN  card or beats hold something of another type: nothing was written
-- A beat counts also where cancel or done is of another type: that must not cost an
-- agent that lives its tasks.
local card, beats, cancel, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, instance, now = ARGV[1], ARGV[2], ARGV[3]
local HEAD, WIDTH = 3, 7
local GROUP, ENTRY, TOKEN, FIRST, RUN, TASK, ATTEMPT = 1, 2, 3, 4, 5, 6, 7

local function is(key, wanted)
	local found = redis.call('TYPE', key).ok
	return found == 'none' or found == wanted
end

-- The ids' order; their parts may be larger than what a number holds exactly.
local function is_behind(a, b)
	local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
	local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
	if a_ms == b_ms then
		a_ms, b_ms = a_seq, b_seq
	end
	return #a_ms > #b_ms or (#a_ms == #b_ms and a_ms > b_ms)
end

-- A group that has not delivered it yet will do so, to anybody.
local function is_delivered(stream, group, entry)
	local groups = redis.call('XINFO', 'GROUPS', stream)
	for k = 1, #groups do
		local of = {}
		for f = 1, #groups[k] - 1, 2 do
			of[groups[k][f]] = groups[k][f + 1]
		end
		if of['name'] == group then
			return not is_behind(entry, of['last-delivered-id'])
		end
	end
	return true
end

-- OK, UNOWNED or LOST.
local function holding(stream, group, entry, token)
	local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
	local ungrouped = pending.err and string.find(pending.err, 'NOGROUP', 1, true)
	if pending.err and not ungrouped then
		return 'LOST'
	end
	local pends = not ungrouped and #pending > 0
	if pends and pending[1][2] ~= id then
		return 'LOST'
	end
	local found = redis.pcall('XRANGE', stream, entry, entry)
	if found.err or #found == 0 then
		return 'LOST'
	end
	local fields, said = found[1][2], nil
	for i = #fields - 1, 1, -2 do
		if fields[i] == 'token' then
			said = fields[i + 1]
		end
	end
	if said ~= token then
		return 'LOST'
	elseif pends then
		return 'OK'
	end
	return is_delivered(stream, group, found[1][1]) and 'UNOWNED' or 'LOST'
end

local function goes_on(answer)
	return answer == 'OK' or answer == 'UNOWNED'
end

-- Beside beats the owner keeps who is to take nothing new.
local function drained()
	local prefix = string.match(beats, '^(.*)beats$')
	return prefix and redis.pcall('HEXISTS', prefix .. 'drains', id) == 1
end

if not (is(card, 'hash') and is(beats, 'hash')) then
	return { 'BROKEN' }
end
local readable = is(cancel, 'set')
local current = redis.call('HGET', card, 'instance')
if not current then
	return { 'NOCARD' }
end
if current ~= instance then
	return { 'OTHER' }
end

local answers = { 'OK' }
for k = 5, #KEYS do
	local at = HEAD + (k - 5) * WIDTH
	local token = ARGV[at + TOKEN]
	local answer = holding(KEYS[k], ARGV[at + GROUP], ARGV[at + ENTRY], token)
	if answer ~= 'LOST' and readable and redis.call('SISMEMBER', cancel, token) == 1 then
		answer = 'CANCEL'
	end
	answers[#answers + 1] = answer
end

redis.call('HINCRBY', beats, id, 1)
redis.call('HSET', card, 'seen_at', now)
for k = 5, #KEYS do
	local at = HEAD + (k - 5) * WIDTH
	if ARGV[at + FIRST] == '1' and goes_on(answers[k - 3]) then
		redis.pcall('XADD', done, '*', 'run', ARGV[at + RUN], 'task', ARGV[at + TASK],
			'token', ARGV[at + TOKEN], 'status', 'started',
			'attempt', ARGV[at + ATTEMPT], 'agent', id)
	end
end
for i = HEAD + (#KEYS - 4) * WIDTH + 1, #ARGV - 1, 2 do
	local n = tonumber(ARGV[i]) or 0
	if n > 0 and goes_on(answers[n + 1]) then
		local at = HEAD + (n - 1) * WIDTH
		redis.pcall('XADD', done, '*', 'run', ARGV[at + RUN], 'task', ARGV[at + TASK],
			'token', ARGV[at + TOKEN], 'status', 'progress',
			'attempt', ARGV[at + ATTEMPT], 'agent', id, 'progress', ARGV[i + 1])
	end
end
if drained() then
	answers[#answers + 1] = 'DRAIN'
end
return answers
