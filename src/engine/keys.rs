//! Keys of tables that were verified, bound to the very tables that they were verified for.
//!
//! ```text
//!   TableKeys (names) ──trust_keys──▶ TrustedKeys: the table's provider ─▶ KnownKeys ──▶ the rules of `engine::optimizer`
//!                                     (not its name)
//! ```
//!
//! A key that does not hold would make wrong answers. So keys are never read from a catalog or guessed: whoever has verified
//! them says so with [`Engine::trust_keys`](super::Engine::trust_keys). They are kept by the table's provider ([`ByProvider`]). A table that
//! is made anew under the same name, or a view of that name, has another provider, and is not trusted. A statement that writes to a table ends the trust in its keys, and in what refers to them.
//!
//! DataFusion's own [`Constraints`](datafusion::common::Constraints) are not used: `declared_keys.rs` has the reason.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;

use super::by_provider::ByProvider;

/// The keys of one table, by the names of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKeys {
    /// The table.
    pub table: String,
    /// The columns of its primary key, which are never NULL and never twice the same; empty if it has none.
    pub primary: Vec<String>,
    /// Its foreign keys.
    pub foreign: Vec<ForeignKey>,
}

/// Columns whose values are, together, a primary key of another table, or one of which is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns here.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// The columns there, one for each here.
    pub referenced: Vec<String>,
}

/// Which table it is, among all that a session ever trusted: never given twice, unlike an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TableId(u64);

/// What is trusted of one table.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    /// The table.
    pub(crate) id: TableId,
    /// The columns of its primary key.
    pub(crate) primary: Vec<String>,
    /// Columns here and the table to whose primary key they refer, in its order.
    pub(crate) foreign: Vec<(Vec<String>, TableId)>,
}

/// The keys that a session trusts.
#[derive(Debug, Default)]
pub(crate) struct TrustedKeys {
    tables: ByProvider<KnownKeys>,
    issued: AtomicU64,
}

/// A table that is about to be trusted.
struct Candidate {
    keys: TableKeys,
    provider: Arc<dyn TableProvider>,
    id: TableId,
}

impl TrustedKeys {
    /// Trusts keys, given the tables that they are of. What does not fit a table's columns is left out, and so is a foreign key whose
    /// other table is not trusted with just that primary key.
    pub(crate) fn trust(
        &self,
        tables: Vec<(TableKeys, Arc<dyn TableProvider>)>,
        named: impl Fn(&str) -> Option<Table>,
    ) {
        let candidate = |(keys, provider)| Candidate { keys, provider, id: self.new_id() };
        let mut candidates: Vec<Candidate> = tables.into_iter().map(candidate).collect();
        for candidate in &mut candidates {
            if !is_key(&candidate.keys.primary, &candidate.provider.schema()) {
                candidate.keys.primary.clear();
            }
        }
        let known = candidates.iter().map(|candidate| Arc::new(known_keys(candidate, &candidates, self, &named)));
        let known: Vec<Arc<KnownKeys>> = known.collect();
        for (candidate, keys) in candidates.iter().zip(known) {
            self.tables.insert(&candidate.provider, keys);
        }
    }

    /// Ends the trust in a table's keys: its rows are about to change. Foreign keys that refer to it find nobody any more.
    pub(crate) fn distrust(&self, table: &Arc<dyn TableProvider>) {
        self.tables.remove(table);
    }

    /// Whether no key is trusted, so that a rule has nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The keys of a table.
    pub(crate) fn of(&self, table: &Arc<dyn TableProvider>) -> Option<Arc<KnownKeys>> {
        self.tables.get(table)
    }

    fn new_id(&self) -> TableId {
        TableId(self.issued.fetch_add(1, Ordering::Relaxed))
    }
}

/// A table of a session.
type Table = Arc<dyn TableProvider>;

fn known_keys(
    of: &Candidate,
    candidates: &[Candidate],
    trusted: &TrustedKeys,
    named: &impl Fn(&str) -> Option<Table>,
) -> KnownKeys {
    let foreign = of.keys.foreign.iter().filter_map(|key| {
        let (id, primary, schema) = match candidates.iter().find(|candidate| candidate.keys.table == key.table) {
            Some(other) => (other.id, other.keys.primary.clone(), other.provider.schema()),
            None => {
                let table = named(&key.table)?;
                let known = trusted.of(&table)?;
                (known.id, known.primary.clone(), table.schema())
            }
        };
        let columns = in_order_of(&primary, key)?;
        have_same_types((&columns, &of.provider.schema()), (&primary, &schema)).then_some((columns, id))
    });
    KnownKeys { id: of.id, primary: of.keys.primary.clone(), foreign: foreign.collect() }
}

/// The columns of a foreign key in the order of the primary key that it refers to. None if it is not that key.
fn in_order_of(primary: &[String], key: &ForeignKey) -> Option<Vec<String>> {
    let is_whole = !primary.is_empty() && primary.len() == key.columns.len() && primary.len() == key.referenced.len();
    let column = |name| key.referenced.iter().position(|other| other == name).map(|place| key.columns[place].clone());
    is_whole.then(|| primary.iter().map(column).collect()).flatten()
}

