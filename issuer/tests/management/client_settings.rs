//! Back-channel logout settings of a client over the API, and its other properties.

use serde_json::{Value, json};

use crate::api::{Answer, Api};

async fn create(api: &Api, mut body: Value) -> Answer {
    body["name"] = json!("Shop");
    api.call("create:clients", "POST /clients", body).await
}

async fn made(api: &Api, body: Value) -> Value {
    create(api, body).await.expect(201)
}

async fn patch(api: &Api, made: &Value, body: Value) -> Answer {
    let line = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    api.call("update:clients", &line, body).await
}

/// The message of a refusal whose property is named.
async fn refusal(api: &Api, body: Value) -> String {
    let answer = create(api, body).await.expect(400);
    assert_eq!(answer["errorCode"], "invalid_body");
    answer["message"].as_str().unwrap().to_owned()
}

/// The seed's body, word for word.
fn seed() -> Value {
    json!({
        "backchannel_logout_initiators": { "mode": "all" },
        "backchannel_logout_urls": [
            "https://httpdump.app/inspect/9bccf574-e55f-4b2e-9822-f37372588fc1"
        ],
        "backchannel_logout_session_metadata": { "include": true }
    })
}

#[tokio::test]
async fn g22_the_seeds_body_is_taken_under_both_names_and_told_under_both() {
    let api = Api::start().await;
    for name in ["oidc_backchannel_logout", "oidc_logout"] {
        let client = made(&api, json!({})).await;
        let answer = patch(&api, &client, json!({name: seed()}))
            .await
            .expect(200);
        assert_eq!(answer["oidc_logout"], seed());
        let urls = json!({"backchannel_logout_urls": seed()["backchannel_logout_urls"]});
        assert_eq!(answer["oidc_backchannel_logout"], urls);
        // What was read can be sent back with one member changed.
        let mut again = json!({
            "oidc_logout": answer["oidc_logout"],
            "oidc_backchannel_logout": answer["oidc_backchannel_logout"],
        });
        again["oidc_logout"]["backchannel_logout_session_metadata"]["include"] = json!(false);
        let answer = patch(&api, &client, again).await.expect(200);
        let include = &answer["oidc_logout"]["backchannel_logout_session_metadata"]["include"];
        assert_eq!(include, &json!(false));
    }
}

#[tokio::test]
async fn two_names_that_differ_are_refused() {
    let api = Api::start().await;
    let client = made(&api, json!({})).await;
    for other in [json!({"backchannel_logout_urls": []}), json!(null)] {
        let body = json!({"oidc_logout": seed(), "oidc_backchannel_logout": other});
        let answer = patch(&api, &client, body).await.expect(400);
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains("on property oidc_backchannel_logout ("),
            "{message}"
        );
    }
    let body = json!({"oidc_logout": seed(), "oidc_backchannel_logout": seed()});
    patch(&api, &client, body).await.expect(200);
}

#[tokio::test]
async fn null_under_either_name_removes_both() {
    let api = Api::start().await;
    for name in ["oidc_backchannel_logout", "oidc_logout"] {
        let client = made(&api, json!({"oidc_logout": seed()})).await;
        let answer = patch(&api, &client, json!({name: null})).await.expect(200);
        for gone in ["oidc_backchannel_logout", "oidc_logout"] {
            assert!(answer.get(gone).is_none(), "{gone}");
        }
    }
}

#[tokio::test]
async fn the_setting_is_replaced_as_a_whole() {
    let api = Api::start().await;
    let client = made(&api, json!({"oidc_logout": seed()})).await;
    let urls = json!({"backchannel_logout_urls": ["https://a.example/out"]});
    let answer = patch(&api, &client, json!({"oidc_logout": urls}))
        .await
        .expect(200);
    assert_eq!(answer["oidc_logout"], urls);
}

#[tokio::test]
async fn g22_initiators_come_back_in_their_order() {
    let api = Api::start().await;
    let all = [
        "session-revoked",
        "rp-logout",
        "profile-changed",
        "idp-logout",
        "password-changed",
        "session-expired",
        "account-deleted",
        "email-identifier-changed",
        "mfa-phone-unenrolled",
        "account-deactivated",
    ];
    for chosen in [&all[..], &all[..1], &[]] {
        let initiators = json!({"mode": "custom", "selected_initiators": chosen});
        let body = json!({"oidc_logout": {"backchannel_logout_initiators": initiators}});
        let client = made(&api, body).await;
        assert_eq!(
            client["oidc_logout"]["backchannel_logout_initiators"],
            initiators
        );
    }
    let initiators = json!({"mode": "all", "selected_initiators": ["rp-logout"]});
    let body = json!({"oidc_logout": {"backchannel_logout_initiators": initiators}});
    let client = made(&api, body).await;
    assert_eq!(
        client["oidc_logout"]["backchannel_logout_initiators"],
        json!({"mode": "all"})
    );
}

