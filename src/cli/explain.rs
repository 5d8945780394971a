//! `dsbench explain`: the plan of a statement, what its operators do, and what differs between two configurations.

use serde_json::json;

use super::args::{DataArgs, EngineArgs, SuiteArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::session::{EngineChoice, Opened, Session, note_statistics_problem, open_data};
use super::sides::SideSpec;
use super::{explain_rules, output};
use crate::compare::{Explanation, OperatorFigures, PlanFigures, figures_of, why};
use crate::engine::Engine;
use crate::results::format::{AnswersSource, Phase, SampleRow};
use crate::results::{Aggregate, PlanRecord};
use crate::runner::{Cancel, KeepRows, PlannedStatement, RunPlan, Slot};
use crate::suite::{Selection, Suite};
use crate::text;

/// Show the plan of statements: as it is, with what its operators did (--analyze), how long each rule of the optimizer took (--rules), or
/// what differs between two configurations (--diff).
///
/// With --diff, both sides run the statement in turns (A B B A), and the difference is taken apart: planning and execution, and of
/// the execution the operators whose work, rows, bytes, pruned row groups or spilled data changed, with a diff of the two plans.
/// `dsbench ab` says the same of every statement that it finds changed, and how sure it is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The statements: q72, or q1,q14a,20-25
    #[arg(value_name = "STATEMENTS")]
    queries: Selection,
    /// Compare two sides: profiles, each with ,KEY=VALUE if wanted; --set is for both
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["profile", "analyze"])]
    diff: Option<Vec<String>>,
    /// Do not run the statements: with --diff, compare the plans alone
    #[arg(long, requires = "diff")]
    plans_only: bool,
    /// Run the statements, and show each operator's time, rows and memory
    #[arg(long)]
    analyze: bool,
    /// Plan the statements, and show the time of each rule of the optimizer and whether it changed the plan; of several statements, the
    /// sums
    #[arg(long, conflicts_with_all = ["diff", "analyze"])]
    rules: bool,
    /// Samples a statement and side, after one that fills caches
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    samples: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

const EXAMPLES: &str = "\
Examples:
  dsbench explain q72                                      the physical plan
  dsbench explain q72 --analyze --scale 10                 what each operator did
  dsbench explain 1-99 --rules                             what the rules of the optimizer take for the suite
  dsbench explain --diff default datafusion q72            what differs, and what that costs
  dsbench explain --diff default default,engine.pushdown.filter=false q9,q28 --plans-only";

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let suite = args.suite.load()?;
    let limits = args.engine.limits.limits()?;
    let chosen = suite.select(&args.queries, &Selection::default())?;
    let statements = RunPlan::fill_in(&chosen, &args.suite.substitution(&suite)?)?;
    let choices = match &args.diff {
        Some(sides) => {
            let specs = sides.iter().map(|side| SideSpec::parse(side, &args.engine.sets, &[]));
            let specs = specs.collect::<Result<Vec<_>, _>>()?;
            specs.iter().map(|spec| Ok((spec.title(), spec.settings()?))).collect::<Result<Vec<_>, Failure>>()?
        }
        None => vec![(args.engine.profile.clone(), args.engine.settings()?)],
    };
    runtime()?.block_on(async {
        let (cancel, stop) = stop_on_interrupt();
        let data = open_data(&args.data, &stop).await?;
        note_statistics_problem(&data);
        if args.rules {
            let (title, settings) = &choices[0];
            let engine = Engine::new(settings.clone(), &limits).await?;
            data.register(&engine)?;
            let shown = explain_rules::of(&engine, title, &statements, args.samples).await?;
            output::data(&if args.json { shown.json()? } else { shown.text() })?;
            return Ok(Code::Well);
        }
        if args.diff.is_none() && !args.analyze || args.plans_only {
            let mut plans = Vec::new();
            for (title, settings) in &choices {
                let engine = Engine::new(settings.clone(), &limits).await?;
                data.register(&engine)?;
                plans.push((title.clone(), engine));
            }
            return show_plans(&args, &statements, &plans).await;
        }
        let plan = plan(&suite, statements, limits.memory_bytes);
        let session = Session { suite, plan, limits, data, answers: AnswersSource::Nothing };
        let mut opened = Vec::new();
        for (title, settings) in &choices {
            opened.push((title.clone(), session.open(&EngineChoice::Here(settings.clone()), &cancel).await?));
        }
        let mut shown = Vec::new();
        for statement in &session.plan.statements {
            shown.push(sample(&args, statement, &mut opened, &cancel).await?);
        }
        print(&args, shown)
    })
}

