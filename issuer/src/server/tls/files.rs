//! A certificate in files that somebody else renews.
//!
//! The files are read again and again, and compared by content: that sees a rename, a write in
//! place and a link that now leads elsewhere, whatever the file's times say. Certificate and key
//! are two files, so for a moment one may be new and the other old: a change counts once two
//! looks in a row see the same. What was found wrong is told once, not at each look.

use std::path::PathBuf;

use logout_shared::Timestamp;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::TlsError;
use super::identity::Identity;

type Content = Result<(Vec<u8>, Zeroizing<Vec<u8>>), TlsError>;

/// The two files, and what was seen in them.
#[derive(Debug)]
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
    watch: Watch,
}

impl Files {
    pub(super) fn new(cert: PathBuf, key: PathBuf) -> Self {
        Self {
            cert,
            key,
            watch: Watch::default(),
        }
    }

    /// Reads the certificate for the start.
    pub(super) async fn read(&mut self) -> Result<Identity, TlsError> {
        let content = self.content().await;
        self.watch = Watch::begin(digest(&content));
        let (cert, key) = content?;
        self.warn_of_readers().await;
        Identity::read((&self.cert, &cert), (&self.key, &key))
    }

    /// The certificate, if it is another than before and can be used.
    pub(super) async fn look(&mut self, now: Timestamp) -> Result<Option<Identity>, TlsError> {
        let content = self.content().await;
        if !self.watch.has_settled(digest(&content)) {
            return Ok(None);
        }
        let (cert, key) = content?;
        self.warn_of_readers().await;
        let identity = Identity::read((&self.cert, &cert), (&self.key, &key))?;
        if identity.ends <= now {
            return Err(TlsError::Ended {
                path: self.cert.clone(),
                ended: identity.ends.to_rfc3339(),
            });
        }
        Ok(Some(identity))
    }

    async fn content(&self) -> Content {
        let read = async |path: &PathBuf| {
            tokio::fs::read(path)
                .await
                .map_err(|source| TlsError::Unreadable {
                    path: path.clone(),
                    source,
                })
        };
        let cert = read(&self.cert).await?;
        Ok((cert, Zeroizing::new(read(&self.key).await?)))
    }

    async fn warn_of_readers(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = tokio::fs::metadata(&self.key).await;
        if metadata.is_ok_and(|found| found.permissions().mode() & 0o007 != 0) {
            tracing::warn!("{} can be read by everybody", self.key.display());
        }
    }
}

/// What identifies a content; `None` for files that cannot be read.
fn digest(content: &Content) -> Option<[u8; 32]> {
    let (cert, key) = content.as_ref().ok()?;
    let parts = Sha256::new().chain_update(Sha256::digest(cert));
    Some(parts.chain_update(Sha256::digest(key)).finalize().into())
}

/// Which content was judged, and which was seen last.
#[derive(Debug, Default)]
struct Watch {
    judged: Option<[u8; 32]>,
    seen: Option<[u8; 32]>,
}

impl Watch {
    /// What a start found and judged.
    fn begin(content: Option<[u8; 32]>) -> Self {
        Self {
            judged: content,
            seen: content,
        }
    }

    /// Whether this is another content than the one judged, and was seen before.
    fn has_settled(&mut self, content: Option<[u8; 32]>) -> bool {
        let before = std::mem::replace(&mut self.seen, content);
        let settled = content == before && content != self.judged;
        if settled {
            self.judged = content;
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_when_two_looks_in_a_row_see_it() {
        let (old, half, new) = (Some([0; 32]), Some([1; 32]), Some([2; 32]));
        let mut watch = Watch::begin(old);
        for (seen, settled) in [
            (old, false),
            (half, false),
            (new, false),
            (new, true),
            (new, false),
            (None, false),
            (new, false),
            (None, false),
            (None, true),
            (None, false),
            (new, false),
            (new, true),
        ] {
            assert_eq!(watch.has_settled(seen), settled, "{seen:?}");
        }
    }
}
