//! Rows C: whose keys count, when they are fetched, and what a key endpoint may do to us.

use std::time::Duration;

use base64::Engine as _;
use futures_util::future::join_all;
use logout_receiver::{BackchannelLogout, Builder, KeySettings, SigningAlgorithm};
use logout_shared::ManualClock;
use logout_shared::jwk::SigningKey;
use serde_json::{Map, Value, json};

use crate::support::{
    Behaviour, CLIENT, Provider, RelyingParty, claims, id_token, manual_clock, sign, with,
};

fn new_key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::Es256).expect("a key")
}

/// Key settings under which nothing is waited for.
fn hasty() -> KeySettings {
    let mut settings = KeySettings::default();
    settings.cool_down_wait = Duration::ZERO;
    settings
}

fn discovering(provider: &Provider, clock: &ManualClock) -> Builder {
    BackchannelLogout::builder(&provider.issuer(), CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .in_memory()
        .clock(clock.clone())
        .key_settings(hasty())
}

async fn relying_party(provider: &Provider, clock: &ManualClock) -> RelyingParty {
    RelyingParty::with(discovering(provider, clock)).await
}

/// A good token of this provider, signed with this key, issued now.
fn token(provider: &Provider, clock: &ManualClock, key: &SigningKey) -> String {
    sign(key, "logout+jwt", &fresh(provider, clock))
}

fn fresh(provider: &Provider, clock: &ManualClock) -> Value {
    let now = logout_shared::Clock::now(clock).as_secs();
    with(
        claims(),
        &json!({"iss": provider.issuer(), "iat": now, "exp": now + 120}),
    )
}

/// The same, with other header members; `kid: ""` stands for none.
fn token_with_header(provider: &Provider, key: &SigningKey, header: &Value) -> String {
    let mut header = header.as_object().cloned().expect("an object");
    let payload = fresh(provider, &manual_clock()).to_string();
    if header.get("kid") == Some(&json!("")) {
        header.remove("kid");
        header.insert("alg".into(), key.algorithm().as_str().into());
        let header = Value::Object(header).to_string();
        return key
            .sign_raw(header.as_bytes(), payload.as_bytes())
            .expect("signs");
    }
    key.sign_with_header("logout+jwt", &header, payload.as_bytes())
        .expect("signs")
}

#[tokio::test]
async fn c1_without_a_kid_every_fitting_key_is_tried() {
    let (first, second) = (new_key(), new_key());
    let other_kind = SigningKey::generate(SigningAlgorithm::EdDsa).expect("a key");
    let provider = Provider::start([&other_kind, &first, &second]).await;
    let relying_party = relying_party(&provider, &manual_clock()).await;
    for key in [&first, &second] {
        let token = token_with_header(&provider, key, &json!({"kid": ""}));
        relying_party.post(&token).await.assert_ok();
    }
    let foreign = token_with_header(&provider, &new_key(), &json!({"kid": ""}));
    relying_party.post(&foreign).await.assert_refused();
}

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
    relying_party
        .post(&token(&provider, &clock, &new))
        .await
        .assert_ok();
}

