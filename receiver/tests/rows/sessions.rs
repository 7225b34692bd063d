//! Rows F: which sessions a logout token ends, and which it must leave alone.

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

/// A logout token for this user and this session; `null` leaves either out.
fn logout(sub: &Value, sid: &Value) -> String {
    signed(&with(claims(), &json!({"sub": sub, "sid": sid})))
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

#[tokio::test]
async fn f1_a_sid_ends_that_session_only() {
    let relying_party = busy(builder(&manual_clock())).await;
    relying_party
        .post(&logout(&json!(null), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
}

#[tokio::test]
async fn f2_a_sub_alone_ends_all_sessions_of_that_user() {
    let relying_party = busy(builder(&manual_clock())).await;
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert_eq!(live(&relying_party).await, ["bob"]);
}

#[tokio::test]
async fn f3_both_end_the_named_session_only_unless_all_of_the_subject_is_chosen() {
    let relying_party = busy(builder(&manual_clock())).await;
    relying_party
        .post(&logout(&json!("alice"), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
    let mut settings = SessionSettings::default();
    settings.end_all_of_subject = true;
    let relying_party = busy(builder(&manual_clock()).session_settings(settings)).await;
    relying_party
        .post(&logout(&json!("alice"), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(live(&relying_party).await, ["bob"]);
}

#[tokio::test]
async fn f4_a_sid_of_another_user_ends_nothing_and_is_answered_200() {
    let hook = Hook::answering([]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    relying_party
        .post(&logout(&json!("bob"), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(
        live(&relying_party).await,
        ["alice-laptop", "alice-phone", "bob"]
    );
    assert_eq!(hook.ended(), [Vec::<String>::new()]);
    // Nor does it leave a mark that would meet the true owner later.
    relying_party
        .log_in(&id_token("alice", "sid-1"), "alice-laptop")
        .await;
    assert!(relying_party.is_live("alice-laptop").await);
}

#[tokio::test]
async fn f5_an_unknown_session_or_user_is_answered_200() {
    let relying_party = busy(builder(&manual_clock())).await;
    for (sub, sid) in [
        (json!(null), json!("sid-9")),
        (json!("carol"), json!(null)),
        (json!("carol"), json!("sid-9")),
        (json!("alice"), json!("sid-9")),
    ] {
        relying_party.post(&logout(&sub, &sid)).await.assert_ok();
    }
    assert_eq!(
        live(&relying_party).await,
        ["alice-laptop", "alice-phone", "bob"]
    );
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

#[tokio::test]
async fn f6_f7_f8_the_same_names_under_another_issuer_or_client_are_untouched() {
    let index = Arc::new(MemorySessionIndex::new());
    let relying_party =
        RelyingParty::with(builder(&manual_clock()).sessions(Arc::clone(&index))).await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "here")
        .await;
    let other_issuer = beside(&index, "https://other.example/", CLIENT);
    let other_client = beside(&index, ISSUER, "client-2");
    let there = with(
        id_token("alice", "sid-1"),
        &json!({"iss": "https://other.example/"}),
    );
    other_issuer
        .record_login(&there, "there")
        .await
        .expect("a login");
    let elsewhere = with(id_token("alice", "sid-1"), &json!({"aud": "client-2"}));
    other_client
        .record_login(&elsewhere, "elsewhere")
        .await
        .expect("a login");
    for (sub, sid) in [(json!(null), json!("sid-1")), (json!("alice"), json!(null))] {
        relying_party.post(&logout(&sub, &sid)).await.assert_ok();
        assert!(!relying_party.is_live("here").await);
        for (logout, local) in [(&other_issuer, "there"), (&other_client, "elsewhere")] {
            let session = logout.session(local).await.expect("memory");
            assert!(matches!(session, LocalSession::Live(_)), "{local}");
        }
    }
    // And a local session of one is nobody at the other.
    let crossed = other_issuer.session("here").await.expect("memory");
    assert_eq!(crossed, LocalSession::Unknown);
}

#[tokio::test]
async fn f9_a_login_after_the_logout_stays() {
    let clock = manual_clock();
    let relying_party = busy(builder(&clock)).await;
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    clock.advance(Duration::from_secs(2));
    let iat = start().as_secs() + 1;
    let again = with(id_token("alice", "sid-1"), &json!({"iat": iat}));
    relying_party.log_in(&again, "alice-laptop").await;
    assert!(relying_party.is_live("alice-laptop").await);
    // The same event told again, late: `toe` dates it, not the token's `iat`.
    let now = start().as_secs() + 2;
    let told_again = json!({"sid": null, "iat": now, "exp": now + 120, "toe": start().as_secs()});
    relying_party
        .post(&signed(&with(claims(), &told_again)))
        .await
        .assert_ok();
    assert!(relying_party.is_live("alice-laptop").await);
}

#[tokio::test]
async fn f9_a_session_of_the_same_second_ends() {
    let relying_party = RelyingParty::start().await;
    let same_second = with(
        id_token("alice", "sid-1"),
        &json!({"iat": start().as_secs()}),
    );
    relying_party.log_in(&same_second, "tie").await;
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert!(!relying_party.is_live("tie").await);
}

#[tokio::test]
async fn f10_a_logout_that_comes_before_the_session_prevents_it() {
    for (sub, sid) in [
        (json!(null), json!("sid-1")),
        (json!("alice"), json!(null)),
        (json!("alice"), json!("sid-1")),
    ] {
        let relying_party = RelyingParty::start().await;
        relying_party.post(&logout(&sub, &sid)).await.assert_ok();
        let login = relying_party
            .logout
            .record_login(&id_token("alice", "sid-1"), "late")
            .await;
        assert!(
            matches!(login, Err(RecordLoginError::LoggedOut)),
            "{login:?}"
        );
        assert!(!relying_party.is_live("late").await);
        // Somebody else, or the same user later, may come in.
        relying_party.log_in(&id_token("bob", "sid-3"), "bob").await;
        let iat = start().as_secs() + 1;
        let later = with(id_token("alice", "sid-1"), &json!({"iat": iat}));
        relying_party.log_in(&later, "later").await;
        assert!(relying_party.is_live("bob").await && relying_party.is_live("later").await);
    }
}

#[tokio::test]
async fn f11_a_late_token_for_an_old_session_leaves_the_new_one() {
    let relying_party = RelyingParty::start().await;
    relying_party
        .log_in(&id_token("alice", "sid-old"), "old")
        .await;
    relying_party
        .log_in(&id_token("alice", "sid-new"), "new")
        .await;
    relying_party
        .post(&logout(&json!("alice"), &json!("sid-old")))
        .await
        .assert_ok();
    assert!(!relying_party.is_live("old").await && relying_party.is_live("new").await);
}

#[tokio::test]
async fn f12_a_session_that_the_app_ended_itself_is_answered_200() {
    let hook = Hook::answering([]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    relying_party
        .logout
        .forget_session("alice-laptop")
        .await
        .expect("memory");
    relying_party
        .post(&logout(&json!("alice"), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(hook.ended(), [Vec::<String>::new()]);
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
}

#[tokio::test]
async fn f13_a_store_failure_is_503_and_a_retry_works() {
    let store = Arc::new(FailingStore::default());
    let relying_party = busy(builder(&manual_clock()).sessions(Arc::clone(&store))).await;
    store.set_down(true);
    let first = logout(&json!("alice"), &json!(null));
    relying_party
        .post(&first)
        .await
        .assert_unavailable("session_index_unavailable");
    store.set_down(false);
    assert_eq!(
        live(&relying_party).await,
        ["alice-laptop", "alice-phone", "bob"]
    );
    // A retry is a new token, as senders make it.
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert_eq!(live(&relying_party).await, ["bob"]);
}

#[tokio::test]
async fn f13_a_failing_hook_gets_the_same_list_again_and_the_sessions_stay_refused() {
    let hook = Hook::answering([
        Err(HookError::failed("away")),
        Err(HookError::failed("away")),
    ]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    for _ in 0..2 {
        let token = logout(&json!("alice"), &json!(null));
        relying_party
            .post(&token)
            .await
            .assert_unavailable("hook_failed");
        assert_eq!(live(&relying_party).await, ["bob"]);
    }
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    let both = ["alice-laptop".to_owned(), "alice-phone".to_owned()];
    assert_eq!(hook.ended(), [both.clone(), both.clone(), both]);
    // Done is done: the next one finds nothing.
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert_eq!(hook.ended()[3], Vec::<String>::new());
}

#[tokio::test]
async fn f13_a_hook_that_panics_or_hangs_is_503_and_not_the_end() {
    struct Bad(Mutex<u32>);

    #[async_trait]
    impl LogoutHook for Bad {
        async fn on_logout(&self, _: &LogoutToken, _: &[EndedSession]) -> Result<(), HookError> {
            let call = {
                let mut calls = self.0.lock().expect("not poisoned");
                *calls += 1;
                *calls
            };
            match call {
                1 => panic!("a bug of the app"),
                2 => std::future::pending().await,
                _ => Ok(()),
            }
        }
    }

    let mut settings = SessionSettings::default();
    settings.hook_time_limit = Duration::from_millis(20);
    let set_up = builder(&manual_clock())
        .session_settings(settings)
        .hook(Bad(Mutex::new(0)));
    let relying_party = busy(set_up).await;
    let token = logout(&json!(null), &json!("sid-1"));
    relying_party
        .post(&token)
        .await
        .assert_unavailable("hook_panicked");
    relying_party
        .post(&token)
        .await
        .assert_unavailable("hook_timed_out");
    relying_party.post(&token).await.assert_ok();
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
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

#[tokio::test]
async fn f14_a_cookie_session_is_refused_from_the_logout_on() {
    let store = Arc::new(FailingStore::default());
    let relying_party = cookie_only(&manual_clock(), &store).await;
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 200);
    relying_party
        .post(&logout(&json!("alice"), &json!("sid-1")))
        .await
        .assert_ok();
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 401);
    assert_eq!(visit(&relying_party, "alice", "sid-2", 60).await, 200);
    assert_eq!(visit(&relying_party, "bob", "sid-1", 60).await, 200);
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert_eq!(visit(&relying_party, "alice", "sid-2", 60).await, 401);
    // A later login passes, and does not revive an older cookie.
    assert_eq!(visit(&relying_party, "alice", "sid-1", -1).await, 200);
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 401);
}

#[tokio::test]
async fn f15_a_session_that_cannot_be_checked_is_refused() {
    let store = Arc::new(FailingStore::default());
    let relying_party = cookie_only(&manual_clock(), &store).await;
    store.set_down(true);
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 503);
    store.set_down(false);
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 200);
}

#[tokio::test]
async fn f16_marks_live_as_long_as_the_longest_session() {
    let clock = manual_clock();
    let store = Arc::new(FailingStore::default());
    let relying_party = cookie_only(&clock, &store).await;
    relying_party
        .post(&logout(&json!(null), &json!("sid-1")))
        .await
        .assert_ok();
    let longest = Duration::from_hours(30 * 24);
    clock.set(start() + longest - Duration::from_secs(61));
    // A session begun a minute before the logout is about to reach its greatest age.
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 401);
    clock.advance(Duration::from_secs(2));
    // Past it, the cookie is refused for its age alone: no mark is needed any more.
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 401);
    assert_eq!(visit(&relying_party, "bob", "sid-3", 60).await, 401);
}

#[tokio::test]
async fn f16_a_recorded_session_never_outlives_the_marks() {
    let clock = manual_clock();
    let relying_party = RelyingParty::with(builder(&clock)).await;
    let far = start() + Duration::from_hours(24 * 365);
    let login = id_token("alice", "sid-1");
    let logout = &relying_party.logout;
    logout
        .record_login_until(&login, "browser", far)
        .await
        .expect("a login");
    clock.advance(Duration::from_hours(30 * 24) - Duration::from_secs(1));
    assert!(relying_party.is_live("browser").await);
    clock.advance(Duration::from_secs(1));
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn f17_the_hook_can_drop_the_refresh_tokens_that_the_session_owned() {
    /// An app's tokens: by local session, and whether they were granted for offline use.
    struct Tokens(Mutex<Vec<(&'static str, bool)>>);

    #[async_trait]
    impl LogoutHook for Tokens {
        async fn on_logout(
            &self,
            _: &LogoutToken,
            ended: &[EndedSession],
        ) -> Result<(), HookError> {
            self.0
                .lock()
                .expect("not poisoned")
                .retain(|(local, offline)| {
                    *offline || !ended.iter().any(|session| session.local.as_str() == *local)
                });
            Ok(())
        }
    }

    let kept = [
        ("alice-laptop", false),
        ("alice-phone", true),
        ("bob", false),
    ];
    let tokens = Arc::new(Tokens(Mutex::new(kept.to_vec())));
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&tokens))).await;
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    let left = tokens.0.lock().expect("not poisoned").clone();
    assert_eq!(left, [("alice-phone", true), ("bob", false)]);
}

#[tokio::test]
async fn f18_a_logout_is_passed_on_and_a_failure_down_there_is_not_ours() {
    /// An app that is an issuer itself: it queues the logout for its own relying parties.
    #[derive(Default)]
    struct PassOn(Mutex<Vec<String>>);

    #[async_trait]
    impl LogoutHook for PassOn {
        async fn on_logout(
            &self,
            token: &LogoutToken,
            ended: &[EndedSession],
        ) -> Result<(), HookError> {
            let trace_id = token.claim::<String>("trace_id").transpose();
            let trace_id = trace_id.map_err(HookError::failed)?.unwrap_or_default();
            let mut queue = self.0.lock().expect("not poisoned");
            queue.extend(
                ended
                    .iter()
                    .map(|session| format!("{}:{trace_id}", session.identity.sub)),
            );
            Ok(())
        }
    }

    let queue = Arc::new(PassOn::default());
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&queue))).await;
    let token = with(claims(), &json!({"trace_id": "00112233aabbccdd"}));
    relying_party.post(&signed(&token)).await.assert_ok();
    let passed_on = queue.0.lock().expect("not poisoned").clone();
    assert_eq!(passed_on, ["alice:00112233aabbccdd"]);
}

#[tokio::test]
async fn f19_what_could_not_be_ended_comes_again_and_the_rest_does_not() {
    let unfinished = vec!["alice-phone".into()];
    let hook = Hook::answering([Err(HookError::partial(unfinished, "the phone is offline"))]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    let answer = relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await;
    answer.assert_unavailable("hook_partial");
    assert_eq!(live(&relying_party).await, ["bob"]);
    relying_party
        .post(&logout(&json!("alice"), &json!(null)))
        .await
        .assert_ok();
    assert_eq!(hook.ended()[0], ["alice-laptop", "alice-phone"]);
    assert_eq!(hook.ended()[1], ["alice-phone"]);
}

#[tokio::test]
async fn f20_a_token_of_one_provider_is_refused_at_the_path_of_another() {
    let clock = manual_clock();
    let ours = RelyingParty::with(builder(&clock)).await;
    let index = Arc::new(MemorySessionIndex::new());
    let theirs = RelyingParty::of(beside(&index, "https://other.example/", CLIENT)).await;
    let token = logout(&json!("alice"), &json!(null));
    // Both trust the same key here, so that only the issuer tells them apart.
    theirs.post(&token).await.assert_refused();
    ours.post(&token).await.assert_ok();
}

#[tokio::test]
async fn f21_the_index_follows_a_local_session_to_its_new_id() {
    let hook = Hook::answering([]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    let moved = relying_party
        .logout
        .renew_session("alice-laptop", "alice-renewed")
        .await;
    assert!(moved.expect("memory"));
    assert!(!relying_party.is_live("alice-laptop").await);
    assert!(relying_party.is_live("alice-renewed").await);
    relying_party
        .post(&logout(&json!(null), &json!("sid-1")))
        .await
        .assert_ok();
    assert!(!relying_party.is_live("alice-renewed").await);
    assert_eq!(hook.ended(), [["alice-renewed"]]);
    // What has ended cannot be renewed.
    let revived = relying_party
        .logout
        .renew_session("alice-renewed", "again")
        .await;
    assert!(!revived.expect("memory") && !relying_party.is_live("again").await);
}

#[tokio::test]
async fn the_hook_sees_the_session_metadata_and_any_other_claim() {
    let hook = Hook::answering([]);
    let relying_party = RelyingParty::with(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    let more = json!({"session_metadata": {"deviceName": "kiosk"}, "color": {"r": 1}});
    relying_party
        .post(&signed(&with(claims(), &more)))
        .await
        .assert_ok();
    let token = hook.token();
    let metadata = token.session_metadata().expect("metadata");
    assert_eq!(metadata.get("deviceName"), Some("kiosk"));
    let color = token.claim::<Value>("color").expect("there").expect("JSON");
    assert_eq!(color, json!({"r": 1}));
    assert!(token.claim::<Value>("none").is_none());
}

#[test]
fn cookie_only_sessions_are_not_kept_in_memory() {
    let refused = builder(&manual_clock()).cookie_login_of(|_| None).build();
    assert!(matches!(
        refused.err(),
        Some(BuildError::CookiesNeedDurableMarks)
    ));
}

#[test]
fn a_session_index_must_be_chosen() {
    let refused = BackchannelLogout::builder(ISSUER, CLIENT).build();
    assert!(matches!(refused.err(), Some(BuildError::NoSessionIndex)));
}
