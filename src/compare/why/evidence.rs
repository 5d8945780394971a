//! What is known of a difference: both plans' operators in pairs, each with its part of the seconds, and what changes belong
//! together.
//!
//! # Seconds
//!
//! An operator's time is summed over its partitions, which run side by side, so that the times of a plan add up to more than the
//! statement took. Let A and B be those sums, and r = execution / sum the wall time that a second of operator time cost on a side.
//! Then the difference splits without a remainder, as T. L. Bennet split a change of value into prices and quantities ("The Theory of
//! Measurement of Changes in Cost of Living", Journal of the Royal Statistical Society 83, 1920):
//!
//! ```text
//! rb B - ra A   =   (ra + rb) / 2 · (B - A)   +   (A + B) / 2 · (rb - ra)
//! execution         work: one part for each       overlap: operators ran more or less
//!                   operator, that add up         side by side, or waited
//! ```
//!
//! That takes a second of operator time to cost the same wherever in the plan it is spent. It does not: a second in a single
//! partition holds up the statement, one in a scan that runs beside others need not. Samples do not tell which operators were on the
//! critical path, nor what an operator waited for; waits are in the overlap, whoever waited.
//!
//! # Regions
//!
//! A change of the plan changes the work of operators around it. Their seconds are its seconds:
//!
//! ```text
//!   AggregateExec           same rows in and out: not in it
//!     HashJoinExec          ◀── cause: builds from the other side
//!       exchange    +       in it: new, and no cause of its own
//!         scan              in it: right below a join that changed, between it and the next operator that keeps rows
//!       HashJoinExec        in it if its rows, in or out, differ by 10% or more; else not
//! ```
//!
//! A region grows from its cause over operators that changed or whose rows did, and ends where the next cause is nearer. Two kinds
//! of causes are there: a change of the plan, and an operator that gives another number of rows for the same input though
//! nothing in its line changed, as a scan does that filters rows. The latter is no cause below a join that changed, which sets such filters.

use std::collections::{BTreeMap, VecDeque};

use super::super::plan_diff::{Mark, PartChange, PlanDiff};
use super::super::plan_tree::{OperatorFigures, PlanFigures, PlanNode, PlanTree};

/// Rows or bytes are another number from this ratio on.
const OTHER_NUMBER: f64 = 1.1;
/// A smaller difference than this is none, whatever the ratio.
const OTHER_COUNT: u64 = 100;

/// An operator of one or both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// In the baseline's plan.
    pub(super) a: Option<usize>,
    /// In the other plan.
    pub(super) b: Option<usize>,
    /// What is different in its line.
    pub(super) changes: Vec<PartChange>,
    /// Whether it stands at another place.
    pub(super) is_moved: bool,
    /// Its part of the difference.
    pub(super) seconds: f64,
}

/// A cause and the units whose seconds are its.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    pub(super) cause: Cause,
    /// The cause is the first one.
    pub(super) units: Vec<usize>,
}

/// What a region begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// An operator is new, gone or does something else; perhaps another one stands in its place.
    Plan { unit: usize, instead: Option<usize> },
    /// An operator gives another number of rows for the same input.
    Rows { unit: usize },
}

impl Cause {
    pub(super) fn unit(self) -> usize {
        match self {
            Self::Plan { unit, .. } | Self::Rows { unit } => unit,
        }
    }
}