/// What is needed to open an engine; nothing is recorded.
fn plan(suite: &Suite, statements: Vec<PlannedStatement>, memory_limit_bytes: u64) -> RunPlan {
    RunPlan {
        suite: suite.name.clone(),
        statements,
        skipped: Vec::new(),
        iterations: 1,
        warmup: 1,
        timeout: std::time::Duration::from_secs(900),
        aggregate: Aggregate::default(),
        seed: None,
        parameters: Vec::new(),
        memory_limit_bytes,
        repeat_until: None,
        cold: false,
        isolate_bytes: None,
    }
}

/// A statement as text and as JSON.
struct Shown {
    text: String,
    json: serde_json::Value,
}

fn print(args: &Args, shown: Vec<Shown>) -> Result<Code, Failure> {
    if args.json {
        let all: Vec<_> = shown.into_iter().map(|shown| shown.json).collect();
        output::data(&output::json(&all)?)?;
    } else {
        let texts: Vec<_> = shown.into_iter().map(|shown| shown.text).collect();
        output::data(&texts.join("\n"))?;
    }
    Ok(Code::Well)
}

/// Plans, without running them.
async fn show_plans(
    args: &Args,
    statements: &[PlannedStatement],
    engines: &[(String, Engine)],
) -> Result<Code, Failure> {
    let mut shown = Vec::new();
    for statement in statements {
        let mut plans = Vec::new();
        for (_, engine) in engines {
            plans.push(engine.plan(&statement.sql).await?);
        }
        let name = statement.name.to_string();
        shown.push(match &plans[..] {
            [plan] => Shown {
                text: format!("{name}: {}\n{}", statement.title, plan.display()),
                json: json!({ "statement": name, "plan": plan.display(), "plan_fingerprint": plan.fingerprint() }),
            },
            plans => {
                let figures: Vec<PlanFigures> = plans.iter().map(|plan| bare_figures(plan.operators())).collect();
                let titles: Vec<_> = engines.iter().map(|(title, _)| title.as_str()).collect();
                difference(&name, &titles, &figures, None)
            }
        });
    }
    print(args, shown)
}

/// Operators of which nothing is known but what they are.
fn bare_figures(operators: Vec<crate::engine::PlannedOperator>) -> PlanFigures {
    let operators = operators.into_iter().map(|operator| OperatorFigures {
        depth: operator.depth,
        name: operator.name,
        kind: operator.kind.to_string(),
        detail: operator.detail,
        ..OperatorFigures::default()
    });
    PlanFigures { operators: operators.collect(), ..PlanFigures::default() }
}

/// Samples all sides in turns.
async fn sample(
    args: &Args,
    statement: &PlannedStatement,
    sides: &mut [(String, Opened)],
    cancel: &Cancel,
) -> Result<Shown, Failure> {
    let mut rows: Vec<Vec<SampleRow>> = vec![Vec::new(); sides.len()];
    let mut plans: Vec<Vec<PlanRecord>> = vec![Vec::new(); sides.len()];
    for round in 0..=args.samples {
        // A B, B A, A B, …: whoever is first once is last the next time.
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for side in order {
            let phase = if round == 0 { Phase::Warmup } else { Phase::Measured };
            let slot = Slot { phase, iteration: round.max(1) };
            let executor = &mut sides[side].1.executor;
            let taken = executor.sample(statement, slot, KeepRows::No, cancel).await?;
            let Some(taken) = taken else { return Err(Failure::Interrupted("stopped by the user".to_owned())) };
            if let Some(class) = &taken.row.error_class {
                let message = taken.row.message.as_deref().unwrap_or_default();
                return Err(Failure::Statement(format!("{} ({}): {class}: {message}", statement.name, sides[side].0)));
            }
            if phase == Phase::Measured {
                add(&mut plans[side], taken.plan, taken.operators);
            }
            rows[side].push(taken.row);
        }
    }
    let figures = rows.iter().zip(&plans).map(|(rows, plans)| figures_of(plans, &rows.iter().collect::<Vec<_>>()));
    let figures: Vec<PlanFigures> = figures.collect();
    let titles: Vec<_> = sides.iter().map(|(title, _)| title.as_str()).collect();
    let name = statement.name.to_string();
    Ok(match &figures[..] {
        [one] => analysis(&name, titles[0], one, args.samples),
        both => difference(&name, &titles, both, Some(args.samples)),
    })
}

fn add(
    plans: &mut Vec<PlanRecord>,
    plan: Vec<crate::results::format::PlanRow>,
    operators: Vec<crate::results::format::OperatorRow>,
) {
    let Some(first) = plan.first() else { return };
    match plans.iter_mut().find(|record| record.fingerprint == first.plan_fingerprint) {
        Some(record) => record.samples.push(operators),
        None => plans.push(PlanRecord { fingerprint: first.plan_fingerprint.clone(), plan, samples: vec![operators] }),
    }
}

