/**
 * What all scripts share: names of keys, clock, numbers, slots with their indexes, and the queue. A project has these keys, all
 * below its hash tag, so that they are on one node of a cluster:
 *
 * | key | type | content |
 * |---|---|---|
 * | `slot:<slot>` | HASH | everything about one slot |
 * | `slots` | ZSET | slot → number of its create; its size is what counts against the cap |
 * | `states` | HASH | state → how many slots are in it |
 * | `due:<kind>` | ZSET | slot → when the reaper must look; of all states but unknown |
 * | `unknown:<kind>` | ZSET | slot of unknown outcome → until when it is held at least |
 * | `idle:<kind>`, `warm:<kind>:<shape>` | ZSET | idle slot → fence of its last lease, so that the newest is lent and the oldest evicted |
 * | `tokens`, `sids` | HASH | token of a lease → slot; session id → slot |
 * | `key:<key>`, `profile:<profile>` | STRING | the slot that has it; lives and dies with the slot, never by time |
 * | `line`, `beats`, `wants` | ZSET, ZSET, HASH | waiter → ticket; → until when it is believed alive; → what it wants, as JSON |
 * | `queued`, `sought` | HASH | kind → how many of it are in line; lock → how many in line want it |
 * | `strays:<kind>` | HASH | session on nobody's record → `<1 when it takes room>:<first seen>` |
 * | `counted` | HASH | kind → strays that take room; a kind without an entry has never been looked at |
 * | `passes`, `looks` | HASH | kind → when its last pass began; → when the last began that was compared with the record |
 * | `shrink` | STRING PX | the most slots there may be for now |
 * | `seen:<key>` | STRING PX | a key that has had a browser |
 * | `counter`, `space` | STRING | the last ticket or fence; the random name of this data set |
 */
