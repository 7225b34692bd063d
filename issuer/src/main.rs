//! The program `logout-issuer`. All of it is in the library's `cli/`.

use std::process::ExitCode;

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    logout_issuer::cli::run()
}
