"""The limiter's Lua, each script one atomic step at Redis, all with Redis' own time in milliseconds.

A lane has six keys: `flying`, a sorted set of slots by the end of their hold; `log`, finished slots by the moment that
counts; `gate`, which exists while the lane is blocked; `buckets`, the level of each leaky bucket and when it was
measured; `quota`, what the vendor's own headers say is left; `trip`, the shortest round trips seen.
"""

# What is read off a clock in whole milliseconds may be one early.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
"""

# KEYS: flying, log, gate, buckets, quota.  ARGV: prefix of the slots, how many are wanted, seconds a slot is held, '1'
# if the vendor's headers tell of a limit that nobody knows before the first answer, for how many milliseconds slots may
# be claimed in advance, then for each limit count, seconds and burst ('0' for a window).  Returns: slots granted,
# milliseconds until asking again makes sense ('0': at once), and for the last of the slots, as far as they may not be
# used at once, after how many milliseconds each may.
RESERVE = (
    _NOW
    + """
local want, hold, ahead = tonumber(ARGV[2]), ARGV[3] * 1000, tonumber(ARGV[5])
local gate = redis.call('PTTL', KEYS[3])
if gate > 0 then return {0, tostring(gate)} end
-- A lost worker's slot counts until its hold ends; then the call is taken to have finished at that moment.
for _, slot in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
    redis.call('ZADD', KEYS[2], redis.call('ZSCORE', KEYS[1], slot), slot)
    redis.call('ZREM', KEYS[1], slot)
