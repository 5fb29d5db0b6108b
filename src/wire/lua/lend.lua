#!lua
-- A definition that was stored ahead of its run goes by itself if no run comes.
--
-- KEYS: 1 the definition
-- ARGV: 1 seconds
-- Returns 1, or 0: runs of it are counted, it stays.
if redis.call('HEXISTS', KEYS[1], 'refs') == 1 then
	return 0
end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