fn have_same_types(here: (&[String], &SchemaRef), there: (&[String], &SchemaRef)) -> bool {
    here.0.iter().zip(there.0).all(|(one, other)| {
        let (one, other) = (here.1.field_with_name(one), there.1.field_with_name(other));
        matches!((one, other), (Ok(one), Ok(other)) if one.data_type() == other.data_type())
    })
}

fn is_key(columns: &[String], schema: &SchemaRef) -> bool {
    let is_known = |name: &String| schema.field_with_name(name).is_ok_and(|field| is_exact(field.data_type()));
    columns.iter().all(is_known) && columns.iter().collect::<HashSet<_>>().len() == columns.len()
}

/// Whether two values of the type that compare as equal are the same in every respect: not so for floats, where 0 = -0, and for
/// intervals.
pub(crate) fn is_exact(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Boolean, FixedSizeBinary, LargeBinary, LargeUtf8, Timestamp, Utf8, Utf8View};
    use DataType::{Date32, Date64, Time32, Time64};
    let is_bytes = matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_));
    let is_text = matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let is_time = matches!(data_type, Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..));
    data_type.is_integer() || data_type.is_decimal() || *data_type == Boolean || is_bytes || is_text || is_time
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::datasource::empty::EmptyTable;

    fn table(columns: &[(&str, DataType)]) -> Table {
        let fields: Vec<_> = columns.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect();
        Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn keys(table: &str, primary: &[&str], foreign: &[(&[&str], &str, &[&str])]) -> TableKeys {
        let foreign = foreign.iter().map(|(columns, table, referenced)| ForeignKey {
            columns: names(columns),
            table: (*table).to_owned(),
            referenced: names(referenced),
        });
        TableKeys { table: table.to_owned(), primary: names(primary), foreign: foreign.collect() }
    }

    /// What is trusted of a fact table with the columns f (INT), g (INT), s (TEXT), x (DOUBLE), whose dimension has the key (a, b).
    #[track_caller]
    fn check(fact: TableKeys, primary: &[&str], foreign: &[&[&str]]) {
        let trusted = TrustedKeys::default();
        let of = [("f", DataType::Int32), ("g", DataType::Int32), ("s", DataType::Utf8), ("x", DataType::Float64)];
        let (fact_table, dimension) = (table(&of), table(&[("a", DataType::Int32), ("b", DataType::Int32)]));
        let both = vec![(fact, Arc::clone(&fact_table)), (keys("d", &["a", "b"], &[]), dimension)];
        trusted.trust(both, |_| None);
        let known = trusted.of(&fact_table).expect("known");
        assert_eq!(known.primary, primary);
        assert_eq!(known.foreign.iter().map(|(columns, _)| columns.clone()).collect::<Vec<_>>(), foreign);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        check(keys("t", &["f"], &[(&["f", "g"], "d", &["a", "b"])]), &["f"], &[&["f", "g"]]);
        // In another order than the primary key's.
        check(keys("t", &["f", "s"], &[(&["f", "g"], "d", &["b", "a"])]), &["f", "s"], &[&["g", "f"]]);
        check(keys("t", &["nobody"], &[(&["f", "nobody"], "d", &["a", "b"])]), &[], &[]);
        check(keys("t", &["f", "f"], &[(&["f"], "d", &["a"])]), &[], &[]);
        check(keys("t", &["x"], &[(&["f", "s"], "d", &["a", "b"])]), &[], &[]);
        check(keys("t", &[], &[(&["f", "g"], "nobody", &["a", "b"]), (&["f", "g"], "d", &["a", "a"])]), &[], &[]);
    }

    #[test]
    fn another_table_is_not_trusted() {
        let trusted = TrustedKeys::default();
        assert!(trusted.is_empty());
        let first = table(&[("a", DataType::Int32)]);
        trusted.trust(vec![(keys("d", &["a"], &[]), Arc::clone(&first))], |_| None);
        let id = trusted.of(&first).expect("known").id;
        assert!(!trusted.is_empty());
        assert!(trusted.of(&table(&[("a", DataType::Int32)])).is_none());
        // A table that is trusted later may refer to it, by its name.
        let fact = table(&[("f", DataType::Int32)]);
        let refers = || vec![(keys("t", &[], &[(&["f"], "d", &["a"])]), Arc::clone(&fact))];
        trusted.trust(refers(), |_| Some(Arc::clone(&first)));
        assert_eq!(trusted.of(&fact).expect("known").foreign, [(names(&["f"]), id)]);
        trusted.distrust(&first);
        assert!(trusted.of(&first).is_none());
        trusted.trust(refers(), |_| Some(Arc::clone(&first)));
        assert_eq!(trusted.of(&fact).expect("known").foreign, []);
    }
}
