//! [`CodeProfile`]: where a function's own code spends its time, function by function, as Python's cProfile counts it.
//!
//! ```text
//!   worker ─┐                                   ┌─▶ table: ncalls tottime percall cumtime percall
//!   worker ─┼─▶ CodeProfiles, by caller, summed ┼─▶ .pstats, for other tools
//!   worker ─┘                                   └─▶ stacks, for a flame graph
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::profile::Caller;

/// A function in the code: its file, its line, its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct CodePlace(pub String, pub u64, pub String);

/// What calls of a function in the code took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct CodeTimes {
    /// All calls.
    pub calls: u64,
    /// Those that are not from the function itself.
    pub primitive_calls: u64,
    /// Without the functions that it calls.
    pub own_seconds: f64,
    /// With them.
    pub total_seconds: f64,
}

/// A function in the code, and who calls it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CodeFunction {
    /// All its calls.
    pub times: CodeTimes,
    /// Those from each caller.
    pub callers: BTreeMap<CodePlace, CodeTimes>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeProfile {
    /// The function that SQL calls.
    pub function: String,
    /// Where, as in [`UdfProfile`](super::UdfProfile).
    pub place: Option<(usize, usize)>,
    /// The call as it was written.
    pub written: String,
    /// All that ran in it.
    pub functions: BTreeMap<CodePlace, CodeFunction>,
    /// In how many batches.
    pub batches: u64,
    /// In so many of them it was counted; for the others it is estimated from these.
    pub counted_batches: u64,
}

/// Those of a session, by the numbers that their callers have.
#[derive(Debug, Default)]
pub(super) struct CodeProfiles(Mutex<Vec<(Caller, Counts)>>);

/// What was counted of a caller.
#[derive(Debug, Default)]
struct Counts {
    functions: BTreeMap<CodePlace, CodeFunction>,
    batches: u64,
    counted_batches: u64,
}

/// What a worker says of a caller: its number, how many batches were counted, of how many, and the functions that ran, each with who called it.
type Told = (usize, u64, u64, Vec<(CodePlace, CodeTimes, Vec<(CodePlace, CodeTimes)>)>);

impl CodeTimes {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.primitive_calls += other.primitive_calls;
        self.own_seconds += other.own_seconds;
        self.total_seconds += other.total_seconds;
    }
}

impl CodeProfiles {
    /// The number of a caller.
    pub(super) fn number(&self, caller: &Caller) -> usize {
        let mut all = self.all();
        all.iter().position(|(known, _)| known == caller).unwrap_or_else(|| {
            all.push((caller.clone(), Counts::default()));
            all.len() - 1
        })
    }

    /// Adds what a worker says; what is none of that is nothing.
    pub(super) fn add(&self, told: &Value) {
        let mut all = self.all();
        for (number, counted_batches, batches, functions) in Vec::<Told>::deserialize(told).unwrap_or_default() {
            let Some((_, known)) = all.get_mut(number) else { continue };
            known.counted_batches += counted_batches;
            known.batches += batches;
            for (place, times, callers) in functions {
                let function = known.functions.entry(place).or_default();
                function.times.add(times);
                for (caller, times) in callers {
                    function.callers.entry(caller).or_default().add(times);
                }
            }
        }
    }

