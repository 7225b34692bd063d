//! Rows F: which sessions a logout token ends, and which it must leave alone.

mod hook;
mod order;
mod scope;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use logout_receiver::session_index::MemorySessionIndex;
use logout_receiver::{
    BackchannelLogout, BuildError, Builder, EndedSession, HookError, KeySource, LocalSession,
    LoginIdentity, LogoutHook, LogoutToken, RecordLoginError, SessionSettings,
};
use logout_shared::{ManualClock, Subject};
use serde_json::{Value, json};

use crate::support::{
    CLIENT, FailingStore, Hook, ISSUER, RelyingParty, builder, claims, exchange, id_token, key,
    key_set, manual_clock, signed, start, with,
};

/// A logout token for this `sub` and `sid`; `null` leaves either out.
fn logout(sub: &Value, sid: &Value) -> String {
    signed(&with(claims(), &json!({"sub": sub, "sid": sid})))
}

/// A logout token about these is heard.
async fn hear(relying_party: &RelyingParty, sub: &Value, sid: &Value) {
    let answer = relying_party.post(&logout(sub, sid)).await;
    answer.assert_ok();
}

/// Two people, three sessions.
async fn busy(builder: Builder) -> RelyingParty {
    let relying_party = RelyingParty::with(builder).await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "alice-laptop")
        .await;
    relying_party
        .log_in(&id_token("alice", "sid-2"), "alice-phone")
        .await;
    relying_party.log_in(&id_token("bob", "sid-3"), "bob").await;
    relying_party
}

async fn live(relying_party: &RelyingParty) -> Vec<&'static str> {
    let mut live = Vec::new();
    for local in ["alice-laptop", "alice-phone", "bob"] {
        if relying_party.is_live(local).await {
            live.push(local);
        }
    }
    live
}

/// Another issuer or client beside the usual one, on the same stores.
fn beside(index: &Arc<MemorySessionIndex>, issuer: &str, client: &str) -> BackchannelLogout {
    BackchannelLogout::builder(issuer, client)
        .keys(KeySource::given(key_set([key()])))
        .sessions(Arc::clone(index))
        .clock(manual_clock())
        .build()
        .expect("a set-up that works")
}

/// An app that keeps its sessions in a sealed cookie; here the cookie is plain.
async fn cookie_only(clock: &ManualClock, store: &Arc<FailingStore>) -> RelyingParty {
    let set_up = builder(clock)
        .sessions(Arc::clone(store))
        .cookie_login_of(|request| {
            let cookie = request.headers.get("cookie")?.to_str().ok()?;
            let mut parts = cookie.strip_prefix("login=")?.split('|');
            Some(LoginIdentity {
                sub: Subject::try_from(parts.next()?).ok()?,
                sid: parts.next().and_then(|sid| sid.try_into().ok()),
                issued_at_secs: parts.next()?.parse().ok()?,
            })
        });
    RelyingParty::with(set_up).await
}

async fn visit(relying_party: &RelyingParty, sub: &str, sid: &str, age_secs: i64) -> u16 {
    let iat = start().as_secs() - age_secs;
    let request = format!(
        "GET /protected HTTP/1.1\r\nHost: rp\r\nConnection: close\r\nCookie: login={sub}|{sid}|{iat}\r\n\r\n"
    );
    exchange(relying_party.address, request.as_bytes())
        .await
        .status
}
