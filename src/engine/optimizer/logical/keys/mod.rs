//! [`RelationKeys`]: which columns of a plan's rows are unique, which determine others, and which refer to another table's key.
//!
//! ```text
//!   TableScan item        unique {i_item_sk}                      (a key that was verified)
//!   Join ss_item_sk       {ss_item_sk} ─▶ {i_item_sk} ─▶ {i_item_id, i_category, …}; no longer unique: an item is sold often
//!   Aggregate             unique {ss_item_sk, ss_store_sk}        (what it groups by)
//! ```
//!
//! Two rows agree on a column if both values are the same or both are NULL. All that is said here is said in that sense, so that it is
//! about NULLs as well. What the operators do to it is in [`derive()`]. DataFusion has such knowledge of its own, from constraints that tables declare; it is
//! not used, since it takes a key that repeats for one that does not (`engine/declared_keys.rs`).

mod column_set;
mod derive;
#[cfg(test)]
mod tests;

use crate::engine::keys::TableId;

pub(super) use column_set::ColumnSet;
pub(super) use derive::{column_at, derive, key_pairs, plain_column};

/// No more unique sets are followed than these: joins of tables without keys in common multiply them.
const UNIQUE_SETS_MAX: usize = 8;

/// Rows that agree on `from` agree on `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) from: ColumnSet,
    pub(super) to: ColumnSet,
}

/// Columns whose values are, together, in the primary key of a table, column by column, or one of which is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) columns: Vec<usize>,
    pub(super) table: TableId,
}

/// What is known of a relation's rows; see the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RelationKeys {
    /// How many columns there are.
    pub(super) width: usize,
    /// No two rows agree on all columns of one of these sets. The empty set: there is at most one row.
    pub(super) unique: Vec<ColumnSet>,
    pub(super) determines: Vec<Dependency>,
    /// Columns without NULL.
    pub(super) not_null: ColumnSet,
    pub(super) references: Vec<Reference>,
}

impl RelationKeys {
    /// Of a relation of which nothing is known.
    pub(super) fn unknown(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// All columns on which rows agree that agree on these.
    pub(super) fn closure(&self, columns: &ColumnSet) -> ColumnSet {
        let mut all = *columns;
        loop {
            let before = all;
            for dependency in &self.determines {
                if dependency.from.is_subset(&all) {
                    all |= dependency.to;
                }
            }
            if self.unique.iter().any(|unique| unique.is_subset(&all)) {
                return (0..self.width).collect();
            }
            if all == before {
                return all;
            }
        }
    }

    /// Whether no two rows agree on these columns.
    pub(super) fn is_unique(&self, columns: &ColumnSet) -> bool {
        let all = self.closure(columns);
        self.unique.iter().any(|unique| unique.is_subset(&all))
    }

    /// Takes a set as unique, unless it follows from one that is known.
    fn add_unique(&mut self, columns: ColumnSet) {
        if self.unique.len() < UNIQUE_SETS_MAX && !self.unique.iter().any(|known| known.is_subset(&columns)) {
            self.unique.retain(|known| !columns.is_subset(known));
            self.unique.push(columns);
        }
    }

    fn add_dependency(&mut self, from: ColumnSet, to: ColumnSet) {
        let says = |known: &Dependency| known.from.is_subset(&from) && to.is_subset(&known.to);
        if !to.is_subset(&from) && !self.determines.iter().any(says) {
            self.determines.push(Dependency { from, to });
        }
    }

    /// Two columns are equal in every row.
    fn add_equal(&mut self, one: usize, other: usize) {
        self.add_dependency([one].into(), [other].into());
        self.add_dependency([other].into(), [one].into());
    }

    /// Says by dependencies what the unique sets say, for rows that are about to be repeated.
    fn unique_as_dependencies(&mut self) {
        for unique in self.unique.clone() {
            self.add_dependency(unique, (0..self.width).collect());
        }
    }

    /// What is left of the keys if rows are repeated.
    fn repeated(mut self) -> Self {
        self.unique_as_dependencies();
        self.unique.clear();
        self
    }

    /// What is left of the keys if rows may be repeated, and rows of NULLs are added, as the other side of an outer join has it. Those rows
    /// agree with a row of the relation on a set of columns only if that row is NULL in all of them.
    fn null_extended(self) -> Self {
        let mut keys = self.repeated();
        let not_null = std::mem::take(&mut keys.not_null);
        keys.determines.retain(|dependency| !dependency.from.is_disjoint(&not_null));
        keys
    }

    /// The keys with columns numbered from `by` on.
    fn shifted(self, by: usize) -> Self {
        let move_all = |columns: &ColumnSet| columns.iter().map(|column| column + by).collect::<ColumnSet>();
        let dependency = |known: &Dependency| Dependency { from: move_all(&known.from), to: move_all(&known.to) };
        let reference = |known: &Reference| Reference {
            columns: known.columns.iter().map(|column| column + by).collect(),
            table: known.table,
        };
        Self {
            width: self.width + by,
            unique: self.unique.iter().map(move_all).collect(),
            determines: self.determines.iter().map(dependency).collect(),
            not_null: move_all(&self.not_null),
            references: self.references.iter().map(reference).collect(),
        }
    }

    /// The keys of rows that are cut to some columns, or have them twice: for each new column the old one, if it is one.
    fn projected(&self, sources: &[Option<usize>]) -> Self {
        let places = |column: usize| (0..sources.len()).filter(move |place| sources[*place] == Some(column));
        let place = |column: usize| places(column).next();
        let mut keys = Self::unknown(sources.len());
        let closures: Vec<ColumnSet> =
            self.determines.iter().map(|dependency| self.closure(&dependency.from)).collect();
        // The set in new columns. A column that is gone is replaced by others that determine it.
        let translated = |columns: &ColumnSet| -> Option<ColumnSet> {
            let mut new = ColumnSet::new();
            for column in columns.iter() {
                match place(column) {
                    Some(place) => {
                        new.insert(place);
                    }
                    None => {
                        let mut dependencies = self.determines.iter().zip(&closures);
                        let stands_for = |from: &ColumnSet| from.iter().map(&place).collect::<Option<Vec<usize>>>();
                        new.extend(dependencies.find_map(|(dependency, closure)| {
                            closure.contains(column).then(|| stands_for(&dependency.from)).flatten()
                        })?);
                    }
                }
            }
            Some(new)
        };
        for unique in self.unique.iter().filter_map(&translated) {
            keys.add_unique(unique);
        }
        for (dependency, closure) in self.determines.iter().zip(&closures) {
            if let Some(from) = translated(&dependency.from) {
                keys.add_dependency(from, closure.iter().flat_map(places).collect());
            }
        }
        for (new, source) in sources.iter().enumerate() {
            let Some(source) = *source else { continue };
            if let Some(first) = place(source).filter(|first| *first != new) {
                keys.add_equal(first, new);
            }
            if self.not_null.contains(source) {
                keys.not_null.insert(new);
            }
        }
        for reference in &self.references {
            if let Some(columns) = reference.columns.iter().map(|column| place(*column)).collect() {
                keys.references.push(Reference { columns, table: reference.table });
            }
        }
        keys
    }
}
