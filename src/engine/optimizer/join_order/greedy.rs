//! Greedy operator ordering: for graphs on which DPhyp would take too long.
//!
//! Fegaras, "A New Heuristic for Optimizing Large Queries" (DEXA 1998). Start with a forest of the
//! relations; join the two trees with the smallest result; repeat.
//!
//! ```text
//!   A   B   C   D   ->   A   BxC   D   ->   A   BxCxD   ->   AxBxCxD
//! ```
//!
//! Cross products are taken last, the smallest first. Whether two trees may be joined is asked of
//! the conflict detector, so outer and semi joins are respected. A greedy choice can make it
//! impossible to finish; then there is no result and the initial tree stays.

use std::cmp::Ordering;

use super::cost::CostModel;
use super::search::{Candidate, Search};
use super::set::RelationSet;

/// A pair of trees of the forest that can be joined.
struct Choice {
    one: RelationSet,
    other: RelationSet,
    candidate: Candidate,
}

impl Choice {
    fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.candidate, &other.candidate);
        a.is_cross_product
            .cmp(&b.is_cross_product)
            .then(a.rows.total_cmp(&b.rows))
            .then(a.plan.cost.total_cmp(&b.plan.cost))
            .then((self.one, self.other).cmp(&(other.one, other.other)))
    }
}

/// Joins the plans of the sets in `forest` to one plan. None if it got stuck.
pub(super) fn merge<M: CostModel>(search: &mut Search<'_, M>, mut forest: Vec<RelationSet>) -> Option<RelationSet> {
    let mut choices = Vec::new();
    for (index, &one) in forest.iter().enumerate() {
        add_choices(search, one, &forest[index + 1..], &mut choices);
    }
    while forest.len() > 1 {
        let best = choices.iter().min_by(|a, b| a.order(b))?;
        let (one, other) = (best.one, best.other);
        let both = one | other;
        search.insert(both, best.candidate.plan);
        forest.retain(|tree| !tree.intersects(both));
        choices.retain(|choice| !(choice.one | choice.other).intersects(both));
        add_choices(search, both, &forest, &mut choices);
        forest.push(both);
    }
    forest.pop()
}

fn add_choices<M: CostModel>(
    search: &mut Search<'_, M>,
    one: RelationSet,
    others: &[RelationSet],
    choices: &mut Vec<Choice>,
) {
    for &other in others {
        if let Some(candidate) = search.candidate(one, other) {
            choices.push(Choice { one, other, candidate });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Shape};

    /// `rows` of the relations 0, 1, ...; all predicates have selectivity 0.01. Build sides are
    /// on the left.
    fn check(shape: Shape, rows: &[f64], expected: &str) {
        let tree = testing::greedy_shape(shape, rows).expect("is not stuck");
        assert_eq!(tree.to_string(), expected);
    }

    #[test]
    fn smallest_result_first() {
        let ascending = [10.0, 20.0, 30.0, 40.0];
        check(Shape::Chain, &ascending, "(((R0 Inner R1) Inner R2) Inner R3)");
        let ends = [10.0, 20.0, 2000.0, 5.0, 10.0];
        check(Shape::Chain, &ends, "((R0 Inner R1) Inner ((R3 Inner R4) Inner R2))");
        let fact = [10_000.0, 50.0, 10.0, 100.0];
        check(Shape::Star, &fact, "(R3 Inner (R1 Inner (R2 Inner R0)))");
    }

    #[test]
    fn cross_products_are_last() {
        let tree = "((R2 Inner R0) Inner R1)";
        check(Shape::Pairless, &[30.0, 40.0, 20.0], tree);
    }

    #[test]
    fn many_relations() {
        let tree = testing::greedy_shape(Shape::Chain, &[100.0; 64]);
        assert_eq!(tree.expect("is not stuck").relations().len(), 64);
    }
}
