//! The program `logout-issuer`. All of it is in the library's `cli/`.

use std::process::ExitCode;

fn main() -> ExitCode {
    logout_issuer::cli::run()
}
