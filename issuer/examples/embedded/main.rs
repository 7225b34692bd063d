//! Somebody else's identity provider, with the engine inside.
//!
//! `cargo run -p logout-issuer --example embedded` plays a story and exits 0 only if the app heard
//! exactly what it had to hear. The provider has a login and tables of its own (`provider.rs`), in
//! the same SQLite file as the engine's; the app (`app.rs`) is the receiver in a few lines of
//! axum. Nothing of our server is used: no HTTP, no login, no configuration file.

mod app;
mod provider;

use std::error::Error;

use self::app::App;
use self::provider::{Fate, Provider};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let provider = Provider::start(&folder.path().join("provider.db")).await?;
    let mut app = App::start(&provider.id(), &provider.keys_url()).await?;
    provider.register(app::CLIENT, &app.logout_url()).await?;
    println!("started   a provider with tables of its own, and an app that is told of logouts");

    let laptop = provider.sign_in("ada", "secret", "laptop").await?;
    let phone = provider.sign_in("ada", "secret", "phone").await?;
    app.record_login(&laptop).await?;
    app.record_login(&phone).await?;
    println!("signed in Ada on her laptop and her phone; both sign-ins are rows of both");

    let change = |fate| provider.change_password("ada", "better", &laptop, fate);
    change(Fate::RollBack).await?;
    ensure(
        provider.accepts("ada", "secret").await?,
        "the old password holds",
    )?;
    ensure(provider.deliveries().await? == 0, "nobody is to be told")?;
    println!("rolled back a change of her password: the old one holds, nobody is to be told");

    change(Fate::Commit).await?;
    ensure(
        provider.accepts("ada", "better").await?,
        "the new password holds",
    )?;
    let heard = app.hears().await?;
    ensure(heard.sid == phone.sid.as_str(), "the phone's session ended")?;
    ensure(
        heard.device.as_deref() == Some("phone"),
        "its metadata came along",
    )?;
    ensure(!app.knows(&phone).await?, "the phone is out")?;
    ensure(app.knows(&laptop).await?, "the laptop is in")?;
    println!(
        "committed it: the app heard of the phone's session, metadata and all; the laptop stays"
    );

    provider.sign_out(&laptop).await?;
    let heard = app.hears().await?;
    ensure(
        heard.sid == laptop.sid.as_str(),
        "the laptop's session ended",
    )?;
    ensure(!app.knows(&laptop).await?, "the laptop is out")?;
    println!("signed out on the laptop: the app heard of that as well");

    ensure(
        provider.deliveries().await? == 2,
        "two logouts were told, no more",
    )?;
    ensure(app.heard_nothing_else(), "the app heard of these two alone")?;
    provider.stop().await;
    println!("all heard, and nothing else");
    Ok(())
}

fn ensure(holds: bool, what: &str) -> Outcome {
    if holds {
        return Ok(());
    }
    Err(format!("it does not hold that {what}").into())
}
