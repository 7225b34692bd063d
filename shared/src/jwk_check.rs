//! The check of a signature, on a key that was parsed before.
//!
//! Much of what a fresh context of OpenSSL costs is set-up that the key's next token needs again. So
//! RSA keeps its contexts, which OpenSSL allows (`EVP_PKEY_verify`: "may be called more than once on
//! the same context"), ECDSA takes the two numbers as a JWS carries them (RFC 7518 §3.4), without
//! DER, and Ed25519 is checked by `ed25519-dalek`, strictly.
//! Neighbours: `jwk_public.rs` decides whose signatures count, `jwk_clean.rs` checked the numbers.

use std::sync::Mutex;

use ed25519_dalek::{Signature, VerifyingKey};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha;
use openssl::sign::RsaPssSaltlen;

use crate::jwa::SigningAlgorithm;
use crate::jwk_clean::{Point, RsaNumbers};

/// As many contexts wait for their next token; more checks at once make their own.
const MAX_IDLE: usize = 32;

/// A public key that checks signatures.
pub(crate) enum PublicKey {
    Rsa(RsaKey),
    /// On P-256, P-384 or P-521.
    Ec(EcKey<Public>),
    Ed25519(VerifyingKey),
}

pub(crate) struct RsaKey {
    key: PKey<Public>,
    idle: Mutex<Vec<(SigningAlgorithm, PkeyCtx<Public>)>>,
}

impl PublicKey {
    pub(crate) fn rsa(numbers: &RsaNumbers) -> Result<Self, ErrorStack> {
        let (n, e) = (
            BigNum::from_slice(&numbers.n)?,
            BigNum::from_slice(&numbers.e)?,
        );
        Ok(Self::Rsa(RsaKey {
            key: PKey::from_rsa(Rsa::from_public_components(n, e)?)?,
            idle: Mutex::default(),
        }))
    }

    /// None for a point that is not on the curve, or of so small an order that it signs nothing.
    pub(crate) fn point(point: &Point) -> Option<Self> {
        if point.crv == "Ed25519" {
            let key = VerifyingKey::from_bytes(point.x.as_slice().try_into().ok()?).ok()?;
            return (!key.is_weak()).then_some(Self::Ed25519(key));
        }
        Self::ec(point).ok()
    }

    fn ec(point: &Point) -> Result<Self, ErrorStack> {
        let curve = match point.crv {
            "P-384" => Nid::SECP384R1,
            "P-521" => Nid::SECP521R1,
            _ => Nid::X9_62_PRIME256V1,
        };
        let group = EcGroup::from_curve_name(curve)?;
        let (x, y) = (BigNum::from_slice(&point.x)?, BigNum::from_slice(&point.y)?);
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
        Ok(Self::Ec(key))
    }

    /// Whether `signature` is this key's over `message`; the caller knows that the algorithm fits.
    pub(crate) fn verifies(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        // Whatever OpenSSL cannot make sense of is no signature.
        let checked = match self {
            Self::Rsa(key) => with_digest(algorithm, message, |digest| {
                key.verify(algorithm, digest, signature)
            }),
            Self::Ec(key) => with_digest(algorithm, message, |digest| {
                verify_ecdsa(key, digest, signature)
            }),
            Self::Ed25519(key) => Ok(Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())),
        };
        checked.unwrap_or(false)
    }
}

impl RsaKey {
    fn verify(
        &self,
        algorithm: SigningAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        // RFC 8017 §8.1.2 and §8.2.2, step 1; OpenSSL lets a PSS signature lack its leading zeros.
        if signature.len() != self.key.size() {
            return Ok(false);
        }
        let mut context = match self.take_idle(algorithm) {
            Some(context) => context,
            None => self.context(algorithm)?,
        };
        let is_good = context.verify(digest, signature)?;
        // One that said no, or failed, is not used again: nothing of a bad signature stays.
        if is_good {
            self.keep_idle(algorithm, context);
        }
        Ok(is_good)
    }

    fn context(&self, algorithm: SigningAlgorithm) -> Result<PkeyCtx<Public>, ErrorStack> {
        let hash = hash(algorithm);
        let mut context = PkeyCtx::new(&self.key)?;
        context.verify_init()?;
        if matches!(
            algorithm,
            SigningAlgorithm::Ps256 | SigningAlgorithm::Ps384 | SigningAlgorithm::Ps512
        ) {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            context.set_signature_md(hash)?;
            // RFC 7518 §3.5: the hash is also that of the mask, and the salt is as long.
            context.set_rsa_mgf1_md(hash)?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        } else {
            context.set_rsa_padding(Padding::PKCS1)?;
            context.set_signature_md(hash)?;
        }
        Ok(context)
    }

    fn take_idle(&self, algorithm: SigningAlgorithm) -> Option<PkeyCtx<Public>> {
        let mut idle = self.lock();
        let place = idle
            .iter()
            .rposition(|(made_for, _)| *made_for == algorithm)?;
        Some(idle.swap_remove(place).1)
    }

