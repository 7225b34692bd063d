//! Throw-away servers: a real Redis and a real PostgreSQL on free loopback ports, gone when dropped.
//!
//! They run the binaries that the machine has installed, with their data in a temporary folder,
//! without durability, and never as root (PostgreSQL refuses that). A machine without the binary
//! gives [`StartError::NotInstalled`]; `tests/run` installs both.
//! Starting blocks for up to a few seconds: share one server among the tests of a binary.

mod postgres;
mod redis;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use postgres::ThrowawayPostgres;
pub use redis::ThrowawayRedis;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a throw-away server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The binary is not on this machine.
    #[error("{0} is not installed; `tests/run` installs it")]
    NotInstalled(&'static str),
    /// The operating system refused something.
    #[error("cannot start {0}")]
    Io(&'static str, #[source] std::io::Error),
    /// The server ended or did not listen in time.
    #[error("{0} did not begin to listen: {1}")]
    NotListening(&'static str, String),
}

/// A process that is killed when dropped.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Starts a server and waits until it accepts connections.
fn start(name: &'static str, command: &mut Command, port: u16) -> Result<Process, StartError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => StartError::NotInstalled(name),
        _ => StartError::Io(name, error),
    })?;
    let mut process = Process(child);
    wait_until_listening(name, &mut process, SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(process)
}

fn wait_until_listening(
    name: &'static str,
    process: &mut Process,
    address: SocketAddr,
) -> Result<(), StartError> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = process.0.try_wait() {
            return Err(StartError::NotListening(name, status.to_string()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(StartError::NotListening(
        name,
        format!("nothing after {PATIENCE:?}"),
    ))
}