    /// Those that have something to say.
    pub(super) fn profiles(&self) -> Vec<CodeProfile> {
        let all = self.all();
        let profiles =
            all.iter().filter(|(_, counts)| !counts.functions.is_empty()).map(|(caller, counts)| CodeProfile {
                function: caller.function.clone(),
                place: caller.place,
                written: caller.written.clone(),
                functions: counts.functions.clone(),
                batches: counts.batches,
                counted_batches: counts.counted_batches,
            });
        profiles.collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<(Caller, Counts)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CodePlace {
    /// As Python's pstats writes it: `file.py:3(name)`, or `{built-in method time.sleep}`.
    pub fn label(&self) -> String {
        let Self(file, line, name) = self;
        match (file.as_str(), line, name.strip_prefix('<').and_then(|name| name.strip_suffix('>'))) {
            ("~", 0, Some(name)) => format!("{{{name}}}"),
            ("~", 0, None) => name.clone(),
            _ => format!("{file}:{line}({name})"),
        }
    }
}

impl CodeProfile {
    /// The functions, those that took most themselves first.
    pub fn by_own_time(&self) -> Vec<(&CodePlace, &CodeTimes)> {
        let mut functions: Vec<_> = self.functions.iter().map(|(place, function)| (place, &function.times)).collect();
        let ns = |seconds: f64| (seconds * 1e9) as u64;
        functions.sort_by_key(|(_, times)| Reverse((ns(times.own_seconds), ns(times.total_seconds))));
        functions
    }

    /// The table that Python's pstats prints, and Spark's `show_profiles()` with it; `most` functions at the most.
    pub fn table(&self, most: usize) -> String {
        let functions = self.by_own_time();
        let (mut calls, mut primitive_calls, mut seconds) = (0, 0, 0.0);
        for (_, times) in &functions {
            calls += times.calls;
            primitive_calls += times.primitive_calls;
            seconds += times.own_seconds;
        }
        let primitive = match calls == primitive_calls {
            true => String::new(),
            false => format!(" ({primitive_calls} primitive calls)"),
        };
        let mut table =
            format!("         {calls} function calls{primitive} in {seconds:.3} seconds{}\n\n", self.estimated());
        table += "   Ordered by: internal time, cumulative time\n\n";
        table += "   ncalls  tottime  percall  cumtime  percall filename:lineno(function)\n";
        for (place, times) in functions.iter().take(most) {
            let CodeTimes { calls, primitive_calls, own_seconds, total_seconds } = times;
            let recursive = if calls == primitive_calls { String::new() } else { format!("/{primitive_calls}") };
            let (own, total) = (own_seconds / (*calls).max(1) as f64, total_seconds / (*primitive_calls).max(1) as f64);
            let ncalls = format!("{calls}{recursive}");
            let label = place.label();
            table += &format!("{ncalls:>9} {own_seconds:8.3} {own:8.3} {total_seconds:8.3} {total:8.3} {label}\n");
        }
        if let Some(more @ 1..) = functions.len().checked_sub(most) {
            table += &format!("   … and {more} more\n");
        }
        table
    }

    /// A word about it if some batches were not counted.
    fn estimated(&self) -> String {
        match self.counted_batches < self.batches {
            true => format!(", estimated from {} of {} batches", self.counted_batches, self.batches),
            false => String::new(),
        }
    }

    /// What a worker makes a `.pstats` file of.
    pub(super) fn told(&self) -> Value {
        let entry = |place: &CodePlace, times: &CodeTimes| {
            let CodePlace(file, line, name) = place;
            let CodeTimes { calls, primitive_calls, own_seconds, total_seconds } = times;
            json!([[file, line, name], [calls, primitive_calls, own_seconds, total_seconds]])
        };
        let functions = self.functions.iter().map(|(place, function)| {
            let callers: Vec<_> = function.callers.iter().map(|(place, times)| entry(place, times)).collect();
            json!([entry(place, &function.times), callers])
        });
        functions.collect()
    }

    /// The stacks of functions with the seconds that each took itself, outermost function first.
    ///
    /// cProfile counts who calls whom, and not whole stacks: what a function takes that is called from several places is divided among them as the
    /// time of these calls is. A function that calls itself is in a stack once.
    pub(super) fn stacks(&self) -> Vec<(Vec<String>, f64)> {
        let mut callees: BTreeMap<&CodePlace, Vec<(&CodePlace, &CodeTimes)>> = BTreeMap::new();
        for (place, function) in &self.functions {
            for (caller, times) in &function.callers {
                callees.entry(caller).or_default().push((place, times));
            }
        }
        let mut walk = Walk { profile: self, callees, path: Vec::new(), stacks: Vec::new() };
        for (place, function) in &self.functions {
            let from_others = function.callers.iter().filter(|(caller, _)| *caller != place);
            let called: f64 = from_others.map(|(_, times)| times.total_seconds).sum();
            let share = 1.0 - called / function.times.total_seconds;
            // What is left of rounding is no root.
            if function.callers.is_empty() || share > 0.01 {
                walk.visit(place, if function.callers.is_empty() { 1.0 } else { share });
            }
        }
        walk.stacks
    }
}

/// Goes from callers to callees.
struct Walk<'a> {
    profile: &'a CodeProfile,
    callees: BTreeMap<&'a CodePlace, Vec<(&'a CodePlace, &'a CodeTimes)>>,
    path: Vec<&'a CodePlace>,
    stacks: Vec<(Vec<String>, f64)>,
}

impl<'a> Walk<'a> {
    /// Less of a function than this is not shown.
    const LEAST_SHARE: f64 = 1e-4;

