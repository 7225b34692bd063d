//! What can be wrong with a certificate, in words for the person who put it there.
//!
//! No message has anything of a private key.

use std::path::PathBuf;

use tokio_rustls::rustls;

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("http.tls: cannot read {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no certificate.
    #[error(
        "http.tls: {path} holds no certificate that can be read; it must be PEM with the server's own \
         certificate first, then those between it and the authority",
        path = path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no private key.
    #[error(
        "http.tls: {path} holds no private key that can be read; it must be PEM and not encrypted",
        path = path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate do not go together.
    #[error(
        "http.tls: the key in {key} does not go with the first certificate in {cert}; put the pair \
         that belongs together there",
        key = key.display(),
        cert = cert.display()
    )]
    Mismatch {
        /// The file with the key.
        key: PathBuf,
        /// The file with the certificate.
        cert: PathBuf,
        /// What the library says.
        source: rustls::Error,
    },
    /// The certificate has ended.
    #[error(
        "http.tls: the certificate in {path} ended {ended}; renew it and put it there",
        path = path.display()
    )]
    Ended {
        /// The file.
        path: PathBuf,
        /// When.
        ended: String,
    },
    /// The development authority is not whole.
    #[error(
        "http.tls: {certificate} and {key} are not one authority; delete both and another one is \
         made, which must be trusted anew",
        certificate = certificate.display(),
        key = key.display()
    )]
    Authority {
        /// The file with its certificate.
        certificate: PathBuf,
        /// The file with its key.
        key: PathBuf,
    },
    /// A file of the development authority cannot be written.
    #[error("http.tls: cannot write {path}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate cannot be made.
    #[error("http.tls: cannot make a certificate for development")]
    Make(#[from] rcgen::Error),
    /// The TLS library refuses the settings.
    #[error("http.tls: the TLS library refuses it")]
    Library(#[source] rustls::Error),
}
