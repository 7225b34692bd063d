//! A relying party from another hand: the `openidconnect` crate signs in through us.

use axum::body::Body;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl,
    RevocationUrl, Scope, TokenResponse as _,
};

use crate::house::{CALLBACK, EMAIL, House, PASSWORD, SECRET};

async fn exchange(house: &House, request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let reply = house.send(request.map(Body::from)).await;
    let mut response = axum::http::Response::new(reply.body.into_bytes());
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

#[tokio::test]
async fn the_openidconnect_crate_signs_ada_in() {
    let house = House::open().await;
    let http = |request| exchange(&house, request);
    let issuer = IssuerUrl::new("https://id.example/".to_owned()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &http)
        .await
        .expect("discovery");
    let secret = ClientSecret::new(SECRET.to_owned());
    let id = ClientId::new("shop".to_owned());
    let app = CoreClient::from_provider_metadata(metadata, id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = app
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("email".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .set_pkce_challenge(challenge)
        .url();

    let mut browser = house.browser();
    let page = browser.get(url.as_str()).await;
    let page = browser.follow(&page).await;
    let answer = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert_eq!(&answer.parameter("state"), state.secret());

    let code = AuthorizationCode::new(answer.parameter("code"));
    let tokens = app
        .exchange_code(code)
        .expect("a token endpoint")
        .set_pkce_verifier(verifier)
        .request_async(&http)
        .await
        .expect("tokens");
    let id_token = tokens.id_token().expect("an ID Token");
    // The house stands in another time than the crate's clock.
    let now = chrono::DateTime::from_timestamp_millis(house.issuer.now().as_millis()).unwrap();
    let verifier = app.id_token_verifier().set_time_fn(move || now);
    let claims = id_token.claims(&verifier, &nonce).expect("a good ID Token");
    assert_eq!(claims.subject().as_str(), house.ada.id.as_str());
    assert_eq!(claims.email().map(|email| email.as_str()), Some(EMAIL));
    let expected = claims.access_token_hash().expect("an at_hash");
    let signature = (
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&verifier).unwrap(),
    );
    let found = AccessTokenHash::from_token(tokens.access_token(), signature.0, signature.1);
    assert_eq!(&found.unwrap(), expected);
    let info: CoreUserInfoClaims = app
        .user_info(
            tokens.access_token().clone(),
            Some(claims.subject().clone()),
        )
        .expect("a userinfo endpoint")
        .request_async(&http)
        .await
        .expect("userinfo");
    assert_eq!(info.email().map(|email| email.as_str()), Some(EMAIL));

    let refresh_token = tokens.refresh_token().expect("a refresh token");
    let refreshed = app
        .exchange_refresh_token(refresh_token)
        .expect("a token endpoint")
        .request_async(&http)
        .await
        .expect("new tokens");
    let id_token = refreshed.id_token().expect("an ID Token");
    // OpenID Connect Core §12.2: it has no nonce.
    let no_nonce = |nonce: Option<&Nonce>| match nonce {
        None => Ok(()),
        Some(_) => Err("a nonce".to_owned()),
    };
    let again = id_token.claims(&verifier, no_nonce);
    let again = again.expect("a good ID Token");
    assert_eq!(again.subject(), claims.subject());
    assert_eq!(again.auth_time(), claims.auth_time());

    let latest = refreshed.refresh_token().expect("the next token").clone();
    let revoke = RevocationUrl::new(house.url("/oauth/revoke")).unwrap();
    app.clone()
        .set_revocation_url(revoke)
        .revoke_token(latest.into())
        .expect("a revocation endpoint")
        .request_async(&http)
        .await
        .expect("it is revoked");
}
