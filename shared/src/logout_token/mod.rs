//! The logout token: what an issuer sends and a relying party believes.
//!
//! [`LogoutClaims`] is what an issuer mints; [`LogoutToken`] is what is left of a token after the
//! signature and every rule were checked. The second has no public constructor: it comes from
//! `Verified::check` alone, so holding one is the proof.
//! Neighbours: `claims.rs` mints, `rules.rs` checks, `violation.rs` names what fails, `request.rs`
//! is the HTTP form it travels in.

mod claims;
pub mod request;
mod rules;
mod times;
mod violation;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::id::{Issuer, SessionId, Subject, TokenId, TraceId};
use crate::jws::Payload;
use crate::metadata::{MetadataError, SessionMetadata};
use crate::time::Timestamp;

use times::Times;

pub use claims::{Audience, EVENT_URI, Events, LogoutClaims, TYP, TYP_COMPATIBLE, read_unchecked};
pub use rules::{Expected, LEEWAY, MAX_AGE, MAX_LIFETIME, TypePolicy};
pub use violation::RuleViolation;

/// Whom a logout token signs out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogoutSubject {
    /// One session (`sid` alone).
    Session(SessionId),
    /// All of a user's sessions (`sub` alone).
    User(Subject),
    /// One session of this user (`sid` and `sub`).
    Both {
        /// The user who must own the session.
        sub: Subject,
        /// The session.
        sid: SessionId,
    },
}

/// A logout token that the expected issuer signed and that breaks no rule.
#[derive(Debug, Clone, PartialEq)]
pub struct LogoutToken {
    issuer: Issuer,
    subject: LogoutSubject,
    jti: TokenId,
    times: Times,
    trace_id: Option<TraceId>,
    session_metadata: Option<SessionMetadata>,
    metadata_problem: Option<MetadataError>,
    claims: Payload,
}

impl LogoutToken {
    /// Who sent it.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The clients it names; this one is among them.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let aud = self.claims.get("aud");
        let many = aud
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        aud.into_iter().chain(many).filter_map(Value::as_str)
    }

    /// Whom it signs out.
    pub fn subject(&self) -> &LogoutSubject {
        &self.subject
    }

    /// The session it names.
    pub fn sid(&self) -> Option<&SessionId> {
        match &self.subject {
            LogoutSubject::Session(sid) | LogoutSubject::Both { sid, .. } => Some(sid),
            LogoutSubject::User(_) => None,
        }
    }

    /// The user it names.
    pub fn sub(&self) -> Option<&Subject> {
        match &self.subject {
            LogoutSubject::User(sub) | LogoutSubject::Both { sub, .. } => Some(sub),
            LogoutSubject::Session(_) => None,
        }
    }

    /// The token's own id; together with the issuer it is used once.
    pub fn jti(&self) -> &TokenId {
        &self.jti
    }

    /// When it was made.
    pub fn issued_at(&self) -> Timestamp {
        self.times.issued_at
    }

    /// When it dies, without leeway; for a token without `exp`, the greatest age after its making.
    pub fn expires_at(&self) -> Timestamp {
        self.times.expires_at
    }

    /// When the session ended: `toe` where there is one, else when the token was made.
    ///
    /// Never later than [`issued_at`](Self::issued_at). Sessions begun after it are not meant.
    pub fn time_of_event(&self) -> Timestamp {
        self.times.of_event
    }

    /// What all tokens about this ended session share; `None` for issuers that send none.
    pub fn trace_id(&self) -> Option<&TraceId> {
        self.trace_id.as_ref()
    }

    /// What the session carried, if the issuer sent it and it is within the limits.
    pub fn session_metadata(&self) -> Option<&SessionMetadata> {
        self.session_metadata.as_ref()
    }

    /// Why session metadata was sent but dropped.
    pub fn metadata_problem(&self) -> Option<&MetadataError> {
        self.metadata_problem.as_ref()
    }

    /// Any claim, read into a type of the caller's; `None` if the token has no such claim.
    pub fn claim<'a, T: Deserialize<'a>>(
        &'a self,
        name: &str,
    ) -> Option<Result<T, serde_json::Error>> {
        self.claims.read(name)
    }

    /// All claims as they were signed.
    pub fn claims(&self) -> &Map<String, Value> {
        self.claims.as_map()
    }
}
