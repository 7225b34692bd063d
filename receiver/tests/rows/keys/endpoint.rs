//! The key endpoint: outages, misbehaviour, hang-ups, clocks.

use super::*;

#[tokio::test]
async fn c5_an_outage_of_the_key_endpoint_leaves_the_cached_keys_in_use() {
    let (clock, key, provider, relying_party) = stage().await;
    hear(&relying_party, &provider, &clock, &key).await;
    provider.behave(Behaviour::Status(500));
    for hours in [1, 12, 10] {
        clock.advance(Duration::from_hours(hours));
        hear(&relying_party, &provider, &clock, &key).await;
        while relying_party.logout.verifier().key_state().fetching {
            tokio::task::yield_now().await;
        }
    }
    let state = relying_party.logout.verifier().key_state();
    assert!(
        !state.fresh && state.keys == 1 && state.failures == 3,
        "{state:?}"
    );
    assert!(state.last_error.expect("a reason").contains("500"));
    // After a day they count no more.
    clock.advance(Duration::from_hours(2));
    let answer = relying_party.post(&token(&provider, &clock, &key)).await;
    answer.assert_unavailable("keys_unavailable");
    provider.behave(Behaviour::Serve);
    clock.advance(Duration::from_secs(30));
    hear(&relying_party, &provider, &clock, &key).await;
}