/// A plan with what its operators did.
fn analysis(name: &str, title: &str, figures: &PlanFigures, samples: u32) -> Shown {
    let mut text = format!(
        "{name} with {title}: planning {}, execution {} (medians of {samples} samples)\n\n{:>10} {:>14} {:>14} {:>8} {:>10}  operator\n",
        text::seconds(figures.planning_seconds),
        text::seconds(figures.execution_seconds),
        "time",
        "rows",
        "estimated",
        "q-error",
        "memory"
    );
    for operator in &figures.operators {
        let memory = operator.peak_memory_bytes.map_or_else(|| "-".to_owned(), text::bytes);
        text.push_str(&format!(
            "{:>10} {:>14} {:>14} {:>8} {memory:>10}  {:indent$}{}{}\n",
            text::seconds(operator.operator_seconds),
            text::thousands(operator.output_rows),
            operator.estimated_rows.map_or_else(|| "-".to_owned(), text::thousands),
            operator.q_error().map_or_else(|| "-".to_owned(), |error| format!("{error:.1}")),
            "",
            operator.detail,
            scan_words(operator),
            indent = 2 * operator.depth
        ));
    }
    text.push_str(
        "\nAn operator's time is that of its own work, summed over its partitions. Without a q-error: an operator that was stopped early, \
         or whose rows\nwere reduced by a filter found while running; METHODOLOGY.md has the rules.\n",
    );
    let operators = figures.operators.iter().map(|operator| {
        json!({
            "depth": operator.depth,
            "name": operator.name,
            "kind": operator.kind,
            "detail": operator.detail,
            "estimated_rows": operator.estimated_rows,
            "q_error": operator.q_error(),
            "not_comparable": operator.not_comparable,
            "output_rows": operator.output_rows,
            "operator_seconds": operator.operator_seconds,
            "spilled_bytes": operator.spilled_bytes,
            "peak_memory_bytes": operator.peak_memory_bytes,
            "scanned_bytes": operator.scan.map(|scan| scan.scanned_bytes),
            "row_groups_total": operator.scan.map(|scan| scan.row_groups_total),
            "row_groups_pruned": operator.scan.map(|scan| scan.row_groups_pruned),
        })
    });
    let json = json!({
        "statement": name,
        "side": title,
        "planning_seconds": figures.planning_seconds,
        "execution_seconds": figures.execution_seconds,
        "operators": operators.collect::<Vec<_>>(),
    });
    Shown { text, json }
}

/// What a scan left out, and what was spilled.
fn scan_words(operator: &OperatorFigures) -> String {
    let mut words = String::new();
    if let Some(scan) = operator.scan {
        words.push_str(&format!(
            "  [{} read, {} of {} row groups left out]",
            text::bytes(scan.scanned_bytes),
            scan.row_groups_pruned,
            scan.row_groups_total
        ));
    }
    if operator.spilled_bytes > 0 {
        words.push_str(&format!("  [{} spilled]", text::bytes(operator.spilled_bytes)));
    }
    words
}

/// What differs between two sides; `samples` is nothing if they were not run.
fn difference(name: &str, titles: &[&str], figures: &[PlanFigures], samples: Option<u32>) -> Shown {
    let [baseline, other] = figures else { return Shown { text: String::new(), json: json!(null) } };
    let explanation = Explanation { statement: name.to_owned(), why: why(baseline, other) };
    let why = &explanation.why;
    let mut text = format!("{name}: `{}` against `{}`\n", titles[1], titles[0]);
    if let Some(samples) = samples {
        let time = |figures: &PlanFigures| {
            format!(
                "{} (planning {})",
                text::seconds(figures.planning_seconds + figures.execution_seconds),
                text::seconds(figures.planning_seconds)
            )
        };
        text.push_str(&format!(
            "{} against {}, difference {}; medians of {samples} samples each\n",
            time(other),
            time(baseline),
            text::seconds(why.difference_seconds)
        ));
        for sentence in explanation.sentences() {
            text.push_str(&format!("  {sentence}\n"));
        }
    }
    text.push('\n');
    text.push_str(if why.plans_are_equal { "The plans are the same.\n" } else { &why.diff });
    let side = |title: &str, figures: &PlanFigures| {
        json!({
            "side": title,
            "planning_seconds": samples.map(|_| figures.planning_seconds),
            "execution_seconds": samples.map(|_| figures.execution_seconds),
        })
    };
    let reasons = why.reasons.iter().map(|reason| json!({ "seconds": reason.seconds, "words": reason.words }));
    let json = json!({
        "statement": name,
        "baseline": side(titles[0], baseline),
        "other": side(titles[1], other),
        "difference_seconds": samples.map(|_| why.difference_seconds),
        "reasons": if samples.is_some() { reasons.collect::<Vec<_>>() } else { Vec::new() },
        "plans_are_equal": why.plans_are_equal,
        "plan_diff": why.diff,
    });
    Shown { text, json }
}
