//! Which key is tried: `kid`, purposes, hostile names, places that a token names.

use super::*;

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