#[tokio::test]
async fn c5_stale_keys_are_used_while_new_ones_are_on_their_way() {
    let (clock, key, provider, relying_party) = stage().await;
    hear(&relying_party, &provider, &clock, &key).await;
    clock.advance(Duration::from_mins(9));
    hear(&relying_party, &provider, &clock, &key).await;
    assert_eq!(provider.asked(), 1);
    clock.advance(Duration::from_mins(1));
    let gate = provider.hold();
    // The key endpoint does not answer, yet the token is heard at once.
    hear(&relying_party, &provider, &clock, &key).await;
    assert!(relying_party.logout.verifier().key_state().fetching);
    gate.add_permits(1);
    while relying_party.logout.verifier().key_state().fetching {
        tokio::task::yield_now().await;
    }
    assert!(relying_party.logout.verifier().key_state().fresh);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn c6_without_any_keys_the_logout_is_put_off_and_nothing_ends() {
    let clock = manual_clock();
    let key = new_key();
    let provider = Provider::start([&key]).await;
    provider.behave(Behaviour::Status(503));
    let set_up = discovering(&provider, &clock).session_of(|request| {
        let cookie = request.headers.get("cookie")?.to_str().ok()?;
        Some(cookie.strip_prefix("local=")?.into())
    });
    let relying_party = RelyingParty::with(set_up).await;
    let login = with(
        id_token("alice", "sid-1"),
        &json!({"iss": provider.issuer()}),
    );
    relying_party.log_in(&login, "browser").await;
    let logout = token(&provider, &clock, &key);
    let answer = relying_party.post(&logout).await;
    answer.assert_unavailable("keys_unavailable");
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert!(relying_party.is_live("browser").await);
    provider.behave(Behaviour::Serve);
    clock.advance(Duration::from_secs(30));
    relying_party.post(&logout).await.assert_ok();
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn c11_a_misbehaving_key_endpoint_fails_within_bounds() {
    let key = new_key();
    let keys_in_a_page = format!("<html>{}</html>", json!({"keys": [key.public_jwk()]}));
    let many_keys = json!({"keys": vec![key.public_jwk(); 101]}).to_string();
    let elsewhere = Provider::start([&key]).await;
    let behaviours = [
        Behaviour::Endless,
        Behaviour::Hang,
        Behaviour::Redirect(format!("http://{}/op/keys", elsewhere.address)),
        Behaviour::Bytes(keys_in_a_page.into_bytes()),
        Behaviour::Bytes(many_keys.into_bytes()),
        Behaviour::Bytes(vec![0xff; 1000]),
        Behaviour::Bytes(Vec::new()),
        Behaviour::Status(204),
        Behaviour::Status(404),
    ];
    let clock = manual_clock();
    for behaviour in behaviours {
        let provider = Provider::start([&key]).await;
        provider.behave(behaviour);
        let mut settings = hasty();
        settings.fetch_time_limit = Duration::from_millis(300);
        let set_up = discovering(&provider, &clock).key_settings(settings);
        let relying_party = RelyingParty::with(set_up).await;
        let logout = token(&provider, &clock, &key);
        relying_party
            .post(&logout)
            .await
            .assert_unavailable("keys_unavailable");
        assert_eq!(relying_party.logout.verifier().key_state().failures, 1);
    }
    assert_eq!(elsewhere.asked(), 0, "redirects are not followed");
}

#[tokio::test]
async fn c11_keys_do_not_come_over_plain_http_from_elsewhere() {
    // An address that only documentation may use: nothing would answer, and nothing is asked.
    let set_up = BackchannelLogout::builder("http://192.0.2.1/op", CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .in_memory()
        .clock(manual_clock());
    let relying_party = RelyingParty::with(set_up).await;
    let claims = with(claims(), &json!({"iss": "http://192.0.2.1/op"}));
    let answer = relying_party
        .post(&sign(&new_key(), "logout+jwt", &claims))
        .await;
    answer.assert_unavailable("keys_unavailable");
    let reason = relying_party
        .logout
        .verifier()
        .key_state()
        .last_error
        .expect("a reason");
    assert!(
        reason.contains("neither https nor on the loopback"),
        "{reason}"
    );
}

#[tokio::test]
async fn c11_the_discovery_document_must_be_this_issuers() {
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let other_name = format!("{}/", provider.issuer());
    let set_up = BackchannelLogout::builder(&other_name, CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .in_memory()
        .clock(manual_clock());
    let relying_party = RelyingParty::with(set_up).await;
    let claims = with(claims(), &json!({"iss": other_name}));
    let answer = relying_party.post(&sign(&key, "logout+jwt", &claims)).await;
    answer.assert_unavailable("keys_unavailable");
    assert_eq!(provider.asked(), 0);
}

#[tokio::test]
async fn c15_a_sender_who_hangs_up_does_not_stop_the_fetch() {
    let clock = manual_clock();
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let gate = provider.hold();
    let relying_party = relying_party(&provider, &clock).await;
    let impatient = {
        let (logout, token) = (relying_party.logout.clone(), token(&provider, &clock, &key));
        tokio::spawn(async move { logout.receive(&token).await })
    };
    while provider.asked() == 0 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    gate.add_permits(1);
    hear(&relying_party, &provider, &clock, &key).await;
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_fixed_key_address_needs_no_discovery() {
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let address = format!("{}/keys", provider.issuer());
    let set_up = discovering(&provider, &manual_clock()).jwks_uri(&address);
    let relying_party = RelyingParty::with(set_up).await;
    relying_party
        .post(&token(&provider, &manual_clock(), &key))
        .await
        .assert_ok();
    assert_eq!((provider.asked(), provider.discovered()), (1, 0));
}

#[tokio::test]
async fn a_wall_clock_that_jumps_back_neither_blocks_fetches_nor_forgets_keys() {
    let clock = manual_clock();
    let (old, new) = (new_key(), new_key());
    let provider = Provider::start([&old]).await;
    let relying_party = relying_party(&provider, &clock).await;
    hear(&relying_party, &provider, &clock, &old).await;
    clock.set(logout_shared::Clock::now(&clock) - Duration::from_hours(48));
    hear(&relying_party, &provider, &clock, &old).await;
    while relying_party.logout.verifier().key_state().fetching {
        tokio::task::yield_now().await;
    }
    provider.publish(vec![new.public_jwk()]);
    clock.advance(Duration::from_secs(30));
    hear(&relying_party, &provider, &clock, &new).await;
}
