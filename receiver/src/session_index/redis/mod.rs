//! The session index of several processes, in Redis.
//!
//! A session is a hash; its local id stands in one sorted set under its `sid` and one under its
//! `sub`, scored by expiry; a mark is a string. Each operation is one script (`scripts.rs`), so a
//! login and a logout that cross cannot miss each other. The contract is the trait's in `../mod.rs`.

use std::collections::HashMap;

use async_trait::async_trait;
use logout_shared::{SessionId, Subject, Timestamp};

use super::{
    EndedSession, LocalSession, LocalSessionId, Login, LoginIdentity, Logout, LogoutTarget, Marked,
    Recorded, Scope, SessionIndex,
};
use crate::error::StoreError;
use crate::redis_connection::{RedisConnection, ttl_millis};

mod scripts;

/// A session index in Redis, for any number of processes.
#[derive(Clone, Debug)]
pub struct RedisSessionIndex {
    connection: RedisConnection,
}

impl RedisSessionIndex {
    /// An index over this connection.
    pub fn new(connection: RedisConnection) -> RedisSessionIndex {
        RedisSessionIndex { connection }
    }
}

#[async_trait]
impl SessionIndex for RedisSessionIndex {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        let identity = &login.identity;
        let mut script = scripts::RECORD_LOGIN.prepare_invoke();
        script
            .key(self.connection.scope_prefix(&login.scope))
            .arg(login.local.as_str())
            .arg(identity.sub.as_str())
            .arg(identity.sid.as_ref().map_or("", SessionId::as_str))
            .arg(identity.issued_at_secs)
            .arg(login.expires_at.as_millis())
            .arg(now.as_millis())
            .arg(ttl_millis(now, login.expires_at))
            .arg(marks_of(identity));
        let recorded: bool = self.connection.run("recording a login", &script).await?;
        Ok(if recorded {
            Recorded::Live
        } else {
            Recorded::Ended
        })
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        let (set, sub) = match &logout.target {
            LogoutTarget::Session(sid) => (format!("sid:{sid}"), ""),
            LogoutTarget::SessionOf { sid, sub } => (format!("sid:{sid}"), sub.as_str()),
            LogoutTarget::User(sub) => (format!("sub:{sub}"), ""),
        };
        let mut script = scripts::MARK.prepare_invoke();
        script
            .key(self.connection.scope_prefix(&logout.scope))
            .arg(set)
            .arg(sub)
            .arg(mark_name(&logout.target))
            .arg(logout.not_after_secs)
            .arg(logout.keep_until.as_millis())
            .arg(now.as_millis())
            .arg(ttl_millis(now, logout.keep_until));
        let (owner_differs, rows): (bool, Vec<(String, String, String, i64)>) = self
            .connection
            .run("marking sessions as ended", &script)
            .await?;
        let ended = rows.into_iter().map(|(local, sub, sid, issued_at_secs)| {
            let identity = read_identity(&sub, &sid, issued_at_secs)?;
            Ok(EndedSession {
                local: local.into(),
                identity,
            })
        });
        Ok(Marked {
            ended: ended.collect::<Result<_, StoreError>>()?,
            owner_differs,
        })
    }

    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        let mut script = scripts::REMOVE.prepare_invoke();
        script.key(self.connection.scope_prefix(scope));
        for local in ended {
            script.arg(local.as_str());
        }
        self.connection
            .run("removing ended sessions", &script)
            .await
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        let mut script = scripts::FIND.prepare_invoke();
        script
            .key(self.connection.scope_prefix(scope))
            .arg(local.as_str());
        let fields: HashMap<String, String> =
            self.connection.run("looking a session up", &script).await?;
        let number = |name| fields.get(name).and_then(|text| text.parse::<i64>().ok());
        let expired = number("exp").is_none_or(|millis| millis <= now.as_millis());
        if expired {
            return Ok(LocalSession::Unknown);
        }
        if fields.contains_key("ended") {
            return Ok(LocalSession::Ended);
        }
        let text = |name| fields.get(name).map(String::as_str).unwrap_or_default();
        let issued_at_secs = number("iat").ok_or_else(unreadable)?;
        Ok(LocalSession::Live(read_identity(
            text("sub"),
            text("sid"),
            issued_at_secs,
        )?))
    }

    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut script = scripts::IS_LOGGED_OUT.prepare_invoke();
        script
            .key(self.connection.scope_prefix(scope))
            .arg(login.issued_at_secs)
            .arg(now.as_millis())
            .arg(marks_of(login));
        self.connection.run("looking for a logout", &script).await
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut script = scripts::RENEW.prepare_invoke();
        script
            .key(self.connection.scope_prefix(scope))
            .arg(old.as_str())
            .arg(new.as_str())
            .arg(now.as_millis());
        self.connection.run("renewing a session", &script).await
    }
}

/// The length in front keeps `sid` and `sub` apart whatever they contain.
fn mark_name(target: &LogoutTarget) -> String {
    match target {
        LogoutTarget::Session(sid) => format!("mark:sid:{sid}"),
        LogoutTarget::SessionOf { sid, sub } => {
            format!("mark:both:{}:{sid}:{sub}", sid.as_str().len())
        }
        LogoutTarget::User(sub) => format!("mark:sub:{sub}"),
    }
}

/// Every mark that could have ended this login.
fn marks_of(identity: &LoginIdentity) -> Vec<String> {
    let sub = identity.sub.clone();
    let mut names = vec![mark_name(&LogoutTarget::User(sub.clone()))];
    if let Some(sid) = &identity.sid {
        names.push(mark_name(&LogoutTarget::Session(sid.clone())));
        names.push(mark_name(&LogoutTarget::SessionOf {
            sid: sid.clone(),
            sub,
        }));
    }
    names
}

fn read_identity(sub: &str, sid: &str, issued_at_secs: i64) -> Result<LoginIdentity, StoreError> {
    let sid = Some(sid).filter(|sid| !sid.is_empty());
    Ok(LoginIdentity {
        sub: Subject::try_from(sub).map_err(|_| unreadable())?,
        sid: sid
            .map(SessionId::try_from)
            .transpose()
            .map_err(|_| unreadable())?,
        issued_at_secs,
    })
}

fn unreadable() -> StoreError {
    StoreError::new(
        "reading a session",
        "what Redis holds under our keys is not ours",
    )
}
