//! Secrets at rest: sealed under a master key.
//!
//! Private keys and client secrets lie in the database as JWE (`dir`, `A256GCM`). What a secret is
//! for and whose row it belongs to stand in the header, which the tag covers, and are checked on
//! opening: whoever can write the database cannot move one client's secret into another's row. The
//! header names the master key, so that two may be configured while one replaces the other.
//! Neighbours: `jwe_compact.rs` reads the form, `secret.rs` holds what comes out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwe::enc::aesgcm::AesgcmJweEncryption;
use josekit::jwe::{self, JweContentEncryption as _, JweHeader};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::jwe_compact::Compact;
use crate::random::RandomSource;
use crate::secret::Secret;

const ENC: AesgcmJweEncryption = AesgcmJweEncryption::A256gcm;
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// A master key: 256 random bits.
#[derive(Clone)]
pub struct SealingKey {
    kid: String,
    bytes: Secret<[u8; 32]>,
}

/// A secret cannot be sealed or opened. No message shows anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The text of a master key is not 32 bytes in base64url.
    #[error("a master key is 43 characters of base64url (32 random bytes)")]
    NotAMasterKey,
    /// What should be opened is not something we sealed.
    #[error("not a sealed secret")]
    NotSealed,
    /// It was sealed under a master key that is not configured.
    #[error("sealed under master key {kid}, which is not configured")]
    UnknownMasterKey {
        /// The name of the key in the header.
        kid: String,
    },
    /// It was sealed for another purpose or row.
    #[error("sealed for another purpose or row")]
    WrongPlace,
    /// It was changed since it was sealed.
    #[error("the sealed secret was changed")]
    Broken,
    /// Encrypting failed.
    #[error("cannot seal")]
    Cannot,
}

impl SealingKey {
    /// Makes a new master key.
    pub fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// Takes 32 random bytes as a master key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        // The name says nothing of the key: it is a digest of 256 random bits.
        let digest = Sha256::new()
            .chain_update(b"master key name")
            .chain_update(bytes)
            .finalize();
        Self {
            kid: URL_SAFE_NO_PAD.encode(&digest[..9]),
            bytes: Secret::new(bytes),
        }
    }

    /// Reads the form that [`to_text`](Self::to_text) writes; blanks around it are ignored.
    ///
    /// # Errors
    ///
    /// [`SealError::NotAMasterKey`] if it is not 32 bytes in base64url.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let decoded = URL_SAFE_NO_PAD.decode(text.trim()).map(Secret::new);
        let bytes = decoded.map_err(|_| SealError::NotAMasterKey)?;
        let bytes = bytes
            .expose()
            .as_slice()
            .try_into()
            .map_err(|_| SealError::NotAMasterKey)?;
        Ok(Self::from_bytes(bytes))
    }

    /// The key as 43 characters of base64url, for the master key file.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes.expose()))
    }

    /// The key's name, which sealed secrets carry.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.kid)
    }
}

/// Seals a secret for one purpose and row.
///
/// # Errors
///
/// [`SealError::Cannot`] if OpenSSL fails.
///
/// # Examples
///
/// ```
/// use logout_shared::random::SystemRandom;
/// use logout_shared::seal::{SealError, SealingKey, open, seal};
///
/// let master = SealingKey::generate(&SystemRandom);
/// let sealed = seal(&master, "client-secret", "shop", b"hunter2")?;
/// let opened = open(&[master.clone()], "client-secret", "shop", &sealed)?;
/// assert_eq!(opened.expose(), b"hunter2");
/// let moved = open(&[master], "client-secret", "till", &sealed);
/// assert_eq!(moved.unwrap_err(), SealError::WrongPlace);
/// # Ok::<(), SealError>(())
/// ```
pub fn seal(
    master: &SealingKey,
    purpose: &str,
    row_id: &str,
    plaintext: &[u8],
) -> Result<String, SealError> {
    let mut header = JweHeader::new();
    header.set_content_encryption(ENC.name());
    header.set_key_id(master.kid());
    for (name, value) in [("purpose", purpose), ("row", row_id)] {
        header
            .set_claim(name, Some(Value::from(value)))
            .map_err(|_| SealError::Cannot)?;
    }
    let encrypter = jwe::Dir
        .encrypter_from_bytes(master.bytes.expose())
        .map_err(|_| SealError::Cannot)?;
    jwe::serialize_compact(plaintext, &header, &encrypter).map_err(|_| SealError::Cannot)
}

