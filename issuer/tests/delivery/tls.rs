//! Row G29: a client behind TLS is told only if it proves who it is, with TLS 1.2 or newer.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logout_issuer::domain::delivery::AttemptError;
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::egress::{Egress, Lookup, Settings};
use logout_shared::{Clock as _, SystemClock};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use tempfile::TempDir;

const DAY_SECS: i64 = 24 * 60 * 60;

/// A certificate with its key.
struct Identity(X509, PKey<Private>);

impl Identity {
    /// An authority of one's own.
    fn authority() -> Self {
        Self::new("an authority", 1, None)
    }

    /// A server's certificate for this name whose time ends in so many days.
    fn server(&self, name: &str, days: i64) -> Self {
        Self::new(name, days, Some(self))
    }

    fn new(name: &str, days: i64, signer: Option<&Self>) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut subject = X509Name::builder().unwrap();
        subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
        let subject = subject.build();
        let issuer = signer.map_or(&*subject, |signer| signer.0.subject_name());
        let serial = BigNum::from_u32(1 + u32::from(signer.is_some())).unwrap();
        let in_days =
            |days: i64| Asn1Time::from_unix(SystemClock.now().as_secs() + days * DAY_SECS).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder
            .set_serial_number(&serial.to_asn1_integer().unwrap())
            .unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(issuer).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&in_days(-7)).unwrap();
        builder.set_not_after(&in_days(days)).unwrap();
        let extension = if signer.is_none() {
            BasicConstraints::new().critical().ca().build().unwrap()
        } else {
            let context = builder.x509v3_context(None, None);
            SubjectAlternativeName::new()
                .dns(name)
                .build(&context)
                .unwrap()
        };
        builder.append_extension(extension).unwrap();
        let signing_key = signer.map_or(&key, |signer| &signer.1);
        builder.sign(signing_key, MessageDigest::sha256()).unwrap();
        Self(builder.build(), key)
    }
}

/// Serves one connection with this certificate and these versions of TLS; gives its port.
fn serve(identity: &Identity, oldest: SslVersion, newest: SslVersion) -> u16 {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    // Debian's default level forbids what is older than TLS 1.2, and the refusal is to be ours.
    acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    acceptor.set_min_proto_version(Some(oldest)).unwrap();
    acceptor.set_max_proto_version(Some(newest)).unwrap();
    acceptor.set_certificate(&identity.0).unwrap();
    acceptor.set_private_key(&identity.1).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let Ok(mut stream) = acceptor.accept(listener.accept().unwrap().0) else {
            return;
        };
        let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
        while !request.ends_with(b"logout_token=a.b.c") {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&chunk[..read]),
            }
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer);
    });
    port
}

/// Finds every name on this machine.
struct Here;

#[async_trait]
impl Lookup for Here {
    async fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
    }
}

/// A sender that trusts this authority beside those of the system.
fn trusting(authority: &Identity) -> (Egress, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, authority.0.to_pem().unwrap()).unwrap();
    let settings = Settings {
        danger_allow_private_addresses: true,
        ca_file: Some(path),
        ..Settings::default()
    };
    (
        Egress::with_lookup(&settings, Arc::new(Here)).unwrap(),
        folder,
    )
}

async fn post(egress: &Egress, port: u16) -> Result<u16, AttemptError> {
    let url = LogoutUrl::from_stored(format!("https://shop.example:{port}/bcl"));
    let patience = Duration::from_secs(20);
    let answer = egress.post_form(&url, "logout_token", "a.b.c", patience);
    let answer = answer.await.map_err(|error| error.class)?;
    Ok(answer.status)
}

const V1_2: SslVersion = SslVersion::TLS1_2;
const V1_3: SslVersion = SslVersion::TLS1_3;

#[tokio::test]
async fn g29_who_proves_its_name_by_tls_1_2_or_1_3_is_told_and_by_nothing_older() {
    let authority = Identity::authority();
    let (egress, _folder) = trusting(&authority);
    let shop = authority.server("shop.example", 1);
    for (version, told) in [
        (V1_3, Ok(200)),
        (V1_2, Ok(200)),
        (SslVersion::TLS1_1, Err(AttemptError::Tls)),
        (SslVersion::TLS1, Err(AttemptError::Tls)),
    ] {
        let port = serve(&shop, version, version);
        assert_eq!(post(&egress, port).await, told, "{version:?}");
    }
}

#[tokio::test]
async fn g29_another_name_an_unknown_authority_or_an_old_certificate_is_refused() {
    let authority = Identity::authority();
    let (egress, _folder) = trusting(&authority);
    for (wrong, identity) in [
        ("name", authority.server("evil.example", 1)),
        ("parent domain", authority.server("example", 1)),
        ("authority", Identity::authority().server("shop.example", 1)),
        ("none", Identity::new("shop.example", 1, None)),
        ("time", authority.server("shop.example", -1)),
    ] {
        let port = serve(&identity, V1_2, V1_3);
        assert_eq!(post(&egress, port).await, Err(AttemptError::Tls), "{wrong}");
    }
}
