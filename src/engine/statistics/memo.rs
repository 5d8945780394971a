//! [`Memo`]: what was worked out once.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

/// The most values that are kept: a session that plans new statements for weeks must not grow by each of them.
const VALUES_MAX: usize = 4096;

/// Values by their keys, for sessions that plan at the same time. A full one is emptied.
#[derive(Debug)]
pub(super) struct Memo<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// The value of a key, worked out unless it is there. What cannot be worked out now may be later, and is not kept.
    pub(super) fn get<Q>(&self, key: &Q, work_out: impl FnOnce() -> Option<V>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Eq + Hash + ?Sized,
    {
        // The lock ends with the statement: to work it out takes long, and may ask other memos.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        known.or_else(|| {
            let value = work_out()?;
            let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if values.len() >= VALUES_MAX {
                values.clear();
            }
            values.insert(key.to_owned(), value.clone());
            Some(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_worked_out_again() {
        let memo = Memo::<usize, f64>::default();
        assert_eq!(memo.get(&1, || None), None);
        assert_eq!(memo.get(&1, || Some(2.0)), Some(2.0));
        assert_eq!(memo.get(&1, || panic!("it is known")), Some(2.0));
    }

    #[test]
    fn a_full_one_is_emptied() {
        let memo = Memo::<usize, f64>::default();
        for key in 0..=VALUES_MAX {
            assert_eq!(memo.get(&key, || Some(1.0)), Some(1.0));
        }
        assert_eq!(memo.0.read().unwrap().len(), 1);
        assert_eq!(memo.get(&0, || Some(2.0)), Some(2.0));
    }
}
