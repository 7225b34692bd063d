//! Secrets from standard input, where neither the shell's history nor the process list has them.

use std::io::{IsTerminal as _, Read as _};

use anyhow::Context as _;
use logout_shared::Secret;

use super::WrongUsage;

/// The longest secret that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// Reads a secret: all of standard input without one line break at its end.
pub(super) fn read_secret(what: &str) -> anyhow::Result<Secret<String>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("{what} (shown as you type; end with Enter and Ctrl-D):");
    }
    let mut text = String::new();
    let read = stdin.lock().take(MAX_BYTES + 1).read_to_string(&mut text);
    let secret = Secret::new(text);
    read.with_context(|| format!("cannot read {what} from standard input"))?;
    let trimmed = secret
        .expose()
        .strip_suffix('\n')
        .unwrap_or(secret.expose());
    let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
    if trimmed.is_empty() {
        return Err(WrongUsage::because(format!("no {what} on standard input")));
    }
    if secret.expose().len() as u64 > MAX_BYTES {
        return Err(WrongUsage::because(format!(
            "{what} has more than {MAX_BYTES} bytes"
        )));
    }
    Ok(Secret::new(trimmed.to_owned()))
}