    /// Adds a function of whose time so much is in this stack.
    fn visit(&mut self, place: &'a CodePlace, share: f64) {
        let Some(function) = self.profile.functions.get(place) else { return };
        if self.path.contains(&place) || share < Self::LEAST_SHARE {
            return;
        }
        self.path.push(place);
        let labels = self.path.iter().map(|place| place.label()).collect();
        self.stacks.push((labels, function.times.own_seconds * share));
        for (callee, times) in self.callees.get(place).cloned().unwrap_or_default() {
            let all = self.profile.functions.get(callee).map_or(0.0, |callee| callee.times.total_seconds);
            if all > 0.0 {
                self.visit(callee, share * times.total_seconds / all);
            }
        }
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn caller(function: &str) -> Caller {
        let (function, written) = (function.to_owned(), format!("{function}(x)"));
        Caller { function, language: "python", place: Some((1, 8)), written }
    }

    /// `f` sleeps, and calls `g` that does so, too; `h` calls itself.
    fn told() -> Value {
        let place = |line, name| json!(["<function f>", line, name]);
        let sleep = json!(["~", 0, "<built-in method time.sleep>"]);
        json!([[
            0,
            2,
            3,
            [
                [place(1, "f"), [2, 2, 0.5, 4.0], []],
                [place(5, "g"), [2, 2, 0.25, 1.25], [[place(1, "f"), [2, 2, 0.25, 1.25]]]],
                [
                    place(9, "h"),
                    [6, 2, 0.25, 0.25],
                    [[place(1, "f"), [2, 2, 0.25, 0.25]], [place(9, "h"), [4, 0, 0.2, 0.2]]]
                ],
                [sleep, [4, 4, 3.0, 3.0], [[place(1, "f"), [2, 2, 2.0, 2.0]], [place(5, "g"), [2, 2, 1.0, 1.0]]]],
            ]
        ]])
    }

    fn profile(workers: usize) -> CodeProfile {
        let profiles = CodeProfiles::default();
        assert_eq!([profiles.number(&caller("f")), profiles.number(&caller("g"))], [0, 1]);
        assert_eq!(profiles.number(&caller("f")), 0);
        for _ in 0..workers {
            profiles.add(&told());
        }
        profiles.profiles().pop().expect("f has one")
    }

    #[track_caller]
    fn check(table: &str, expected: &Expect) {
        expected.assert_eq(table);
    }

    #[test]
    fn the_table_is_that_of_pstats() {
        check(
            &format!("f\n{}", profile(1).table(3)),
            &expect![[r#"
            f
                     14 function calls (10 primitive calls) in 4.000 seconds, estimated from 2 of 3 batches

               Ordered by: internal time, cumulative time

               ncalls  tottime  percall  cumtime  percall filename:lineno(function)
                    4    3.000    0.750    3.000    0.750 {built-in method time.sleep}
                    2    0.500    0.250    4.000    2.000 <function f>:1(f)
                    2    0.250    0.125    1.250    0.625 <function f>:5(g)
               … and 1 more
        "#]],
        );
        check(
            &format!("f\n{}", profile(2).table(9)),
            &expect![[r#"
            f
                     28 function calls (20 primitive calls) in 8.000 seconds, estimated from 4 of 6 batches

               Ordered by: internal time, cumulative time

               ncalls  tottime  percall  cumtime  percall filename:lineno(function)
                    8    6.000    0.750    6.000    0.750 {built-in method time.sleep}
                    4    1.000    0.250    8.000    2.000 <function f>:1(f)
                    4    0.500    0.125    2.500    0.625 <function f>:5(g)
                 12/4    0.500    0.042    0.500    0.125 <function f>:9(h)
        "#]],
        );
    }

    #[test]
    fn stacks_divide_what_is_called_from_several_places() {
        let stacks = profile(1).stacks();
        let shown: String =
            stacks.iter().map(|(stack, seconds)| format!("{} {seconds:.2}\n", stack.join(";"))).collect();
        check(
            &shown,
            &expect![[r#"
            <function f>:1(f) 0.50
            <function f>:1(f);<function f>:5(g) 0.25
            <function f>:1(f);<function f>:5(g);{built-in method time.sleep} 1.00
            <function f>:1(f);<function f>:9(h) 0.25
            <function f>:1(f);{built-in method time.sleep} 2.00
        "#]],
        );
        let total: f64 = stacks.iter().map(|(_, seconds)| seconds).sum();
        assert!((total - 4.0).abs() < 0.01, "{total}");
    }

    #[test]
    fn what_is_no_profile_is_nothing() {
        let profiles = CodeProfiles::default();
        profiles.number(&caller("f"));
        for told in [Value::Null, json!([]), json!([[7, 1, 1, []]]), json!([[0, 1, 1, [["x"]]]]), json!("x")] {
            profiles.add(&told);
        }
        assert_eq!(profiles.profiles(), []);
    }
}
