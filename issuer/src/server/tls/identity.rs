//! A certificate with its key, checked to belong together, and until when it holds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logout_shared::Timestamp;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{TlsError, provider};

/// How long before its end a certificate is warned of.
const WARN_BEFORE: Duration = Duration::from_hours(14 * 24);

/// What the server proves itself with.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) ends: Timestamp,
}

impl Identity {
    /// Reads it from PEM; the paths are for messages.
    pub(super) fn read(
        (cert, cert_pem): (&Path, &[u8]),
        (key, key_pem): (&Path, &[u8]),
    ) -> Result<Self, TlsError> {
        let no_certificate = || TlsError::NoCertificate {
            path: cert.to_owned(),
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(cert_pem)
            .collect::<Result<_, _>>()
            .map_err(|_| no_certificate())?;
        let first = chain.first().ok_or_else(no_certificate)?;
        let ends = end_of(first).ok_or_else(no_certificate)?;
        let private = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| TlsError::NoKey {
            path: key.to_owned(),
        })?;
        let certified = CertifiedKey::from_der(chain, private, &provider());
        let certified = certified.map_err(|source| TlsError::Mismatch {
            key: key.to_owned(),
            cert: cert.to_owned(),
            source,
        })?;
        Ok(Self {
            key: Arc::new(certified),
            ends,
        })
    }

    /// Tells operators of an end that is near or past.
    pub(super) fn warn_of_end(&self, now: Timestamp) {
        let ends = self.ends.to_rfc3339();
        if self.ends <= now {
            tracing::error!("the certificate ended {ends}: clients refuse it; renew it");
        } else if self.ends <= now + WARN_BEFORE {
            tracing::warn!("the certificate ends {ends}; renew it");
        }
    }
}

/// Until when a certificate holds; `None` if it is none.
pub(super) fn end_of(certificate: &[u8]) -> Option<Timestamp> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate().validity().not_after;
    let secs = i64::try_from(end.to_unix_duration().as_secs()).ok()?;
    Some(Timestamp::from_secs(secs))
}
