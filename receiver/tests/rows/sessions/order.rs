//! Logins and logouts that cross: before, in the same second, after; marks.

use super::*;

#[tokio::test]
async fn f9_a_login_after_the_logout_stays() {
    let clock = manual_clock();
    let relying_party = busy(builder(&clock)).await;
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!("alice"), &json!("sid-old")).await;
    assert!(!relying_party.is_live("old").await && relying_party.is_live("new").await);
}

#[tokio::test]
async fn f14_a_cookie_session_is_refused_from_the_logout_on() {
    let store = Arc::new(FailingStore::default());
    let relying_party = cookie_only(&manual_clock(), &store).await;
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 200);
    hear(&relying_party, &json!("alice"), &json!("sid-1")).await;
    assert_eq!(visit(&relying_party, "alice", "sid-1", 60).await, 401);
    assert_eq!(visit(&relying_party, "alice", "sid-2", 60).await, 200);
    assert_eq!(visit(&relying_party, "bob", "sid-1", 60).await, 200);
    hear(&relying_party, &json!("alice"), &json!(null)).await;
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
    hear(&relying_party, &json!(null), &json!("sid-1")).await;
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
