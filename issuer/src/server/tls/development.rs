//! An authority of one machine's own, and the certificates that it gives the server.
//!
//! A person trusts the authority once; its certificate is valid for ten years and can vouch for
//! names of this machine only, so trusting it gives nobody power over other sites. The server's
//! certificate is made anew at each start and again while a third of its time is left. Four
//! files stand beside the master key; the keys are for their owner alone.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logout_shared::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _,
    SanType, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use url::Host;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use zeroize::Zeroizing;

use super::TlsError;
use super::identity::{Identity, end_of};
use crate::config::Config;

const AUTHORITY_FILE: &str = "development-ca.pem";
const AUTHORITY_KEY_FILE: &str = "development-ca.key";
const SERVER_FILE: &str = "development-tls.pem";
const SERVER_KEY_FILE: &str = "development-tls.key";

const DAY: Duration = Duration::from_hours(24);
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(3_650 * 24);
const SERVER_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// How much time of the server's certificate is left when it is renewed.
const RENEW_BEFORE: Duration = Duration::from_hours(10 * 24);

/// The authority's files, and the names that it vouches for.
#[derive(Debug)]
pub(super) struct Development {
    folder: PathBuf,
    names: Vec<SanType>,
    renew_at: Timestamp,
}

impl Development {
    pub(super) fn beside_master_key(config: &Config) -> Self {
        let master_key = config.resolve(&config.keys.master_key_file);
        Self {
            folder: master_key.parent().map(Path::to_owned).unwrap_or_default(),
            names: names(config.issuer().url().host().as_ref()),
            renew_at: Timestamp::MIN,
        }
    }

    /// The file with the authority's certificate.
    pub(super) fn authority(&self) -> PathBuf {
        let path = self.folder.join(AUTHORITY_FILE);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// A new certificate, once the one before nears its end.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<Option<Identity>, TlsError> {
        if now < self.renew_at {
            return Ok(None);
        }
        // If it fails it is tried again in a day; there are some left.
        self.renew_at = now + DAY;
        self.make(now).map(Some)
    }

    /// Makes a server's certificate, and before the first one the authority.
    pub(super) fn make(&mut self, now: Timestamp) -> Result<Identity, TlsError> {
        let authority = self.open_or_make_authority(now)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "logout-issuer for development");
        params.subject_alt_names.clone_from(&self.names);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let ends = now + SERVER_LIFETIME;
        valid(&mut params, now - DAY, ends);
        let certificate = params.signed_by(&key, &authority)?.pem();
        let key = Zeroizing::new(key.serialize_pem());
        self.write(SERVER_KEY_FILE, 0o600, key.as_bytes())?;
        self.write(SERVER_FILE, 0o644, certificate.as_bytes())?;
        self.renew_at = ends - RENEW_BEFORE;
        Identity::read(
            (Path::new(SERVER_FILE), certificate.as_bytes()),
            (Path::new(SERVER_KEY_FILE), key.as_bytes()),
        )
    }

    fn open_or_make_authority(&self, now: Timestamp) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let path = self.folder.join(AUTHORITY_FILE);
        let certificate = match std::fs::read(&path) {
            Ok(pem) => pem,
            // The certificate is written last: a key without one is of a start that broke off.
            Err(error) if error.kind() == ErrorKind::NotFound => return self.make_authority(now),
            Err(source) => return Err(TlsError::Unreadable { path, source }),
        };
        let broken = || TlsError::Authority {
            certificate: path.clone(),
            key: self.folder.join(AUTHORITY_KEY_FILE),
        };
        let key = std::fs::read_to_string(self.folder.join(AUTHORITY_KEY_FILE));
        let key = Zeroizing::new(key.map_err(|_| broken())?);
        let key = KeyPair::from_pem(&key).map_err(|_| broken())?;
        let certificate = CertificateDer::from_pem_slice(&certificate).map_err(|_| broken())?;
        if public_key_of(&certificate).is_none_or(|its| its != key.subject_public_key_info()) {
            return Err(broken());
        }
        let ends = end_of(&certificate).ok_or_else(broken)?;
        if ends <= now + SERVER_LIFETIME {
            tracing::warn!(
                "the development authority in {} ends {}: another one is made, trust that",
                path.display(),
                ends.to_rfc3339()
            );
            return self.make_authority(now);
        }
        Ok(Issuer::new(authority(&key), key))
    }

    fn make_authority(&self, now: Timestamp) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = authority(&key);
        valid(&mut params, now - DAY, now + AUTHORITY_LIFETIME);
        let certificate = params.self_signed(&key)?;
        let private = Zeroizing::new(key.serialize_pem());
        self.write(AUTHORITY_KEY_FILE, 0o600, private.as_bytes())?;
        self.write(AUTHORITY_FILE, 0o644, certificate.pem().as_bytes())?;
        Ok(Issuer::new(params, key))
    }

    /// Puts a file in place, whole or not at all.
    fn write(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), TlsError> {
        let path = self.folder.join(name);
        write(&path, mode, content).map_err(|source| TlsError::Unwritable { path, source })
    }
}

/// What an authority with this key looks like, but for its time.
fn authority(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Part of the name is of the key, so that an authority and the one after it are told apart.
    let digest = Sha256::digest(key.subject_public_key_info());
    let name = format!(
        "logout-issuer development authority {:02x}{:02x}{:02x}{:02x}",
        digest[0], digest[1], digest[2], digest[3]
    );
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            // With all names below it.
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
                IpAddr::V6(Ipv6Addr::LOCALHOST),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn valid(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let at = |time: Timestamp| {
        let secs = u64::try_from(time.as_secs()).unwrap_or(0);
        date_time_ymd(1970, 1, 1) + Duration::from_secs(secs)
    };
    params.not_before = at(from);
    params.not_after = at(until);
}

/// What the server is called: the issuer's host, and whatever else means this machine.
fn names(issuer: Option<&Host<&str>>) -> Vec<SanType> {
    let name = |name: &str| name.try_into().ok().map(SanType::DnsName);
    let mut names = vec![
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ];
    names.extend(name("localhost"));
    let own = match issuer {
        Some(Host::Domain(domain)) => name(domain),
        Some(Host::Ipv4(address)) => Some(SanType::IpAddress((*address).into())),
        Some(Host::Ipv6(address)) => Some(SanType::IpAddress((*address).into())),
        None => None,
    };
    names.extend(own.filter(|own| !names.contains(own)));
    names
}

fn public_key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    key.to_der().ok()
}

fn write(path: &Path, mode: u32, content: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let draft = path.with_added_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