#[tokio::test]
async fn wrong_initiators_are_refused() {
    let api = Api::start().await;
    for (initiators, told) in [
        (
            json!({"mode": "custom", "selected_initiators": ["rp_logout"]}),
            "known are rp-logout",
        ),
        (
            json!({"mode": "custom"}),
            "Missing required property: selected_initiators",
        ),
        (
            json!({"selected_initiators": ["rp-logout"]}),
            "Missing required property: mode",
        ),
        (json!({"mode": "some"}), "No enum match for: some"),
        (
            json!({"mode": "all", "also": 1}),
            "Additional properties not allowed: also",
        ),
        (
            json!({"mode": "custom", "selected_initiators": ["rp-logout", "rp-logout"]}),
            "Array items are not unique (indexes 0 and 1)",
        ),
        (json!("all"), "Expected type object but found type string"),
    ] {
        let body = json!({"oidc_logout": {"backchannel_logout_initiators": initiators}});
        let message = refusal(&api, body).await;
        assert!(message.contains(told), "{message}");
        assert!(message.contains("on property oidc_logout.backchannel_logout_initiators"));
    }
}

#[tokio::test]
async fn g18_g19_urls_that_break_a_rule_are_refused_by_name() {
    let api = Api::start().await;
    let long = format!("https://a.example/{}", "x".repeat(2048));
    for (url, told) in [
        ("http://a.example/out", "URL must use https"),
        ("ftp://a.example/out", "URL must use https"),
        ("https://a.example/out#top", "URL must not have a fragment"),
        (
            "https://user:pass@a.example/out",
            "URL must not have a user name or password",
        ),
        ("/out", "URL must be an absolute URL"),
        ("", "URL must be an absolute URL"),
        (&long, "URL must be at most 2048 bytes"),
        ("https://127.0.0.1/out", "URL is refused"),
        ("https://10.0.0.1/out", "URL is refused"),
        ("https://169.254.169.254/out", "URL is refused"),
        ("https://[::1]/out", "URL is refused"),
        ("https://2130706433/out", "URL is refused"),
        ("https://0x7f.1/out", "URL is refused"),
    ] {
        let urls = json!(["https://a.example/first", url]);
        for name in ["oidc_logout", "oidc_backchannel_logout"] {
            let message = refusal(&api, json!({name: {"backchannel_logout_urls": urls}})).await;
            assert!(
                message.starts_with(&format!("Payload validation error: '{told}")),
                "{message}"
            );
            let path = format!("on property {name}.backchannel_logout_urls[1] (");
            assert!(
                message.contains(&path) && !message.contains("pass@"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn g18_g19_http_and_this_host_are_for_development() {
    let api = Api::start_for_development().await;
    let urls = json!({"backchannel_logout_urls": ["http://127.0.0.1:3000/out"]});
    let client = made(&api, json!({"oidc_logout": urls})).await;
    assert_eq!(client["oidc_logout"], urls);
    let urls = json!({"backchannel_logout_urls": ["http://169.254.169.254/out"]});
    assert!(
        refusal(&api, json!({"oidc_logout": urls}))
            .await
            .contains("URL is refused")
    );
}

#[tokio::test]
async fn a_client_has_up_to_ten_urls_each_once() {
    let api = Api::start().await;
    let urls = |count: usize| {
        let urls: Vec<_> = (0..count)
            .map(|n| format!("https://a.example/{n}"))
            .collect();
        json!({"oidc_logout": {"backchannel_logout_urls": urls}})
    };
    assert_eq!(
        made(&api, urls(10)).await["oidc_logout"],
        urls(10)["oidc_logout"]
    );
    assert!(
        refusal(&api, urls(11))
            .await
            .contains("Array is too long (11), maximum 10")
    );
    let twice = json!({"backchannel_logout_urls": ["https://a.example/", "https://a.example/"]});
    assert!(
        refusal(&api, json!({"oidc_logout": twice}))
            .await
            .contains("not unique")
    );
}

#[tokio::test]
async fn g22_g27_delivery_settings_come_back_and_have_ranges() {
    let api = Api::start().await;
    let full = json!({
        "token_type": "JWT", "lifetime_seconds": 30, "subject": "never", "session_required": true,
        "subject_logout": true, "wait_ms": 0, "timeout_ms": 10_000,
    });
    let body = json!({"oidc_logout": {"backchannel_logout_urls": [], "delivery": full}});
    let client = made(&api, body.clone()).await;
    assert_eq!(client["oidc_logout"], body["oidc_logout"]);
    for (member, good, bad) in [
        ("lifetime_seconds", json!(30), json!(29)),
        ("lifetime_seconds", json!(120), json!(121)),
        ("wait_ms", json!(5_000), json!(5_001)),
        ("wait_ms", json!(0), json!(-1)),
        ("timeout_ms", json!(500), json!(499)),
        ("timeout_ms", json!(10_000), json!(10_001)),
        ("lifetime_seconds", json!(60), json!(60.5)),
        ("subject", json!("always"), json!("sometimes")),
        ("token_type", json!("logout+jwt"), json!("jwt")),
        ("session_required", json!(true), json!("true")),
        ("subject_logout", json!(true), json!(1)),
    ] {
        made(&api, json!({"oidc_logout": {"delivery": {member: good}}})).await;
        let message = refusal(&api, json!({"oidc_logout": {"delivery": {member: bad}}})).await;
        let path = format!("on property oidc_logout.delivery.{member} (");
        assert!(message.contains(&path), "{message}");
    }
    let message = refusal(&api, json!({"oidc_logout": {"delivery": {"retries": 3}}})).await;
    assert!(
        message.contains("Additional properties not allowed: retries"),
        "{message}"
    );
}

#[tokio::test]
async fn g22_a_client_that_is_read_and_written_back_keeps_every_logout_setting() {
    let api = Api::start().await;
    let logout = json!({
        "backchannel_logout_urls": ["https://a.example/out?tenant=1", "https://b.example/out"],
        "backchannel_logout_initiators":
            {"mode": "custom", "selected_initiators": ["account-deleted", "rp-logout"]},
        "backchannel_logout_session_metadata": {"include": true},
        "delivery": {
            "token_type": "JWT", "lifetime_seconds": 31, "subject": "always",
            "session_required": true, "subject_logout": true, "wait_ms": 1, "timeout_ms": 501,
        },
    });
    let body = json!({"oidc_logout": logout, "jwt_configuration": {"alg": "ES256"}});
    let client = made(&api, body).await;
    let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
    let read = || async { api.get("read:clients", &path).await.expect(200) };
    let before = read().await;
    assert_eq!(before["oidc_logout"], logout);
    // Another property alone, and all that can be changed as it was read.
    patch(&api, &client, json!({"description": "d"}))
        .await
        .expect(200);
    let names = [
        "name",
        "oidc_logout",
        "oidc_backchannel_logout",
        "jwt_configuration",
        "callbacks",
    ];
    let mut whole: Value = names
        .iter()
        .map(|name| (*name, before[name].clone()))
        .collect();
    whole["description"] = json!("e");
    whole
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    patch(&api, &client, whole).await.expect(200);
    let mut after = read().await;
    assert_eq!(after["description"], "e");
    after.as_object_mut().unwrap().remove("description");
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_misspelt_member_of_the_setting_is_refused() {
    let api = Api::start().await;
    let body = json!({"oidc_logout": {"backchannel_logout_url": "https://a.example/"}});
    let message = refusal(&api, body).await;
    assert!(message.contains("Additional properties not allowed: backchannel_logout_url"));
    let body = json!({"oidc_logout": {"backchannel_logout_session_metadata": {"include": "yes"}}});
    assert!(
        refusal(&api, body)
            .await
            .contains("Expected type boolean but found type string")
    );
}

#[tokio::test]
async fn g5_g22_algorithms_are_chosen_under_either_name() {
    let api = Api::start().await;
    let client = made(
        &api,
        json!({"jwt_configuration": {"alg": "PS256", "lifetime_in_seconds": 60}}),
    )
    .await;
    let wanted = json!({"alg": "PS256", "lifetime_in_seconds": 60, "secret_encoded": false});
    assert_eq!(client["jwt_configuration"], wanted);
    assert!(client.get("id_token_signed_response_alg").is_none());
    let client = made(&api, json!({"id_token_signed_response_alg": "ES256"})).await;
    assert_eq!(client["id_token_signed_response_alg"], "ES256");
    assert_eq!(client["jwt_configuration"]["alg"], "ES256");
    let body = json!({"jwt_configuration": {"alg": "RS256"}});
    let answer = patch(&api, &client, body).await.expect(200);
    assert_eq!(
        answer["id_token_signed_response_alg"], "RS256",
        "both names follow"
    );
    let body = json!({
        "jwt_configuration": {"alg": "RS256"}, "id_token_signed_response_alg": "ES256",
    });
    assert!(
        refusal(&api, body)
            .await
            .contains("It differs from jwt_configuration.alg")
    );
}

#[tokio::test]
async fn g5_secrets_do_not_sign_and_unknown_algorithms_are_refused() {
    let api = Api::start().await;
    for name in ["HS256", "HS512"] {
        let message = refusal(&api, json!({"jwt_configuration": {"alg": name}})).await;
        let told = format!(
            "'{name} is not offered: tokens are signed with a private key only' on \
                            property jwt_configuration.alg ("
        );
        assert!(message.contains(&told), "{message}");
    }
    for name in ["none", "rs256", "EdDSA", "RS512"] {
        let message = refusal(&api, json!({"id_token_signed_response_alg": name})).await;
        let told = format!("No enum match for: {name}; known are RS256, PS256, ES256");
        assert!(message.contains(&told), "{message}");
    }
}

#[tokio::test]
async fn grants_and_methods_are_checked() {
    let api = Api::start().await;
    let grants = json!(["client_credentials"]);
    let client = made(&api, json!({"grant_types": grants})).await;
    assert_eq!(client["grant_types"], grants);
    assert!(
        refusal(&api, json!({"grant_types": []}))
            .await
            .contains("minimum 1")
    );
    assert!(
        refusal(&api, json!({"grant_types": ["magic"]}))
            .await
            .contains("grant_types[0]")
    );
    for method in ["client_secret_post", "client_secret_basic"] {
        let client = made(&api, json!({"token_endpoint_auth_method": method})).await;
        assert_eq!(client["token_endpoint_auth_method"], method);
    }
    let message = refusal(&api, json!({"token_endpoint_auth_method": "tls"})).await;
    assert!(message.contains("known are none, client_secret_post, client_secret_basic"));
}

#[tokio::test]
async fn g22_everything_an_sdk_may_send_comes_back() {
    let api = Api::start().await;
    let body = json!({
        "name": "Shop",
        "description": "d",
        "logo_uri": "https://a.example/logo.png",
        "callbacks": ["https://a.example/cb"],
        "oidc_logout": seed(),
        "session_transfer": {"can_create_session_transfer_token": true},
        "allowed_origins": ["https://a.example"],
        "web_origins": ["https://a.example"],
        "client_aliases": ["urn:a"],
        "allowed_clients": ["x"],
        "allowed_logout_urls": ["https://a.example/"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "is_token_endpoint_ip_header_trusted": true,
        "app_type": "regular_web",
        "is_first_party": false,
        "oidc_conformant": false,
        "jwt_configuration": {"lifetime_in_seconds": 3600, "secret_encoded": true, "scopes": {}, "alg": "PS256"},
        "encryption_key": {"pub": "p", "cert": "c", "subject": "s"},
        "sso": true,
        "cross_origin_authentication": true,
        "cross_origin_loc": "https://a.example/co",
        "sso_disabled": true,
        "custom_login_page_on": false,
        "custom_login_page": "<p>",
        "custom_login_page_preview": "<p>",
        "form_template": "<form>",
        "addons": {"samlp": {"a": 1}},
        "client_metadata": {"k": "v"},
        "mobile": {"ios": {"team_id": "t"}},
        "initiate_login_uri": "https://a.example/login",
        "native_social_login": {"apple": {"enabled": true}},
        "fedcm_login": {"google": {"is_enabled": true}},
        "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 3},
        "default_organization": {"flows": ["client_credentials"], "organization_id": "o"},
        "organization_usage": "allow",
        "organization_require_behavior": "no_prompt",
        "organization_discovery_methods": ["email"],
        "client_authentication_methods": {"private_key_jwt": {"credentials": []}},
        "require_pushed_authorization_requests": true,
        "require_proof_of_possession": true,
        "signed_request_object": {"required": true},
        "token_vault_privileged_access": {"credentials": []},
        "compliance_level": "none",
        "skip_non_verifiable_callback_uri_confirmation_prompt": true,
        "token_exchange": {"allow_any_profile_of_type": ["custom_authentication"]},
        "par_request_expiry": 30,
        "token_quota": {"client_credentials": {"per_day": 1}},
        "resource_server_identifier": "urn:rs",
        "identity_assertion_authorization_grant": {"a": true},
        "anonymous_sessions": {"a": true},
        "third_party_security_mode": "strict",
        "redirection_policy": "p",
        "express_configuration": {"a": 1},
        "b2b_integration_configuration": {"a": 1},
        "my_organization_configuration": {"a": 1},
        "async_approval_notification_channels": ["email"],
    });
    let scopes = "create:clients read:client_keys read:clients";
    let client = api
        .call(scopes, "POST /clients", body.clone())
        .await
        .expect(201);
    let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
    let read = api.get(scopes, &path).await.expect(200);
    assert_eq!(read, client);
    for (name, sent) in body.as_object().unwrap() {
        assert_eq!(&read[name], sent, "{name}");
    }
}