    fn keep_idle(&self, algorithm: SigningAlgorithm, context: PkeyCtx<Public>) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push((algorithm, context));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(SigningAlgorithm, PkeyCtx<Public>)>> {
        self.idle
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

/// RFC 7518 §3.4: two numbers, each as long as the curve's.
fn verify_ecdsa(key: &EcKey<Public>, digest: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let bytes = usize::try_from(key.group().degree().div_ceil(8)).unwrap_or_default();
    if signature.len() != 2 * bytes {
        return Ok(false);
    }
    let (r, s) = signature.split_at(bytes);
    let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
    EcdsaSig::from_private_components(r, s)?.verify(digest, key)
}

fn with_digest<T>(algorithm: SigningAlgorithm, message: &[u8], then: impl FnOnce(&[u8]) -> T) -> T {
    match hash_bits(algorithm) {
        384 => then(&sha::sha384(message)),
        512 => then(&sha::sha512(message)),
        _ => then(&sha::sha256(message)),
    }
}

fn hash(algorithm: SigningAlgorithm) -> &'static MdRef {
    match hash_bits(algorithm) {
        384 => Md::sha384(),
        512 => Md::sha512(),
        _ => Md::sha256(),
    }
}

fn hash_bits(algorithm: SigningAlgorithm) -> u16 {
    match algorithm {
        SigningAlgorithm::Rs384 | SigningAlgorithm::Ps384 | SigningAlgorithm::Es384 => 384,
        SigningAlgorithm::Rs512 | SigningAlgorithm::Ps512 | SigningAlgorithm::Es512 => 512,
        _ => 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::{SigningKey, VerificationKey};

    const ALGORITHMS: [SigningAlgorithm; 10] = [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Rs384,
        SigningAlgorithm::Rs512,
        SigningAlgorithm::Ps256,
        SigningAlgorithm::Ps384,
        SigningAlgorithm::Ps512,
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Es512,
        SigningAlgorithm::EdDsa,
    ];

    #[test]
    fn a_signature_without_its_leading_zero_is_none() {
        for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Ps256] {
            let signer = SigningKey::generate(algorithm).expect("makes a key");
            let key = VerificationKey::from_jwk(&signer.public_jwk()).expect("reads");
            // One of 256 begins with zero.
            let (message, signature) = (0..100_000_u32)
                .map(u32::to_be_bytes)
                .map(|message| (message, signer.signature(&message).expect("signs")))
                .find(|(_, signature)| signature[0] == 0)
                .expect("there are enough messages");
            assert!(key.verifies(algorithm, &message, &signature), "{algorithm}");
            assert!(
                !key.verifies(algorithm, &message, &signature[1..]),
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_key_checks_good_and_bad_signatures_in_any_order() {
        for algorithm in ALGORITHMS {
            let signer = SigningKey::generate(algorithm).expect("makes a key");
            let key = VerificationKey::from_jwk(&signer.public_jwk()).expect("reads");
            let good = signer.signature(b"message").expect("signs");
            for round in 0..3 {
                assert!(
                    key.verifies(algorithm, b"message", &good),
                    "{algorithm} {round}"
                );
                assert!(!key.verifies(algorithm, b"another", &good), "{algorithm}");
                for bit in [0, good.len() * 4, good.len() * 8 - 1] {
                    let mut bad = good.clone();
                    bad[bit / 8] ^= 1 << (bit % 8);
                    assert!(
                        !key.verifies(algorithm, b"message", &bad),
                        "{algorithm} bit {bit}"
                    );
                }
                let longer = [&good[..], &[0]].concat();
                for bad in [&[][..], &good[1..], &good[..good.len() - 1], &longer] {
                    assert!(!key.verifies(algorithm, b"message", bad), "{algorithm}");
                }
                let zeros = vec![0; good.len()];
                assert!(
                    !key.verifies(algorithm, b"message", &zeros),
                    "{algorithm} zeros"
                );
            }
        }
    }

    #[test]
    fn a_weak_ed25519_key_is_refused() {
        // The neutral element, for which anything is signed by zeros, and no point at all.
        let neutral = [&[1][..], &[0; 31]].concat();
        let none = [&[2][..], &[0; 31]].concat();
        for x in [neutral, none] {
            let (crv, y) = ("Ed25519", Vec::new());
            assert!(PublicKey::point(&Point { crv, x, y }).is_none());
        }
    }

    #[test]
    fn many_threads_check_with_one_key() {
        let signer = SigningKey::generate(SigningAlgorithm::Rs256).expect("makes a key");
        let key = VerificationKey::from_jwk(&signer.public_jwk()).expect("reads");
        let messages: Vec<_> = (0..50_u8)
            .map(|number| (number, signer.signature(&[number]).expect("signs")))
            .collect();
        std::thread::scope(|scope| {
            for _ in 0..=MAX_IDLE {
                scope.spawn(|| {
                    for (number, signature) in &messages {
                        assert!(key.verifies(SigningAlgorithm::Rs256, &[*number], signature));
                        assert!(!key.verifies(SigningAlgorithm::Rs256, &[number + 1], signature));
                    }
                });
            }
        });
    }

    #[test]
    fn only_so_many_contexts_are_kept() {
        let numbers = RsaNumbers {
            n: [&[0x80][..], &[0; 254], &[1]].concat(),
            e: vec![1, 0, 1],
        };
        let Ok(PublicKey::Rsa(key)) = PublicKey::rsa(&numbers) else {
            panic!("an RSA key");
        };
        for made in 1..=MAX_IDLE + 1 {
            let context = key.context(SigningAlgorithm::Rs256).expect("makes one");
            key.keep_idle(SigningAlgorithm::Rs256, context);
            assert_eq!(key.lock().len(), made.min(MAX_IDLE));
        }
        assert!(key.take_idle(SigningAlgorithm::Ps256).is_none());
        assert!(key.take_idle(SigningAlgorithm::Rs256).is_some());
    }
}
