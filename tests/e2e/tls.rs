//! The whole program over TLS with a certificate of its own making.

use logout_tests::http::{Management, answers_ok};
use logout_tests::issuer_process::{IssuerHome, IssuerProcess};
use reqwest::{Method, StatusCode};

#[tokio::test]
async fn a_server_with_a_certificate_of_its_own_is_used_by_those_who_trust_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = IssuerHome::with_tls(folder.path(), "").expect("a configuration");
    // The receiver's side is not needed: nobody signs in.
    let client = home
        .create_client("https://app.example/callback", "https://app.example/logout")
        .await;
    let _server = IssuerProcess::start(&home).await;
    let authority = home.authority().expect("it speaks TLS");
    let credentials = (client.id.as_str(), client.secret.as_str());
    let api = Management::sign_in_trusting(Some(&authority), &home.issuer(), credentials).await;
    let (status, clients) = api.call(Method::GET, "clients", None).await;
    assert_eq!(status, StatusCode::OK, "{clients}");
    assert!(clients[0]["client_id"] == client.id.as_str(), "{clients}");
    let health = format!("{}healthz", home.issuer());
    assert!(answers_ok(&health, Some(&authority)).await);
    assert!(!answers_ok(&health, None).await, "trusted without reason");
}