export const prelude: string = `
local base = KEYS[1]
local args = cjson.decode(ARGV[1])
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function key(...)
  return base .. ":" .. table.concat({ ... }, ":")
end

-- Lua itself writes large numbers with an exponent.
local function int(number)
  return string.format("%.0f", number)
end

-- Tickets and fences. Not below the clock in microseconds: that way they go on upwards after all data is lost.
local function nextNumber()
  local last = tonumber(redis.call("GET", key("counter"))) or 0
  local number = math.max(last + 1, time[1] * 1000000 + time[2])
  redis.call("SET", key("counter"), int(number))
  return number
end

-- SLOTS

local NUMBERS = { "due", "fence", "uses", "endsAt", "holdMs", "exclusive" }
local FIELDS = { "state", "kind", "shape", "key", "profile", "profileId", "holder", "token", "sid" }

local function load(id)
  local flat = redis.call("HGETALL", key("slot", id))
  if #flat == 0 then return nil end
  local slot = { id = id }
  for i = 1, #flat, 2 do slot[flat[i]] = flat[i + 1] end
  for _, name in ipairs(NUMBERS) do slot[name] = tonumber(slot[name]) end
  return slot
end

local function save(slot)
  local flat = {}
  local function add(name, value) flat[#flat + 1] = name; flat[#flat + 1] = value end
  for _, name in ipairs(NUMBERS) do add(name, int(slot[name])) end
  for _, name in ipairs(FIELDS) do if slot[name] then add(name, slot[name]) end end
  if not slot.token then redis.call("HDEL", key("slot", slot.id), "token") end
  redis.call("HSET", key("slot", slot.id), unpack(flat))
end

local function held(id, token)
  local slot = load(id)
  if slot and slot.token == token then return slot end
end

local function locksOf(owner)
  local locks = {}
  if owner.key then locks[#locks + 1] = key("key", owner.key) end
  if owner.profile then locks[#locks + 1] = key("profile", owner.profile) end
  return locks
end

-- What waits for a look at the vendor is not the reaper's.
local function agenda(slot)
  if slot.state == "unknown" then return key("unknown", slot.kind) end
  return key("due", slot.kind)
end

local function index(slot)
  redis.call("HINCRBY", key("states"), slot.state, 1)
  redis.call("ZADD", agenda(slot), int(slot.due), slot.id)
  if slot.token then redis.call("HSET", key("tokens"), slot.token, slot.id) end
  if slot.state ~= "idle" then return end
  redis.call("ZADD", key("idle", slot.kind), int(slot.fence), slot.id)
  if slot.shape then redis.call("ZADD", key("warm", slot.kind, slot.shape), int(slot.fence), slot.id) end
end

local function unindex(slot)
  redis.call("HINCRBY", key("states"), slot.state, -1)
  redis.call("ZREM", agenda(slot), slot.id)
  if slot.token then redis.call("HDEL", key("tokens"), slot.token) end
  if slot.state ~= "idle" then return end
  redis.call("ZREM", key("idle", slot.kind), slot.id)
  if slot.shape then redis.call("ZREM", key("warm", slot.kind, slot.shape), slot.id) end
end

-- The one way from state to state, and into the first. Locks stay with the slot in all of them; only a lease has a token.
local function move(slot, state, due, lease)
  if slot.state then unindex(slot) end
  slot.state, slot.due, slot.token = state, due, lease and lease.token
  if lease then slot.holder = lease.holder end
  index(slot)
  save(slot)
end

-- The one way out.
local function remove(slot)
  unindex(slot)
  redis.call("ZREM", key("slots"), slot.id)
  redis.call("DEL", key("slot", slot.id))
  if slot.sid then redis.call("HDEL", key("sids"), slot.sid) end
  for _, lock in ipairs(locksOf(slot)) do
    if redis.call("GET", lock) == slot.id then redis.call("DEL", lock) end
  end
end

local function prolong(slot, due)
  redis.call("HSET", key("slot", slot.id), "due", int(due))
  redis.call("ZADD", agenda(slot), int(due), slot.id)
end

local function claim(slot, ms, why)
  move(slot, "stopping", now + ms)
  return { slot.id, slot.sid or "", slot.profileId or "", why }
end

-- NUMBERS THAT COUNT

local function countOf(state)
  return tonumber(redis.call("HGET", key("states"), state)) or 0
end

local function counted()
  return redis.call("ZCARD", key("slots"))
end

-- Strays of a kind that nobody has looked at for so long say nothing any more.
local LOOK_MEMORY_MS = 10 * 60 * 1000

-- Live sessions on nobody's record, of the kinds that somebody still looks at. The session of an unknown create and the slot that
-- stands for it are the same one: it is among those of its kind that do not count yet, or among those that do.
local function strayCount()
  local sum, flat = 0, redis.call("HGETALL", key("counted"))
  for i = 1, #flat, 2 do
    local kind, number = flat[i], tonumber(flat[i + 1])
    local lookedAt = tonumber(redis.call("HGET", key("looks"), kind)) or 0
    if number > 0 and lookedAt + LOOK_MEMORY_MS > now then
      local young = redis.call("HLEN", key("strays", kind)) - number
      local unknown = redis.call("ZCARD", key("unknown", kind))
      sum = sum + math.max(0, number - math.max(0, unknown - young))
    end
  end
  return sum
end

local function strayGone(kind, sid)
  local entry = redis.call("HGET", key("strays", kind), sid)
  if not entry then return end
  redis.call("HDEL", key("strays", kind), sid)
  if entry:sub(1, 1) == "1" then redis.call("HINCRBY", key("counted"), kind, -1) end
end

-- THE QUEUE

-- How many in line are of a kind, or want a lock.
local function tally(name, field, by)
  if redis.call("HINCRBY", key(name), field, by) == 0 then redis.call("HDEL", key(name), field) end
end

local function forget(token)
  local want = redis.call("HGET", key("wants"), token)
  if not want then return end
  want = cjson.decode(want)
  tally("queued", want.kind, -1)
  for _, lock in ipairs(locksOf(want)) do tally("sought", lock, -1) end
  redis.call("ZREM", key("line"), token)
  redis.call("ZREM", key("beats"), token)
  redis.call("HDEL", key("wants"), token)
end

local function forgetDead()
  for _, token in ipairs(redis.call("ZRANGEBYSCORE", key("beats"), "-inf", int(now))) do forget(token) end
end

-- Those in line before a ticket, first come first, a few at a time: whoever looks has seen enough when visit says so.
local PAGE = 16
local function eachInLine(before, visitPage)
  local first = 0
  while true do
    local page = redis.call("ZRANGEBYSCORE", key("line"), "-inf", before, "LIMIT", first, PAGE)
    if #page == 0 then return end
    local waiters = {}
    for i, told in ipairs(redis.call("HMGET", key("wants"), unpack(page))) do
      waiters[i] = cjson.decode(told)
      waiters[i].token = page[i]
    end
    if visitPage(waiters) or #page < PAGE then return end
    first = first + PAGE
  end
end

-- Which slots have the locks that these want: one command for all, and one more for each slot.
local function ownersOf(wants)
  local owners, locks = {}, {}
  for _, want in ipairs(wants) do
    for _, lock in ipairs(locksOf(want)) do locks[#locks + 1] = lock end
  end
  for first = 1, #locks, 1000 do
    local ids = redis.call("MGET", unpack(locks, first, math.min(first + 999, #locks)))
    for i, id in ipairs(ids) do
      local lock = locks[first + i - 1]
      if id and not owners[lock] then
        local slot = redis.call("HMGET", key("slot", id), "state", "kind", "key")
        if slot[1] then owners[lock] = { id = id, state = slot[1], kind = slot[2], key = slot[3] or nil } end
      end
    end
  end
  return owners
end

local function reasonOf(slot, want)
  if want.key and slot.key == want.key then return "key" end
  return "profile"
end

-- Nobody knows which profile a stray has.
local strayed = {}
local function hasStrays(kind)
  if strayed[kind] == nil then strayed[kind] = tonumber(redis.call("HGET", key("counted"), kind) or 0) > 0 end
  return strayed[kind]
end

-- The first of what is wanted that another slot has and cannot give up now.
local function blocked(want, owners)
  for _, lock in ipairs(locksOf(want)) do
    local slot = owners[lock]
    if slot and (slot.state ~= "idle" or slot.kind ~= want.kind) then return reasonOf(slot, want) end
  end
  if want.exclusive and want.profile and hasStrays(want.kind) then return "profile" end
end

local function room(cap)
  local shrunk = tonumber(redis.call("GET", key("shrink"))) or math.huge
  return math.max(0, math.min(cap - strayCount(), shrunk) - counted())
end

-- Wakes the first of each kind in line who could be served, and those before whose eviction has made room; whoever is served wakes
-- the next. A user who may not publish still has a store that works: waking is a hint.
local function wakeNext()
  forgetDead()
  local left, done = redis.call("HLEN", key("queued")), {}
  if left == 0 then return end
  eachInLine("+inf", function(waiters)
    local owners = ownersOf(waiters)
    for _, waiter in ipairs(waiters) do
      -- One whose eviction is on the way waits for room alone.
      local canUse = waiter.mayEvict or room(waiter.cap) > 0
      if canUse and not done[waiter.kind] and not blocked(waiter, owners) then
        redis.pcall("PUBLISH", waiter.channel, waiter.token)
        if waiter.mayEvict then done[waiter.kind], left = true, left - 1 end
        if left == 0 then return true end
      end
    end
  end)
end
`;
