//! How often a login may fail: per account, per address, and per account from one address.
//!
//! Each of the three has a table of fixed size; a key's slot is chosen by a keyed hash, so memory
//! is bounded whatever is tried, and two keys that share a slot are only throttled sooner. A slot
//! is one number: the time until which failures are still held against the key. Successful logins
//! are never counted.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use logout_shared::Timestamp;

/// Slots of one table.
const SLOTS: usize = 1 << 15;

/// So many failures in a row are free; each is forgotten after `forgotten_after`.
#[derive(Debug, Clone, Copy)]
struct Limit {
    failures: i32,
    forgotten_after: Duration,
}

const PER_ACCOUNT_AND_ADDRESS: Limit = Limit {
    failures: 10,
    forgotten_after: Duration::from_secs(30),
};
/// Higher than the one above, or a stranger could lock anyone out with ten requests.
const PER_ACCOUNT: Limit = Limit {
    failures: 100,
    forgotten_after: Duration::from_secs(6),
};
const PER_ADDRESS: Limit = Limit {
    failures: 100,
    forgotten_after: Duration::from_secs(3),
};

/// Counts failed logins.
#[derive(Debug)]
pub struct Throttle {
    hasher: RandomState,
    account_and_address: Table,
    account: Table,
    address: Table,
}

/// Too many logins failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many logins failed; the next is looked at in {} s", .retry_after.as_secs())]
pub struct TooManyFailures {
    /// When the next one is looked at.
    pub retry_after: Duration,
}

/// What is held up after too many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Logins to the account, from anywhere or from this address.
    Account,
    /// Logins from the address.
    Address,
}

/// Who tries to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The address of the account, as typed.
    pub email: &'a str,
    /// Where from, if known.
    pub ip: Option<IpAddr>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            account_and_address: Table::new(PER_ACCOUNT_AND_ADDRESS),
            account: Table::new(PER_ACCOUNT),
            address: Table::new(PER_ADDRESS),
        }
    }
}

impl Throttle {
    /// Whether a login may be looked at now.
    ///
    /// # Errors
    ///
    /// [`TooManyFailures`] says when.
    pub fn check(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), TooManyFailures> {
        let waits = self
            .slots(attempt)
            .map(|(table, slot)| table.wait(slot, now));
        match waits.into_iter().max() {
            Some(wait) if !wait.is_zero() => Err(TooManyFailures { retry_after: wait }),
            _ => Ok(()),
        }
    }

    /// Notes that a login failed; gives what is held up from now on.
    pub fn failed(&self, attempt: Attempt<'_>, now: Timestamp) -> Option<Held> {
        let slots = self.slots(attempt);
        for (table, slot) in slots {
            table.add(slot, now);
        }
        let [alone, account, address] = slots.map(|(table, slot)| !table.wait(slot, now).is_zero());
        if alone || account {
            Some(Held::Account)
        } else {
            address.then_some(Held::Address)
        }
    }

    fn slots(&self, attempt: Attempt<'_>) -> [(&Table, usize); 3] {
        let email = attempt.email.trim().to_lowercase();
        let ip = attempt.ip.map(network);
        [
            (&self.account_and_address, self.slot((&email, ip))),
            (&self.account, self.slot(&email)),
            (&self.address, self.slot(ip)),
        ]
    }

    fn slot(&self, key: impl Hash) -> usize {
        let slots = SLOTS as u64;
        usize::try_from(self.hasher.hash_one(key) % slots).expect("a slot's number is small")
    }
}

/// One household or machine: an IPv4 address, or the half of an IPv6 address that a provider
/// hands out.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[derive(Debug)]
struct Table {
    limit: Limit,
    /// Milliseconds since 1970; in the past for a key without failures.
    held_until: Vec<AtomicI64>,
}

impl Table {
    fn new(limit: Limit) -> Self {
        Self {
            limit,
            held_until: (0..SLOTS).map(|_| AtomicI64::new(0)).collect(),
        }
    }

    fn wait(&self, slot: usize, now: Timestamp) -> Duration {
        let held_until = Timestamp::from_millis(self.held_until[slot].load(Ordering::Relaxed));
        let free = self.limit.forgotten_after * (self.limit.failures.unsigned_abs() - 1);
        held_until.saturating_since(now).saturating_sub(free)
    }

    fn add(&self, slot: usize, now: Timestamp) {
        let held = &self.held_until[slot];
        let longer = |until: i64| {
            let until = Timestamp::from_millis(until).max(now) + self.limit.forgotten_after;
            until.as_millis()
        };
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
            Some(longer(until))
        })
        .expect("the closure never declines");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(email: &str, last: u8) -> Attempt<'_> {
        Attempt {
            email,
            ip: Some(IpAddr::from([192, 0, 2, last])),
        }
    }

    #[test]
    fn the_eleventh_failure_in_a_row_is_not_looked_at_until_one_is_forgotten() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(1_000_000));
        for _ in 0..10 {
            assert_eq!(throttle.check(attempt("Ada@example.com", 1), now), Ok(()));
            throttle.failed(attempt("ada@example.com ", 1), now);
        }
        let refused = throttle
            .check(attempt("ada@example.com", 1), now)
            .unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(30));
        let later = now + Duration::from_secs(30);
        assert_eq!(throttle.check(attempt("ada@example.com", 1), later), Ok(()));
    }

    #[test]
    fn someone_elsewhere_can_still_sign_in_to_the_account() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(1_000_000));
        for _ in 0..20 {
            throttle.failed(attempt("ada@example.com", 1), now);
        }
        assert!(throttle.check(attempt("ada@example.com", 1), now).is_err());
        assert_eq!(throttle.check(attempt("ada@example.com", 2), now), Ok(()));
    }

    #[test]
    fn one_address_cannot_try_one_password_on_everybody() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(1_000_000));
        for account in 0..100 {
            throttle.failed(attempt(&format!("user{account}@example.com"), 7), now);
        }
        assert!(
            throttle
                .check(attempt("someone.new@example.com", 7), now)
                .is_err()
        );
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let ip = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(ip("2001:db8:1:2:3::4"), ip("2001:db8:1:2::9"));
        assert_ne!(ip("2001:db8:1:2::9"), ip("2001:db8:1:3::9"));
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
    }
}
