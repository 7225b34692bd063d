//! Which index leads a search.
//!
//! A condition is taken apart: what limits the numbers is a window, what equals an indexed member
//! can lead, and the rest is looked at record by record. Alternatives lead together if each of them
//! does. A user is rarer than a client, a client rarer than a code.

use std::ops::Bound;

use logout_shared::Timestamp;

use super::position::Window;
use crate::storage::search::{Condition, TextTest};
use crate::storage::sqlite::condition::SqlValue;
use crate::storage::{EventField, EventTest};

/// The most values that lead together; more are looked at record by record.
const MAX_KEYS: usize = 16;

/// A value of a member that has an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    field: EventField,
    value: String,
}

impl Key {
    /// The beginning of a statement that reads numbers from the index.
    pub(super) fn table(&self) -> &'static str {
        match self.field {
            EventField::User => "logout_events INDEXED BY logout_events_by_user WHERE user_id = ",
            EventField::Client => {
                "logout_events INDEXED BY logout_events_by_client WHERE client_id = "
            }
            _ => "logout_events INDEXED BY logout_events_by_code WHERE code = ",
        }
    }

    pub(super) fn value(&self) -> SqlValue {
        SqlValue::Text(self.value.clone())
    }

    fn rank(&self) -> u8 {
        match self.field {
            EventField::User => 0,
            EventField::Client => 1,
            _ => 2,
        }
    }
}

/// A way to go about a search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lead {
    /// A record fits one of these; without any, the numbers lead.
    pub(super) keys: Vec<Key>,
    /// What a record must be besides.
    pub(super) rest: Condition<EventTest>,
}

impl Lead {
    /// Whether each record that it leads to is one that is meant.
    pub(super) fn is_exact(&self) -> bool {
        self.rest == Condition::everything()
    }
}

/// A condition, taken apart.
#[derive(Debug)]
pub(super) struct Parts {
    all: Vec<Condition<EventTest>>,
    pub(super) dates: Vec<(Bound<Timestamp>, Bound<Timestamp>)>,
    numbers: Vec<(i64, i64)>,
}

impl Parts {
    pub(super) fn of(condition: &Condition<EventTest>) -> Self {
        let mut parts = Self {
            all: Vec::new(),
            dates: Vec::new(),
            numbers: Vec::new(),
        };
        parts.take(condition);
        parts
    }

    fn take(&mut self, condition: &Condition<EventTest>) {
        match condition {
            Condition::All(all) => all.iter().for_each(|one| self.take(one)),
            Condition::Any(any) if any.len() == 1 => any.iter().for_each(|one| self.take(one)),
            Condition::Test(EventTest::Number(from, to)) => {
                let row_id = super::as_row_id;
                let first = match *from {
                    Bound::Included(from) => row_id(from),
                    Bound::Excluded(from) => row_id(from).saturating_add(1),
                    Bound::Unbounded => 0,
                };
                let last = match *to {
                    Bound::Included(to) => row_id(to),
                    Bound::Excluded(to) => row_id(to).saturating_sub(1),
                    Bound::Unbounded => i64::MAX,
                };
                self.numbers.push((first, last));
            }
            condition => {
                if let Condition::Test(EventTest::Date(from, to)) = condition {
                    self.dates.push((*from, *to));
                }
                self.all.push(condition.clone());
            }
        }
    }

    /// Whether no record can be meant.
    pub(super) fn are_impossible(&self) -> bool {
        self.all.contains(&Condition::nothing())
    }

    /// The part of a window that the numbers leave.
    pub(super) fn window(&self, window: Window) -> Window {
        let narrow = |window: Window, &(first, last)| window.within(first, last);
        self.numbers.iter().fold(window, narrow)
    }

    /// All ways to go about it, the likely best first; the last is to look at every record.
    pub(super) fn leads(&self) -> Vec<Lead> {
        let keyed = self.all.iter().enumerate().filter_map(|(at, one)| {
            let keys = keys(one).filter(|keys| !keys.is_empty() && keys.len() <= MAX_KEYS)?;
            let mut rest = self.all.clone();
            rest.remove(at);
            let rest = Condition::All(rest);
            Some(Lead { keys, rest })
        });
        let mut leads: Vec<Lead> = keyed.collect();
        let rank = |lead: &Lead| lead.keys.iter().map(Key::rank).max();
        leads.sort_by_key(rank);
        leads.push(Lead {
            keys: Vec::new(),
            rest: Condition::All(self.all.clone()),
        });
        leads
    }
}

