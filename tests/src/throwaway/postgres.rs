//! A throw-away PostgreSQL server.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, StartError, free_port, start};

const NAME: &str = "postgres";

/// A PostgreSQL server with one empty database, `postgres`, and a superuser without a password.
#[derive(Debug)]
pub struct ThrowawayPostgres {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl ThrowawayPostgres {
    /// Makes a cluster and starts a server on it; takes about two seconds.
    ///
    /// # Errors
    ///
    /// [`StartError::NotInstalled`] without PostgreSQL's server; otherwise why it did not start.
    pub fn start() -> Result<Self, StartError> {
        let io = |error| StartError::Io(NAME, error);
        let programs = programs().ok_or(StartError::NotInstalled(NAME))?;
        let folder = TempDir::new().map_err(io)?;
        let owner = owner(folder.path()).map_err(io)?;
        let data = folder.path().join("data");
        let made = as_owner(&programs.join("initdb"), owner)
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--encoding=UTF8",
            ])
            .args(["--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .output()
            .map_err(io)?;
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(StartError::NotListening(NAME, reason));
        }
        let port = free_port().map_err(io)?;
        let mut command = as_owner(&programs.join("postgres"), owner);
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        command
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "max_connections=200"]);
        let process = start(NAME, &mut command, port)?;
        Ok(Self {
            _process: process,
            _folder: folder,
            port,
        })
    }

    /// The address of the database `postgres` for a client.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

/// Debian keeps the server's programs outside the path, one folder a version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// Who runs the server: we, or `postgres` (else `nobody`) if we are root. The folder is theirs.
fn owner(folder: &Path) -> std::io::Result<Option<(u32, u32)>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let ids = ["postgres", "nobody"].iter().find_map(|name| {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    if let Some((uid, gid)) = ids {
        chown(folder, Some(uid), Some(gid))?;
    }
    Ok(ids)
}

fn as_owner(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid).current_dir("/");
    }
    command
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_postgres_listens_and_is_gone_when_dropped() {
        let postgres = ThrowawayPostgres::start().unwrap();
        let port = postgres.port;
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
