//! New keys: unknown names, floods of them, rotations, cool-downs.

use super::*;

#[tokio::test]
async fn c2_an_unknown_kid_is_refused_only_by_a_set_fetched_after_it_came() {
    let clock = manual_clock();
    let (known, unknown) = (new_key(), new_key());
    let provider = Provider::start([&known]).await;
    let relying_party = relying_party(&provider, &clock).await;
    // Nothing is cached: the fetch begins after the token came, and proves that the key is not there.
    relying_party
        .post(&token(&provider, &clock, &unknown))
        .await
        .assert_refused();
    assert_eq!(provider.asked(), 1);
    // Cooling down, the set says nothing about keys published since.
    let answer = relying_party
        .post(&token(&provider, &clock, &unknown))
        .await;
    answer.assert_unavailable("key_unknown_yet");
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(provider.asked(), 1);
    clock.advance(Duration::from_secs(30));
    relying_party
        .post(&token(&provider, &clock, &unknown))
        .await
        .assert_refused();
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn c2_a_fetch_begun_before_the_token_came_proves_nothing() {
    let clock = manual_clock();
    let (old, new) = (new_key(), new_key());
    let provider = Provider::start([&old]).await;
    let gate = provider.hold();
    let relying_party = relying_party(&provider, &clock).await;
    // The first fetch reads the set before the new key is published and is held on its way back.
    let early = {
        let (logout, token) = (relying_party.logout.clone(), token(&provider, &clock, &old));
        tokio::spawn(async move { logout.receive(&token).await })
    };
    while provider.asked() == 0 {
        tokio::task::yield_now().await;
    }
    provider.publish(vec![old.public_jwk(), new.public_jwk()]);
    let late = {
        let (logout, token) = (relying_party.logout.clone(), token(&provider, &clock, &new));
        tokio::spawn(async move { logout.receive(&token).await })
    };
    while !relying_party.logout.verifier().key_state().fetching {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    gate.add_permits(1);
    early.await.expect("no panic").expect("the old key is good");
    let error = late
        .await
        .expect("no panic")
        .expect_err("the new key is not known yet");
    assert_eq!(error.code(), "key_unknown_yet");
    // The sender comes back after the cool-down and is heard.
    clock.advance(Duration::from_secs(30));
    gate.add_permits(1);
    hear(&relying_party, &provider, &clock, &new).await;
}

#[tokio::test]
async fn c3_c15_a_flood_of_unknown_kids_costs_one_fetch_per_cool_down() {
    let (clock, known, provider, relying_party) = stage().await;
    let flood = || {
        let tokens = (0..40).map(|number| {
            let header = json!({"kid": format!("unknown-{number}")});
            token_with_header(&provider, &known, &header)
        });
        let tokens: Vec<String> = tokens.collect();
        let logout = &relying_party.logout;
        async move { join_all(tokens.iter().map(|token| logout.receive(token))).await }
    };
    let codes: Vec<_> = flood()
        .await
        .into_iter()
        .map(|answer| answer.expect_err("unknown").code())
        .collect();
    assert_eq!(provider.asked(), 1);
    // The first began the fetch; the others came after that and learn nothing final from it.
    assert_eq!(codes[0], "no_key");
    assert!(
        codes[1..].iter().all(|code| *code == "key_unknown_yet"),
        "{codes:?}"
    );
    for answer in flood().await {
        assert_eq!(answer.expect_err("unknown").code(), "key_unknown_yet");
    }
    assert_eq!(provider.asked(), 1);
    // A true token gets through at any time, and so does the next cool-down's one fetch.
    hear(&relying_party, &provider, &clock, &known).await;
    clock.advance(Duration::from_secs(31));
    flood().await;
    assert_eq!(provider.asked(), 2);
    assert_eq!(provider.discovered(), 2);
}

#[tokio::test]
async fn c4_after_a_rotation_the_first_token_is_heard_after_one_fetch() {
    let clock = manual_clock();
    let (old, new) = (new_key(), new_key());
    let provider = Provider::start([&old]).await;
    let relying_party = relying_party(&provider, &clock).await;
    hear(&relying_party, &provider, &clock, &old).await;
    provider.publish(vec![new.public_jwk()]);
    // Within the cool-down it is asked to come back, never refused.
    let first = token(&provider, &clock, &new);
    relying_party
        .post(&first)
        .await
        .assert_unavailable("key_unknown_yet");
    clock.advance(Duration::from_secs(30));
    relying_party.post(&first).await.assert_ok();
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn c4_after_a_rotation_a_token_without_a_kid_is_heard_too() {
    let clock = manual_clock();
    let (old, new) = (new_key(), new_key());
    let provider = Provider::start([&old]).await;
    let relying_party = relying_party(&provider, &clock).await;
    let nameless = |key: &SigningKey| token_with_header(&provider, key, &json!({"kid": ""}));
    relying_party.post(&nameless(&old)).await.assert_ok();
    provider.publish(vec![new.public_jwk()]);
    clock.advance(Duration::from_secs(30));
    relying_party.post(&nameless(&new)).await.assert_ok();
    assert_eq!(provider.asked(), 2);
    // Forgeries are refused at once while cooling down, and cost no further fetch.
    relying_party
        .post(&nameless(&new_key()))
        .await
        .assert_refused();
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn c4_a_short_rest_of_the_cool_down_is_waited_for() {
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let mut settings = KeySettings::default();
    settings.cool_down = Duration::from_millis(40);
    let set_up = BackchannelLogout::builder(&provider.issuer(), CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .in_memory()
        .key_settings(settings);
    let relying_party = RelyingParty::with(set_up).await;
    let clock = logout_shared::SystemClock;
    let now = logout_shared::Clock::now(&clock).as_secs();
    let fresh = json!({"iss": provider.issuer(), "iat": now, "exp": now + 120});
    relying_party
        .post(&sign(&key, "logout+jwt", &with(claims(), &fresh)))
        .await
        .assert_ok();
    let next = new_key();
    provider.publish(vec![next.public_jwk()]);
    let rotated = sign(&next, "logout+jwt", &with(claims(), &fresh));
    relying_party.post(&rotated).await.assert_ok();
}