/// All that explainers look at.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) baseline: &'a PlanFigures,
    pub(super) other: &'a PlanFigures,
    pub(super) diff: &'a PlanDiff,
    pub(super) units: Vec<Unit>,
    pub(super) regions: Vec<Region>,
    /// What ran less, or more, side by side.
    pub(super) overlap_seconds: f64,
    /// Units whose seconds no explainer has claimed yet.
    pub(super) is_free: Vec<bool>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(baseline: &'a PlanFigures, other: &'a PlanFigures, diff: &'a PlanDiff) -> Self {
        let (work_a, work_b) = (operator_seconds(baseline), operator_seconds(other));
        let has_times = work_a > 0.0 && work_b > 0.0;
        let cost = |plan: &PlanFigures, work| if has_times { plan.execution_seconds / work } else { 0.0 };
        let (cost_a, cost_b) = (cost(baseline, work_a), cost(other, work_b));
        let mut evidence = Self {
            baseline,
            other,
            diff,
            units: units(diff),
            regions: Vec::new(),
            overlap_seconds: (work_a + work_b) / 2.0 * (cost_b - cost_a),
            is_free: Vec::new(),
        };
        for index in 0..evidence.units.len() {
            let work = |figures: Option<&OperatorFigures>| figures.map_or(0.0, |figures| figures.operator_seconds);
            let difference = work(evidence.figures_b(index)) - work(evidence.figures_a(index));
            evidence.units[index].seconds = (cost_a + cost_b) / 2.0 * difference;
        }
        evidence.is_free = vec![true; evidence.units.len()];
        evidence.regions = Neighbours::new(&evidence).regions();
        evidence
    }

    /// What the unit did in the baseline.
    pub(super) fn figures_a(&self, unit: usize) -> Option<&'a OperatorFigures> {
        Some(&self.baseline.operators[self.diff.a.nodes[self.units[unit].a?].operator])
    }

    /// What the unit did on the other side.
    pub(super) fn figures_b(&self, unit: usize) -> Option<&'a OperatorFigures> {
        Some(&self.other.operators[self.diff.b.nodes[self.units[unit].b?].operator])
    }

    /// Its operator: the baseline's, if that has it.
    pub(super) fn node(&self, unit: usize) -> &'a PlanNode {
        match (self.units[unit].a, self.units[unit].b) {
            (Some(a), _) => &self.diff.a.nodes[a],
            (None, b) => &self.diff.b.nodes[b.unwrap_or_default()],
        }
    }

    pub(super) fn is_changed(&self, unit: usize) -> bool {
        let unit = &self.units[unit];
        unit.a.is_none() || unit.b.is_none() || unit.is_moved || !unit.changes.is_empty()
    }

    /// Whether another number of rows comes out of it.
    fn gives_other_rows(&self, unit: usize) -> bool {
        let both = self.figures_a(unit).zip(self.figures_b(unit));
        both.is_some_and(|(a, b)| is_other_number(a.output_rows, b.output_rows))
    }

    /// Whether another number of rows goes into it.
    fn takes_other_rows(&self, unit: usize) -> bool {
        let Some((a, b)) = self.units[unit].a.zip(self.units[unit].b) else { return false };
        let rows = |tree: &PlanTree, plan: &PlanFigures, node: usize| {
            let inputs = tree.nodes[node].inputs.iter();
            inputs.map(|input| plan.operators[tree.nodes[*input].operator].output_rows).sum()
        };
        is_other_number(rows(&self.diff.a, self.baseline, a), rows(&self.diff.b, self.other, b))
    }

    /// Whether a join does something else with its inputs, not only with its columns.
    fn is_other_join(&self, unit: usize) -> bool {
        const SHAPE: [&str; 3] = ["builds from", "mode", "join_type"];
        let own = &self.units[unit];
        let is_only_in_one = own.a.is_none() || own.b.is_none() || own.is_moved;
        let is_other_shape = own.changes.iter().any(|change| SHAPE.contains(&change.key.as_str()));
        self.node(unit).kind == "join" && (is_only_in_one || is_other_shape)
    }
}

/// The operator time of a plan, summed over operators and partitions.
pub(super) fn operator_seconds(plan: &PlanFigures) -> f64 {
    plan.operators.iter().map(|operator| operator.operator_seconds).sum()
}

/// Whether one count is another number than the other, and not the same one give or take.
pub(super) fn is_other_number(a: u64, b: u64) -> bool {
    let (less, more) = (a.min(b), a.max(b));
    more - less >= OTHER_COUNT && more as f64 >= less as f64 * OTHER_NUMBER
}

fn units(diff: &PlanDiff) -> Vec<Unit> {
    let mut units = Vec::with_capacity(diff.lines.len());
    for line in &diff.lines {
        let moved = |pair: &&(usize, usize)| line.a == Some(pair.0) && line.b.is_none();
        let moved_to = diff.moved.iter().find(moved).copied();
        let is_second = line.a.is_none() && diff.moved.iter().any(|(_, b)| line.b == Some(*b));
        let unit = Unit { a: line.a, b: line.b, changes: line.changes.clone(), is_moved: false, seconds: 0.0 };
        match (line.mark(), moved_to) {
            (Mark::OnlyInB, _) if is_second => {}
            (_, Some((a, b))) => {
                units.push(Unit { b: Some(b), changes: diff.changes(a, b), is_moved: true, ..unit });
            }
            _ => units.push(unit),
        }
    }
    units
}

/// Who is next to whom in either plan.
struct Neighbours<'e, 'a> {
    evidence: &'e Evidence<'a>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    is_touched: Vec<bool>,
}

