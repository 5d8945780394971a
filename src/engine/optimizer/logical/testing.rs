//! A small shop for the tests of rules that go by keys, and random queries over it.
//!
//! ```text
//!   returns ──▶ sales ──▶ item         other: no keys, rows twice, NULLs
//!                    └──▶ store
//! ```

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) use crate::engine::test_support::engine;
use crate::engine::{Engine, ForeignKey, TableKeys};

/// The rules that go by keys.
pub(super) const RULES: [&str; 3] = [
    "engine.optimizer.eliminate_join=true",
    "engine.optimizer.eliminate_distinct=true",
    "engine.optimizer.carry_group_columns=true",
];

const TABLES: [(&str, &str); 5] = [
    ("item", "(values (1, 'one', 'a'), (2, 'two', 'a'), (3, null, 'b'), (4, 'one', null)) as t(i_sk, i_name, i_cat)"),
    ("store", "(values (1, 'Oslo'), (2, null), (3, 'Oslo')) as t(s_sk, s_city)"),
    (
        "sales",
        "(values (1, 1, 1, 1, 5), (1, 2, 2, 1, 7), (1, 3, null, 1, 1), (2, 1, 1, null, 5), (2, 2, 3, 2, null), (3, 1, null, null, 5),
            (3, 2, 4, 3, 2), (3, 3, 1, 3, 2), (4, 1, 2, 1, 7)) as t(ticket, line, s_item, s_store, qty)",
    ),
    ("returns", "(values (1, 1, 5), (1, 3, 1), (2, 2, null), (3, 3, 2)) as t(r_ticket, r_line, r_qty)"),
    ("other", "(values (1, 1), (1, 1), (1, null), (null, 1), (null, null), (2, 3), (7, 2), (3, 3)) as t(o_a, o_b)"),
];

/// The shop's keys.
pub(super) fn keys() -> Vec<TableKeys> {
    let foreign = |columns: &[&str], table: &str, referenced: &[&str]| ForeignKey {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        table: table.to_owned(),
        referenced: referenced.iter().map(|name| (*name).to_owned()).collect(),
    };
    let of = |table: &str, primary: &[&str], foreign| TableKeys {
        table: table.to_owned(),
        primary: primary.iter().map(|name| (*name).to_owned()).collect(),
        foreign,
    };
    let of_sales = vec![foreign(&["s_item"], "item", &["i_sk"]), foreign(&["s_store"], "store", &["s_sk"])];
    let of_returns = vec![foreign(&["r_ticket", "r_line"], "sales", &["ticket", "line"])];
    vec![
        of("item", &["i_sk"], Vec::new()),
        of("store", &["s_sk"], Vec::new()),
        of("sales", &["ticket", "line"], of_sales),
        of("returns", &["r_ticket", "r_line"], of_returns),
    ]
}

/// An engine with DataFusion's settings but for these, over the shop. Nothing is trusted.
pub(super) async fn shop(sets: &[&str]) -> Engine {
    let engine = engine("datafusion", sets).await;
    for (name, rows) in TABLES {
        let batches = engine.run(&format!("select * from {rows}")).await.expect("rows");
        let primary = keys().into_iter().find(|keys| keys.table == name).map_or_else(Vec::new, |keys| keys.primary);
        let of_key = |field: &Field| field.clone().with_nullable(!primary.contains(field.name()));
        let fields: Vec<Field> = batches[0].schema().fields().iter().map(|field| of_key(field)).collect();
        let schema = Arc::new(Schema::new(fields));
        let again = |batch: &RecordBatch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
        let batches = batches.iter().map(again).collect::<Result<Vec<_>, _>>().expect("no NULL in a key");
        let table = MemTable::try_new(schema, vec![batches]).expect("a table");
        engine.register(name, Arc::new(table)).expect("registered");
    }
    engine
}

/// The plan after all rules on logical plans.
pub(super) async fn optimized(engine: &Engine, sql: &str) -> LogicalPlan {
    let state = engine.context().state();
    let plan = state.create_logical_plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    state.optimize(&plan).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The rows as texts, as they come.
pub(super) async fn rows(engine: &Engine, sql: &str) -> Vec<Vec<String>> {
    let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let value = |column: &ArrayRef| match column.is_null(row) {
                true => "NULL".to_owned(),
                false => array_value_to_string(column, row).expect("a text"),
            };
            rows.push(batch.columns().iter().map(value).collect());
        }
    }
    rows
}

/// Random queries over the shop.
pub(super) struct Queries(ChaCha8Rng);

/// A column that a query may name.
type Name = (String, bool);

