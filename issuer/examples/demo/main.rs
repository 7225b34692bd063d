//! The whole product in one command: an issuer, an app, a sign-in, a revocation, and out.
//!
//! `cargo run --release --example demo` starts both and stays up for a browser;
//! `cargo run --release --example demo -- --once` plays the story alone and exits 0 only if the
//! app's session really ended. The app is the receiver's own example, unchanged.

#[path = "../../../receiver/examples/axum_app/app/mod.rs"]
mod app;
mod live;
mod stage;
mod story;
mod tap;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::stage::Stage;

/// An issuer and an app on free ports of this machine.
#[derive(Parser)]
struct Arguments {
    /// Play the story alone, show each step and the decoded token, and end.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let begun = Instant::now();
    let stage = match Stage::set().await {
        Ok(stage) => stage,
        Err(error) => {
            eprintln!("the demo could not start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let started = begun.elapsed().as_secs_f64() * 1_000.0;
    println!("{started:>8.1} ms  ok      start the issuer and the app");
    let result = if arguments.once {
        story::play(&stage).await
    } else {
        live::stay(&stage).await
    };
    stage.clear().await;
    match result {
        Ok(()) if arguments.once => println!("\nThe session was ended, and the app knew it."),
        Ok(()) => {}
        Err(error) => {
            eprintln!("\n{error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