impl<'e, 'a> Neighbours<'e, 'a> {
    fn new(evidence: &'e Evidence<'a>) -> Self {
        let count = evidence.units.len();
        let (mut above, mut below) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        let units = || evidence.units.iter().enumerate();
        let units_a = units().filter_map(|(index, unit)| Some((unit.a?, index))).collect();
        let units_b = units().filter_map(|(index, unit)| Some((unit.b?, index))).collect();
        let sides: [(&PlanTree, BTreeMap<usize, usize>); 2] =
            [(&evidence.diff.a, units_a), (&evidence.diff.b, units_b)];
        for (tree, unit_of) in sides {
            for (node, unit) in &unit_of {
                let parent = tree.nodes[*node].parent.and_then(|parent| unit_of.get(&parent));
                if let Some(parent) = parent.filter(|parent| !above[*unit].contains(*parent)) {
                    above[*unit].push(*parent);
                    below[*parent].push(*unit);
                }
            }
        }
        let is_touched = (0..count)
            .map(|unit| evidence.is_changed(unit) || evidence.gives_other_rows(unit) || evidence.takes_other_rows(unit))
            .collect();
        Self { evidence, above, below, is_touched }
    }

    fn kind(&self, unit: usize) -> &'a str {
        &self.evidence.node(unit).kind
    }

    fn next_to(&self, unit: usize) -> impl Iterator<Item = usize> {
        self.above[unit].iter().chain(&self.below[unit]).copied()
    }

    /// The neighbours, and what is gone or new between the same neighbours: one may stand for the other.
    fn linked(&self, unit: usize) -> Vec<usize> {
        let units = &self.evidence.units;
        let is_opposite = |other: &usize| {
            let (own, other) = (&units[unit], &units[*other]);
            (own.a.is_none() && other.b.is_none()) || (own.b.is_none() && other.a.is_none())
        };
        let around = |lists: &'_ [Vec<usize>], back: &[Vec<usize>]| -> Vec<usize> {
            lists[unit].iter().flat_map(|next| back[*next].iter().copied()).filter(is_opposite).collect()
        };
        let siblings = [around(&self.above, &self.below), around(&self.below, &self.above)];
        self.next_to(unit).chain(siblings.into_iter().flatten()).collect()
    }

    fn regions(&self) -> Vec<Region> {
        let plan = self.plan_causes();
        let joins: Vec<_> = plan.iter().copied().filter(|cause| self.evidence.is_other_join(cause.unit())).collect();
        let mut below_joins = vec![false; self.evidence.units.len()];
        for region in self.grown(&joins) {
            let mut pending = self.below[region.cause.unit()].clone();
            while let Some(unit) = pending.pop() {
                if region.units.contains(&unit) && !below_joins[unit] {
                    below_joins[unit] = true;
                    pending.extend(&self.below[unit]);
                }
            }
        }
        let rows = (0..self.evidence.units.len()).filter(|unit| self.is_row_cause(*unit) && !below_joins[*unit]);
        let causes: Vec<_> = plan.iter().copied().chain(rows.map(|unit| Cause::Rows { unit })).collect();
        self.grown(&causes)
    }

    fn is_row_cause(&self, unit: usize) -> bool {
        let evidence = self.evidence;
        let is_first = evidence.gives_other_rows(unit) && !evidence.takes_other_rows(unit);
        is_first && !evidence.is_changed(unit) && !self.follows_from_above(unit)
    }

    /// Changed operators that others changed because of: exchanges and projections follow from other changes, if there are
    /// any next to them, as a scan's does from that of a filter.
    fn plan_causes(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        for component in self.changed_components() {
            let least = component.iter().map(|unit| self.rank(*unit)).min().unwrap_or_default();
            let instead = self.replacements(&component);
            let is_replacement = |unit: &usize| instead.values().any(|replacement| replacement == unit);
            let own = component.iter().copied().filter(|unit| {
                let rank = self.rank(*unit);
                let follows = self.follows_from_above(*unit) || self.is_first_step(*unit, &component);
                (rank == least || rank <= OWN_CAUSE) && !is_replacement(unit) && !follows
            });
            causes.extend(own.map(|unit| Cause::Plan { unit, instead: instead.get(&unit).copied() }));
        }
        causes
    }

    /// What a change is likelier to be the cause of others, the less.
    fn rank(&self, unit: usize) -> u32 {
        match self.kind(unit) {
            "join" => 0,
            "aggregate" | "window" | "sort" => 1,
            "filter" => 2,
            "scan" => OWN_CAUSE,
            "exchange" => OWN_CAUSE + 1,
            _ => OWN_CAUSE + 2,
        }
    }

    /// Whether a scan filters other rows because a filter above it is gone or new, or because a join above it changed; or
    /// whether a sort is there, or not, for the sake of such a join.
    fn follows_from_above(&self, unit: usize) -> bool {
        let own = &self.evidence.units[unit];
        let follows: fn(&Self, usize) -> bool = match self.kind(unit) {
            "scan" => |graph, above| {
                let is_filter = graph.kind(above) == "filter" && graph.evidence.is_changed(above);
                is_filter || graph.evidence.is_other_join(above)
            },
            "sort" if own.a.is_none() || own.b.is_none() => |graph, above| graph.evidence.is_other_join(above),
            _ => return false,
        };
        let mut above = self.above[unit].clone();
        while let Some(next) = above.pop() {
            if follows(self, next) {
                return true;
            }
            if matches!(self.kind(next), "exchange" | "other") {
                above.extend(&self.above[next]);
            }
        }
        false
    }

    /// Whether an aggregate is gone, or new, because another one does its work too, or does not any more.
    fn is_first_step(&self, unit: usize, component: &[usize]) -> bool {
        let (units, title) = (&self.evidence.units, self.evidence.node(unit).title());
        let does_both = |other: &usize| {
            let is_mode = |change: &PartChange| change.key == "mode";
            units[*other].changes.iter().any(is_mode) && self.evidence.node(*other).title() == title
        };
        let is_only_in_one = units[unit].a.is_none() || units[unit].b.is_none();
        is_only_in_one && self.kind(unit) == "aggregate" && component.iter().any(does_both)
    }

    fn changed_components(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.evidence.units.len()];
        let mut components = Vec::new();
        for start in 0..seen.len() {
            let mut pending = vec![start];
            let mut component = Vec::new();
            while let Some(unit) = pending.pop() {
                if !seen[unit] && self.evidence.is_changed(unit) {
                    seen[unit] = true;
                    component.push(unit);
                    pending.extend(self.linked(unit));
                }
            }
            component.sort_unstable();
            components.extend((!component.is_empty()).then_some(component));
        }
        components
    }

    /// What is gone, and what of the same kind is new in its place.
    fn replacements(&self, component: &[usize]) -> BTreeMap<usize, usize> {
        let units = &self.evidence.units;
        let mut new: Vec<_> = component.iter().copied().filter(|unit| units[*unit].a.is_none()).collect();
        let mut instead = BTreeMap::new();
        for gone in component.iter().copied().filter(|unit| units[*unit].b.is_none()) {
            let does_its_work = |unit: &usize| self.kind(*unit) == self.kind(gone) && self.may_replace(gone, *unit);
            if let Some(index) = new.iter().position(does_its_work) {
                instead.insert(gone, new.remove(index));
            }
        }
        instead
    }

    /// A join stands for another one only if both have a key in common.
    fn may_replace(&self, gone: usize, new: usize) -> bool {
        let columns = |unit: usize| self.evidence.node(unit).keys.iter().flat_map(|(a, b)| [a, b]);
        match self.kind(gone) {
            "join" => columns(gone).any(|column| columns(new).any(|other| other == column)),
            "scan" => false,
            _ => true,
        }
    }

    /// The regions around causes, each unit in that of the nearest one.
    fn grown(&self, causes: &[Cause]) -> Vec<Region> {
        let mut region_of: Vec<Option<usize>> = vec![None; self.evidence.units.len()];
        let mut regions: Vec<Region> = Vec::new();
        let mut queue = VecDeque::new();
        for (region, cause) in causes.iter().enumerate() {
            let partner = if let Cause::Plan { instead, .. } = cause { *instead } else { None };
            let units: Vec<usize> = [cause.unit()].into_iter().chain(partner).collect();
            for unit in &units {
                region_of[*unit] = Some(region);
                queue.push_back((*unit, self.evidence.is_other_join(cause.unit())));
            }
            regions.push(Region { cause: *cause, units });
        }
        while let Some((unit, is_below_join)) = queue.pop_front() {
            let region = region_of[unit].unwrap_or_default();
            for next in self.linked(unit) {
                let keeps_no_rows = matches!(self.kind(next), "scan" | "filter" | "exchange" | "other");
                let is_below_join = is_below_join && keeps_no_rows && self.below[unit].contains(&next);
                if region_of[next].is_none() && (self.is_touched[next] || is_below_join) {
                    region_of[next] = Some(region);
                    regions[region].units.push(next);
                    queue.push_back((next, is_below_join));
                }
            }
        }
        regions
    }
}

/// Changes up to this rank are causes wherever they are.
const OWN_CAUSE: u32 = 3;