impl Queries {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        of.choose(&mut self.0).expect("something to choose from")
    }

    /// A relation with its columns (text or not), and how many of the first are its key.
    fn relation(&mut self) -> (&'static str, &'static [(&'static str, bool)], usize) {
        *self.choose(&[
            ("item", &[("i_sk", false), ("i_name", true), ("i_cat", true)] as &[_], 1),
            ("item", &[("i_sk", false), ("i_name", true), ("i_cat", true)], 1),
            ("store", &[("s_sk", false), ("s_city", true)], 1),
            ("store", &[("s_sk", false), ("s_city", true)], 1),
            ("sales", &[("ticket", false), ("line", false), ("s_item", false), ("s_store", false), ("qty", false)], 2),
            ("returns", &[("r_ticket", false), ("r_line", false), ("r_qty", false)], 2),
            ("returns", &[("r_ticket", false), ("r_line", false), ("r_qty", false)], 2),
            ("other", &[("o_a", false), ("o_b", false)], 1),
            ("(select distinct i_sk, i_name from item)", &[("i_sk", false), ("i_name", true)], 1),
            ("(select * from item where i_cat = 'a')", &[("i_sk", false), ("i_name", true), ("i_cat", true)], 1),
            ("(select s_item, max(qty) as m from sales group by s_item)", &[("s_item", false), ("m", false)], 1),
            (
                "(select distinct s_store, s_city from sales join store on s_store = s_sk)",
                &[("s_store", false), ("s_city", true)],
                1,
            ),
            ("(select i_sk as k, s_sk from item left join store on i_sk = s_sk)", &[("k", false), ("s_sk", false)], 1),
            ("(select s_store as k from sales union all select s_sk from store)", &[("k", false)], 1),
        ])
    }

    fn number(&mut self, scope: &[Name]) -> String {
        let numbers: Vec<&Name> = scope.iter().filter(|name| !name.1).collect();
        self.choose(&numbers).0.clone()
    }

    /// A column that goes with a key column, most of the time.
    fn partner(&mut self, scope: &[Name], key: &str) -> String {
        let wanted: &[&str] = match key {
            "i_sk" => &["s_item", "i_sk", "o_a"],
            "s_sk" | "s_store" => &["s_store", "s_sk", "k"],
            "ticket" | "r_ticket" => &["ticket", "r_ticket"],
            "line" | "r_line" => &["line", "r_line"],
            _ => &["s_item", "s_store", "k"],
        };
        let fits = |name: &&Name| wanted.iter().any(|wanted| name.0.ends_with(&format!(".{wanted}")));
        let fitting: Vec<Name> = scope.iter().filter(fits).cloned().collect();
        if fitting.is_empty() || self.chance(10) { self.number(scope) } else { self.choose(&fitting).0.clone() }
    }

    /// The tables of a query, and the columns that it may name.
    fn from(&mut self) -> (String, Vec<Name>) {
        let first = (
            "sales",
            &[("ticket", false), ("line", false), ("s_item", false), ("s_store", false), ("qty", false)] as &[_],
            2,
        );
        let (table, columns, _) = if self.chance(60) { first } else { self.relation() };
        let mut scope: Vec<Name> = columns.iter().map(|(name, is_text)| (format!("a0.{name}"), *is_text)).collect();
        let mut from = format!("{table} a0");
        for number in 1..=self.0.random_range(0..4) {
            let (table, columns, key_count) = self.relation();
            let kind = *self.choose(&["join", "join", "join", "left join", "left join", "right join", "full join"]);
            // Now and then only a part of the key.
            let key_count = if key_count > 1 && self.chance(15) { 1 } else { key_count };
            let on: Vec<String> = columns[..key_count]
                .iter()
                .map(|(key, _)| format!("{} = a{number}.{key}", self.partner(&scope, key)))
                .collect();
            let mut on = on.join(" and ");
            if self.chance(10) {
                on.push_str(&format!(" and a{number}.{} > 1", columns[0].0));
            }
            from = format!("{from} {kind} {table} a{number} on {on}");
            scope.extend(columns.iter().map(|(name, is_text)| (format!("a{number}.{name}"), *is_text)));
        }
        (from, scope)
    }

    fn condition(&mut self, scope: &[Name]) -> String {
        let (one, other) = (self.number(scope), self.number(scope));
        let any = self.choose(scope).0.clone();
        match self.0.random_range(0..8) {
            0 => format!("{any} is null"),
            1 => format!("{any} is not null"),
            2 => format!("{one} = {}", self.0.random_range(1..4)),
            3 => format!("{one} = {other}"),
            4 => format!("{one} > {}", self.0.random_range(0..4)),
            5 => format!("{one} in (select i_sk from item)"),
            6 => {
                format!("exists (select 1 from store where s_sk = {one} {})", self.choose(&["", "and s_city is null"]))
            }
            _ => format!("{one} not in (select i_sk from item where i_sk > 2)"),
        }
    }

    fn conditions(&mut self, scope: &[Name]) -> String {
        let count = *self.choose(&[0, 0, 0, 1, 1, 2]);
        let all: Vec<String> = (0..count).map(|_| self.condition(scope)).collect();
        if all.is_empty() { String::new() } else { format!(" where {}", all.join(" and ")) }
    }

    /// A query.
    pub(super) fn next(&mut self) -> String {
        let (from, scope) = self.from();
        let conditions = self.conditions(&scope);
        let count = self.0.random_range(1..=4.min(scope.len()));
        let chosen: Vec<String> = scope.choose_multiple(&mut self.0, count).map(|name| name.0.clone()).collect();
        let named: Vec<String> = chosen.iter().enumerate().map(|(place, name)| format!("{name} as c{place}")).collect();
        let (list, named, number) = (chosen.join(", "), named.join(", "), self.number(&scope));
        match self.0.random_range(0..10) {
            0..=2 => format!("select {named} from {from}{conditions}"),
            3 => format!("select distinct {named} from {from}{conditions}"),
            4 => format!("select count(*) as n from {from}{conditions}"),
            5 => format!("select {named}, count(*) as n from {from}{conditions} group by rollup({list})"),
            6 => format!(
                "select {named}, sum({number}) as n from {from}{conditions} group by {list} having {} is not null",
                chosen[0]
            ),
            7 => format!("select {named}, count(distinct {number}) as n from {from}{conditions} group by {list}"),
            8 => format!("select q.c0, count(*) as n from (select {named} from {from}{conditions}) q group by q.c0"),
            _ => format!("select {named}, count(*) as n, max({number}) as m from {from}{conditions} group by {list}"),
        }
    }
}
