//! The app's part: its hook, its failures, what it passes on.

use super::*;

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
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!("alice"), &json!(null)).await;
    let both = ["alice-laptop".to_owned(), "alice-phone".to_owned()];
    assert_eq!(hook.ended(), [both.clone(), both.clone(), both]);
    // Done is done: the next one finds nothing.
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!("alice"), &json!(null)).await;
    assert_eq!(hook.ended()[0], ["alice-laptop", "alice-phone"]);
    assert_eq!(hook.ended()[1], ["alice-phone"]);
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
