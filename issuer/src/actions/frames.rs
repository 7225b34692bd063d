//! What goes through the pipes between a server and its workers: JSON behind its length.
//!
//! Four bytes, most significant first, then that many bytes. Both sides refuse longer messages
//! than [`MAX_FRAME`], so that neither can make the other take memory without end.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};

/// The longest message, in bytes.
pub(super) const MAX_FRAME: usize = 2 * 1024 * 1024;

/// Reads a message; `None` where the other side is gone.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes a message.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&framed(message)?)?;
    to.flush()
}

/// Sends a message to a worker.
pub(super) async fn send(to: &mut ChildStdin, message: &[u8]) -> io::Result<()> {
    to.write_all(message).await?;
    to.flush().await
}

/// Receives a message from a worker.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut ChildStdout) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// A message behind its length.
pub(super) fn framed(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the message is too long",
        ));
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the message is too long",
        ));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_and_too_long_ones_do_not() {
        let mut pipe = Vec::new();
        write(&mut pipe, &"hello").unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read::<String>(&mut from).unwrap().as_deref(), Some("hello"));
        assert_eq!(read::<String>(&mut from).unwrap(), None);
        let longest = "x".repeat(MAX_FRAME - 2);
        assert!(framed(&longest).is_ok());
        assert!(framed(&(longest + "x")).is_err());
        let head = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes();
        assert!(read::<String>(&mut head.as_slice()).is_err());
    }
}
