//! [`ByProvider`]: something known of tables, by what the session scans them with.
//!
//! A table's name says too little: a table that is made anew under it has other rows. The address of its provider says as much as the
//! provider itself, as long as somebody holds on to it; a weak reference keeps the address from being given to another.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use datafusion::catalog::TableProvider;

/// See the module.
#[derive(Debug)]
pub(super) struct ByProvider<T>(RwLock<HashMap<usize, Entry<T>>>);

#[derive(Debug)]
struct Entry<T> {
    provider: Weak<dyn TableProvider>,
    value: Arc<T>,
}

impl<T> Default for ByProvider<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> ByProvider<T> {
    /// What is known of a table.
    pub(super) fn get(&self, provider: &Arc<dyn TableProvider>) -> Option<Arc<T>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&address(provider))?;
        let is_same = entry.provider.upgrade().is_some_and(|known| Arc::ptr_eq(&known, provider));
        is_same.then(|| Arc::clone(&entry.value))
    }

    /// Takes over what is known of a table, and forgets those that are gone.
    pub(super) fn insert(&self, provider: &Arc<dyn TableProvider>, value: Arc<T>) {
        self.forget_gone();
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(address(provider), Entry { provider: Arc::downgrade(provider), value });
    }

    /// Forgets tables that are gone.
    pub(super) fn forget_gone(&self) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.provider.strong_count() > 0);
    }

    /// Forgets a table.
    pub(super) fn remove(&self, provider: &Arc<dyn TableProvider>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&address(provider));
    }

    /// Whether nothing is known of any table.
    pub(super) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

fn address(provider: &Arc<dyn TableProvider>) -> usize {
    Arc::as_ptr(provider).cast::<()>().addr()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Schema;
    use datafusion::datasource::empty::EmptyTable;

    use super::*;

    fn table() -> Arc<dyn TableProvider> {
        Arc::new(EmptyTable::new(Arc::new(Schema::empty())))
    }

    #[test]
    fn tables_that_are_gone_are_forgotten() {
        let (first, second, known) = (table(), table(), ByProvider::default());
        assert!(known.is_empty() && known.get(&first).is_none());
        known.insert(&first, Arc::new(1));
        assert_eq!((known.get(&first).as_deref(), known.get(&second)), (Some(&1), None));
        drop(first);
        known.insert(&second, Arc::new(2));
        known.remove(&second);
        assert!(known.is_empty());
    }
}