/// The values one of which each record that fits has; `None` if there are no such values.
fn keys(condition: &Condition<EventTest>) -> Option<Vec<Key>> {
    match condition {
        Condition::Test(EventTest::Text(field, TextTest::Is(value))) => {
            let is_indexed = matches!(
                field,
                EventField::Code | EventField::Client | EventField::User
            );
            is_indexed.then(|| {
                let (field, value) = (*field, value.clone());
                vec![Key { field, value }]
            })
        }
        // Whoever wants no record at all is led to none.
        Condition::Any(any) => {
            let mut all = Vec::new();
            for one in any {
                for key in exact_keys(one)? {
                    if !all.contains(&key) {
                        all.push(key);
                    }
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// Of an alternative, which must be nothing but its values: a lead has one rest for all of them.
fn exact_keys(condition: &Condition<EventTest>) -> Option<Vec<Key>> {
    match condition {
        Condition::All(all) => match &all[..] {
            [one] => exact_keys(one),
            _ => None,
        },
        condition => keys(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(field: EventField, text: &str) -> Condition<EventTest> {
        Condition::Test(EventTest::Text(field, TextTest::Is(text.into())))
    }

    fn leading(condition: &Condition<EventTest>) -> Vec<Vec<String>> {
        let leads = Parts::of(condition).leads();
        let values = |lead: &Lead| lead.keys.iter().map(|key| key.value.clone()).collect();
        leads.iter().map(values).collect()
    }

    #[test]
    fn a_user_leads_before_a_client_and_a_client_before_a_code() {
        let condition = Condition::All(vec![
            is(EventField::Code, "s"),
            is(EventField::Ip, "192.0.2.1"),
            is(EventField::Client, "shop"),
            is(EventField::User, "u1"),
        ]);
        assert_eq!(
            leading(&condition),
            [vec!["u1"], vec!["shop"], vec!["s"], vec![]]
        );
        let leads = Parts::of(&condition).leads();
        assert!(!leads[0].is_exact());
        assert!(Parts::of(&is(EventField::User, "u1")).leads()[0].is_exact());
    }

    #[test]
    fn alternatives_lead_only_together() {
        let both = Condition::Any(vec![is(EventField::Code, "s"), is(EventField::User, "u1")]);
        assert_eq!(leading(&both), [vec!["s", "u1"], vec![]]);
        let one = Condition::Any(vec![is(EventField::Code, "s"), is(EventField::Ip, "1")]);
        assert_eq!(leading(&one), [Vec::<String>::new()]);
        let narrowed = Condition::Any(vec![
            is(EventField::Code, "s"),
            Condition::All(vec![is(EventField::Code, "f"), is(EventField::Ip, "1")]),
        ]);
        assert_eq!(leading(&narrowed), [Vec::<String>::new()]);
        let not = Condition::Not(Box::new(is(EventField::Code, "s")));
        assert_eq!(leading(&not), [Vec::<String>::new()]);
    }

    #[test]
    fn sixteen_values_lead_and_seventeen_do_not() {
        for (count, leads) in [(16, 2), (17, 1)] {
            let any = (0..count).map(|n| is(EventField::User, &n.to_string()));
            assert_eq!(leading(&Condition::Any(any.collect())).len(), leads);
        }
    }

    #[test]
    fn numbers_narrow_the_window_and_are_not_looked_at_again() {
        let range = EventTest::Number(Bound::Included(5), Bound::Excluded(9));
        let condition = Condition::All(vec![
            is(EventField::Code, "s"),
            Condition::All(vec![Condition::Test(range)]),
        ]);
        let parts = Parts::of(&condition);
        let all = Window {
            first: 1,
            last: 100,
        };
        assert_eq!(parts.window(all), Window { first: 5, last: 8 });
        assert!(parts.leads()[0].is_exact());
    }
}