end
local flying = redis.call('ZCARD', KEYS[1])
-- Each tells after how long the n-th further call may go, and whether that is sure: where it depends on one that is on
-- its way, it is a window after that one left at the soonest.
local limits, longest = {}, 0
for i = 6, #ARGV, 3 do
    local name = i - 2
    local count, window, burst = tonumber(ARGV[i]), tonumber(ARGV[i + 1]) * 1000, tonumber(ARGV[i + 2])
    longest = math.max(longest, window)
    if burst > 0 then
        local was = redis.call('HMGET', KEYS[4], name .. 'level', name .. 'at')
        local level = math.max(0, tonumber(was[1] or '0') - (now - tonumber(was[2] or '0')) * count / window)
        limits[#limits + 1] = function(n)
            local over = level + flying + n - burst
            if over < 0.000001 then return 0, true end
            return math.max(1, over * window / count), over <= level
        end
    else
        local since = '(' .. (now - window)
        local finished = redis.call('ZCOUNT', KEYS[2], since, '+inf')
        limits[#limits + 1] = function(n)
            local over = flying + finished + n - count
            if over <= 0 then return 0, true end
            if over <= finished then
                local freed = redis.call('ZRANGEBYSCORE', KEYS[2], since, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
                return math.max(1, freed[2] + window - now), true
            end
            local held = redis.call('ZRANGE', KEYS[1], over - finished - 1, over - finished - 1, 'WITHSCORES')[2]
            return held and math.max(1, held - hold + window - now) or 1, false
        end
    end
end
local function after(n)
    local known, guessed = 0, 0
    for _, limit in ipairs(limits) do
        local wait, sure = limit(n)
        if sure then known = math.max(known, wait) else guessed = math.max(guessed, wait) end
    end
    return known, guessed
end
local most, until_more = want, 0
local quota = redis.call('HMGET', KEYS[5], 'left', 'until', 'limit', 'span')
if quota[1] and tonumber(quota[2]) <= now then
    -- The vendor counts anew, from a number that it may have named.
    quota[1] = quota[3] and math.max(0, quota[3] - flying)
    quota[2] = now + (quota[4] or 0)
    if quota[1] then redis.call('HSET', KEYS[5], 'until', quota[2]) end
end
if quota[1] then
    most, until_more = math.min(want, tonumber(quota[1])), quota[2] - now
elseif ARGV[4] == '1' then
    most, until_more = math.min(want, math.max(0, 1 - flying)), 20
end
local granted, ask, answer = 0, 0, {0, '0'}
while granted < want do
    local wait, guessed = after(granted + 1)
    if granted >= most or guessed > 0 or wait > ahead then
        ask = math.max(wait > 0 and 1 or 0, wait - ahead)
        -- What is on its way may be given back unused at any moment.
        if guessed > 0 then ask = math.max(ask, 20, math.min(guessed - ahead, 250)) end
        if granted >= most then ask = math.max(ask, until_more) end
        break
    end
    granted = granted + 1
    redis.call('ZADD', KEYS[1], now + wait + hold, ARGV[1] .. granted)
    if wait > 0 then answer[#answer + 1] = tostring(wait) end
end
if quota[1] then redis.call('HSET', KEYS[5], 'left', quota[1] - granted) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - longest)
if granted > 0 then redis.call('PEXPIRE', KEYS[1], longest + 2 * hold) end
redis.call('PEXPIRE', KEYS[2], longest + 2 * hold)
answer[1], answer[2] = granted, tostring(ask)
return answer
"""
)

# KEYS: flying, log, buckets, quota, trip.  ARGV: seconds a slot is held, remaining, seconds to the reset and limit as
# the headers say ('' if they say nothing), how many limits, then for each limit count, seconds and burst, then for each
# slot its name, milliseconds since it finished, and milliseconds its call took ('' when it was not used, '-1' when
# no answer came).
FINISH = (
    _NOW
    + """
local hold, first = ARGV[1] * 1000, 6 + ARGV[5] * 3
local known = redis.call('HMGET', KEYS[5], 'old', 'new', 'count')
local old, new, count = tonumber(known[1] or '-1'), tonumber(known[2] or '-1'), tonumber(known[3] or '0')
local function shortest()
    if old >= 0 and new >= 0 then return math.min(old, new) end
    return math.max(old, new)
end
local last, made, unused = 0, 0, 0
for i = first, #ARGV, 3 do
    local slot, finished, took = ARGV[i], now - ARGV[i + 1], tonumber(ARGV[i + 2])
    local held = redis.call('ZSCORE', KEYS[1], slot)
    redis.call('ZREM', KEYS[1], slot)
    if took then
        made = made + 1
        last = math.max(last, tonumber(held or '0') - hold)
        local credit = 0
        if took >= 0 then
            new = new < 0 and took or math.min(new, took)
            count = count + 1
            if count >= 500 then old, new, count = new, -1, 0 end
            -- As much less as both ways may differ from those of the shortest trip: calls now go out at their moment.
            if old >= 0 or count >= 100 then credit = math.max(0, math.min(took, shortest() * 0.85) - 5) end
        end
        redis.call('ZADD', KEYS[2], finished - credit, slot)
    elseif held then
        unused = unused + 1
    end
end
-- What the vendor's headers left is still left then.
if unused > 0 and tonumber(redis.call('HGET', KEYS[4], 'until') or '0') > now then
    redis.call('HINCRBY', KEYS[4], 'left', unused)
end
redis.call('HSET', KEYS[5], 'old', old, 'new', new, 'count', count)
redis.call('PEXPIRE', KEYS[5], 86400000)
if redis.call('PTTL', KEYS[2]) < 0 then redis.call('PEXPIRE', KEYS[2], 86400000) end
for i = 6, first - 1, 3 do
    if tonumber(ARGV[i + 2]) > 0 and made > 0 then
        local name = i - 2
        local was = redis.call('HMGET', KEYS[3], name .. 'level', name .. 'at')
        local leaked = (now - tonumber(was[2] or '0')) * ARGV[i] / (ARGV[i + 1] * 1000)
        local level = math.max(0, tonumber(was[1] or '0') - leaked) + made
        redis.call('HSET', KEYS[3], name .. 'level', level, name .. 'at', now)
        redis.call('PEXPIRE', KEYS[3], 86400000)
    end
end
if ARGV[2] ~= '' then
    -- Calls that are still on their way may be missing in what the vendor counted.
    local left = math.max(0, ARGV[2] - redis.call('ZCARD', KEYS[1]))
    local was = redis.call('HMGET', KEYS[4], 'left', 'at', 'until')
    local running = was[3] and tonumber(was[3]) > now
    if running and last < tonumber(was[2]) then left = math.min(left, tonumber(was[1])) end
    redis.call('HSET', KEYS[4], 'left', left, 'at', last, 'until', now + ARGV[3] * 1000)
    if ARGV[4] ~= '' then
        local span = math.max(ARGV[3] * 1000, tonumber(redis.call('HGET', KEYS[4], 'span') or '0'))
        redis.call('HSET', KEYS[4], 'limit', ARGV[4], 'span', span)
    end
    redis.call('PEXPIRE', KEYS[4], ARGV[3] * 1000 + (ARGV[4] ~= '' and 3600000 or 1))
end
return made
"""
)

# KEYS: gate.  ARGV: milliseconds.
BLOCK = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
"""
