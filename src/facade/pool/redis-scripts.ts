import { prelude } from "./redis-prelude.ts";

const acquire = `
local want = args

local function grantOfCreate(slot, ticket)
  local restarted = slot.key and redis.call("EXISTS", key("seen", slot.key)) or 0
  redis.call("SET", key("space"), want.space, "NX")
  local mark = redis.call("GET", key("space")) .. "/" .. slot.id
  return { "create", int(ticket), slot.id, int(slot.fence), mark, restarted }
end

local function grantOfReuse(slot, ticket, idleLeftMs)
  return { "reuse", int(ticket), slot.id, slot.sid, int(slot.fence), int(slot.uses), int(idleLeftMs) }
end

-- The news of the first grant did not arrive.
local function grantAgain(slot)
  local ticket = want.ticket or slot.fence
  prolong(slot, now + (slot.sid and want.leaseMs or want.createMs))
  return slot.sid and grantOfReuse(slot, ticket, 0) or grantOfCreate(slot, ticket)
end

forgetDead()
local granted = redis.call("HGET", key("tokens"), want.token)
if granted then return grantAgain(load(granted)) end
if redis.call("HEXISTS", key("counted"), want.kind) == 0 then return { "unready" } end

local ticket = want.ticket or tonumber(redis.call("ZSCORE", key("line"), want.token)) or nextNumber()
local owners = ownersOf({ want })
local isIn = redis.call("HEXISTS", key("wants"), want.token) == 1

local function enqueue(reason)
  local waiting = redis.call("ZCARD", key("line"))
  if not isIn and waiting >= want.maxWaiters then return { "full", int(ticket), waiting } end
  local told = {
    kind = want.kind, key = want.key, profile = want.profile, exclusive = want.exclusive, channel = want.channel,
    mayEvict = want.mayEvict, cap = want.cap,
  }
  if not isIn then
    tally("queued", want.kind, 1)
    for _, lock in ipairs(locksOf(want)) do tally("sought", lock, 1) end
  end
  redis.call("ZADD", key("line"), int(ticket), want.token)
  redis.call("ZADD", key("beats"), int(now + want.waiterMs), want.token)
  redis.call("HSET", key("wants"), want.token, cjson.encode(told))
  return { "wait", int(ticket), reason, redis.call("ZCARD", key("line")) }
end

local function evict(slot)
  want.mayEvict = false
  local queued = enqueue("cap")
  if queued[1] == "full" then return queued end
  return { "evict", int(ticket), claim(slot, want.stopMs, "evicted") }
end

local function served(grant)
  forget(want.token)
  wakeNext()
  return grant
end

local function reuse(slot)
  local idleLeftMs = slot.due - now
  slot.uses, slot.fence = slot.uses + 1, nextNumber()
  move(slot, "leased", now + want.leaseMs, want)
  return served(grantOfReuse(slot, ticket, idleLeftMs))
end

local function create()
  local slot = {
    id = want.slot, kind = want.kind, shape = want.shape, key = want.key, profile = want.profile, profileId = want.profileId,
    holdMs = want.holdMs, exclusive = want.exclusive and 1 or 0, fence = nextNumber(), uses = 0, endsAt = 0,
  }
  redis.call("ZADD", key("slots"), int(slot.fence), slot.id)
  for _, lock in ipairs(locksOf(slot)) do redis.call("SET", lock, slot.id) end
  move(slot, "creating", now + want.createMs, want)
  return served(grantOfCreate(slot, ticket))
end

-- What is free and what could be made free goes to those who came earlier first.
local free, idle = room(want.cap), redis.call("ZCARD", key("idle", want.kind))
local function nothingLeft(ahead, ofKind)
  return math.max(0, free - (ahead - ofKind)) + idle <= ofKind
end

-- How many of those who came earlier could be served, one for each lock: who waits for the same profile cannot be served at once. It
-- stops where they take all there is, unless one of them may want what is wanted here.
local function before()
  local all, ofKind, taken = 0, 0, {}
  local enough = true
  for _, lock in ipairs(locksOf(want)) do
    local sought = tonumber(redis.call("HGET", key("sought"), lock)) or 0
    if sought > (isIn and 1 or 0) then enough = false end
  end
  if enough and nothingLeft(0, 0) then return all, ofKind, taken end
  eachInLine("(" .. int(ticket), function(waiters)
    local owners = ownersOf(waiters)
    for _, waiter in ipairs(waiters) do
      local isBehind = false
      for _, lock in ipairs(locksOf(waiter)) do isBehind = isBehind or taken[lock] end
      for _, lock in ipairs(locksOf(waiter)) do taken[lock] = true end
      if not isBehind and not blocked(waiter, owners) then
        all = all + 1
        -- For one whose eviction is on the way, room is on the way: it takes nothing that is idle.
        if waiter.kind == want.kind and waiter.mayEvict then ofKind = ofKind + 1 end
        if enough and nothingLeft(all, ofKind) then return true end
      end
    end
  end)
  return all, ofKind, taken
end

local function fits(slot)
  return want.shape and slot.shape == want.shape and slot.kind == want.kind and slot.due > now
end

-- The one used last. What is past its time is never lent again: it leaves the index, so that nobody has to pass it twice.
local function newestWarm()
  local warm = want.shape and key("warm", want.kind, want.shape)
  while warm do
    local id = redis.call("ZREVRANGE", warm, 0, 0)[1]
    local slot = id and load(id)
    if not slot or fits(slot) then return slot end
    redis.call("ZREM", warm, id)
  end
end

local reason = blocked(want, owners)
if reason then return enqueue(reason) end
local ahead, ofKind, taken = before()
if want.key and taken[key("key", want.key)] then return enqueue("key") end
if want.profile and taken[key("profile", want.profile)] then return enqueue("profile") end
if nothingLeft(ahead, ofKind) then return enqueue(free + idle > 0 and "queue" or "cap") end

local mine
for _, lock in ipairs(locksOf(want)) do
  local slot = owners[lock] and load(owners[lock].id)
  if slot and not fits(slot) then
    if want.mayEvict then return evict(slot) end
    return enqueue(reasonOf(slot, want))
  end
  mine = mine or slot
end
local warm = mine or newestWarm()
if warm then return reuse(warm) end
if free > ahead then return create() end
local oldest = redis.call("ZRANGE", key("idle", want.kind), 0, 0)[1]
if oldest and want.mayEvict then return evict(load(oldest)) end
return enqueue(free > 0 and "queue" or "cap")
`;

