#!lua flags=allow-oom
-- An agent reports how several attempts ended, in one call; works when memory is full.
--
-- KEYS  1 done
-- ARGV  for each report: how many words follow, then these: name, value … of the
--       completion
-- Returns an answer for each:
--   OK      added to done; what it counts for, its owner judges by its token
--   BROKEN  not added: done holds something of another type, or the words are no pairs;
--           behind a number that cannot be, nothing more is added and answered
local WORDS_MAX = 128
local answers, at = {}, 1

while at <= #ARGV do
	local words = tonumber(ARGV[at]) or 0
	if words < 0 or words > WORDS_MAX or at + words > #ARGV then
		words = #ARGV - at -- nobody knows where the next one begins
		answers[#answers + 1] = 'BROKEN'
	else
		local added = words > 0 and
			redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + words))
		local broken = not added or (type(added) == 'table' and added.err)
		answers[#answers + 1] = broken and 'BROKEN' or 'OK'
	end
	at = at + words + 1
end
return answers
