//! Which sessions end: of whom, at whom.

use super::*;

#[tokio::test]
async fn f1_a_sid_ends_that_session_only() {
    let relying_party = busy(builder(&manual_clock())).await;
    hear(&relying_party, &json!(null), &json!("sid-1")).await;
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
}

#[tokio::test]
async fn f2_a_sub_alone_ends_all_sessions_of_that_user() {
    let relying_party = busy(builder(&manual_clock())).await;
    hear(&relying_party, &json!("alice"), &json!(null)).await;
    assert_eq!(live(&relying_party).await, ["bob"]);
}

#[tokio::test]
async fn f3_both_end_the_named_session_only_unless_all_of_the_subject_is_chosen() {
    let relying_party = busy(builder(&manual_clock())).await;
    hear(&relying_party, &json!("alice"), &json!("sid-1")).await;
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
    let mut settings = SessionSettings::default();
    settings.end_all_of_subject = true;
    let relying_party = busy(builder(&manual_clock()).session_settings(settings)).await;
    hear(&relying_party, &json!("alice"), &json!("sid-1")).await;
    assert_eq!(live(&relying_party).await, ["bob"]);
}

#[tokio::test]
async fn f4_a_sid_of_another_user_ends_nothing_and_is_answered_200() {
    let hook = Hook::answering([]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    hear(&relying_party, &json!("bob"), &json!("sid-1")).await;
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
async fn f12_a_session_that_the_app_ended_itself_is_answered_200() {
    let hook = Hook::answering([]);
    let relying_party = busy(builder(&manual_clock()).hook(Arc::clone(&hook))).await;
    relying_party
        .logout
        .forget_session("alice-laptop")
        .await
        .expect("memory");
    hear(&relying_party, &json!("alice"), &json!("sid-1")).await;
    assert_eq!(hook.ended(), [Vec::<String>::new()]);
    assert_eq!(live(&relying_party).await, ["alice-phone", "bob"]);
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
    hear(&relying_party, &json!(null), &json!("sid-1")).await;
    assert!(!relying_party.is_live("alice-renewed").await);
    assert_eq!(hook.ended(), [["alice-renewed"]]);
    // What has ended cannot be renewed.
    let revived = relying_party
        .logout
        .renew_session("alice-renewed", "again")
        .await;
    assert!(!revived.expect("memory") && !relying_party.is_live("again").await);
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
