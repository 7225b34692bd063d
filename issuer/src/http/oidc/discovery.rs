//! `/.well-known/openid-configuration`: what this issuer is and can do (OpenID Connect Discovery).

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use logout_shared::discovery::ProviderMetadata;
use serde_json::{Value, json};
use url::Url;

use super::{AUTHORIZE, END_SESSION, JWKS, REVOKE, TOKEN, USERINFO, endpoint};
use crate::domain::signing_key::SigningKeyState;
use crate::domain::token_encryption::{ContentEncryption, KeyManagement};
use crate::http::pages;
use crate::issuer::Issuer;
use crate::login::authorize::{REFRESH_SCOPES, USER_SCOPES};
use crate::login::client_assertion;
use crate::login::profile;

/// The endpoint.
pub(super) async fn show(State(issuer): State<Issuer>) -> Response {
    match document(&issuer) {
        Ok(document) => {
            // Public, and read by apps that live in the browser.
            let headers = [
                (CACHE_CONTROL, "public, max-age=3600"),
                (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, Json(document)).into_response()
        }
        Err(error) => pages::failure_page(issuer.id(), &*error),
    }
}

fn document(issuer: &Issuer) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let at = |path| endpoint(issuer.id(), path).parse::<Url>();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut metadata = ProviderMetadata::new(issuer.id().clone(), at(JWKS)?);
    metadata.authorization_endpoint = Some(at(AUTHORIZE)?);
    metadata.token_endpoint = Some(at(TOKEN)?);
    metadata.revocation_endpoint = Some(at(REVOKE)?);
    metadata.userinfo_endpoint = Some(at(USERINFO)?);
    if issuer.tenant_settings().shows_sign_out() {
        metadata.end_session_endpoint = Some(at(END_SESSION)?);
    }
    metadata.backchannel_logout_supported = true;
    metadata.backchannel_logout_session_supported = true;
    metadata.id_token_signing_alg_values_supported = algorithms(issuer);
    let scopes = USER_SCOPES.into_iter().chain(REFRESH_SCOPES);
    metadata.scopes_supported = words(&scopes.collect::<Vec<_>>());
    metadata.response_types_supported = words(&["code"]);
    metadata.response_modes_supported = words(&["query", "form_post"]);
    metadata.grant_types_supported =
        words(&["authorization_code", "refresh_token", "client_credentials"]);
    metadata.subject_types_supported = words(&["public"]);
    metadata.token_endpoint_auth_methods_supported = words(&[
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]);
    metadata.code_challenge_methods_supported = words(&["S256"]);
    metadata.claims_supported = [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "sid",
    ]
    .into_iter()
    .chain(profile::claim_names())
    .map(str::to_owned)
    .collect();
    let mut document = serde_json::to_value(metadata)?;
    // Left out, this one would mean yes (OpenID Connect Discovery §3).
    document["request_uri_parameter_supported"] = json!(false);
    if cfg!(feature = "jwe") {
        document["id_token_encryption_alg_values_supported"] = json!(KeyManagement::NAMES);
        document["id_token_encryption_enc_values_supported"] = json!(ContentEncryption::NAMES);
    }
    document["token_endpoint_auth_signing_alg_values_supported"] =
        json!(client_assertion::ALGORITHMS);
    // RFC 8414: clients prove themselves at both endpoints alike.
    for what in ["methods", "signing_alg_values"] {
        let token = document[format!("token_endpoint_auth_{what}_supported")].clone();
        document[format!("revocation_endpoint_auth_{what}_supported")] = token;
    }
    document["request_parameter_supported"] = json!(false);
    document["claims_parameter_supported"] = json!(false);
    document["prompt_values_supported"] = json!(["none", "login", "consent", "select_account"]);
    // RFC 9207
    document["authorization_response_iss_parameter_supported"] = json!(true);
    Ok(document)
}

/// Those that a key signs with now.
fn algorithms(issuer: &Issuer) -> Vec<String> {
    let mut names: Vec<String> = issuer
        .keys()
        .records()
        .iter()
        .filter(|key| key.state == SigningKeyState::Current)
        .map(|key| key.algorithm.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}
