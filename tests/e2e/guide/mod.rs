//! Walks through the guide "Put the device name into your logout token", step by step.
//!
//! The page's Action, commands and hook are taken from the page itself; only the app's address is
//! another than `https://shop.example`. The hook is compiled from `hook.rs`, which must be what
//! the page shows.

#[expect(unreachable_pub, reason = "as the page shows it")]
mod hook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use logout_receiver::BackchannelLogout;
use logout_tests::browser::Browser;
use logout_tests::issuer_process::{CreatedClient, IssuerHome, IssuerProcess};
use logout_tests::sign_in::SignIn;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use hook::SignedOutDevices;

const PAGE: &str = include_str!("../../../issuer/docs/actions.md");
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// The page's blocks in this language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let begins = format!("```{language}\n");
    let parts = PAGE.split(begins.as_str()).skip(1);
    parts
        .map(|part| part.split("```\n").next().expect("a block ends"))
        .collect()
}

/// The commands of a block, without the program's name, each split into words.
fn commands(block: &str) -> Vec<Vec<String>> {
    let joined = block.replace("\\\n", " ");
    let lines = joined
        .lines()
        .filter_map(|line| line.strip_prefix("logout-issuer "));
    lines
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

async fn run(home: &IssuerHome, words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = home.run(&words).await;
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{words:?}: {told}");
    String::from_utf8(done.stdout).expect("text")
}

#[tokio::test]
async fn the_guides_device_name_reaches_the_apps_hook() {
    let folder = TempDir::new().expect("a temporary folder");
    let home = IssuerHome::new(folder.path(), "").expect("a folder to write to");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let app = format!("http://{}", listener.local_addr().expect("an address"));
    let shell = blocks("sh");
    let [deploy, trial, register] = shell[..] else {
        panic!("the page has other commands: {shell:?}")
    };

    // The trial of step 2 comes first, as the page says.
    std::fs::write(folder.path().join("device-name.js"), blocks("js")[0]).expect("a file");
    let event = trial.split('\'').nth(1).expect("an event in quotes");
    std::fs::write(folder.path().join("event.json"), event).expect("a file");
    let [create, test] = &commands(trial)[..] else {
        panic!("the page tries the Action in another way")
    };
    run(&home, create).await;
    let tried: Value = serde_json::from_str(&run(&home, test).await).expect("JSON");
    assert_eq!(tried["commands"][0]["value"], "phone", "{tried}");
    run(&home, &commands(deploy)[0]).await;

    let mut register = commands(&register.replace("https://shop.example", &app)).remove(0);
    register.push("--json".into());
    let made: Value = serde_json::from_str(&run(&home, &register).await).expect("JSON");
    home.create_user(EMAIL, PASSWORD).await;
    let _server = IssuerProcess::start(&home).await;

    let devices = Arc::new(SignedOutDevices::default());
    let logout = BackchannelLogout::builder(&home.issuer(), "shop")
        .in_memory()
        .hook(Arc::clone(&devices))
        .build()
        .expect("an endpoint");
    let router = Router::new()
        .route("/callback", get(async || "signed in"))
        .merge(logout.routes("/backchannel-logout"));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let client = CreatedClient {
        id: "shop".into(),
        secret: made["client_secret"].as_str().expect("a secret").to_owned(),
    };
    let sign_in = SignIn {
        issuer: &home.issuer(),
        client: &client,
        callback: &format!("{app}/callback"),
        email: EMAIL,
        password: PASSWORD,
    };
    let person = sign_in.walk(&Browser::new()).await;
    run(&home, &["session", "end", person.sid()].map(str::to_owned)).await;
    let heard = async {
        while devices.0.lock().expect("no panic").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .expect("the app is told");
    assert_eq!(*devices.0.lock().expect("no panic"), ["computer"]);
}

#[test]
fn the_hook_that_runs_is_the_one_on_the_page() {
    let source = include_str!("hook.rs");
    let begins = source.find("use std").expect("it uses things");
    assert_eq!(blocks("rust")[0], &source[begins..]);
}
