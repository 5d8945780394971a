//! A small run for tests of what reads runs.

use super::format::*;

/// A small run as it is written.
pub(crate) fn run_file() -> RunFile {
    RunFile {
        format_version: FORMAT_VERSION,
        run: "2026-01-02T03-04-05Z-default-sf1".to_owned(),
        label: None,
        status: Status::Complete,
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        finished_at: Some("2026-01-02T03:05:05Z".to_owned()),
        resumed_at: Vec::new(),
        command: vec!["dsbench".to_owned(), "run".to_owned()],
        versions: Versions {
            dsbench: "0.1.0".to_owned(),
            datafusion: "55.2.0".to_owned(),
            arrow: "59.3.2".to_owned(),
            rustc: "1.95.0".to_owned(),
            build_profile: "release".to_owned(),
            binary_xxh3: None,
        },
        machine: Machine {
            cpu: "a processor".to_owned(),
            logical_cpus: 2,
            memory_bytes: 24 << 30,
            available_memory_bytes: 20 << 30,
            os: "an OS".to_owned(),
            kernel: "6.1".to_owned(),
            busy_percent: 1.0,
        },
        data: Data {
            url: "/data/sf1".to_owned(),
            scale: Some("1".to_owned()),
            fingerprint: Some("abc".to_owned()),
            layout: None,
            statistics: None,
            bytes: 1 << 20,
            row_counts: [("item".to_owned(), 18_000)].into(),
        },
        plan: Plan {
            suite: "tpcds".to_owned(),
            statements: ["q1", "q2", "q3"].map(str::to_owned).to_vec(),
            skipped: Default::default(),
            iterations: 3,
            warmup: 1,
            timeout_seconds: 900.0,
            memory_limit_bytes: 1 << 30,
            seed: None,
            parameters: Vec::new(),
            aggregate: "median".to_owned(),
            answers: "DuckDB 2.0.0".to_owned(),
            answers_source: Some(AnswersSource::Nothing),
            suite_folder: None,
            sql_xxh3: Default::default(),
            repeat_until: None,
            cold: false,
            isolate: None,
        },
        profile: "default".to_owned(),
        settings: Vec::new(),
        peer: None,
        side_of: None,
        warnings: Vec::new(),
        summary: None,
    }
}

/// Two samples: a right one and a failure with text that CSV must quote.
pub(crate) fn sample_rows() -> Vec<SampleRow> {
    let right = SampleRow {
        statement: "q1".to_owned(),
        iteration: 1,
        phase: Phase::Measured,
        started_at: "2026-01-02T03:04:06.000Z".to_owned(),
        cold: false,
        planning_ns: Some(5_000_000),
        execute_ns: Some(95_000_000),
        row_count: Some(100),
        check: Some(Check::Verified),
        ..SampleRow::default()
    };
    let failed = SampleRow {
        statement: "q2".to_owned(),
        planning_ns: None,
        execute_ns: None,
        row_count: None,
        check: None,
        error_class: Some("out_of_memory".to_owned()),
        message: Some("no room for \"x\", 5 bytes\nsecond line".to_owned()),
        ..right.clone()
    };
    vec![right, failed]
}

/// The same samples, with what they used and did.
pub(crate) fn recorded_rows() -> Vec<SampleRow> {
    let mut rows = sample_rows();
    rows[0] = SampleRow {
        user_cpu_ns: Some(150_000_000),
        system_cpu_ns: Some(10_000_000),
        peak_pool_bytes: Some(3 << 20),
        peak_rss_bytes: Some(200 << 20),
        bytes_read: Some(5 << 20),
        read_requests: Some(42),
        bytes_spilled: Some(0),
        file_ranges_total: Some(4),
        file_ranges_pruned: Some(1),
        row_groups_total: Some(12),
        row_groups_pruned: Some(7),
        pages_total: Some(30),
        pages_pruned: Some(20),
        scan_rows_in: Some(1_234_567),
        scan_rows_out: Some(1_000),
        scan_ns: Some(70_000_000),
        filter_ns: Some(1_000_000),
        join_ns: Some(40_000_000),
        aggregate_ns: Some(9_000_000),
        window_ns: Some(0),
        sort_ns: Some(2_000_000),
        exchange_ns: Some(3_000_000),
        other_ns: Some(500_000),
        plan_fingerprint: Some("0123456789abcdef".to_owned()),
        q_error_max: Some(12.5),
        q_error_geomean: Some(1.75),
        q_error_operator: Some(3),
        ..rows[0].clone()
    };
    rows[1] = SampleRow {
        user_cpu_ns: Some(60_000_000),
        system_cpu_ns: Some(0),
        peak_pool_bytes: Some(1 << 30),
        peak_rss_bytes: Some(2 << 30),
        bytes_read: Some(9 << 30),
        bytes_spilled: Some(123),
        ..rows[1].clone()
    };
    rows
}

