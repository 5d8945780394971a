//! [`ColumnSet`]: a set of columns in a few machine words.
//!
//! ```text
//!   column   … 5 4 3 2 1 0
//!   bit      … 0 0 1 1 0 1   =  {0, 2, 3}
//! ```
//!
//! What follows from keys is found by asking over and over whether one set is in another, for every plan: that is an instruction a word.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

const WORDS: usize = 4;
const WORD_BITS: usize = u64::BITS as usize;

/// Columns by their positions in the schema. Those from [`Self::CAPACITY`] on are never members: of a wider relation nothing is known.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct ColumnSet([u64; WORDS]);

impl ColumnSet {
    /// The most columns a relation may have.
    pub(in super::super) const CAPACITY: usize = WORDS * WORD_BITS;

    pub(in super::super) fn new() -> Self {
        Self::default()
    }

    pub(in super::super) fn insert(&mut self, column: usize) {
        if let Some(word) = self.0.get_mut(column / WORD_BITS) {
            *word |= 1 << (column % WORD_BITS);
        }
    }

    pub(in super::super) fn contains(&self, column: usize) -> bool {
        self.0.get(column / WORD_BITS).is_some_and(|word| word & (1 << (column % WORD_BITS)) != 0)
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(in super::super) fn is_subset(&self, other: &Self) -> bool {
        *self & *other == *self
    }

    pub(in super::super) fn is_disjoint(&self, other: &Self) -> bool {
        (*self & *other).is_empty()
    }

    /// The members in ascending order.
    pub(in super::super) fn iter(self) -> impl Iterator<Item = usize> {
        let last = WORDS - self.0.iter().rev().take_while(|word| **word == 0).count();
        (0..last * WORD_BITS).filter(move |column| self.contains(*column))
    }
}

impl FromIterator<usize> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = usize>>(columns: I) -> Self {
        let mut set = Self::new();
        set.extend(columns);
        set
    }
}

impl Extend<usize> for ColumnSet {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, columns: I) {
        columns.into_iter().for_each(|column| self.insert(column));
    }
}

impl<const N: usize> From<[usize; N]> for ColumnSet {
    fn from(columns: [usize; N]) -> Self {
        columns.into_iter().collect()
    }
}

impl BitOr for ColumnSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }
}

impl BitOrAssign for ColumnSet {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for ColumnSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }
}

impl fmt::Debug for ColumnSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &[usize], other: &[usize], is_subset: bool, both: &[usize], all: &[usize]) {
        let set = |columns: &[usize]| columns.iter().copied().collect::<ColumnSet>();
        let (left, right) = (set(one), set(other));
        assert_eq!(left.is_subset(&right), is_subset);
        assert_eq!((left & right).iter().collect::<Vec<_>>(), both);
        assert_eq!(left.is_disjoint(&right), both.is_empty());
        assert_eq!((left | right).iter().collect::<Vec<_>>(), all);
        assert!(all.iter().all(|column| (left | right).contains(*column)));
    }

    #[test]
    fn sets_of_columns() {
        check(&[], &[], true, &[], &[]);
        check(&[], &[3], true, &[], &[3]);
        check(&[0, 63, 64, 255], &[64, 0], false, &[0, 64], &[0, 63, 64, 255]);
        check(&[64], &[64, 128], true, &[64], &[64, 128]);
    }

    #[test]
    fn a_column_beyond_the_capacity_is_no_member() {
        check(&[1, ColumnSet::CAPACITY], &[1], true, &[1], &[1]);
        assert!(!ColumnSet::from([ColumnSet::CAPACITY]).contains(ColumnSet::CAPACITY));
    }
}
