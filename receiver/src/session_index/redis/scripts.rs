//! The scripts of the session index in Redis, one for each operation.
//!
//! `KEYS[1]` is the prefix of one issuer and client; all other keys begin with it and so lie on the
//! same node. A session is a hash `s:<local>` with `sub`, `sid` (may be empty), `iat` (seconds),
//! `exp` (milliseconds) and, once it has ended, `ended`. A mark holds `<not after>:<keep until>`.
//! Times come from the caller; Redis's own clock only throws away what is long dead.

use std::sync::LazyLock;

use redis::Script;

/// Shared by the scripts: how a session is unlinked and whether a mark meets a login.
macro_rules! script {
    ($body:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                "local prefix = KEYS[1]
                 local function unlink(id)
                     local held = redis.call('HMGET', prefix .. 's:' .. id, 'sub', 'sid')
                     if held[1] then redis.call('ZREM', prefix .. 'sub:' .. held[1], id) end
                     if held[2] and held[2] ~= '' then
                         redis.call('ZREM', prefix .. 'sid:' .. held[2], id)
                     end
                     redis.call('DEL', prefix .. 's:' .. id)
                 end
                 local function link(set, id, exp, now, ttl)
                     redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
                     redis.call('ZADD', set, exp, id)
                     if redis.call('PTTL', set) < tonumber(ttl) then
                         redis.call('PEXPIRE', set, ttl)
                     end
                 end
                 local function logged_out(iat, now, first)
                     for i = first, #ARGV do
                         local mark = redis.call('GET', prefix .. ARGV[i])
                         if mark then
                             local not_after, keep = string.match(mark, '^(-?%d+):(-?%d+)$')
                             if tonumber(keep) > tonumber(now)
                                 and tonumber(iat) <= tonumber(not_after) then
                                 return true
                             end
                         end
                     end
                     return false
                 end
                ",
                $body
            ))
        })
    };
}

/// local, sub, sid, iat, exp, now, ttl, marks… → whether it was filed.
pub(super) static RECORD_LOGIN: LazyLock<Script> = script!(
    "local id, sub, sid, iat, exp, now, ttl = unpack(ARGV, 1, 7)
     if logged_out(iat, now, 8) then return 0 end
     unlink(id)
     redis.call('HSET', prefix .. 's:' .. id, 'sub', sub, 'sid', sid, 'iat', iat, 'exp', exp)
     redis.call('PEXPIRE', prefix .. 's:' .. id, ttl)
     link(prefix .. 'sub:' .. sub, id, exp, now, ttl)
     if sid ~= '' then link(prefix .. 'sid:' .. sid, id, exp, now, ttl) end
     return 1"
);

/// set, owner or empty, mark, not after, keep until, now, ttl → whether another user's session was
/// spared, and the sessions that have ended.
pub(super) static MARK: LazyLock<Script> = script!(
    "local set, owner, mark, not_after, keep, now, ttl = unpack(ARGV, 1, 7)
     local earlier = redis.call('GET', prefix .. mark)
     if earlier then
         local at, kept = string.match(earlier, '^(-?%d+):(-?%d+)$')
         if tonumber(at) <= tonumber(not_after) then at = not_after end
         if tonumber(kept) < tonumber(keep) then kept = keep end
         if redis.call('PTTL', prefix .. mark) > tonumber(ttl) then
             ttl = redis.call('PTTL', prefix .. mark)
         end
         redis.call('SET', prefix .. mark, at .. ':' .. kept, 'PX', ttl)
     else
         redis.call('SET', prefix .. mark, not_after .. ':' .. keep, 'PX', ttl)
     end
     local differs, ended = 0, {}
     for _, id in ipairs(redis.call('ZRANGE', prefix .. set, 0, -1)) do
         local key = prefix .. 's:' .. id
         local held = redis.call('HMGET', key, 'sub', 'sid', 'iat', 'exp')
         if not held[1] then
             redis.call('ZREM', prefix .. set, id)
         elseif owner ~= '' and held[1] ~= owner then
             differs = 1
         elseif tonumber(held[3]) <= tonumber(not_after) and tonumber(held[4]) > tonumber(now) then
             redis.call('HSET', key, 'ended', 1)
             ended[#ended + 1] = { id, held[1], held[2], tonumber(held[3]) }
         end
     end
     return { differs, ended }"
);

/// locals…
pub(super) static REMOVE: LazyLock<Script> = script!(
    "for i = 1, #ARGV do unlink(ARGV[i]) end
     return nil"
);

/// local → its fields.
pub(super) static FIND: LazyLock<Script> =
    script!("return redis.call('HGETALL', prefix .. 's:' .. ARGV[1])");

/// iat, now, marks… → whether one of them meets the login.
pub(super) static IS_LOGGED_OUT: LazyLock<Script> =
    script!("return logged_out(ARGV[1], ARGV[2], 3) and 1 or 0");

/// old, new, now → whether it was renewed.
pub(super) static RENEW: LazyLock<Script> = script!(
    "local old, new, now = unpack(ARGV, 1, 3)
     local key = prefix .. 's:' .. old
     local held = redis.call('HMGET', key, 'sub', 'sid', 'iat', 'exp', 'ended')
     if not held[1] or held[5] or tonumber(held[4]) <= tonumber(now) then return 0 end
     local ttl = redis.call('PTTL', key)
     unlink(old)
     unlink(new)
     local moved = prefix .. 's:' .. new
     redis.call('HSET', moved, 'sub', held[1], 'sid', held[2], 'iat', held[3], 'exp', held[4])
     redis.call('PEXPIRE', moved, ttl)
     link(prefix .. 'sub:' .. held[1], new, held[4], now, ttl)
     if held[2] ~= '' then link(prefix .. 'sid:' .. held[2], new, held[4], now, ttl) end
     return 1"
);