/// An A/B as it is written.
pub(crate) fn ab_file() -> AbFile {
    let side = |side: &str, title: &str| AbSide {
        side: side.to_owned(),
        run: format!("{side}-{title}"),
        title: title.to_owned(),
        place: AbPlace::Here,
    };
    AbFile {
        format_version: FORMAT_VERSION,
        ab: "2026-01-02T03-04-05Z-ab-default-datafusion-sf1".to_owned(),
        label: None,
        status: Status::Complete,
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        finished_at: Some("2026-01-02T03:05:05Z".to_owned()),
        command: vec!["dsbench".to_owned(), "ab".to_owned()],
        sides: vec![side("a", "default"), side("b", "datafusion")],
        control: Some(["control-1".to_owned(), "control-2".to_owned()]),
        rules: AbRules {
            precision: 0.02,
            margin: 0.03,
            least_change: 0.005,
            false_discovery_rate: 0.05,
            least_pairs: 14,
            max_pairs: 60,
            control_pairs: 2,
            max_seconds: None,
        },
        warnings: Vec::new(),
    }
}

/// A plan of two operators.
pub(crate) fn plan_rows(statement: &str) -> Vec<PlanRow> {
    let row = |operator: u32, kind: &str, name: &str, detail: &str| PlanRow {
        statement: statement.to_owned(),
        plan_fingerprint: "0123456789abcdef".to_owned(),
        operator,
        depth: operator,
        kind: kind.to_owned(),
        name: name.to_owned(),
        detail: detail.to_owned(),
    };
    vec![
        row(0, "filter", "FilterExec", "FilterExec: x@0 > 1"),
        row(1, "scan", "DataSourceExec", "scan of (x, \"y\"): projection=[x]"),
    ]
}

/// A function that a place calls.
pub(crate) fn udf_row(statement: &str, iteration: u32) -> UdfRow {
    UdfRow {
        statement: statement.to_owned(),
        iteration,
        function: "f".to_owned(),
        language: "python".to_owned(),
        line: Some(1),
        position: Some(8),
        call: "f(a | b)".to_owned(),
        calls: 20_000,
        batches: 3,
        rows: 20_000,
        total_ns: 1_000_000_000 * u64::from(iteration),
        row_ns: 50_000.0 * f64::from(iteration),
        statement_share: 0.5,
        function_ns: 800_000_000,
        convert_ns: 150_000_000,
        transfer_ns: 50_000_000,
        min_ns: 900,
        median_ns: 45_000,
        p99_ns: 2_000_000,
        nulls: 7,
        errors: 0,
    }
}

/// What they did.
pub(crate) fn operator_rows(statement: &str, iteration: u32) -> Vec<OperatorRow> {
    let row = |operator: u32, scan: Option<u64>| OperatorRow {
        statement: statement.to_owned(),
        iteration,
        plan_fingerprint: "0123456789abcdef".to_owned(),
        operator,
        estimated_rows: Some(400),
        not_comparable: None,
        output_rows: 100,
        operator_ns: 1_000_000 * u64::from(iteration),
        spilled_bytes: 0,
        peak_memory_bytes: None,
        scanned_bytes: scan,
        file_ranges_total: scan,
        file_ranges_pruned: scan,
        row_groups_total: scan,
        row_groups_pruned: scan,
        pages_total: scan,
        pages_pruned: scan,
        rows_in: scan,
    };
    vec![row(0, None), row(1, Some(7))]
}
