//! A throw-away Redis server.

use std::process::Command;

use tempfile::TempDir;

use super::{Process, StartError, free_port, start};

/// A Redis server with an empty database.
#[derive(Debug)]
pub struct ThrowawayRedis {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl ThrowawayRedis {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`StartError::NotInstalled`] without `redis-server`; otherwise why it did not start.
    pub fn start() -> Result<Self, StartError> {
        const NAME: &str = "redis-server";
        let io = |error| StartError::Io(NAME, error);
        let folder = TempDir::new().map_err(io)?;
        let port = free_port().map_err(io)?;
        let mut command = Command::new(NAME);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path());
        let process = start(NAME, &mut command, port)?;
        Ok(Self {
            _process: process,
            _folder: folder,
            port,
        })
    }

    /// The address for a client.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_redis_answers_and_is_gone_when_dropped() {
        let redis = ThrowawayRedis::start().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
        let port = redis.port;
        drop(redis);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