#[tokio::test]
async fn c3_c15_a_flood_of_unknown_kids_costs_one_fetch_per_cool_down() {
    let clock = manual_clock();
    let known = new_key();
    let provider = Provider::start([&known]).await;
    let relying_party = relying_party(&provider, &clock).await;
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
    relying_party
        .post(&token(&provider, &clock, &known))
        .await
        .assert_ok();
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
    relying_party
        .post(&token(&provider, &clock, &old))
        .await
        .assert_ok();
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

#[tokio::test]
async fn c5_an_outage_of_the_key_endpoint_leaves_the_cached_keys_in_use() {
    let clock = manual_clock();
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let relying_party = relying_party(&provider, &clock).await;
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
    provider.behave(Behaviour::Status(500));
    for hours in [1, 12, 10] {
        clock.advance(Duration::from_hours(hours));
        relying_party
            .post(&token(&provider, &clock, &key))
            .await
            .assert_ok();
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
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
}

#[tokio::test]
async fn c5_stale_keys_are_used_while_new_ones_are_on_their_way() {
    let clock = manual_clock();
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let relying_party = relying_party(&provider, &clock).await;
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
    clock.advance(Duration::from_mins(9));
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
    assert_eq!(provider.asked(), 1);
    clock.advance(Duration::from_mins(1));
    let gate = provider.hold();
    // The key endpoint does not answer, yet the token is heard at once.
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
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
async fn c7_two_keys_with_one_kid_are_both_tried() {
    let (first, second) = (new_key(), new_key());
    let named = |key: &SigningKey| with(key.public_jwk(), &json!({"kid": "same"}));
    let provider = Provider::start([]).await;
    provider.publish(vec![named(&first), named(&second)]);
    let relying_party = relying_party(&provider, &manual_clock()).await;
    for key in [&second, &first] {
        let token = token_with_header(&provider, key, &json!({"kid": "same"}));
        relying_party.post(&token).await.assert_ok();
    }
    let third = token_with_header(&provider, &new_key(), &json!({"kid": "same"}));
    relying_party.post(&third).await.assert_refused();
}

#[tokio::test]
async fn c8_c9_c13_keys_for_other_purposes_are_not_used() {
    let key = new_key();
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";
    let unfit = [
        with(key.public_jwk(), &json!({"use": "enc"})),
        with(
            key.public_jwk(),
            &json!({"use": null, "key_ops": ["encrypt"]}),
        ),
        with(key.public_jwk(), &json!({"alg": "ES512"})),
        json!({"kty": "oct", "k": secret, "kid": key.kid(), "alg": "ES256"}),
    ];
    for jwk in unfit {
        let provider = Provider::start([]).await;
        provider.publish(vec![jwk]);
        let relying_party = relying_party(&provider, &manual_clock()).await;
        let token = token(&provider, &manual_clock(), &key);
        relying_party.post(&token).await.assert_refused();
    }
}

#[tokio::test]
async fn c10_a_hostile_kid_is_simply_unknown() {
    let key = new_key();
    for kid in [
        "../../../../etc/passwd",
        "nul\u{0}byte",
        "' OR '1'='1",
        "http://127.0.0.1:1/keys",
        "file:///dev/zero",
        "${jndi:ldap://x}",
    ] {
        let provider = Provider::start([&key]).await;
        let relying_party = relying_party(&provider, &manual_clock()).await;
        let token = token_with_header(&provider, &key, &json!({"kid": kid}));
        relying_party.post(&token).await.assert_refused();
        assert_eq!((provider.asked(), provider.others()), (1, 0), "{kid}");
    }
    let provider = Provider::start([&key]).await;
    let relying_party = relying_party(&provider, &manual_clock()).await;
    let long = token_with_header(&provider, &key, &json!({"kid": "k".repeat(10_000)}));
    relying_party.post(&long).await.assert_refused();
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
async fn c12_a_broken_key_does_not_hide_the_good_one_beside_it() {
    let key = new_key();
    let provider = Provider::start([]).await;
    provider.publish(vec![
        json!({"kid": "no kty"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQ"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!(7),
        key.public_jwk(),
        json!({"kty": "EC", "crv": "P-256", "x": 1}),
    ]);
    let relying_party = relying_party(&provider, &manual_clock()).await;
    relying_party
        .post(&token(&provider, &manual_clock(), &key))
        .await
        .assert_ok();
    let state = relying_party.logout.verifier().key_state();
    assert_eq!((state.keys, state.skipped), (1, 5));
}

#[tokio::test]
async fn c14_keys_never_come_from_where_the_token_says() {
    let (ours, theirs) = (new_key(), new_key());
    let provider = Provider::start([&ours]).await;
    let attacker = Provider::start([&theirs]).await;
    let relying_party = relying_party(&provider, &manual_clock()).await;
    let by_iss = with(
        fresh(&provider, &manual_clock()),
        &json!({"iss": attacker.issuer()}),
    );
    relying_party
        .post(&sign(&theirs, "logout+jwt", &by_iss))
        .await
        .assert_refused();
    let keys = format!("{}/keys", attacker.issuer());
    let certificate = base64::engine::general_purpose::STANDARD.encode("a certificate");
    for header in [
        json!({"jku": keys}),
        json!({"x5u": keys}),
        json!({"jwk": theirs.public_jwk()}),
        json!({"x5c": [certificate]}),
    ] {
        let token = token_with_header(&provider, &theirs, &header);
        relying_party.post(&token).await.assert_refused();
    }
    let asked = (attacker.asked(), attacker.discovered(), attacker.others());
    assert_eq!(asked, (0, 0, 0));
    assert!(provider.asked() <= 1);
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
    relying_party
        .post(&token(&provider, &clock, &key))
        .await
        .assert_ok();
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
    relying_party
        .post(&token(&provider, &clock, &old))
        .await
        .assert_ok();
    clock.set(logout_shared::Clock::now(&clock) - Duration::from_hours(48));
    relying_party
        .post(&token(&provider, &clock, &old))
        .await
        .assert_ok();
    while relying_party.logout.verifier().key_state().fetching {
        tokio::task::yield_now().await;
    }
    provider.publish(vec![new.public_jwk()]);
    clock.advance(Duration::from_secs(30));
    relying_party
        .post(&token(&provider, &clock, &new))
        .await
        .assert_ok();
}

#[tokio::test]
async fn an_unsigned_header_is_no_way_in() {
    let key = new_key();
    let provider = Provider::start([&key]).await;
    let relying_party = relying_party(&provider, &manual_clock()).await;
    let header: Map<String, Value> = json!({"alg": "none"})
        .as_object()
        .cloned()
        .expect("an object");
    let payload = fresh(&provider, &manual_clock()).to_string();
    let token = key
        .sign_with_header("logout+jwt", &header, payload.as_bytes())
        .expect("signs");
    relying_party.post(&token).await.assert_refused();
    assert_eq!(provider.asked(), 0, "refused before any key is needed");
}