const leave = `
forget(args.token)
local id = redis.call("HGET", key("tokens"), args.token)
local slot = id and load(id)
if slot and slot.state == "creating" then
  remove(slot)
elseif slot then
  move(slot, "idle", math.min(slot.due, slot.endsAt))
end
wakeNext()
`;

const attach = `
local slot = held(args.slot, args.token)
if not slot then return 0 end
if slot.state == "leased" then
  -- The news of the first time did not arrive: the lease holds from now, unless it is over.
  if slot.sid ~= args.sid or slot.due <= now then return 0 end
  prolong(slot, now + args.leaseMs)
  return 1
end
if slot.state ~= "creating" or slot.due <= now then return 0 end
if redis.call("HSETNX", key("sids"), args.sid, slot.id) == 0 then return 0 end
slot.sid, slot.endsAt = args.sid, now + args.lifeMs
strayGone(slot.kind, args.sid)
if slot.key then redis.call("SET", key("seen", slot.key), 1, "PX", int(args.keyMemoryMs)) end
move(slot, "leased", now + args.leaseMs, slot)
return 1
`;

const createFailed = `
local slot = held(args.slot, args.token)
if not slot or slot.state ~= "creating" then return end
if args.outcome == "unknown" then
  move(slot, "unknown", now + slot.holdMs)
  return
end
remove(slot)
if args.outcome == "full" then
  redis.call("SET", key("shrink"), int(counted()), "PX", int(math.max(1, args.shrinkMs)))
end
wakeNext()
`;

const renew = `
local refused = {}
for _, lease in ipairs(args.leases) do
  local slot = held(lease.slot, lease.token)
  -- A late renewal is refused even when nobody took the slot.
  if slot and slot.state == "leased" and slot.due > now then
    prolong(slot, now + args.leaseMs)
  else
    refused[#refused + 1] = lease.token
  end
end
return refused
`;

const release = `
local slot = held(args.slot, args.token)
if not slot or slot.state ~= "leased" or slot.due <= now then return "lost" end
if args.to == "idle" and slot.shape and slot.uses + 1 < args.maxUses and slot.endsAt > now then
  move(slot, "idle", math.min(now + args.idleMs, slot.endsAt))
  wakeNext()
  return "idle"
end
claim(slot, args.stopMs, "released")
return "stop"
`;

const stopped = `
local slot = load(args.slot)
if not slot or (slot.state ~= "stopping" and slot.state ~= "unknown") then return end
remove(slot)
wakeNext()
`;

const reap = `
local WHY = { leased = "lease over", idle = "idle over", stopping = "stop again" }
local claims, unknown = {}, {}
for _, id in ipairs(redis.call("ZRANGEBYSCORE", key("due", args.kind), "-inf", int(now), "LIMIT", 0, args.limit)) do
  local slot = load(id)
  if not slot then
    redis.call("ZREM", key("due", args.kind), id)
  elseif slot.state == "creating" then
    move(slot, "unknown", now + slot.holdMs)
    unknown[#unknown + 1] = id
  else
    claims[#claims + 1] = claim(slot, args.stopMs, WHY[slot.state])
  end
end
return { claims, unknown }
`;

const claimIdle = `
local claims = {}
for _, id in ipairs(redis.call("ZRANGE", key("idle", args.kind), 0, -1)) do
  if redis.call("HGET", key("slot", id), "holder") == args.holder then
    claims[#claims + 1] = claim(load(id), args.stopMs, "closing")
  end
end
return claims
`;

const beginPass = `
local last = tonumber(redis.call("HGET", key("passes"), args.kind))
if last and last <= now and last + args.everyMs > now then return end
redis.call("HSET", key("passes"), args.kind, int(now))
return int(now)
`;

