//! How scopes, targets and sessions are written in rows, and read back.
//!
//! Names are joined with a length in front, so that no two different ones look the same.

use logout_shared::{SessionId, Subject};

use crate::session_index::{EndedSession, LoginIdentity, LogoutTarget, Scope};

/// local id, `sub`, `sid`, `iat`.
pub(super) type Row = (String, String, Option<String>, i64);

/// The length in front keeps issuer and client apart whatever they contain.
pub(super) fn scope_name(scope: &Scope) -> String {
    let issuer = scope.issuer.as_str();
    format!("{}:{issuer}:{}", issuer.len(), scope.client_id)
}

pub(super) fn parts(target: &LogoutTarget) -> (Option<&SessionId>, Option<&Subject>) {
    match target {
        LogoutTarget::Session(sid) => (Some(sid), None),
        LogoutTarget::SessionOf { sid, sub } => (Some(sid), Some(sub)),
        LogoutTarget::User(sub) => (None, Some(sub)),
    }
}

pub(super) fn lock_names(
    scope: &str,
    sub: Option<&Subject>,
    sid: Option<&SessionId>,
) -> Vec<String> {
    let sub = sub.map(|sub| format!("{scope}:sub:{sub}"));
    let sid = sid.map(|sid| format!("{scope}:sid:{sid}"));
    sub.into_iter().chain(sid).collect()
}

pub(super) fn mark_name(target: &LogoutTarget) -> String {
    match target {
        LogoutTarget::Session(sid) => format!("sid:{sid}"),
        LogoutTarget::SessionOf { sid, sub } => format!("both:{}:{sid}:{sub}", sid.as_str().len()),
        LogoutTarget::User(sub) => format!("sub:{sub}"),
    }
}

/// Every mark that could have ended this login; without `sid` the last two are the first again.
pub(super) fn marks_of(identity: &LoginIdentity) -> [String; 3] {
    let sub = identity.sub.clone();
    let by_sub = mark_name(&LogoutTarget::User(sub.clone()));
    match identity.sid.clone() {
        None => [by_sub.clone(), by_sub.clone(), by_sub],
        Some(sid) => {
            let by_sid = mark_name(&LogoutTarget::Session(sid.clone()));
            [
                by_sub,
                by_sid,
                mark_name(&LogoutTarget::SessionOf { sid, sub }),
            ]
        }
    }
}

pub(super) fn read_ended((local, sub, sid, issued_at_secs): Row) -> sqlx::Result<EndedSession> {
    let identity = read_identity(&sub, sid.as_deref(), issued_at_secs)?;
    Ok(EndedSession {
        local: local.into(),
        identity,
    })
}

pub(super) fn read_identity(
    sub: &str,
    sid: Option<&str>,
    issued_at_secs: i64,
) -> sqlx::Result<LoginIdentity> {
    let decode = |error| sqlx::Error::Decode(Box::new(error));
    Ok(LoginIdentity {
        sub: Subject::try_from(sub).map_err(decode)?,
        sid: sid.map(SessionId::try_from).transpose().map_err(decode)?,
        issued_at_secs,
    })
}