/// Opens a secret that was sealed for this purpose and row, under any of the master keys.
///
/// # Errors
///
/// [`SealError`] as its variants say.
pub fn open(
    masters: &[SealingKey],
    purpose: &str,
    row_id: &str,
    sealed: &str,
) -> Result<Secret<Vec<u8>>, SealError> {
    let parts = Compact::parse(sealed).map_err(|_| SealError::NotSealed)?;
    let expected_form = parts.text("alg") == Some("dir")
        && parts.text("enc") == Some(ENC.name())
        && parts.encrypted_key.is_empty()
        && parts.iv.len() == IV_BYTES
        && parts.tag.len() == TAG_BYTES;
    if !expected_form {
        return Err(SealError::NotSealed);
    }
    let kid = parts.text("kid").ok_or(SealError::NotSealed)?;
    let master = masters
        .iter()
        .find(|master| master.kid() == kid)
        .ok_or_else(|| SealError::UnknownMasterKey {
            kid: kid.to_owned(),
        })?;
    if parts.text("purpose") != Some(purpose) || parts.text("row") != Some(row_id) {
        return Err(SealError::WrongPlace);
    }
    let key = master.bytes.expose();
    ENC.decrypt(
        key,
        Some(&parts.iv),
        &parts.ciphertext,
        parts.aad,
        Some(&parts.tag),
    )
    .map(Secret::new)
    .map_err(|_| SealError::Broken)
}

/// The name of the master key that a secret is sealed under; `None` if it is not a sealed secret.
pub fn sealed_under(sealed: &str) -> Option<String> {
    let parts = Compact::parse(sealed).ok()?;
    parts.text("kid").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn master(seed: u64) -> SealingKey {
        SealingKey::generate(&SeededRandom::new(seed))
    }

    fn sealed(master: &SealingKey) -> String {
        seal(master, "signing-key", "row-1", b"very secret").expect("seals")
    }

    fn error(masters: &[SealingKey], sealed: &str) -> SealError {
        open(masters, "signing-key", "row-1", sealed).expect_err("is refused")
    }

    #[test]
    fn a_seal_tells_the_name_of_its_master_key() {
        let master = master(1);
        let name = sealed_under(&sealed(&master));
        assert_eq!(name.as_deref(), Some(master.kid()));
        assert_eq!(sealed_under("something else"), None);
    }

    #[test]
    fn two_seals_of_one_secret_differ_and_hide_it() {
        let master = master(1);
        let (a, b) = (sealed(&master), sealed(&master));
        assert_ne!(a, b);
        assert!(!a.contains("very secret"));
    }

    #[test]
    fn either_of_two_master_keys_opens_its_own() {
        let (old, new) = (master(1), master(2));
        let both = [new.clone(), old.clone()];
        for key in [&old, &new] {
            let opened = open(&both, "signing-key", "row-1", &sealed(key)).expect("opens");
            assert_eq!(opened.expose(), b"very secret");
        }
        let refused = error(&[new], &sealed(&old));
        assert_eq!(
            refused,
            SealError::UnknownMasterKey {
                kid: old.kid().to_owned()
            }
        );
    }

    #[test]
    fn a_secret_cannot_move_to_another_purpose_or_row() {
        let master = master(1);
        let sealed = sealed(&master);
        for (purpose, row) in [
            ("client-secret", "row-1"),
            ("signing-key", "row-2"),
            ("", ""),
        ] {
            let moved = open(std::slice::from_ref(&master), purpose, row, &sealed);
            assert_eq!(moved.expect_err("is refused"), SealError::WrongPlace);
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let masters = [master(1)];
        let sealed = sealed(&masters[0]);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(
                open(&masters, "signing-key", "row-1", &changed).is_err(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_tag_cut_short_is_refused() {
        let masters = [master(1)];
        let sealed = sealed(&masters[0]);
        let (front, tag) = sealed.rsplit_once('.').expect("five parts");
        let tag = URL_SAFE_NO_PAD.decode(tag).expect("base64url");
        for length in [0, 1, 4, 8, 12, 15] {
            let short = format!("{front}.{}", URL_SAFE_NO_PAD.encode(&tag[..length]));
            assert_eq!(error(&masters, &short), SealError::NotSealed, "{length}");
        }
    }

    #[test]
    fn a_master_key_survives_its_text_form() {
        let master = master(1);
        let text = master.to_text();
        let again = SealingKey::parse(&format!("{}\n", text.expose())).expect("reads");
        assert_eq!(again.kid(), master.kid());
        for bad in ["", "short", &"A".repeat(42), &"A".repeat(44)] {
            assert!(SealingKey::parse(bad).is_err(), "{bad}");
        }
        assert!(!format!("{master:?}").contains(text.expose()));
    }
}