const reconcile = `
local kind, startedAt, live = args.kind, args.startedAt, args.live

local function recorded(ids)
  local slots = {}
  for first = 1, #ids, 1000 do
    local found = redis.call("HMGET", key("sids"), unpack(ids, first, math.min(first + 999, #ids)))
    for i, slot in ipairs(found) do slots[ids[first + i - 1]] = slot end
  end
  return slots
end

local function knownStrays()
  local known, flat = {}, redis.call("HGETALL", key("strays", kind))
  for i = 1, #flat, 2 do
    known[flat[i]] = { counts = flat[i + 1]:sub(1, 1) == "1", firstSeen = tonumber(flat[i + 1]:sub(3)) }
  end
  return known
end

local function slotMarked(mark)
  local own = (redis.call("GET", key("space")) or "") .. "/"
  if mark and #own > 1 and mark:sub(1, #own) == own then return mark:sub(#own + 1) end
  return ""
end

local ids = {}
for i, session in ipairs(live) do ids[i] = session.id end
local slotOf, known = recorded(ids), knownStrays()
local isFirst = redis.call("HEXISTS", key("counted"), kind) == 0
redis.call("DEL", key("strays", kind))

local number, unrecorded, lasting, strays, done, found = 0, 0, 0, {}, {}, {}
for _, session in ipairs(live) do
  if not slotOf[session.id] and not done[session.id] then
    done[session.id] = true
    unrecorded = unrecorded + 1
    if known[session.id] then lasting = lasting + 1 end
    found[slotMarked(session.mark)] = true
    local before = known[session.id] or { firstSeen = startedAt }
    local isOld = before.firstSeen + args.graceMs <= startedAt
    -- Before the first look nothing is known, so that all that lives takes room; later, what may still be attached does not.
    local counts = isFirst or before.counts or isOld
    if counts then number = number + 1 end
    redis.call("HSET", key("strays", kind), session.id, (counts and "1:" or "0:") .. int(before.firstSeen))
    if isOld then strays[#strays + 1] = { session.id, slotMarked(session.mark) } end
  end
end
redis.call("HSET", key("counted"), kind, number)

-- What was not there at the look before, long after an outcome became unknown, cannot be what came of it.
local lookedAt = tonumber(redis.call("HGET", key("looks"), kind)) or -math.huge
redis.call("HSET", key("looks"), kind, int(startedAt))
local function isClean(slot)
  if lookedAt >= slot.due - slot.holdMs + args.graceMs then return lasting == 0 end
  return unrecorded == 0
end

local freed = {}
for _, id in ipairs(redis.call("ZRANGEBYSCORE", key("unknown", kind), "-inf", int(startedAt))) do
  local slot = load(id)
  -- One whose session is on the list came about after all.
  if not found[id] and ((not args.exclusive and slot.exclusive == 0) or isClean(slot)) then
    remove(slot)
    freed[#freed + 1] = id
  end
end
wakeNext()
return { strays, freed }
`;

const strayStopped = `
strayGone(args.kind, args.sid)
wakeNext()
`;

const isProfileHeld = `
return redis.call("EXISTS", key("profile", args.profile))
`;

const counts = `
forgetDead()
local answer = {}
for i, state in ipairs({ "creating", "leased", "idle", "stopping", "unknown" }) do answer[i] = countOf(state) end
answer[6], answer[7] = redis.call("ZCARD", key("line")), strayCount()
answer[8] = redis.call("GET", key("shrink")) or ""
return answer
`;

const slots = `
local views = {}
for i, id in ipairs(redis.call("ZRANGE", key("slots"), 0, -1)) do
  views[i] = redis.call("HMGET", key("slot", id), "state", "kind", "sid", "profileId", "holder", "fence", "uses", "due")
  table.insert(views[i], 1, id)
end
return { int(now), views }
`;

const unlock = `
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
`;

/** What a Redis is asked to do in one step. */
export type ScriptName =
  | "acquire"
  | "leave"
  | "attach"
  | "createFailed"
  | "renew"
  | "release"
  | "stopped"
  | "reap"
  | "claimIdle"
  | "beginPass"
  | "reconcile"
  | "strayStopped"
  | "isProfileHeld"
  | "counts"
  | "slots"
  | "unlock";

const bodies: Readonly<Record<Exclude<ScriptName, "unlock">, string>> = {
  acquire,
  leave,
  attach,
  createFailed,
  renew,
  release,
  stopped,
  reap,
  claimIdle,
  beginPass,
  reconcile,
  strayStopped,
  isProfileHeld,
  counts,
  slots,
};

/** One Lua script per method. `KEYS[1]` is the project's hash tag, from which all other keys are made; `ARGV[1]` is JSON. */
export const scripts: Readonly<Record<ScriptName, string>> = { ...withPrelude(bodies), unlock };

function withPrelude<Name extends string>(bodies: Readonly<Record<Name, string>>): Record<Name, string> {
  const entries = Object.entries<string>(bodies).map(([name, body]) => [name, prelude + body]);
  // The names are those of the argument, which `fromEntries` forgets.
  return Object.fromEntries(entries) as Record<Name, string>;
}
