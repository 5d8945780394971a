//! [`RelationSet`]: a set of relation numbers in one machine word.
//!
//! ```text
//!   relation   5 4 3 2 1 0
//!   bit        0 0 1 1 0 1   =  {0, 2, 3}
//! ```
//!
//! The enumerators ask "is it a subset", "do they meet" and "give me every subset" millions of
//! times, and each of these is one or two instructions on a word. That is why the number of
//! relations is limited to [`RelationSet::CAPACITY`].

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

/// A set of relations; bit `i` says whether relation `i` is a member.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RelationSet(pub(crate) u64);

impl RelationSet {
    /// The most relations a set can hold.
    pub(crate) const CAPACITY: usize = 64;

    /// The set without members.
    pub(crate) const EMPTY: Self = Self(0);

    /// The set of one relation; empty if `relation` is beyond the capacity.
    pub(crate) fn single(relation: usize) -> Self {
        u32::try_from(relation).ok().and_then(|shift| 1u64.checked_shl(shift)).map_or(Self::EMPTY, Self)
    }

    /// The relations `0..count`.
    pub(crate) fn first_n(count: usize) -> Self {
        if count >= Self::CAPACITY {
            return Self(u64::MAX);
        }
        Self((1 << count) - 1)
    }

    /// The relations `0..=relation`, called B_v in the DPhyp paper.
    pub(crate) fn up_to(relation: usize) -> Self {
        Self::first_n(relation + 1)
    }

    /// Whether the set has no members.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The number of members.
    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether `relation` is a member.
    pub(crate) fn contains(self, relation: usize) -> bool {
        self.intersects(Self::single(relation))
    }

    /// Whether every member is a member of `other` too.
    pub(crate) fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether the two sets share a member.
    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The smallest member.
    pub(crate) fn first(self) -> Option<usize> {
        (!self.is_empty()).then(|| self.0.trailing_zeros() as usize)
    }

    /// The smallest member as a set; empty for the empty set.
    pub(crate) fn first_as_set(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }

    /// The members in ascending order.
    pub(crate) fn iter(self) -> impl DoubleEndedIterator<Item = usize> {
        Members(self)
    }

    /// Every subset but the empty one, in ascending order of the words; a subset comes before
    /// its supersets. The trick is from Vance and Maier, "Rapid Bushy Join-order Optimization
    /// with Cartesian Products" (SIGMOD 1996).
    pub(crate) fn subsets(self) -> impl Iterator<Item = Self> {
        let next = move |subset: &Self| {
            let word = subset.0.wrapping_sub(self.0) & self.0;
            (word != 0).then_some(Self(word))
        };
        std::iter::successors(next(&Self::EMPTY), next)
    }
}

/// Iterator of [`RelationSet::iter`]: takes members out at either end.
struct Members(RelationSet);

impl Iterator for Members {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let member = self.0.first()?;
        self.0 = self.0 - RelationSet::single(member);
        Some(member)
    }
}

impl DoubleEndedIterator for Members {
    fn next_back(&mut self) -> Option<usize> {
        let member = self.0.0.checked_ilog2()? as usize;
        self.0 = self.0 - RelationSet::single(member);
        Some(member)
    }
}

impl BitOr for RelationSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for RelationSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for RelationSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Set difference.
impl Sub for RelationSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl FromIterator<usize> for RelationSet {
    fn from_iter<I: IntoIterator<Item = usize>>(relations: I) -> Self {
        relations.into_iter().fold(Self::EMPTY, |set, relation| set | Self::single(relation))
    }
}

impl<const N: usize> From<[usize; N]> for RelationSet {
    fn from(relations: [usize; N]) -> Self {
        relations.into_iter().collect()
    }
}

impl fmt::Debug for RelationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(members: &[usize], first: Option<usize>, subset_count: usize) {
        let set: RelationSet = members.iter().copied().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), members);
        let backwards: Vec<_> = members.iter().rev().copied().collect();
        assert_eq!(set.iter().rev().collect::<Vec<_>>(), backwards);
        assert_eq!(set.len(), members.len());
        assert_eq!(set.first(), first);
        let subsets: Vec<_> = set.subsets().collect();
        assert_eq!(subsets.len(), subset_count);
        assert!(subsets.iter().all(|s| s.is_subset(set) && !s.is_empty()));
        assert!(subsets.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn members_and_subsets() {
        check(&[], None, 0);
        check(&[0], Some(0), 1);
        check(&[63], Some(63), 1);
        check(&[0, 2, 3], Some(0), 7);
        check(&[1, 5, 31, 32, 63], Some(1), 31);
    }

    #[test]
    fn algebra() {
        let (a, b) = (RelationSet::from([0, 1, 2]), RelationSet::from([2, 3]));
        assert_eq!(a | b, RelationSet::first_n(4));
        assert_eq!(a & b, RelationSet::single(2));
        assert_eq!(a - b, RelationSet::up_to(1));
        assert!(a.intersects(b) && !a.is_subset(b) && (a & b).is_subset(b));
        assert_eq!(RelationSet::first_n(64), RelationSet(u64::MAX));
        assert_eq!(RelationSet::single(64), RelationSet::EMPTY);
        assert_eq!(b.first_as_set(), RelationSet::single(2));
        assert_eq!(format!("{a:?}"), "{0, 1, 2}");
    }
}
